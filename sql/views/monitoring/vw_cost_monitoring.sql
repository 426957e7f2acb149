-- comment: Credits and their price in USD by warehouse and day, last 30 days
-- readers: [finance_owner]
create view monitoring.vw_cost_monitoring as
select
    warehouse_name,
    date_trunc('day', start_time) as usage_date,
    sum(credits_used_compute + credits_used_cloud_services) as total_credits,
    sum(credits_used_compute + credits_used_cloud_services) * {{ credit_price_usd }} as estimated_cost_usd
from snowflake.account_usage.warehouse_metering_history
where start_time >= dateadd(day, -30, current_timestamp())
group by warehouse_name, date_trunc('day', start_time);
