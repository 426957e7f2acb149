delete from {{ database }}.marts.tbl_fact_shipments
where shipment_id not in (select shipment_id from {{ database }}.raw.raw_shipments);
