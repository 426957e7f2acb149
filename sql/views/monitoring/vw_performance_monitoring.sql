-- comment: The queries of the last 7 days, times in seconds
-- readers: [finance_owner]
create view monitoring.vw_performance_monitoring as
select
    query_id,
    query_text,
    user_name,
    warehouse_name,
    total_elapsed_time / 1000 as total_elapsed_time_seconds,
    bytes_scanned,
    rows_produced,
    compilation_time / 1000 as compilation_time_seconds,
    execution_time / 1000 as execution_time_seconds
from snowflake.account_usage.query_history
where
    start_time >= dateadd(day, -7, current_timestamp())
    and query_type in ('SELECT', 'INSERT', 'UPDATE', 'DELETE', 'MERGE');
