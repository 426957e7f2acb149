select
    $1::varchar(20) as customer_id,
    $2::varchar(100) as customer_name,
    $3::varchar(200) as contact_email,
    $4::varchar(40) as contact_phone,
    $5::varchar(20) as market_segment,
    $6::varchar(40) as country,
    $7::number(18, 2) as account_balance_usd,
    $8::timestamp_ntz(9) as sent_at
from @{{ database }}.raw.load_stage/raw_customers;
