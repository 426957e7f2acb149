select
    $1::varchar(20) as order_id,
    $2::varchar(20) as customer_id,
    $3::timestamp_ntz(9) as ordered_at,
    $4::varchar(20) as order_priority,
    $5::number(18, 2) as total_usd,
    $6::timestamp_ntz(9) as sent_at
from @{{ database }}.raw.load_stage/raw_orders;
