with weekly as (
    select
        date_trunc('week', shipment_date)::date as week_start,
        count(*) as shipments,
        avg(delivery_time_hours) as avg_delivery_time_hours,
        avg(case when is_late then 1 when not is_late then 0 end) as late_share,
        sum(revenue) as revenue
    from marts.tbl_fact_shipments
    group by date_trunc('week', shipment_date)::date
)

select
    this_week.week_start,
    this_week.shipments,
    this_week.avg_delivery_time_hours,
    this_week.late_share,
    this_week.revenue,
    week_before.shipments as shipments_week_before,
    (this_week.shipments - week_before.shipments) / week_before.shipments as shipments_change,
    this_week.avg_delivery_time_hours - week_before.avg_delivery_time_hours as delivery_time_change_hours,
    (this_week.avg_delivery_time_hours - week_before.avg_delivery_time_hours)
    / nullif(week_before.avg_delivery_time_hours, 0) as delivery_time_change,
    this_week.late_share - week_before.late_share as late_share_change,
    (this_week.revenue - week_before.revenue) / nullif(week_before.revenue, 0) as revenue_change
from weekly as this_week
left join weekly as week_before
    on this_week.week_start = dateadd(day, 7, week_before.week_start);
