-- comment: Changes of tbl_dim_customer, for its consumers
create stream marts.customer_stream on table marts.tbl_dim_customer;
