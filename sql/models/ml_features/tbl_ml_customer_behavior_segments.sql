select
    customer_id,
    case
        when order_frequency_30d > 10 then 'HIGH_FREQUENCY'
        when order_frequency_30d > 5 then 'MEDIUM_FREQUENCY'
        else 'LOW_FREQUENCY'
    end as behavior_segment
from marts.tbl_dim_customer;
