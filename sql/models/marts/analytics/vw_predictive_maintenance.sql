with measured as (
    select
        vehicle_id,
        vehicle_type,
        current_mileage - last_maintenance_mileage as miles_since_last_maintenance,
        days_since_last_maintenance,
        last_maintenance_date,
        case when maintenance_interval_miles > 0 then maintenance_interval_miles end as interval_miles,
        case when maintenance_interval_days > 0 then maintenance_interval_days end as interval_days
    from marts.tbl_dim_vehicle
),

shares as (
    select
        vehicle_id,
        vehicle_type,
        miles_since_last_maintenance,
        days_since_last_maintenance,
        interval_miles,
        interval_days,
        miles_since_last_maintenance / interval_miles as miles_share,
        days_since_last_maintenance / interval_days as days_share,
        dateadd(day, interval_days, last_maintenance_date) as due_by_days,
        case
            when miles_since_last_maintenance > 0 and days_since_last_maintenance > 0
                then dateadd(
                    day,
                    ceil(interval_miles * days_since_last_maintenance / miles_since_last_maintenance)::integer,
                    last_maintenance_date
                )
        end as due_by_miles
    from measured
),

used as (
    select
        *,
        greatest(coalesce(miles_share, days_share), coalesce(days_share, miles_share)) as interval_share
    from shares
)

select
    used.vehicle_id,
    used.vehicle_type,
    used.miles_since_last_maintenance,
    used.days_since_last_maintenance,
    used.interval_miles,
    used.interval_days,
    used.miles_share,
    used.days_share,
    used.interval_share,
    coalesce(levels.risk_level, 'UNKNOWN') as risk_level,
    levels.advice,
    least(coalesce(used.due_by_days, used.due_by_miles), coalesce(used.due_by_miles, used.due_by_days)) as predicted_maintenance_date
from used
left join marts.maintenance_risk_levels as levels
    on levels.from_share <= greatest(used.interval_share, 0)
qualify row_number() over (partition by used.vehicle_id order by levels.from_share desc nulls last) = 1;
