merge into {{ database }}.marts.tbl_dim_vehicle as target
using (
    select
        vehicles.vehicle_id,
        vehicles.vehicle_type,
        vehicles.license_plate,
        vehicles.home_country,
        vehicles.current_mileage,
        vehicles.last_maintenance_mileage,
        vehicles.last_maintenance_date,
        vehicles.maintenance_interval_miles,
        vehicles.maintenance_interval_days,
        vehicles.fuel_efficiency_mpg,
        datediff(day, vehicles.last_maintenance_date, newest.ordered_at) as days_since_last_maintenance
    from {{ database }}.raw.raw_vehicles as vehicles
    cross join (select max(ordered_at) as ordered_at from {{ database }}.raw.raw_orders) as newest
) as source
on target.vehicle_id = source.vehicle_id
when matched and (
    target.vehicle_type is distinct from source.vehicle_type
    or target.license_plate is distinct from source.license_plate
    or target.home_country is distinct from source.home_country
    or target.current_mileage is distinct from source.current_mileage
    or target.last_maintenance_mileage is distinct from source.last_maintenance_mileage
    or target.last_maintenance_date is distinct from source.last_maintenance_date
    or target.days_since_last_maintenance is distinct from source.days_since_last_maintenance
    or target.maintenance_interval_miles is distinct from source.maintenance_interval_miles
    or target.maintenance_interval_days is distinct from source.maintenance_interval_days
    or target.fuel_efficiency_mpg is distinct from source.fuel_efficiency_mpg
) then update set
    vehicle_type = source.vehicle_type,
    license_plate = source.license_plate,
    home_country = source.home_country,
    current_mileage = source.current_mileage,
    last_maintenance_mileage = source.last_maintenance_mileage,
    last_maintenance_date = source.last_maintenance_date,
    days_since_last_maintenance = source.days_since_last_maintenance,
    maintenance_interval_miles = source.maintenance_interval_miles,
    maintenance_interval_days = source.maintenance_interval_days,
    fuel_efficiency_mpg = source.fuel_efficiency_mpg,
    updated_at = current_timestamp()::timestamp_ntz
when not matched then insert (
    vehicle_id,
    vehicle_type,
    license_plate,
    home_country,
    current_mileage,
    last_maintenance_mileage,
    last_maintenance_date,
    days_since_last_maintenance,
    maintenance_interval_miles,
    maintenance_interval_days,
    fuel_efficiency_mpg,
    updated_at
)
values (
    source.vehicle_id,
    source.vehicle_type,
    source.license_plate,
    source.home_country,
    source.current_mileage,
    source.last_maintenance_mileage,
    source.last_maintenance_date,
    source.days_since_last_maintenance,
    source.maintenance_interval_miles,
    source.maintenance_interval_days,
    source.fuel_efficiency_mpg,
    current_timestamp()::timestamp_ntz
);
