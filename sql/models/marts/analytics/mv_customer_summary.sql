select
    customer.customer_id,
    customer.customer_tier,
    count(shipment.shipment_id) as total_shipments,
    avg(shipment.delivery_time_hours) as avg_delivery_time,
    coalesce(sum(shipment.revenue), 0) as total_revenue
from marts.tbl_dim_customer as customer
left join marts.tbl_fact_shipments as shipment
    on customer.customer_id = shipment.customer_id
group by customer.customer_id, customer.customer_tier;
