-- comment: A vehicle drives 5 to 50 miles with a gallon
select
    vehicle_id,
    fuel_efficiency_mpg
from marts.tbl_dim_vehicle
where fuel_efficiency_mpg not between 5 and 50;
