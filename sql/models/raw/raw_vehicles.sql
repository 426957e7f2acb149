select
    $1::varchar(20) as vehicle_id,
    $2::varchar(20) as vehicle_type,
    $3::varchar(20) as license_plate,
    $4::varchar(40) as home_country,
    $5::number(10, 0) as current_mileage,
    $6::number(10, 0) as last_maintenance_mileage,
    $7::date as last_maintenance_date,
    $8::number(10, 0) as maintenance_interval_miles,
    $9::number(10, 0) as maintenance_interval_days,
    $10::number(6, 2) as fuel_efficiency_mpg,
    $11::timestamp_ntz(9) as sent_at
from @{{ database }}.raw.load_stage/raw_vehicles;
