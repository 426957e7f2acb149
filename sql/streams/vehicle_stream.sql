-- comment: Changes of tbl_dim_vehicle, for its consumers
create stream marts.vehicle_stream on table marts.tbl_dim_vehicle;
