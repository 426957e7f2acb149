with newest as (
    select max(last_order_at)::date as feature_date
    from marts.tbl_dim_customer
)

select
    newest.feature_date,
    customers.customer_id,
    count(shipments.shipment_id) as shipments_30d,
    coalesce(sum(shipments.revenue), 0) as revenue_30d,
    avg(shipments.delivery_time_hours) as avg_delivery_time_hours_30d,
    avg(case when shipments.is_late then 1 when not shipments.is_late then 0 end) as late_share_30d
from marts.tbl_dim_customer as customers
cross join newest
left join marts.tbl_fact_shipments as shipments
    on
        customers.customer_id = shipments.customer_id
        and dateadd(day, -30, newest.feature_date) < shipments.shipment_date
        and newest.feature_date >= shipments.shipment_date
where newest.feature_date is not null
group by newest.feature_date, customers.customer_id;
