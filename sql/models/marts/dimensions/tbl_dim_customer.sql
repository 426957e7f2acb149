with newest as (
    select max(ordered_at) as ordered_at
    from staging.stg_orders
),

totals as (
    select
        orders.customer_id,
        sum(orders.total_usd) as total_usd,
        sum(case when orders.ordered_at > dateadd(day, -30, newest.ordered_at) then 1 else 0 end) as order_frequency_30d,
        max(orders.ordered_at) as last_order_at
    from staging.stg_orders as orders
    cross join newest
    group by orders.customer_id
)

select
    customers.customer_id,
    customers.customer_name,
    customers.contact_email,
    customers.contact_phone,
    customers.market_segment,
    customers.country,
    case
        when coalesce(totals.total_usd, 0) > 100000 then 'PREMIUM'
        when coalesce(totals.total_usd, 0) > 50000 then 'GOLD'
        when coalesce(totals.total_usd, 0) > 10000 then 'SILVER'
        else 'BRONZE'
    end as customer_tier,
    coalesce(totals.total_usd, 0) as total_lifetime_value,
    coalesce(totals.order_frequency_30d, 0) as order_frequency_30d,
    totals.last_order_at
from staging.stg_customers as customers
left join totals
    on customers.customer_id = totals.customer_id;
