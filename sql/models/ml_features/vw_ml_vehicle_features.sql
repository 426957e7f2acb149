with newest as (
    select dateadd(day, 1, max(shipped_at)::date)::timestamp_ntz as as_of
    from staging.stg_shipments
),

moments as (
    select distinct as_of
    from (
        select date_trunc('week', shipped_at)::timestamp_ntz as as_of
        from staging.stg_shipments
        where shipped_at is not null
        union all
        select as_of
        from newest
    ) as weeks
    where as_of is not null
),

risky as (
    select max(from_share) as from_share
    from marts.maintenance_risk_levels
    where risk_level = 'HIGH'
),

-- A vehicle's state is known from its last maintenance on; of the time before that nothing is said.
states as (
    select
        vehicles.vehicle_id,
        vehicles.vehicle_type,
        vehicles.fuel_efficiency_mpg,
        vehicles.last_maintenance_mileage,
        vehicles.last_maintenance_date,
        moments.as_of,
        vehicles.current_mileage - vehicles.last_maintenance_mileage as miles_now,
        datediff(day, vehicles.last_maintenance_date, newest.as_of) as days_now,
        datediff(day, vehicles.last_maintenance_date, moments.as_of) as days_then,
        newest.as_of as newest_at,
        case when vehicles.maintenance_interval_miles > 0 then vehicles.maintenance_interval_miles end as interval_miles,
        case when vehicles.maintenance_interval_days > 0 then vehicles.maintenance_interval_days end as interval_days
    from staging.stg_vehicles as vehicles
    cross join moments
    cross join newest
    where vehicles.last_maintenance_date <= moments.as_of
),

events as (
    select
        vehicle_id,
        shipped_at as happened_at,
        1 as shipped,
        quantity,
        false as is_moment
    from staging.stg_shipments
    where shipped_at is not null
    union all
    select
        vehicle_id,
        as_of as happened_at,
        0 as shipped,
        0 as quantity,
        true as is_moment
    from states
),

histories as (
    select
        vehicle_id,
        happened_at,
        is_moment,
        sum(shipped) over (
            partition by vehicle_id order by happened_at range between interval '30 days' preceding and interval '1 second' preceding
        ) as shipments_30d,
        sum(quantity) over (
            partition by vehicle_id order by happened_at range between interval '30 days' preceding and interval '1 second' preceding
        ) as quantity_30d
    from events
),

-- Miles 30 days on, at the rate since the maintenance; the rate is known only in hindsight, so it is in the outcome alone.
ahead as (
    select
        *,
        (days_then + 30) / interval_days as days_share_ahead,
        miles_now * (days_then + 30) / nullif(days_now, 0) / interval_miles as miles_share_ahead
    from states
)

select
    ahead.vehicle_id || ' ' || to_char(ahead.as_of, 'YYYYMMDD') as moment_id,
    ahead.vehicle_id,
    ahead.as_of,
    dateadd(day, 30, ahead.as_of) as label_known_at,
    ahead.vehicle_type,
    case
        when dateadd(day, 30, ahead.as_of) > ahead.newest_at then null
        else greatest(coalesce(ahead.days_share_ahead, 0), coalesce(ahead.miles_share_ahead, 0)) >= risky.from_share
    end as is_due,
    ahead.fuel_efficiency_mpg::float as fuel_efficiency_mpg,
    ahead.last_maintenance_mileage::float as last_maintenance_mileage,
    ahead.interval_miles::float as interval_miles,
    ahead.interval_days::float as interval_days,
    ahead.days_then::float as days_since_maintenance,
    (ahead.days_then / ahead.interval_days)::float as days_share,
    coalesce(histories.shipments_30d, 0)::float as shipments_30d,
    coalesce(histories.quantity_30d, 0)::float as quantity_30d
from ahead
cross join risky
inner join histories
    on
        ahead.vehicle_id = histories.vehicle_id
        and ahead.as_of = histories.happened_at
        and histories.is_moment;
