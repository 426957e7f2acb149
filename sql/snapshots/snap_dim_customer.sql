select
    customer_id,
    market_segment,
    country,
    customer_tier
from marts.tbl_dim_customer;
