delete from {{ database }}.marts.tbl_dim_vehicle
where vehicle_id not in (select vehicle_id from {{ database }}.raw.raw_vehicles);
