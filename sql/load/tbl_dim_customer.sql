merge into {{ database }}.marts.tbl_dim_customer as target
using (
    select
        customers.customer_id,
        customers.customer_name,
        customers.contact_email,
        customers.contact_phone,
        customers.market_segment,
        customers.country,
        case
            when coalesce(orders.total_usd, 0) > 100000 then 'PREMIUM'
            when coalesce(orders.total_usd, 0) > 50000 then 'GOLD'
            when coalesce(orders.total_usd, 0) > 10000 then 'SILVER'
            else 'BRONZE'
        end as customer_tier,
        coalesce(orders.total_usd, 0) as total_lifetime_value,
        coalesce(orders.order_frequency_30d, 0) as order_frequency_30d,
        orders.last_order_at
    from {{ database }}.raw.raw_customers as customers
    left join (
        select
            all_orders.customer_id,
            sum(all_orders.total_usd) as total_usd,
            sum(case when all_orders.ordered_at > dateadd(day, -30, newest.ordered_at) then 1 else 0 end) as order_frequency_30d,
            max(all_orders.ordered_at) as last_order_at
        from {{ database }}.raw.raw_orders as all_orders
        cross join (select max(ordered_at) as ordered_at from {{ database }}.raw.raw_orders) as newest
        group by all_orders.customer_id
    ) as orders
        on customers.customer_id = orders.customer_id
) as source
on target.customer_id = source.customer_id
when matched and (
    target.customer_name is distinct from source.customer_name
    or target.contact_email is distinct from source.contact_email
    or target.contact_phone is distinct from source.contact_phone
    or target.market_segment is distinct from source.market_segment
    or target.country is distinct from source.country
    or target.total_lifetime_value is distinct from source.total_lifetime_value
    or target.order_frequency_30d is distinct from source.order_frequency_30d
    or target.last_order_at is distinct from source.last_order_at
) then update set
    customer_name = source.customer_name,
    contact_email = source.contact_email,
    contact_phone = source.contact_phone,
    market_segment = source.market_segment,
    country = source.country,
    customer_tier = source.customer_tier,
    total_lifetime_value = source.total_lifetime_value,
    order_frequency_30d = source.order_frequency_30d,
    last_order_at = source.last_order_at,
    updated_at = current_timestamp()::timestamp_ntz
when not matched then insert (
    customer_id,
    customer_name,
    contact_email,
    contact_phone,
    market_segment,
    country,
    customer_tier,
    total_lifetime_value,
    order_frequency_30d,
    last_order_at,
    updated_at
)
values (
    source.customer_id,
    source.customer_name,
    source.contact_email,
    source.contact_phone,
    source.market_segment,
    source.country,
    source.customer_tier,
    source.total_lifetime_value,
    source.order_frequency_30d,
    source.last_order_at,
    current_timestamp()::timestamp_ntz
);
