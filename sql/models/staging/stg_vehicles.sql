select
    vehicle_id,
    vehicle_type,
    license_plate,
    home_country,
    current_mileage,
    last_maintenance_mileage,
    last_maintenance_date,
    maintenance_interval_miles,
    maintenance_interval_days,
    fuel_efficiency_mpg,
    sent_at
from raw.raw_vehicles
qualify row_number() over (partition by vehicle_id order by sent_at desc) = 1;
