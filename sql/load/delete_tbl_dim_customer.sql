delete from {{ database }}.marts.tbl_dim_customer
where customer_id not in (select customer_id from {{ database }}.raw.raw_customers);
