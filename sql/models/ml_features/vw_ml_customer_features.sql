with newest as (
    select dateadd(day, 1, max(ordered_at)::date)::timestamp_ntz as as_of
    from staging.stg_orders
),

-- Each week's begin, and the end of the newest day: as of then the segment of the 30 days that follow is predicted.
moments as (
    select distinct as_of
    from (
        select date_trunc('week', ordered_at)::timestamp_ntz as as_of
        from staging.stg_orders
        where ordered_at is not null
        union all
        select as_of
        from newest
    ) as weeks
    where as_of is not null
),

events as (
    select
        customer_id,
        ordered_at as happened_at,
        ordered_at,
        1 as ordered,
        total_usd,
        0 as shipped,
        0 as revenue,
        false as is_moment
    from staging.stg_orders
    where ordered_at is not null
    union all
    select
        customer_id,
        shipped_at as happened_at,
        null as ordered_at,
        0 as ordered,
        0 as total_usd,
        1 as shipped,
        revenue,
        false as is_moment
    from staging.stg_shipments
    where shipped_at is not null
    union all
    select
        customers.customer_id,
        moments.as_of as happened_at,
        null as ordered_at,
        0 as ordered,
        0 as total_usd,
        0 as shipped,
        0 as revenue,
        true as is_moment
    from staging.stg_customers as customers
    cross join moments
),

histories as (
    select
        customer_id,
        happened_at,
        is_moment,
        sum(ordered) over (
            partition by customer_id order by happened_at range between interval '7 days' preceding and interval '1 second' preceding
        ) as orders_7d,
        sum(ordered) over (
            partition by customer_id order by happened_at range between interval '30 days' preceding and interval '1 second' preceding
        ) as orders_30d,
        sum(ordered) over (
            partition by customer_id order by happened_at range between interval '90 days' preceding and interval '1 second' preceding
        ) as orders_90d,
        sum(total_usd) over (
            partition by customer_id order by happened_at range between interval '30 days' preceding and interval '1 second' preceding
        ) as spend_30d,
        sum(total_usd) over (
            partition by customer_id order by happened_at range between interval '90 days' preceding and interval '1 second' preceding
        ) as spend_90d,
        max(ordered_at) over (
            partition by customer_id
            order by happened_at range between interval '365 days' preceding and interval '1 second' preceding
        ) as last_order_at,
        sum(shipped) over (
            partition by customer_id order by happened_at range between interval '30 days' preceding and interval '1 second' preceding
        ) as shipments_30d,
        sum(revenue) over (
            partition by customer_id order by happened_at range between interval '30 days' preceding and interval '1 second' preceding
        ) as revenue_30d,
        sum(ordered) over (
            partition by customer_id order by happened_at range between current row and interval '30 days' following
        ) as orders_ahead
    from events
)

select
    histories.customer_id || ' ' || to_char(histories.happened_at, 'YYYYMMDD') as moment_id,
    histories.customer_id,
    histories.happened_at as as_of,
    dateadd(day, 30, histories.happened_at) as label_known_at,
    dimension.customer_tier,
    case
        when dateadd(day, 30, histories.happened_at) > newest.as_of then null
        when coalesce(histories.orders_ahead, 0) > 10 then 'HIGH_FREQUENCY'
        when coalesce(histories.orders_ahead, 0) > 5 then 'MEDIUM_FREQUENCY'
        else 'LOW_FREQUENCY'
    end as next_segment,
    case
        when coalesce(histories.orders_30d, 0) > 10 then 'HIGH_FREQUENCY'
        when coalesce(histories.orders_30d, 0) > 5 then 'MEDIUM_FREQUENCY'
        else 'LOW_FREQUENCY'
    end as current_segment,
    customers.market_segment,
    coalesce(histories.orders_7d, 0)::float as orders_7d,
    coalesce(histories.orders_30d, 0)::float as orders_30d,
    coalesce(histories.orders_90d, 0)::float as orders_90d,
    coalesce(histories.spend_30d, 0)::float as spend_30d,
    coalesce(histories.spend_90d, 0)::float as spend_90d,
    datediff(day, histories.last_order_at, histories.happened_at)::float as days_since_last_order,
    coalesce(store.shipments_30d, histories.shipments_30d, 0)::float as shipments_30d,
    coalesce(store.revenue_30d, histories.revenue_30d, 0)::float as revenue_30d
from histories
cross join newest
inner join staging.stg_customers as customers
    on histories.customer_id = customers.customer_id
inner join marts.tbl_dim_customer as dimension
    on histories.customer_id = dimension.customer_id
left join ml_features.tbl_ml_consolidated_feature_store as store
    on
        histories.customer_id = store.customer_id
        and dateadd(day, -1, histories.happened_at::date) = store.feature_date
where histories.is_moment;
