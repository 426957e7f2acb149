select
    customer_id,
    customer_name,
    contact_email,
    contact_phone,
    market_segment,
    country,
    account_balance_usd,
    sent_at
from raw.raw_customers
qualify row_number() over (partition by customer_id order by sent_at desc) = 1;
