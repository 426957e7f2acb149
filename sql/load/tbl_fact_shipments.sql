merge into {{ database }}.marts.tbl_fact_shipments as target
using (
    select
        shipment_id,
        order_id,
        customer_id,
        vehicle_id,
        shipped_at::date as shipment_date,
        ship_mode,
        delivered_at,
        datediff(minute, shipped_at, delivered_at) / 60 as delivery_time_hours,
        delivered_at > promised_at as is_late,
        quantity,
        revenue
    from {{ database }}.raw.raw_shipments
) as source
on target.shipment_id = source.shipment_id
when matched and (
    target.order_id is distinct from source.order_id
    or target.customer_id is distinct from source.customer_id
    or target.vehicle_id is distinct from source.vehicle_id
    or target.shipment_date is distinct from source.shipment_date
    or target.ship_mode is distinct from source.ship_mode
    or target.delivered_at is distinct from source.delivered_at
    or target.is_late is distinct from source.is_late
    or target.quantity is distinct from source.quantity
    or target.revenue is distinct from source.revenue
) then update set
    order_id = source.order_id,
    customer_id = source.customer_id,
    vehicle_id = source.vehicle_id,
    shipment_date = source.shipment_date,
    ship_mode = source.ship_mode,
    delivered_at = source.delivered_at,
    delivery_time_hours = source.delivery_time_hours,
    is_late = source.is_late,
    quantity = source.quantity,
    revenue = source.revenue
when not matched then insert (
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
)
values (
    source.shipment_id,
    source.order_id,
    source.customer_id,
    source.vehicle_id,
    source.shipment_date,
    source.ship_mode,
    source.delivered_at,
    source.delivery_time_hours,
    source.is_late,
    source.quantity,
    source.revenue
);
