select
    order_id,
    customer_id,
    ordered_at,
    order_priority,
    total_usd,
    sent_at
from raw.raw_orders
qualify row_number() over (partition by order_id order by sent_at desc) = 1;
