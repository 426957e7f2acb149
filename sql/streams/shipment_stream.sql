-- comment: Changes of tbl_fact_shipments, for its consumers
create stream marts.shipment_stream on table marts.tbl_fact_shipments;
