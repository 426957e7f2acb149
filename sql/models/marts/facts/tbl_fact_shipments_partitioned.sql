select *
from marts.tbl_fact_shipments;
