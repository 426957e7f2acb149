-- comment: Adds to audit_log what access and query history told since the last run
-- query_tag: AUDIT_QUERY
create task governance.fill_audit_log
    warehouse = compute_wh_xs
    schedule = {{ audit_schedule }}
as
-- ACCOUNT_USAGE tells of a statement up to three hours after its end, not in order, and a statement runs two days at most:
-- three days before the newest event are read again, and the event_id keeps every event to one row.
merge into {{ database }}.governance.audit_log as logged
using (
    select
        accesses.event_id,
        accesses.event_type,
        accesses.table_name,
        accesses.user_name,
        accesses.role_name,
        accesses.query_text,
        accesses.event_timestamp
    from {{ database }}.governance.vw_accesses as accesses
    where accesses.event_timestamp >= (
        select coalesce(dateadd(day, -3, max(newest.event_timestamp)), '1970-01-01'::timestamp_ntz)
        from {{ database }}.governance.audit_log as newest
    )
) as found
    on logged.event_id = found.event_id
when not matched then insert (event_id, event_type, table_name, user_name, role_name, query_text, event_timestamp)
    values (
        found.event_id, found.event_type, found.table_name, found.user_name, found.role_name, found.query_text,
        found.event_timestamp
    );
