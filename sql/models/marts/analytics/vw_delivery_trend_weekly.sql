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
    this.week_start,
    this.shipments,
    this.avg_delivery_time_hours,
    this.late_share,
    this.revenue,
    before.shipments as shipments_week_before,
    (this.shipments - before.shipments) / before.shipments as shipments_change,
    this.avg_delivery_time_hours - before.avg_delivery_time_hours as delivery_time_change_hours,
    (this.avg_delivery_time_hours - before.avg_delivery_time_hours)
    / nullif(before.avg_delivery_time_hours, 0) as delivery_time_change,
    this.late_share - before.late_share as late_share_change,
    (this.revenue - before.revenue) / nullif(before.revenue, 0) as revenue_change
from weekly as this
left join weekly as before
    on before.week_start = dateadd(day, -7, this.week_start);
