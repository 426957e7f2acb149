select
    $1::varchar(30) as shipment_id,
    $2::varchar(20) as order_id,
    $3::varchar(20) as customer_id,
    $4::varchar(20) as vehicle_id,
    $5::varchar(20) as ship_mode,
    $6::timestamp_ntz(9) as shipped_at,
    $7::timestamp_ntz(9) as promised_at,
    $8::timestamp_ntz(9) as delivered_at,
    $9::number(12, 2) as quantity,
    $10::number(18, 2) as revenue,
    $11::timestamp_ntz(9) as sent_at
from @{{ database }}.raw.load_stage/raw_shipments;
