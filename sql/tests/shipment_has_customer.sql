-- comment: Every shipment's customer exists
-- severity: critical
-- owner: data_engineering
-- what_to_do: Load the missing customers, then refresh marts.tbl_dim_customer
select
    shipments.shipment_id,
    shipments.customer_id
from marts.tbl_fact_shipments as shipments
left join marts.tbl_dim_customer as customers
    on shipments.customer_id = customers.customer_id
where customers.customer_id is null;
