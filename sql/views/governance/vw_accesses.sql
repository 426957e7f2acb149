-- comment: Each read and change of a table, view or stream of this platform, as ACCOUNT_USAGE tells it up to three hours later
-- readers: [auditor, security_officer]
create secure view governance.vw_accesses as
with touched as (
    select
        history.query_id,
        'READ' as access_type,
        item.value:"objectName"::varchar as object_name
    from snowflake.account_usage.access_history as history,
        lateral flatten(input => history.direct_objects_accessed) as item
    union distinct
    select
        history.query_id,
        'READ' as access_type,
        item.value:"objectName"::varchar as object_name
    from snowflake.account_usage.access_history as history,
        lateral flatten(input => history.base_objects_accessed) as item
    union distinct
    select
        history.query_id,
        'CHANGE' as access_type,
        item.value:"objectName"::varchar as object_name
    from snowflake.account_usage.access_history as history,
        lateral flatten(input => history.objects_modified) as item
)

select
    queries.query_id || '/' || touched.access_type || '/' || md5(touched.object_name) as event_id,
    case when touched.access_type = 'READ' then 'READ' else queries.query_type end as event_type,
    touched.object_name as table_name,
    queries.user_name,
    queries.role_name,
    queries.query_text,
    dateadd(millisecond, date_part(epoch_millisecond, queries.start_time), '1970-01-01'::timestamp_ntz) as event_timestamp
from touched
inner join snowflake.account_usage.query_history as queries
    on touched.query_id = queries.query_id
where
    startswith(touched.object_name, {{ database_name }} || '.')
    -- The audit's own reading and writing, which each run would else find and write again. A tag can be set by anybody,
    -- but nobody logs in as SYSTEM, the user of tasks.
    and not (coalesce(queries.query_tag, '') = 'AUDIT_QUERY' and queries.user_name = 'SYSTEM');
