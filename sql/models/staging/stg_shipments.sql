select
    shipment_id,
    order_id,
    customer_id,
    vehicle_id,
    shipped_at::date as shipment_date,
    ship_mode,
    shipped_at,
    promised_at,
    delivered_at,
    datediff(minute, shipped_at, delivered_at) / 60 as delivery_time_hours,
    delivered_at > promised_at as is_late,
    quantity,
    revenue,
    sent_at
from raw.raw_shipments
qualify row_number() over (partition by shipment_id order by sent_at desc) = 1;
