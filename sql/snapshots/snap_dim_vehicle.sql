select
    vehicle_id,
    home_country,
    last_maintenance_mileage,
    last_maintenance_date,
    maintenance_interval_miles,
    maintenance_interval_days
from marts.tbl_dim_vehicle;
