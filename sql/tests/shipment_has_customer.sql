-- comment: Every shipment's customer exists
select
    shipments.shipment_id,
    shipments.customer_id
from marts.tbl_fact_shipments as shipments
left join marts.tbl_dim_customer as customers
    on shipments.customer_id = customers.customer_id
where customers.customer_id is null;
