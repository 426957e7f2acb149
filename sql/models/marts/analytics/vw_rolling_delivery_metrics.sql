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
)

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
    sum(delivery_hours) over (
        partition by customer_id order by shipment_date range between interval '6 days' preceding and current row
    ) / nullif(sum(delivered) over (
        partition by customer_id order by shipment_date range between interval '6 days' preceding and current row
    ), 0) as avg_delivery_time_hours_7d,
    sum(delivery_hours) over (
        partition by customer_id order by shipment_date range between interval '29 days' preceding and current row
    ) / nullif(sum(delivered) over (
        partition by customer_id order by shipment_date range between interval '29 days' preceding and current row
    ), 0) as avg_delivery_time_hours_30d,
    sum(delivery_hours) over (
        partition by customer_id order by shipment_date range between interval '89 days' preceding and current row
    ) / nullif(sum(delivered) over (
        partition by customer_id order by shipment_date range between interval '89 days' preceding and current row
    ), 0) as avg_delivery_time_hours_90d,
    sum(late) over (
        partition by customer_id order by shipment_date range between interval '6 days' preceding and current row
    ) / nullif(sum(shipments) over (
        partition by customer_id order by shipment_date range between interval '6 days' preceding and current row
    ), 0) as late_share_7d,
    sum(late) over (
        partition by customer_id order by shipment_date range between interval '29 days' preceding and current row
    ) / nullif(sum(shipments) over (
        partition by customer_id order by shipment_date range between interval '29 days' preceding and current row
    ), 0) as late_share_30d,
    sum(late) over (
        partition by customer_id order by shipment_date range between interval '89 days' preceding and current row
    ) / nullif(sum(shipments) over (
        partition by customer_id order by shipment_date range between interval '89 days' preceding and current row
    ), 0) as late_share_90d,
    sum(revenue) over (
        partition by customer_id order by shipment_date range between interval '6 days' preceding and current row
    ) as revenue_7d,
    sum(revenue) over (
        partition by customer_id order by shipment_date range between interval '29 days' preceding and current row
    ) as revenue_30d,
    sum(revenue) over (
        partition by customer_id order by shipment_date range between interval '89 days' preceding and current row
    ) as revenue_90d
from daily;
