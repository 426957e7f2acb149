with newest as (
    select max(ordered_at) as ordered_at
    from staging.stg_orders
)

select
    vehicles.vehicle_id,
    vehicles.vehicle_type,
    vehicles.license_plate,
    vehicles.home_country,
    vehicles.current_mileage,
    vehicles.last_maintenance_mileage,
    vehicles.last_maintenance_date,
    datediff(day, vehicles.last_maintenance_date, newest.ordered_at) as days_since_last_maintenance,
    vehicles.maintenance_interval_miles,
    vehicles.maintenance_interval_days,
    vehicles.fuel_efficiency_mpg
from staging.stg_vehicles as vehicles
cross join newest;
