select
    customer_id,
    shipment_date,
    count(*) as shipments,
    count(delivery_time_hours) as delivered,
    sum(delivery_time_hours) as delivery_hours,
    sum(case when is_late then 1 else 0 end) as late,
    sum(revenue) as revenue
from marts.tbl_fact_shipments
group by customer_id, shipment_date;
