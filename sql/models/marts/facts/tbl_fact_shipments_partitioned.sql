select * -- noqa: AM04
from marts.tbl_fact_shipments;
