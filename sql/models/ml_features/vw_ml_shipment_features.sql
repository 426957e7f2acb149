-- What becomes known of customers and vehicles, and when: a shipment at its shipping, its outcome not before its delivery.
with events as (
    select
        shipment_id,
        customer_id,
        vehicle_id,
        shipped_at as known_at,
        1 as shipped,
        revenue,
        0 as delivered,
        0 as late,
        0 as delivery_hours
    from staging.stg_shipments
    where shipped_at is not null
    union all
    select
        null as shipment_id,
        customer_id,
        vehicle_id,
        delivered_at as known_at,
        0 as shipped,
        0 as revenue,
        1 as delivered,
        case when is_late then 1 else 0 end as late,
        delivery_time_hours as delivery_hours
    from staging.stg_shipments
    where delivered_at is not null
),

-- Up to one second before: never the row itself, nor what happens at the same moment.
histories as (
    select
        shipment_id,
        sum(shipped) over (
            partition by customer_id order by known_at range between interval '30 days' preceding and interval '1 second' preceding
        ) as customer_shipments,
        sum(revenue) over (
            partition by customer_id order by known_at range between interval '30 days' preceding and interval '1 second' preceding
        ) as customer_revenue,
        sum(delivered) over (
            partition by customer_id order by known_at range between interval '30 days' preceding and interval '1 second' preceding
        ) as customer_delivered,
        sum(late) over (
            partition by customer_id order by known_at range between interval '30 days' preceding and interval '1 second' preceding
        ) as customer_late,
        sum(delivery_hours) over (
            partition by customer_id order by known_at range between interval '30 days' preceding and interval '1 second' preceding
        ) as customer_hours,
        sum(shipped) over (
            partition by vehicle_id order by known_at range between interval '30 days' preceding and interval '1 second' preceding
        ) as vehicle_shipments,
        sum(delivered) over (
            partition by vehicle_id order by known_at range between interval '30 days' preceding and interval '1 second' preceding
        ) as vehicle_delivered,
        sum(late) over (
            partition by vehicle_id order by known_at range between interval '30 days' preceding and interval '1 second' preceding
        ) as vehicle_late,
        sum(delivery_hours) over (
            partition by vehicle_id order by known_at range between interval '30 days' preceding and interval '1 second' preceding
        ) as vehicle_hours
    from events
)

select
    shipments.shipment_id,
    shipments.customer_id,
    shipments.shipped_at as as_of,
    shipments.delivered_at as label_known_at,
    customers.customer_tier,
    shipments.is_late,
    shipments.delivery_time_hours::float as delivery_time_hours,
    shipments.ship_mode,
    orders.order_priority,
    customers.market_segment,
    shipments.quantity::float as quantity,
    shipments.revenue::float as revenue,
    (datediff(minute, shipments.shipped_at, shipments.promised_at) / 60)::float as promised_hours,
    dayofweekiso(shipments.shipped_at)::float as shipped_weekday,
    hour(shipments.shipped_at)::float as shipped_hour,
    coalesce(store.shipments_30d, histories.customer_shipments, 0)::float as customer_shipments_30d,
    coalesce(store.revenue_30d, histories.customer_revenue, 0)::float as customer_revenue_30d,
    (histories.customer_late / nullif(histories.customer_delivered, 0))::float as customer_late_share_30d,
    (histories.customer_hours / nullif(histories.customer_delivered, 0))::float as customer_delivery_hours_30d,
    coalesce(histories.vehicle_shipments, 0)::float as vehicle_shipments_30d,
    (histories.vehicle_late / nullif(histories.vehicle_delivered, 0))::float as vehicle_late_share_30d,
    (histories.vehicle_hours / nullif(histories.vehicle_delivered, 0))::float as vehicle_delivery_hours_30d
from staging.stg_shipments as shipments
inner join histories
    on shipments.shipment_id = histories.shipment_id
inner join marts.tbl_dim_customer as customers
    on shipments.customer_id = customers.customer_id
left join staging.stg_orders as orders
    on shipments.order_id = orders.order_id
left join ml_features.tbl_ml_consolidated_feature_store as store
    on
        shipments.customer_id = store.customer_id
        and dateadd(day, -1, shipments.shipped_at::date) = store.feature_date;
