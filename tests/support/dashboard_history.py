"""Ninety days of results in every table that the dashboard reads: what its tests, its measurements and its pictures look at.

Every insert is one statement over a generator of days, so that it takes a moment whatever the span.
"""

from __future__ import annotations

from typing import Any

DAYS = 90

_DAYS = f"(select seq4() as n from table(generator(rowcount => {DAYS})))"
_LTZ = "dateadd('day', -n, dateadd('hour', -1, current_timestamp()))"
_AT = "dateadd('day', -n, dateadd('hour', -1, sysdate()))"

STATEMENTS = (
    f"""
    insert into monitoring.optimizer_runs (run_id, environment, started_at, ended_at, days, history, statements_read,
        credits_used, recommendations, saving_credits_per_month, saving_usd_per_month, credit_price_usd)
    select 'opt-' || n, 'dev', {_AT}, dateadd('second', 40, {_AT}), 30, 'SNOWFLAKE.ACCOUNT_USAGE', 12000 + 37 * n,
        42 + mod(7 * n, 11), 3, 18.5 + mod(n, 5), 55.5 + 3 * mod(n, 5), 3
    from {_DAYS}""",
    """
    insert into monitoring.optimizer_recommendations (run_id, recommendation_id, environment, found_at, rank, category, kind,
        severity, object_type, object_name, title, reason, mend, evidence, saving_credits_per_month, saving_usd_per_month,
        confidence, setting_key, setting_before, setting_after, safe_to_apply)
    select 'opt-0', column1, 'dev', sysdate(), column2, column3, column4, column5, column6, column7, column8, column9, column10,
        parse_json('{}'), column11, column11 * 3, column12, column13, column14, column15, column13 is not null
    from values
        ('r1', 1, 'warehouse', 'auto_suspend', 'warning', 'WAREHOUSE', 'COMPUTE_WH_MULTI', 'COMPUTE_WH_MULTI idles for 61 % of its credits',
         'It waits 60 s for a next query that comes after 300 s', 'Suspend sooner', 12.4, 0.9, 'logistics:autoSuspendSeconds', '60', '30'),
        ('r2', 2, 'query', 'full_scan', 'info', 'QUERY', 'a1b2c3d4', 'Shipments of a month are found by reading all of them',
         'All partitions were read', 'Compare shipment_date itself, not a function of it', 4.1, 0.7, null, null, null),
        ('r3', 3, 'budget', 'over_quota', 'critical', 'MONITOR', 'DAILY_COST_MONITOR', 'The quota is reached on 2 of 30 days',
         'Credits of those days', 'Raise the quota or run the forecast at night', 2.0, 0.8, null, null, null)""",
    """
    insert into monitoring.cost_forecasts (run_id, environment, made_at, warehouse_name, forecast_date, credits_expected,
        credits_low, credits_high, usd_expected, usd_low, usd_high, interval_level, method, history_days, backtest_days,
        backtest_wape, backtest_coverage)
    select 'opt-0', 'dev', sysdate(), column1, dateadd('day', n, current_date()), c, c * 0.7, c * 1.4, 3 * c, 2.1 * c, 4.2 * c, 0.8,
        'seasonal means', 90, 28, 0.12, 0.82
    from (values ('ALL', 3), ('COMPUTE_WH_DEV', 2)), lateral (
        select seq4() as n, column2 * (1 + mod(seq4(), 7) / 10) as c from table(generator(rowcount => 30)))""",
    f"""
    insert into monitoring.orchestrator_runs (run_id, environment, action, started_by, result, status, jobs_total, jobs_failed,
        jobs_skipped, started_at, ended_at)
    select 'orc-' || n, 'dev', 'health_check', 'schedule', 'succeeded', iff(n = 0, 'warning', 'ok'), 3, 0, 0, {_LTZ},
        dateadd('second', 9, {_LTZ})
    from {_DAYS}""",
    """
    insert into monitoring.orchestrator_jobs (run_id, environment, job, state, status, attempts, duration_seconds, started_at)
    select 'orc-0', 'dev', column1, 'succeeded', column2, 1, column3, dateadd('hour', -1, current_timestamp())
    from values ('quality', 'warning', 4.2), ('optimize', 'ok', 3.1), ('drift', 'ok', 2.2)""",
    """
    insert into ml.model_versions (use_case, version, stage, algorithm, seed, rows_trained, created_at, stage_changed_at, trained_by)
    select column1, column2, column3, 'gradient boosting', 7, 12000, dateadd('day', -30 / column2, sysdate()), sysdate(), 'ADMIN'
    from values ('late_delivery', 1, 'archived'), ('late_delivery', 2, 'production'), ('late_delivery', 3, 'staging'),
        ('customer_churn', 1, 'production'), ('vehicle_maintenance', 1, 'candidate')""",
    """
    insert into ml.model_metrics (use_case, version, kind, metric, value, reference, passed, detail, measured_at)
    select column1, column2, column3, column4, column5, column6, column7, '', dateadd('day', -3, sysdate())
    from values ('late_delivery', 2, 'holdout', 'roc_auc', 0.84, 0.61, null), ('late_delivery', 2, 'gate', 'roc_auc', 0.84, 0.75, true),
        ('late_delivery', 3, 'cv', 'roc_auc', 0.86, 0.61, null), ('customer_churn', 1, 'gate', 'brier', 0.11, 0.15, true)""",
    f"""
    insert into ml.drift_results (use_case, version, kind, feature, statistic, value, threshold, is_drifted, rows_compared, checked_at)
    select 'late_delivery', 2, 'data', column1, 'psi', column2 + 0.002 * (90 - n) * column3, 0.2,
        column2 + 0.002 * (90 - n) * column3 > 0.2, 4000, {_AT}
    from {_DAYS}, (values ('distance_miles', 0.05, 1), ('weight_lb', 0.04, 0.2), ('weekday', 0.02, 0))""",
    """
    insert into ml.ab_tests (test_name, use_case, mode, champion_version, challenger_version, challenger_share, alpha, maximum_rows,
        status, champion_rows, challenger_rows, champion_loss, challenger_loss, p_value, started_at, evaluated_at)
    select 'late_delivery 2 against 3', 'late_delivery', 'split', 2, 3, 0.2, 0.05, 20000, 'running', 6120, 1530, 0.171, 0.166, 0.31,
        dateadd('day', -5, sysdate()), sysdate()""",
    """
    insert into ml.model_events (event_id, use_case, version, event, severity, detail, happened_by, happened_at)
    select 'e1', 'late_delivery', 2, 'drift_alert', 'warning', 'distance_miles: psi 0.23 above 0.2', 'ADMIN', dateadd('hour', -2, sysdate())
    """,
    f"""
    insert into governance.audit_log (event_id, event_type, table_name, user_name, role_name, query_text, event_timestamp)
    select 'old-' || n || '-' || column1, 'READ', 'LOGISTICS.MARTS.TBL_DIM_CUSTOMER', column1, column2, 'select …', {_AT}
    from {_DAYS}, (values ('ANALYST_ANNA', 'DATA_ANALYST'), ('SCIENTIST_SAM', 'DATA_SCIENTIST'))""",
    f"""
    insert into monitoring.quality_results (run_id, check_name, table_name, kind, severity, result, failures, rows_checked, message,
        run_by, checked_at)
    select 'check-' || n, column1, column2, column3, column4, iff(mod(n + column5, column6) = 0, 'failed', 'passed'),
        iff(mod(n + column5, column6) = 0, 3, 0), 1500, column1, 'task', {_AT}
    from {_DAYS}, (values
        ('marts.tbl_dim_customer: key', 'marts.tbl_dim_customer', 'uniqueness', 'critical', 1, 400),
        ('fuel_efficiency_in_range', 'marts.tbl_dim_vehicle', 'range', 'warning', 0, 9),
        ('marts.tbl_fact_shipments: freshness', 'marts.tbl_fact_shipments', 'freshness', 'info', 3, 4))""",
    """
    insert into monitoring.quality_alerts (alert_id, check_name, table_name, severity, message, failures, occurrences, opened_at,
        last_seen_at)
    select 'alert-1', 'fuel_efficiency_in_range', 'marts.tbl_dim_vehicle', 'warning', '3 of 100 vehicles are outside of 5 to 50 mpg',
        3, 1, dateadd('hour', -1, sysdate()), sysdate()""",
    """
    insert into monitoring.quality_failing_vehicle_rows (run_id, check_name, table_name, vehicle_id, row_key, offending, is_shown,
        checked_at)
    select 'check-0', 'fuel_efficiency_in_range', 'marts.tbl_dim_vehicle', column1, '{"vehicle_id": "' || column1 || '"}',
        '{"fuel_efficiency_mpg": 61.0}', true, dateadd('hour', -1, sysdate())
    from values ('V000000001'), ('V000000002'), ('V000000003')""",
    """
    create schema if not exists deployments with managed access""",
    """
    create table if not exists deployments.runs (run_id varchar(40), kind varchar(20), environment varchar(20),
        version_before number(18,0), version_after number(18,0), result varchar(20), started_at timestamp_ltz(9),
        ended_at timestamp_ltz(9), user_name varchar(255), git_revision varchar(64), details variant)""",
    f"""
    insert into deployments.runs
    select 'run-' || n, iff(mod(n, 30) = 29, 'rollback', 'deploy'), 'dev', 90 - n, 91 - n, iff(mod(n, 30) = 28, 'rolled back', 'succeeded'),
        {_LTZ}, dateadd('minute', 2, {_LTZ}), 'erik', sha1(n::varchar), parse_json('{{"backup": "backup-1", "failed_tests": [], "plan": [
            {{"op": "update", "urn": "urn:pulumi:dev::logistics::snowflake:index/view:View::vw_cost_monitoring", "label": "safe",
              "diffs": ["statement"], "statements": ["CREATE OR REPLACE VIEW …"]}}]}}')
    from {_DAYS}""",
    "grant usage on schema deployments to role DATA_ENGINEER",
    "grant select on table deployments.runs to role DATA_ENGINEER",
)


def write_history(cursor: Any) -> None:
    """Write all of it; the session's role must be ACCOUNTADMIN, its database the platform's."""
    for statement in STATEMENTS:
        cursor.execute(statement)
