-- comment: Shipments, delivery time and revenue by customer; a secure view, as Snowflake has no materialized view over protected tables
-- readers: [data_analyst, data_scientist]
create secure view analytics.mv_customer_summary as
select
    customer.customer_id,
    customer.customer_tier,
    count(shipment.shipment_id) as total_shipments,
    avg(shipment.delivery_time_hours) as avg_delivery_time,
    coalesce(sum(shipment.revenue), 0) as total_revenue
from {{ database }}.marts.tbl_dim_customer as customer
left join {{ database }}.marts.tbl_fact_shipments as shipment
    on customer.customer_id = shipment.customer_id
group by customer.customer_id, customer.customer_tier;
