select
    shipment_id,
    order_id,
    customer_id,
    vehicle_id,
    shipment_date,
    ship_mode,
    delivered_at,
    delivery_time_hours,
    is_late,
    quantity,
    revenue
from staging.stg_shipments;
