-- comment: What the newest results change in quality_alerts; open, keep (it fails again) or close
-- readers: [finance_owner]
create view monitoring.vw_quality_alert_changes as
with
newest as (
    select
        check_name,
        table_name,
        severity,
        result,
        message,
        failures,
        checked_at
    from {{ database }}.monitoring.quality_results
    where checked_at >= dateadd('day', -2, sysdate())
    qualify row_number() over (partition by check_name order by checked_at desc, run_id asc) = 1
),

open_alerts as (
    select
        check_name,
        table_name,
        severity,
        message,
        failures,
        last_seen_at
    from {{ database }}.monitoring.quality_alerts
    where closed_at is null
)

select
    newest.check_name,
    newest.table_name,
    newest.severity,
    newest.message,
    newest.failures,
    newest.checked_at,
    case
        when newest.result = 'passed' then 'close'
        when open_alerts.check_name is null then 'open'
        else 'keep'
    end as change
from newest
inner join {{ database }}.monitoring.quality_checks as declared
    on newest.check_name = declared.check_name
left join open_alerts
    on newest.check_name = open_alerts.check_name
where
    (newest.result in ('failed', 'error') and newest.checked_at > coalesce(open_alerts.last_seen_at, '1970-01-01'::timestamp_ntz))
    or (newest.result = 'passed' and newest.checked_at > open_alerts.last_seen_at)
union all
select
    open_alerts.check_name,
    open_alerts.table_name,
    open_alerts.severity,
    open_alerts.message,
    open_alerts.failures,
    sysdate() as checked_at,
    'close' as change
from open_alerts
left join {{ database }}.monitoring.quality_checks as declared
    on open_alerts.check_name = declared.check_name
where declared.check_name is null;
