with daily as (
    select
        customer_id,
        shipment_date,
        count(*) as shipments,
        count(delivery_time_hours) as delivered,
        sum(delivery_time_hours) as delivery_hours,
        sum(case when is_late then 1 else 0 end) as late,
        sum(revenue) as revenue
    from marts.tbl_fact_shipments
    group by customer_id, shipment_date
),

rolling as (
    select
        customer_id,
        shipment_date,
        sum(shipments) over (
            partition by customer_id order by shipment_date range between interval '6 days' preceding and current row
        ) as shipments_7d,
        sum(shipments) over (
            partition by customer_id order by shipment_date range between interval '29 days' preceding and current row
        ) as shipments_30d,
        sum(shipments) over (
            partition by customer_id order by shipment_date range between interval '89 days' preceding and current row
        ) as shipments_90d,
        sum(delivered) over (
            partition by customer_id order by shipment_date range between interval '6 days' preceding and current row
        ) as delivered_7d,
        sum(delivered) over (
            partition by customer_id order by shipment_date range between interval '29 days' preceding and current row
        ) as delivered_30d,
        sum(delivered) over (
            partition by customer_id order by shipment_date range between interval '89 days' preceding and current row
        ) as delivered_90d,
        sum(delivery_hours) over (
            partition by customer_id order by shipment_date range between interval '6 days' preceding and current row
        ) as delivery_hours_7d,
        sum(delivery_hours) over (
            partition by customer_id order by shipment_date range between interval '29 days' preceding and current row
        ) as delivery_hours_30d,
        sum(delivery_hours) over (
            partition by customer_id order by shipment_date range between interval '89 days' preceding and current row
        ) as delivery_hours_90d,
        sum(late) over (
            partition by customer_id order by shipment_date range between interval '6 days' preceding and current row
        ) as late_7d,
        sum(late) over (
            partition by customer_id order by shipment_date range between interval '29 days' preceding and current row
        ) as late_30d,
        sum(late) over (
            partition by customer_id order by shipment_date range between interval '89 days' preceding and current row
        ) as late_90d,
        sum(revenue) over (
            partition by customer_id order by shipment_date range between interval '6 days' preceding and current row
        ) as revenue_7d,
        sum(revenue) over (
            partition by customer_id order by shipment_date range between interval '29 days' preceding and current row
        ) as revenue_30d,
        sum(revenue) over (
            partition by customer_id order by shipment_date range between interval '89 days' preceding and current row
        ) as revenue_90d
    from daily
)

select
    customer_id,
    shipment_date,
    shipments_7d,
    shipments_30d,
    shipments_90d,
    delivery_hours_7d / nullif(delivered_7d, 0) as avg_delivery_time_hours_7d,
    delivery_hours_30d / nullif(delivered_30d, 0) as avg_delivery_time_hours_30d,
    delivery_hours_90d / nullif(delivered_90d, 0) as avg_delivery_time_hours_90d,
    late_7d / nullif(shipments_7d, 0) as late_share_7d,
    late_30d / nullif(shipments_30d, 0) as late_share_30d,
    late_90d / nullif(shipments_90d, 0) as late_share_90d,
    revenue_7d,
    revenue_30d,
    revenue_90d
from rolling;
