"""Every query of the dashboard, by name: a table of data. Values come in by `?`, never in the text."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Query:
    """A query, the names of its values in the order of their `?`, and what it reads (for people)."""

    text: str
    reads: tuple[str, ...]
    parameters: tuple[str, ...] = ()


QUERIES: dict[str, Query] = {
    # -- overview
    "tables": Query(
        reads=("INFORMATION_SCHEMA.TABLES",),
        text="""
            select
                lower(table_schema) as layer, lower(table_name) as name, row_count as row_count, bytes,
                last_altered, datediff('minute', last_altered, current_timestamp()) as age_minutes, clustering_key
            from information_schema.tables
            where table_type = 'BASE TABLE'
            order by table_schema, table_name""",
    ),
    "last load": Query(
        reads=("MONITORING.DATA_LOADS",),
        text="select scale, rows_loaded, loaded_at::timestamp_ltz as loaded_at from monitoring.data_loads order by loaded_at desc limit 1",
    ),
    "cost today": Query(
        reads=("MONITORING.VW_COST_MONITORING",),
        text="""
            select coalesce(sum(total_credits), 0) as credits, coalesce(sum(estimated_cost_usd), 0) as usd,
                coalesce(sum(case when warehouse_name = ? then total_credits end), 0) as credits_under_quota
            from monitoring.vw_cost_monitoring
            where usage_date >= current_date()""",
        parameters=("warehouse",),
    ),
    "last orchestration": Query(
        reads=("MONITORING.ORCHESTRATOR_RUNS",),
        text="""
            select action, result, status, jobs_total, jobs_failed, jobs_skipped, started_at, ended_at
            from monitoring.orchestrator_runs
            where environment = ?
            order by started_at desc limit 1""",
        parameters=("environment",),
    ),
    "orchestrated jobs": Query(
        reads=("MONITORING.ORCHESTRATOR_JOBS",),
        text="""
            select job, state, status, reason, attempts, duration_seconds, started_at
            from monitoring.orchestrator_jobs
            where environment = ?
                and started_at >= dateadd('day', ?, current_timestamp())
            qualify row_number() over (partition by job order by started_at desc) = 1
            order by job""",
        parameters=("environment", "since_days"),
    ),
    # -- quality
    "alerts": Query(
        reads=("MONITORING.QUALITY_ALERTS",),
        text="""
            select severity, check_name as subject, message, opened_at as since,
                case when closed_at is not null then 'closed' when acknowledged_at is not null then 'acknowledged' else 'open' end
                    as state
            from monitoring.quality_alerts
            where opened_at >= dateadd('day', ?, sysdate()) or closed_at is null
            order by opened_at desc limit 500""",
        parameters=("since_days",),
    ),
    "model alerts": Query(
        reads=("ML.MODEL_EVENTS",),
        text="""
            select severity, use_case || coalesce(' version ' || version, '') as subject, event || ': ' || detail as message,
                happened_at as since, 'open' as state
            from ml.model_events
            where severity in ('warning', 'critical')
                and happened_at >= dateadd('day', ?, sysdate())
            order by happened_at desc limit 200""",
        parameters=("since_days",),
    ),
    "check results": Query(
        reads=("MONITORING.QUALITY_RESULTS",),
        text="""
            select result, severity, check_name, table_name, kind, failures, rows_checked, message, checked_at
            from monitoring.quality_results
            where checked_at >= dateadd('day', ?, sysdate())
            qualify row_number() over (partition by check_name order by checked_at desc) = 1
            order by check_name limit 2000""",
        parameters=("since_days",),
    ),
    "check trend": Query(
        reads=("MONITORING.QUALITY_RESULTS",),
        text="""
            select checked_at::date as day, severity, count_if(result in ('failed', 'error')) as failed, count(*) as checks
            from monitoring.quality_results
            where checked_at >= dateadd('day', ?, sysdate())
            group by day, severity
            order by day, severity""",
        parameters=("since_days",),
    ),
    "failing rows": Query(
        reads=("MONITORING.QUALITY_FAILING_ROWS", "MONITORING.QUALITY_FAILING_VEHICLE_ROWS"),
        text="""
            select table_name, row_key, offending, checked_at
            from (
                select check_name, table_name, row_key, offending, checked_at from monitoring.quality_failing_rows
                union all
                select check_name, table_name, row_key, offending, checked_at from monitoring.quality_failing_vehicle_rows
            ) as failing
            where check_name = ?
            order by checked_at desc limit 200""",
        parameters=("check_name",),
    ),
    # -- performance
    "slow queries": Query(
        reads=("MONITORING.VW_PERFORMANCE_MONITORING",),
        text="""
            select query_id, user_name, warehouse_name, total_elapsed_time_seconds, compilation_time_seconds,
                execution_time_seconds, bytes_scanned, rows_produced, left(query_text, 400) as query_text
            from monitoring.vw_performance_monitoring
            where total_elapsed_time_seconds >= ?
            order by total_elapsed_time_seconds desc limit 200""",
        parameters=("at_least_seconds",),
    ),
    "warehouse use": Query(
        reads=("MONITORING.VW_PERFORMANCE_MONITORING",),
        text="""
            select warehouse_name, count(*) as queries, avg(total_elapsed_time_seconds) as mean_seconds,
                approx_percentile(total_elapsed_time_seconds, 0.95) as p95_seconds,
                sum(execution_time_seconds) as execution_seconds, sum(bytes_scanned) as bytes_scanned
            from monitoring.vw_performance_monitoring
            where warehouse_name is not null
            group by warehouse_name
            order by queries desc""",
    ),
    "recommendations": Query(
        reads=("MONITORING.OPTIMIZER_RECOMMENDATIONS", "MONITORING.OPTIMIZER_RUNS"),
        text="""
            select rank, severity, category, kind, object_type, object_name, title, reason, mend,
                saving_credits_per_month, saving_usd_per_month, confidence, setting_key, setting_before, setting_after,
                safe_to_apply, found_at
            from monitoring.optimizer_recommendations
            where environment = ?
                and run_id = (
                    select run_id from monitoring.optimizer_runs where environment = ? order by ended_at desc limit 1
                )
            order by rank limit 500""",
        parameters=("environment", "environment"),
    ),
    "task runs": Query(
        reads=("INFORMATION_SCHEMA.TASK_HISTORY",),
        text="""
            select name, state, count(*) as runs, max(completed_time) as last_completed, max(error_message) as last_error
            from table(information_schema.task_history(
                scheduled_time_range_start => dateadd('hour', -24, current_timestamp()), result_limit => 10000))
            where state in ('SUCCEEDED', 'FAILED', 'FAILED_AND_AUTO_SUSPENDED', 'CANCELLED')
            group by name, state
            order by name, state""",
    ),
    # -- cost
    "cost by day": Query(
        reads=("MONITORING.VW_COST_MONITORING",),
        text="""
            select warehouse_name, usage_date::date as usage_date, total_credits, estimated_cost_usd
            from monitoring.vw_cost_monitoring
            where usage_date >= dateadd('day', ?, current_date())
            order by usage_date, warehouse_name""",
        parameters=("since_days",),
    ),
    "forecast": Query(
        reads=("MONITORING.COST_FORECASTS",),
        text="""
            select warehouse_name, forecast_date, credits_expected, credits_low, credits_high, usd_expected, usd_low,
                usd_high, interval_level, method, backtest_wape, backtest_coverage, made_at
            from monitoring.cost_forecasts
            where environment = ?
                and run_id = (
                    select run_id from monitoring.cost_forecasts where environment = ? order by made_at desc limit 1
                )
            order by warehouse_name, forecast_date limit 5000""",
        parameters=("environment", "environment"),
    ),
    "optimizer runs": Query(
        reads=("MONITORING.OPTIMIZER_RUNS",),
        text="""
            select ended_at, credits_used, statements_read, recommendations, saving_credits_per_month,
                saving_usd_per_month, applied_branch
            from monitoring.optimizer_runs
            where environment = ?
            order by ended_at desc limit 100""",
        parameters=("environment",),
    ),
    # -- ML
    "model versions": Query(
        reads=("ML.MODEL_VERSIONS",),
        text="""
            select use_case, version, stage, algorithm, rows_trained, trained_to, created_at, stage_changed_at, trained_by
            from ml.model_versions
            order by use_case, version desc limit 500""",
    ),
    "model metrics": Query(
        reads=("ML.MODEL_METRICS",),
        text="""
            select use_case, version, kind, metric, value, reference, passed, measured_at
            from ml.model_metrics
            where measured_at >= dateadd('day', ?, current_timestamp())
            qualify row_number() over (partition by use_case, version, kind, metric order by measured_at desc) = 1
            order by use_case, version desc, kind, metric limit 5000""",
        parameters=("since_days",),
    ),
    "drift": Query(
        reads=("ML.DRIFT_RESULTS",),
        text="""
            select use_case, version, kind, feature, statistic, value, threshold, p_value, is_drifted, rows_compared, checked_at
            from ml.drift_results
            where checked_at >= dateadd('day', ?, current_timestamp())
            order by checked_at desc limit 5000""",
        parameters=("since_days",),
    ),
    "ab tests": Query(
        reads=("ML.AB_TESTS",),
        text="""
            select test_name, use_case, mode, status, decision, champion_version, challenger_version, challenger_share,
                champion_rows, challenger_rows, maximum_rows, champion_loss, challenger_loss, p_value, alpha, started_at,
                evaluated_at, stopped_at
            from ml.ab_tests
            order by started_at desc limit 200""",
    ),
    "model events": Query(
        reads=("ML.MODEL_EVENTS",),
        text="""
            select happened_at, severity, use_case, version, event, detail, happened_by
            from ml.model_events
            where happened_at >= dateadd('day', ?, current_timestamp())
            order by happened_at desc limit 500""",
        parameters=("since_days",),
    ),
    # -- deployments
    "deployments": Query(
        reads=("DEPLOYMENTS.RUNS",),
        text="""
            select run_id, kind, environment, result, version_before, version_after, started_at, ended_at, user_name,
                git_revision, details:backup::varchar as backup, details:error::varchar as error,
                to_json(details:failed_tests) as failed_tests, to_json(details:kept) as kept,
                array_size(details:plan) as steps
            from deployments.runs
            where environment = ?
            order by started_at desc limit ?""",
        parameters=("environment", "at_most"),
    ),
    "deployment plan": Query(
        reads=("DEPLOYMENTS.RUNS",),
        text="""
            select step.value:op::varchar as operation, step.value:label::varchar as label, step.value:urn::varchar as urn,
                array_to_string(step.value:diffs, ', ') as differs, array_to_string(step.value:statements, ';\\n') as statements
            from deployments.runs as runs, lateral flatten(input => runs.details:plan) as step
            where runs.run_id = ?
            order by step.index""",
        parameters=("run_id",),
    ),
    # -- security
    "audit": Query(
        reads=("GOVERNANCE.AUDIT_LOG",),
        text="""
            select event_timestamp, event_type, table_name, user_name, role_name, left(query_text, 400) as query_text
            from governance.audit_log
            where event_timestamp >= dateadd('day', ?, sysdate())
            order by event_timestamp desc limit 1000""",
        parameters=("since_days",),
    ),
    "accesses by day": Query(
        reads=("GOVERNANCE.AUDIT_LOG",),
        text="""
            select event_timestamp::date as day, role_name, count(*) as accesses
            from governance.audit_log
            where event_timestamp >= dateadd('day', ?, sysdate())
            group by day, role_name
            order by day, role_name""",
        parameters=("since_days",),
    ),
    "granted": Query(
        reads=("INFORMATION_SCHEMA.OBJECT_PRIVILEGES",),
        text="""
            select lower(object_schema || '.' || object_name) as object, grantee as role, object_type,
                listagg(privilege_type, ', ') within group (order by privilege_type) as privileges
            from information_schema.object_privileges
            where object_type in ('TABLE', 'VIEW', 'STREAM', 'STAGE', 'STREAMLIT') and object_catalog = current_database()
            group by object_schema, object_name, grantee, object_type
            order by object, role limit 5000""",
    ),
}
