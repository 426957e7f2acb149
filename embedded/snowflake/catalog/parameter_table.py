# ruff: noqa: E501
"""Every parameter: key, type (and words allowed), default, the levels that set it, what it does.

Source: those that the official plugin reads.
"""

from __future__ import annotations

# key | type | default | levels | description
TABLE = """
ABORT_DETACHED_QUERY | BOOLEAN | false | account user task | Abort queries of sessions whose client is gone
ACTIVE_PYTHON_PROFILER | STRING:LINE/MEMORY | LINE | account |
ALLOWED_SPCS_WORKLOAD_TYPES | STRING | ALL | account |
ALLOW_BIND_VALUES_ACCESS | BOOLEAN | true | account |
ALLOW_CLIENT_MFA_CACHING | BOOLEAN | false | account |
ALLOW_ID_TOKEN | BOOLEAN | false | account |
AUTOCOMMIT | BOOLEAN | true | account user task | Commit each statement by itself
AUTO_EVENT_LOGGING | STRING:LOGGING/TRACING/ALL/OFF | OFF | procedure | Which events procedures log by themselves
BASE_LOCATION_PREFIX | STRING |  | account |
BINARY_INPUT_FORMAT | STRING:HEX/BASE64/UTF8/UTF-8 | HEX | account user task | Format of text converted to BINARY
BINARY_OUTPUT_FORMAT | STRING:HEX/BASE64 | HEX | account user task | Format of BINARY converted to text
CATALOG | STRING |  | account database schema | Catalog integration of new Iceberg tables
CATALOG_SYNC | STRING |  | account |
CLIENT_ENABLE_LOG_INFO_STATEMENT_PARAMETERS | BOOLEAN | false | account |
CLIENT_ENCRYPTION_KEY_SIZE | NUMBER | 128 | account |
CLIENT_MEMORY_LIMIT | NUMBER | 1536 | account user task |
CLIENT_METADATA_REQUEST_USE_CONNECTION_CTX | BOOLEAN | false | account user task |
CLIENT_METADATA_USE_SESSION_DATABASE | BOOLEAN | false | account |
CLIENT_PREFETCH_THREADS | NUMBER | 4 | account user task |
CLIENT_RESULT_CHUNK_SIZE | NUMBER | 160 | account user task |
CLIENT_RESULT_COLUMN_CASE_INSENSITIVE | BOOLEAN | false | account user task |
CLIENT_SESSION_KEEP_ALIVE | BOOLEAN | false | account user task |
CLIENT_SESSION_KEEP_ALIVE_HEARTBEAT_FREQUENCY | NUMBER | 3600 | account user task |
CLIENT_TIMESTAMP_TYPE_MAPPING | STRING:TIMESTAMP_LTZ/TIMESTAMP_NTZ | TIMESTAMP_LTZ | account user task |
CORTEX_ENABLED_CROSS_REGION | STRING | DISABLED | account |
CORTEX_MODELS_ALLOWLIST | STRING | ALL | account |
CSV_TIMESTAMP_FORMAT | STRING |  | account |
DATA_METRIC_SCHEDULE | STRING | 60 MINUTES | account |
DATA_RETENTION_TIME_IN_DAYS | NUMBER | 1 | account database schema table | Days for which Time Travel keeps changed and dropped data
DATE_INPUT_FORMAT | STRING | AUTO | account user task | Format of text converted to DATE
DATE_OUTPUT_FORMAT | STRING | YYYY-MM-DD | account user task | Format of DATE converted to text
DEFAULT_DBT_VERSION | STRING | 1.9.4 | account |
DEFAULT_DDL_COLLATION | STRING |  | account database schema table | Collation of new text columns
DEFAULT_NOTEBOOK_COMPUTE_POOL_CPU | STRING | SYSTEM_COMPUTE_POOL_CPU | account |
DEFAULT_NOTEBOOK_COMPUTE_POOL_GPU | STRING | SYSTEM_COMPUTE_POOL_GPU | account |
DEFAULT_NULL_ORDERING | STRING:FIRST/LAST | LAST | account |
DEFAULT_STREAMLIT_NOTEBOOK_WAREHOUSE | STRING |  | account |
DISABLE_UI_DOWNLOAD_BUTTON | BOOLEAN | false | account |
DISABLE_USER_PRIVILEGE_GRANTS | BOOLEAN | false | account |
DISALLOWED_SPCS_WORKLOAD_TYPES | STRING |  | account |
ENABLE_AUTOMATIC_SENSITIVE_DATA_CLASSIFICATION_LOG | BOOLEAN | true | account |
ENABLE_BUDGET_EVENT_LOGGING | BOOLEAN | true | account |
ENABLE_CONSOLE_OUTPUT | BOOLEAN | false | database schema function procedure | Keep what procedures print
ENABLE_DATA_COMPACTION | BOOLEAN | true | account |
ENABLE_EGRESS_COST_OPTIMIZER | BOOLEAN | true | account |
ENABLE_GET_DDL_USE_DATA_TYPE_ALIAS | BOOLEAN | false | account |
ENABLE_ICEBERG_MERGE_ON_READ | BOOLEAN | true | account |
ENABLE_IDENTIFIER_FIRST_LOGIN | BOOLEAN | true | account |
ENABLE_INTERNAL_STAGES_PRIVATELINK | BOOLEAN | false | account |
ENABLE_NOTEBOOK_CREATION_IN_PERSONAL_DB | BOOLEAN | false | account |
ENABLE_SPCS_BLOCK_STORAGE_SNOWFLAKE_FULL_ENCRYPTION_ENFORCEMENT | BOOLEAN | false | account |
ENABLE_TAG_PROPAGATION_EVENT_LOGGING | BOOLEAN | false | account |
ENABLE_TRI_SECRET_AND_REKEY_OPT_OUT_FOR_IMAGE_REPOSITORY | BOOLEAN | false | account |
ENABLE_TRI_SECRET_AND_REKEY_OPT_OUT_FOR_SPCS_BLOCK_STORAGE | BOOLEAN | false | account |
ENABLE_UNHANDLED_EXCEPTIONS_REPORTING | BOOLEAN | true | account |
ENABLE_UNLOAD_PHYSICAL_TYPE_OPTIMIZATION | BOOLEAN | true | account user task |
ENABLE_UNREDACTED_QUERY_SYNTAX_ERROR | BOOLEAN | false | account user |
ENABLE_UNREDACTED_SECURE_OBJECT_ERROR | BOOLEAN | false | account |
ENFORCE_NETWORK_RULES_FOR_INTERNAL_STAGES | BOOLEAN | false | account |
ERROR_ON_NONDETERMINISTIC_MERGE | BOOLEAN | true | account user task | Fail a MERGE in which several source rows match a row
ERROR_ON_NONDETERMINISTIC_UPDATE | BOOLEAN | false | account user task | Fail an UPDATE in which several source rows match a row
EVENT_TABLE | STRING | snowflake.telemetry.events | account |
EXTERNAL_OAUTH_ADD_PRIVILEGED_ROLES_TO_BLOCKED_LIST | BOOLEAN | false | account |
EXTERNAL_VOLUME | STRING |  | account database schema | External volume of new Iceberg tables
GEOGRAPHY_OUTPUT_FORMAT | STRING:GeoJSON/WKT/WKB/EWKT/EWKB | GeoJSON | account user task |
GEOMETRY_OUTPUT_FORMAT | STRING:GeoJSON/WKT/WKB/EWKT/EWKB | GeoJSON | account user task |
HYBRID_TABLE_LOCK_TIMEOUT | NUMBER | 3600 | account |
ICEBERG_VERSION_DEFAULT | NUMBER | 2 | account |
INITIAL_REPLICATION_SIZE_LIMIT_IN_TB | STRING | 10 | account |
JDBC_TREAT_DECIMAL_AS_INT | BOOLEAN | true | account user |
JDBC_TREAT_TIMESTAMP_NTZ_AS_UTC | BOOLEAN | false | account user task |
JDBC_USE_SESSION_TIMEZONE | BOOLEAN | true | account user task |
JSON_INDENT | NUMBER | 2 | account user task | Blanks for each level of printed JSON
JS_TREAT_INTEGER_AS_BIGINT | BOOLEAN | false | account |
LISTING_AUTO_FULFILLMENT_REPLICATION_REFRESH_SCHEDULE | STRING | 1440 MINUTE | account |
LOCK_TIMEOUT | NUMBER | 43200 | account user task | Seconds to wait for a lock
LOG_LEVEL | STRING:TRACE/DEBUG/INFO/WARN/ERROR/FATAL/OFF | OFF | account user database schema task function procedure | Least severity of messages kept in the event table
MAX_CONCURRENCY_LEVEL | NUMBER | 8 | account warehouse | Statements that a cluster of the warehouse runs side by side
MAX_DATA_EXTENSION_TIME_IN_DAYS | NUMBER | 14 | account database schema table | Most days by which retention is extended for streams
METRIC_LEVEL | STRING:ALL/NONE | NONE | account function procedure | Which metrics are kept in the event table
MIN_DATA_RETENTION_TIME_IN_DAYS | NUMBER | 1 | account | Least retention that any object may have
MULTI_STATEMENT_COUNT | NUMBER | 1 | account user task | Number of statements in a request; 0 for any
NETWORK_POLICY | STRING |  | account user | Network policy that is enforced
NOORDER_SEQUENCE_AS_DEFAULT | BOOLEAN | true | account user task | Whether new sequences and identities are NOORDER
OAUTH_ADD_PRIVILEGED_ROLES_TO_BLOCKED_LIST | BOOLEAN | true | account |
ODBC_TREAT_DECIMAL_AS_INT | BOOLEAN | false | account user task |
PERIODIC_DATA_REKEYING | BOOLEAN | false | account |
PIPE_EXECUTION_PAUSED | BOOLEAN | false | account schema | Whether pipes are paused
PREVENT_UNLOAD_TO_INLINE_URL | BOOLEAN | false | account |
PREVENT_UNLOAD_TO_INTERNAL_STAGES | BOOLEAN | false | account user | Refuse unloading to internal stages
PYTHON_PROFILER_MODULES | STRING |  | account |
PYTHON_PROFILER_TARGET_STAGE | STRING |  | account |
QUERY_TAG | STRING |  | account user task | Text kept with each query of the session
QUOTED_IDENTIFIERS_IGNORE_CASE | BOOLEAN | false | account user database schema task | Fold quoted identifiers to upper case
READ_CONSISTENCY_MODE | STRING | SESSION | account |
REPLACE_INVALID_CHARACTERS | BOOLEAN | false | account database schema | Replace invalid UTF-8 characters of Iceberg tables
REQUIRE_STORAGE_INTEGRATION_FOR_STAGE_CREATION | BOOLEAN | false | account |
REQUIRE_STORAGE_INTEGRATION_FOR_STAGE_OPERATION | BOOLEAN | false | account |
ROWS_PER_RESULTSET | NUMBER | 0 | account user task | Most rows in a result; 0 for any
ROW_TIMESTAMP_DEFAULT | BOOLEAN | false | account |
S3_STAGE_VPCE_DNS_NAME | STRING |  | account user task |
SEARCH_PATH | STRING | $current, $public | account user task | Schemas searched for unqualified names
SERVERLESS_TASK_MAX_STATEMENT_SIZE | STRING | X2Large | account task |
SERVERLESS_TASK_MIN_STATEMENT_SIZE | STRING | XSMALL | account task |
SIMULATED_DATA_SHARING_CONSUMER | STRING |  | account user |
SQL_TRACE_QUERY_TEXT | STRING | OFF | account |
SSO_LOGIN_PAGE | BOOLEAN | false | account |
STATEMENT_QUEUED_TIMEOUT_IN_SECONDS | NUMBER | 0 | account user warehouse task | Seconds that a statement may wait in a queue; 0 for any
STATEMENT_TIMEOUT_IN_SECONDS | NUMBER | 172800 | account user warehouse task | Seconds that a statement may run
STORAGE_SERIALIZATION_POLICY | STRING:COMPATIBLE/OPTIMIZED | OPTIMIZED | account database schema | How files of Iceberg tables are encoded
STRICT_JSON_OUTPUT | BOOLEAN | false | account user task | Print JSON strictly as RFC 7159 asks
SUSPEND_TASK_AFTER_NUM_FAILURES | NUMBER | 10 | account database schema task | Failed runs in a row after which a task is suspended; 0 for never
TASK_AUTO_RETRY_ATTEMPTS | NUMBER | 0 | account database schema task | Times that a failed graph of tasks is tried again
TIMESTAMP_DAY_IS_ALWAYS_24H | BOOLEAN | false | account user task |
TIMESTAMP_INPUT_FORMAT | STRING | AUTO | account user task | Format of text converted to a timestamp
TIMESTAMP_LTZ_OUTPUT_FORMAT | STRING |  | account user task | Format of TIMESTAMP_LTZ converted to text
TIMESTAMP_NTZ_OUTPUT_FORMAT | STRING | YYYY-MM-DD HH24:MI:SS.FF3 | account user task | Format of TIMESTAMP_NTZ converted to text
TIMESTAMP_OUTPUT_FORMAT | STRING | YYYY-MM-DD HH24:MI:SS.FF3 TZHTZM | account user task | Format of timestamps converted to text
TIMESTAMP_TYPE_MAPPING | STRING:TIMESTAMP_LTZ/TIMESTAMP_NTZ/TIMESTAMP_TZ | TIMESTAMP_NTZ | account user task | Type that TIMESTAMP stands for
TIMESTAMP_TZ_OUTPUT_FORMAT | STRING |  | account user task | Format of TIMESTAMP_TZ converted to text
TIMEZONE | STRING | America/Los_Angeles | account user task | Time zone of the session
TIME_INPUT_FORMAT | STRING | AUTO | account user task | Format of text converted to TIME
TIME_OUTPUT_FORMAT | STRING | HH24:MI:SS | account user task | Format of TIME converted to text
TRACE_LEVEL | STRING:ALWAYS/ON_EVENT/PROPAGATE/OFF | OFF | account user database schema task function procedure | Which trace events are kept in the event table
TRANSACTION_ABORT_ON_ERROR | BOOLEAN | false | account user task | Abort the transaction when a statement fails
TRANSACTION_DEFAULT_ISOLATION_LEVEL | STRING | READ COMMITTED | account user task | Isolation of transactions
TWO_DIGIT_CENTURY_START | NUMBER | 1970 | account user task | First year that a year of two digits can mean
UNSUPPORTED_DDL_ACTION | STRING | ignore | account user task |
USER_TASK_MANAGED_INITIAL_WAREHOUSE_SIZE | STRING | Medium | account database schema task | Size of compute for the first runs of a serverless task
USER_TASK_MINIMUM_TRIGGER_INTERVAL_IN_SECONDS | NUMBER | 30 | account database schema task | Least seconds between runs of a triggered task
USER_TASK_TIMEOUT_MS | NUMBER | 3600000 | account database schema task | Milliseconds that a run of a task may take
USE_CACHED_RESULT | BOOLEAN | true | account user task | Answer a repeated query from its kept result
USE_WORKSPACES_FOR_SQL | STRING | unset | account |
WEEK_OF_YEAR_POLICY | NUMBER | 0 | account user task | How the weeks of a year are counted
WEEK_START | NUMBER | 0 | account user task | First day of the week; 0 for the ISO week
"""
