with span as (
    select
        min(shipment_date) as first_day,
        max(shipment_date) as last_day
    from marts.tbl_fact_shipments
),

numbers as (
    select row_number() over (order by null) - 1 as day_number
    from table(generator(rowcount => 36600))
),

calendar as (
    select dateadd(day, numbers.day_number, span.first_day) as calendar_day
    from span
    inner join numbers
        on numbers.day_number <= datediff(day, span.first_day, span.last_day)
),

daily as (
    select
        calendar.calendar_day,
        count(shipments.shipment_id) as shipments,
        count(shipments.delivery_time_hours) as delivered,
        coalesce(sum(shipments.delivery_time_hours), 0) as delivery_hours,
        coalesce(sum(case when shipments.is_late then 1 else 0 end), 0) as late
    from calendar
    left join marts.tbl_fact_shipments as shipments
        on calendar.calendar_day = shipments.shipment_date
    group by calendar.calendar_day
),

seasons as (
    select
        'WEEKDAY' as season,
        dayofweekiso(calendar_day) as season_number,
        dayname(calendar_day) as season_name,
        shipments,
        delivered,
        delivery_hours,
        late
    from daily
    union all
    select
        'MONTH' as season,
        month(calendar_day) as season_number,
        monthname(calendar_day) as season_name,
        shipments,
        delivered,
        delivery_hours,
        late
    from daily
),

totals as (
    select
        sum(shipments) / nullif(count(*), 0) as shipments_a_day,
        sum(delivery_hours) / nullif(sum(delivered), 0) as avg_delivery_time_hours
    from daily
)

select
    seasons.season,
    seasons.season_number,
    seasons.season_name,
    count(*) as days,
    sum(seasons.shipments) as shipments,
    sum(seasons.shipments) / count(*) as shipments_a_day,
    sum(seasons.shipments) / count(*) / nullif(max(totals.shipments_a_day), 0) as volume_index,
    sum(seasons.delivery_hours) / nullif(sum(seasons.delivered), 0) as avg_delivery_time_hours,
    sum(seasons.delivery_hours) / nullif(sum(seasons.delivered), 0)
    / nullif(max(totals.avg_delivery_time_hours), 0) as delivery_time_index,
    sum(seasons.late) / nullif(sum(seasons.shipments), 0) as late_share
from seasons
cross join totals
group by seasons.season, seasons.season_number, seasons.season_name;
