-- comment: A vehicle drives 5 to 50 miles with a gallon
-- severity: critical
-- owner: fleet_management
-- what_to_do: Ask the fleet for the vehicle; 0 and 99 are typing errors
select
    vehicle_id,
    fuel_efficiency_mpg
from marts.tbl_dim_vehicle
where fuel_efficiency_mpg not between 5 and 50;
