"""The tables of history: names and types of their columns, as Snowflake's views of the same names have them."""

from __future__ import annotations

import pyarrow as pa

SCHEMA = "_history"

_TEXT, _NUMBER, _REAL, _TRUTH = pa.string(), pa.int64(), pa.float64(), pa.bool_()
_TIME = pa.timestamp("us", tz="UTC")


def _columns(texts: str = "", numbers: str = "", reals: str = "", times: str = "", truths: str = "") -> pa.Schema:
    kinds = ((texts, _TEXT), (numbers, _NUMBER), (reals, _REAL), (times, _TIME), (truths, _TRUTH))
    return pa.schema([(name, kind) for names, kind in kinds for name in names.split()])


# Times in milliseconds where Snowflake's view has milliseconds; lists of objects as JSON text.
TABLES: dict[str, pa.Schema] = {
    "query_history": _columns(
        texts="query_id query_text query_type database_name schema_name user_name role_name role_type warehouse_name"
        " warehouse_size warehouse_type query_tag execution_status error_code error_message query_hash"
        " query_parameterized_hash direct_objects_accessed base_objects_accessed objects_modified parent_query_id root_query_id"
        " policies_referenced client_application",
        numbers="database_id schema_id session_id warehouse_id user_id cluster_number transaction_id total_elapsed_time"
        " compilation_time execution_time queued_provisioning_time queued_repair_time queued_overload_time"
        " bytes_scanned bytes_written partitions_scanned partitions_total rows_produced rows_inserted rows_updated rows_deleted",
        reals="credits_used_cloud_services percentage_scanned_from_cache",
        times="start_time end_time",
        truths="is_client_generated_statement",
    ),
    "login_history": _columns(
        texts="event_type user_name client_ip reported_client_type reported_client_version first_authentication_factor"
        " second_authentication_factor is_success error_message",
        numbers="event_id error_code",
        times="event_timestamp",
    ),
    "sessions": _columns(
        texts="user_name authentication_method client_application_id client_application_version client_environment",
        numbers="session_id login_event_id",
        times="created_on",
    ),
    "task_history": _columns(
        texts="query_id name database_name schema_name query_text condition_text state error_code error_message"
        " run_id graph_run_group_id root_task_id root_task_name return_value scheduled_from config owner warehouse_name",
        numbers="database_id schema_id task_id graph_version attempt_number",
        times="query_start_time scheduled_time completed_time original_scheduled_time",
    ),
    "warehouse_metering_history": _columns(
        texts="warehouse_name",
        numbers="warehouse_id",
        reals="credits_used credits_used_compute credits_used_cloud_services credits_attributed_compute_queries",
        times="start_time end_time",
    ),
    "warehouse_events_history": _columns(
        texts="warehouse_name event_name event_reason event_state user_name role_name query_id size",
        numbers="warehouse_id cluster_number cluster_count",
        times="timestamp",
    ),
    "load_history": _columns(
        texts="stage_location file_name status first_error_message first_error_column_name table_name table_schema_name"
        " table_catalog_name pipe_name file_hash",
        numbers="table_id row_count row_parsed file_size first_error_line_number first_error_character_position"
        " error_count error_limit",
        times="last_load_time",
    ),
    "alert_history": _columns(
        texts="name database_name schema_name condition_query_id condition action_query_id action state sql_error_code"
        " sql_error_message",
        numbers="database_id schema_id alert_id",
        times="scheduled_time completed_time",
    ),
    "dynamic_table_refresh_history": _columns(
        texts="name database_name schema_name qualified_name state state_code state_message query_id refresh_action"
        " refresh_trigger target_lag graph_history_valid_from statistics warehouse",
        numbers="table_id target_lag_sec",
        times="data_timestamp refresh_start_time refresh_end_time completion_target",
    ),
    "materialized_view_refresh_history": _columns(
        texts="table_name schema_name database_name",
        numbers="table_id",
        reals="credits_used",
        times="start_time end_time",
    ),
    "task_versions": _columns(
        texts="root_task_id name id database_name schema_name owner comment warehouse_name schedule predecessors state"
        " definition condition_text allow_overlapping_execution error_integration last_committed_on last_suspended_on",
        numbers="graph_version database_id schema_id",
        times="graph_version_created_on",
    ),
    "notification_history": _columns(
        texts="message_source integration_name message status error_message recipients subject",
        numbers="id",
        times="created processed",
    ),
}

# DuckDB's types for the columns above.
DUCKDB_TYPES = {_TEXT: "varchar", _NUMBER: "bigint", _REAL: "double", _TIME: "timestamptz", _TRUTH: "boolean"}

# How long a row is kept, as Snowflake's ACCOUNT_USAGE does.
RETENTION_DAYS = 365
TIME_COLUMN = {
    "query_history": "start_time",
    "login_history": "event_timestamp",
    "sessions": "created_on",
    "task_history": "scheduled_time",
    "warehouse_metering_history": "start_time",
    "warehouse_events_history": "timestamp",
    "alert_history": "scheduled_time",
    "dynamic_table_refresh_history": "refresh_start_time",
    "notification_history": "created",
    "materialized_view_refresh_history": "start_time",
    "task_versions": "graph_version_created_on",
}
