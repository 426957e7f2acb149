"""INFORMATION_SCHEMA and SNOWFLAKE.ACCOUNT_USAGE: the views, their columns, and where their rows come from.

A view of history reads a table of `_history` with DuckDB; any other gets its rows from the catalog, when the query is translated.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

from embedded.snowflake.catalog.model import ACCOUNT, CatalogObject
from embedded.snowflake.errors import does_not_exist
from embedded.snowflake.history.tables import TABLES as HISTORY_TABLES
from embedded.snowflake.names import quote
from embedded.snowflake.result import Column, Result
from embedded.snowflake.security.privileges import holds
from embedded.snowflake.sql import system_governance as governance
from embedded.snowflake.sql import system_grants as grant_rows
from embedded.snowflake.sql import system_rows as rows
from embedded.snowflake.sql.context import Context
from embedded.snowflake.sql.scope import OutputColumn, Relation
from embedded.snowflake.types import ARRAY, BOOLEAN, DATE, FLOAT, NUMBER, OBJECT, TIMESTAMP_LTZ, VARCHAR, DataType

_KINDS: dict[str, DataType] = {
    "": VARCHAR,
    "N": NUMBER,
    "F": FLOAT,
    "T": TIMESTAMP_LTZ,
    "B": BOOLEAN,
    "D": DATE,
    "A": ARRAY,
    "O": OBJECT,
}


@dataclass(frozen=True)
class SystemView:
    """A view: its columns, and its rows' maker or the history table that they are in.

    Of a history table, `where` is DuckDB's condition on the rows, and `named` the columns that it keeps under another name.
    """

    columns: tuple[tuple[str, DataType], ...]
    make: Callable[[rows.Reader], Iterable[dict[str, Any]]] | None = None
    history: str | None = None
    where: str = ""
    named: Mapping[str, str] = field(default_factory=dict)


def _view(
    text: str,
    make: Callable[[rows.Reader], Iterable[dict[str, Any]]] | None = None,
    history: str | None = None,
    where: str = "",
    named: Mapping[str, str] | None = None,
) -> SystemView:
    return SystemView(tuple(columns_of(text)), make, history, where, named or {})


def columns_of(text: str) -> list[tuple[str, DataType]]:
    """Columns written `NAME` (text), `NAME:N` (number), F float, T timestamp, B truth value, D date, A array, O object."""
    parts = [word.partition(":") for word in text.split()]
    return [(name, _KINDS[kind]) for name, _, kind in parts]


_TABLES = (
    "TABLE_CATALOG TABLE_SCHEMA TABLE_NAME TABLE_OWNER TABLE_TYPE IS_TRANSIENT CLUSTERING_KEY ROW_COUNT:N BYTES:N RETENTION_TIME:N"
    " SELF_REFERENCING_COLUMN_NAME REFERENCE_GENERATION USER_DEFINED_TYPE_CATALOG USER_DEFINED_TYPE_SCHEMA USER_DEFINED_TYPE_NAME"
    " IS_INSERTABLE_INTO IS_TYPED COMMIT_ACTION CREATED:T LAST_ALTERED:T LAST_DDL:T LAST_DDL_BY AUTO_CLUSTERING_ON COMMENT"
    " IS_TEMPORARY IS_ICEBERG IS_DYNAMIC IS_HYBRID"
)
_COLUMNS = (
    "TABLE_CATALOG TABLE_SCHEMA TABLE_NAME COLUMN_NAME ORDINAL_POSITION:N COLUMN_DEFAULT IS_NULLABLE DATA_TYPE"
    " CHARACTER_MAXIMUM_LENGTH:N CHARACTER_OCTET_LENGTH:N NUMERIC_PRECISION:N NUMERIC_PRECISION_RADIX:N NUMERIC_SCALE:N"
    " DATETIME_PRECISION:N INTERVAL_TYPE INTERVAL_PRECISION CHARACTER_SET_CATALOG CHARACTER_SET_SCHEMA CHARACTER_SET_NAME"
    " COLLATION_CATALOG COLLATION_SCHEMA COLLATION_NAME DOMAIN_CATALOG DOMAIN_SCHEMA DOMAIN_NAME UDT_CATALOG UDT_SCHEMA UDT_NAME"
    " SCOPE_CATALOG SCOPE_SCHEMA SCOPE_NAME MAXIMUM_CARDINALITY:N DTD_IDENTIFIER IS_SELF_REFERENCING IS_IDENTITY"
    " IDENTITY_GENERATION IDENTITY_START IDENTITY_INCREMENT IDENTITY_MAXIMUM IDENTITY_MINIMUM IDENTITY_CYCLE IDENTITY_ORDERED"
    " SCHEMA_EVOLUTION_RECORD COMMENT"
)
_VIEWS = (
    "TABLE_CATALOG TABLE_SCHEMA TABLE_NAME TABLE_OWNER VIEW_DEFINITION CHECK_OPTION IS_UPDATABLE INSERTABLE_INTO IS_SECURE CREATED:T"
    " LAST_ALTERED:T LAST_DDL:T LAST_DDL_BY COMMENT"
)
_SCHEMATA = (
    "CATALOG_NAME SCHEMA_NAME SCHEMA_OWNER IS_TRANSIENT IS_MANAGED_ACCESS RETENTION_TIME:N DEFAULT_CHARACTER_SET_CATALOG"
    " DEFAULT_CHARACTER_SET_SCHEMA DEFAULT_CHARACTER_SET_NAME SQL_PATH CREATED:T LAST_ALTERED:T COMMENT"
)
_DATABASES = "DATABASE_NAME DATABASE_OWNER IS_TRANSIENT COMMENT CREATED:T LAST_ALTERED:T RETENTION_TIME:N TYPE"
_CONSTRAINTS = (
    "CONSTRAINT_CATALOG CONSTRAINT_SCHEMA CONSTRAINT_NAME TABLE_CATALOG TABLE_SCHEMA TABLE_NAME CONSTRAINT_TYPE IS_DEFERRABLE"
    " INITIALLY_DEFERRED ENFORCED COMMENT CREATED:T LAST_ALTERED:T RELY"
)
_REFERENTIAL = (
    "CONSTRAINT_CATALOG CONSTRAINT_SCHEMA CONSTRAINT_NAME UNIQUE_CONSTRAINT_CATALOG UNIQUE_CONSTRAINT_SCHEMA UNIQUE_CONSTRAINT_NAME"
    " MATCH_OPTION UPDATE_RULE DELETE_RULE COMMENT CREATED:T LAST_ALTERED:T"
)
_PRIVILEGES = "GRANTOR GRANTEE GRANTED_TO OBJECT_CATALOG OBJECT_SCHEMA OBJECT_NAME OBJECT_TYPE PRIVILEGE_TYPE IS_GRANTABLE CREATED:T"
_SEQUENCES = (
    "SEQUENCE_CATALOG SEQUENCE_SCHEMA SEQUENCE_NAME SEQUENCE_OWNER DATA_TYPE NUMERIC_PRECISION:N NUMERIC_PRECISION_RADIX:N"
    " NUMERIC_SCALE:N START_VALUE MINIMUM_VALUE MAXIMUM_VALUE NEXT_VALUE INCREMENT CYCLE_OPTION CREATED:T LAST_ALTERED:T ORDERED COMMENT"
)
_STAGES = "STAGE_CATALOG STAGE_SCHEMA STAGE_NAME STAGE_URL STAGE_REGION STAGE_TYPE STAGE_OWNER COMMENT CREATED:T LAST_ALTERED:T"
_FORMATS = "FILE_FORMAT_CATALOG FILE_FORMAT_SCHEMA FILE_FORMAT_NAME FILE_FORMAT_OWNER FILE_FORMAT_TYPE CREATED:T LAST_ALTERED:T COMMENT"
_FUNCTIONS = (
    "{0}_CATALOG {0}_SCHEMA {0}_NAME {0}_OWNER ARGUMENT_SIGNATURE DATA_TYPE {0}_LANGUAGE {0}_DEFINITION CREATED:T LAST_ALTERED:T"
    " COMMENT"
)
_PIPES = (
    "PIPE_CATALOG PIPE_SCHEMA PIPE_NAME PIPE_OWNER DEFINITION IS_AUTOINGEST_ENABLED CREATED:T LAST_ALTERED:T COMMENT"
)
_LOADS = (
    "SCHEMA_NAME FILE_NAME TABLE_NAME LAST_LOAD_TIME:T STATUS ROW_COUNT:N ROW_PARSED:N FIRST_ERROR_MESSAGE FIRST_ERROR_LINE_NUMBER:N"
    " FIRST_ERROR_CHARACTER_POSITION:N FIRST_ERROR_COL_NAME ERROR_COUNT:N ERROR_LIMIT:N"
)
_STORAGE = (
    "TABLE_CATALOG TABLE_SCHEMA TABLE_NAME ID:N CLONE_GROUP_ID:N IS_TRANSIENT ACTIVE_BYTES:N TIME_TRAVEL_BYTES:N FAILSAFE_BYTES:N"
    " RETAINED_FOR_CLONE_BYTES:N TABLE_CREATED:T TABLE_DROPPED:T TABLE_ENTERED_FAILSAFE:T COMMENT"
)

INFORMATION_SCHEMA: dict[str, SystemView] = {
    "TABLES": _view(_TABLES, rows.tables),
    "COLUMNS": _view(_COLUMNS, rows.columns),
    "VIEWS": _view(_VIEWS, rows.views),
    "SCHEMATA": _view(_SCHEMATA, rows.schemata),
    "DATABASES": _view(_DATABASES, rows.databases),
    "INFORMATION_SCHEMA_CATALOG_NAME": _view("CATALOG_NAME", rows.catalog_name),
    "TABLE_CONSTRAINTS": _view(_CONSTRAINTS, rows.constraints),
    "REFERENTIAL_CONSTRAINTS": _view(_REFERENTIAL, rows.referential_constraints),
    "OBJECT_PRIVILEGES": _view(_PRIVILEGES, grant_rows.object_privileges),
    "TABLE_PRIVILEGES": _view(
        "GRANTOR GRANTEE GRANTED_TO TABLE_CATALOG TABLE_SCHEMA TABLE_NAME PRIVILEGE_TYPE IS_GRANTABLE WITH_HIERARCHY CREATED:T",
        grant_rows.table_privileges,
    ),
    "USAGE_PRIVILEGES": _view(_PRIVILEGES, grant_rows.usage_privileges),
    "APPLICABLE_ROLES": _view("GRANTEE ROLE_NAME ROLE_OWNER IS_GRANTABLE", grant_rows.applicable_roles),
    "ENABLED_ROLES": _view("ROLE_NAME ROLE_OWNER", grant_rows.enabled_roles),
    "SEQUENCES": _view(_SEQUENCES, rows.sequences),
    "STAGES": _view(_STAGES, rows.stages),
    "FILE_FORMATS": _view(_FORMATS, rows.file_formats),
    "FUNCTIONS": _view(_FUNCTIONS.format("FUNCTION"), rows.functions),
    "PROCEDURES": _view(_FUNCTIONS.format("PROCEDURE"), rows.procedures),
    "PIPES": _view(_PIPES, rows.pipes),
    "PACKAGES": _view("PACKAGE_NAME VERSION LANGUAGE RUNTIME_VERSION", rows.packages),
    "LOAD_HISTORY": _view(_LOADS, rows.load_history),
    "TABLE_STORAGE_METRICS": _view(_STORAGE, rows.storage_metrics),
}

_QUERY_HISTORY = (
    "QUERY_ID QUERY_TEXT DATABASE_ID:N DATABASE_NAME SCHEMA_ID:N SCHEMA_NAME QUERY_TYPE SESSION_ID:N USER_NAME ROLE_NAME WAREHOUSE_ID:N"
    " WAREHOUSE_NAME WAREHOUSE_SIZE WAREHOUSE_TYPE CLUSTER_NUMBER:N QUERY_TAG EXECUTION_STATUS ERROR_CODE ERROR_MESSAGE START_TIME:T"
    " END_TIME:T TOTAL_ELAPSED_TIME:N BYTES_SCANNED:N PERCENTAGE_SCANNED_FROM_CACHE:F BYTES_WRITTEN:N BYTES_WRITTEN_TO_RESULT:N"
    " BYTES_READ_FROM_RESULT:N ROWS_PRODUCED:N ROWS_INSERTED:N ROWS_UPDATED:N ROWS_DELETED:N ROWS_UNLOADED:N BYTES_DELETED:N"
    " PARTITIONS_SCANNED:N PARTITIONS_TOTAL:N BYTES_SPILLED_TO_LOCAL_STORAGE:N BYTES_SPILLED_TO_REMOTE_STORAGE:N"
    " BYTES_SENT_OVER_THE_NETWORK:N COMPILATION_TIME:N EXECUTION_TIME:N QUEUED_PROVISIONING_TIME:N QUEUED_REPAIR_TIME:N"
    " QUEUED_OVERLOAD_TIME:N TRANSACTION_BLOCKED_TIME:N OUTBOUND_DATA_TRANSFER_CLOUD OUTBOUND_DATA_TRANSFER_REGION"
    " OUTBOUND_DATA_TRANSFER_BYTES:N INBOUND_DATA_TRANSFER_CLOUD INBOUND_DATA_TRANSFER_REGION INBOUND_DATA_TRANSFER_BYTES:N"
    " LIST_EXTERNAL_FILES_TIME:N CREDITS_USED_CLOUD_SERVICES:F RELEASE_VERSION EXTERNAL_FUNCTION_TOTAL_INVOCATIONS:N"
    " QUERY_LOAD_PERCENT:N IS_CLIENT_GENERATED_STATEMENT:B QUERY_ACCELERATION_BYTES_SCANNED:N TRANSACTION_ID:N"
    " CHILD_QUERIES_WAIT_TIME:N ROLE_TYPE QUERY_HASH QUERY_HASH_VERSION:N QUERY_PARAMETERIZED_HASH"
    " QUERY_PARAMETERIZED_HASH_VERSION:N SECONDARY_ROLE_STATS USER_TYPE"
)
_LOGIN_HISTORY = (
    "EVENT_ID:N EVENT_TIMESTAMP:T EVENT_TYPE USER_NAME CLIENT_IP REPORTED_CLIENT_TYPE REPORTED_CLIENT_VERSION"
    " FIRST_AUTHENTICATION_FACTOR SECOND_AUTHENTICATION_FACTOR IS_SUCCESS ERROR_CODE:N ERROR_MESSAGE RELATED_EVENT_ID:N CONNECTION"
)
_TASK_HISTORY = (
    "QUERY_ID NAME DATABASE_NAME SCHEMA_NAME QUERY_TEXT CONDITION_TEXT STATE ERROR_CODE ERROR_MESSAGE SCHEDULED_TIME:T QUERY_START_TIME:T"
    " COMPLETED_TIME:T ROOT_TASK_ID GRAPH_VERSION:N RUN_ID RETURN_VALUE SCHEDULED_FROM ATTEMPT_NUMBER:N CONFIG"
    " GRAPH_RUN_GROUP_ID DATABASE_ID:N SCHEMA_ID:N TASK_ID:N"
)
_METERING = (
    "START_TIME:T END_TIME:T WAREHOUSE_ID:N WAREHOUSE_NAME CREDITS_USED:F CREDITS_USED_COMPUTE:F CREDITS_USED_CLOUD_SERVICES:F"
    " CREDITS_ATTRIBUTED_COMPUTE_QUERIES:F"
)
_ACCESS_HISTORY = (
    "QUERY_ID QUERY_START_TIME:T USER_NAME DIRECT_OBJECTS_ACCESSED:A BASE_OBJECTS_ACCESSED:A OBJECTS_MODIFIED:A OBJECT_MODIFIED_BY_DDL"
    " POLICIES_REFERENCED:A PARENT_QUERY_ID ROOT_QUERY_ID"
)
# Of the queries, those that read or changed an object.
_TOUCHED_OBJECTS = " WHERE execution_status = 'SUCCESS' AND (" + (
    " OR ".join(
        f"COALESCE({column}, '[]') <> '[]'"
        for column in ("direct_objects_accessed", "base_objects_accessed", "objects_modified")
    )
    + ")"
)
_POLICY_REFERENCES = (
    "POLICY_DB POLICY_SCHEMA POLICY_ID:N POLICY_NAME POLICY_KIND REF_DATABASE_NAME REF_SCHEMA_NAME REF_ENTITY_NAME REF_ENTITY_DOMAIN"
    " REF_COLUMN_NAME REF_ARG_COLUMN_NAMES TAG_DATABASE TAG_SCHEMA TAG_NAME POLICY_STATUS"
)
_TAG_REFERENCES = (
    "TAG_DATABASE TAG_SCHEMA TAG_ID:N TAG_NAME TAG_VALUE OBJECT_DATABASE OBJECT_SCHEMA OBJECT_ID:N OBJECT_NAME OBJECT_DELETED:T DOMAIN"
    " COLUMN_ID:N COLUMN_NAME APPLY_METHOD"
)
_DEPENDENCIES = (
    "REFERENCED_DATABASE REFERENCED_SCHEMA REFERENCED_OBJECT_NAME REFERENCED_OBJECT_ID:N REFERENCED_OBJECT_DOMAIN REFERENCING_DATABASE"
    " REFERENCING_SCHEMA REFERENCING_OBJECT_NAME REFERENCING_OBJECT_ID:N REFERENCING_OBJECT_DOMAIN DEPENDENCY_TYPE"
)
_GRANTS_TO_ROLES = (
    "CREATED_ON:T MODIFIED_ON:T PRIVILEGE GRANTED_ON NAME TABLE_CATALOG TABLE_SCHEMA GRANTED_TO GRANTEE_NAME GRANT_OPTION:B GRANTED_BY"
    " DELETED_ON:T"
)
_USERS = (
    "USER_ID:N NAME CREATED_ON:T DELETED_ON:T LOGIN_NAME DISPLAY_NAME FIRST_NAME LAST_NAME EMAIL MUST_CHANGE_PASSWORD:B HAS_PASSWORD:B"
    " COMMENT DISABLED SNOWFLAKE_LOCK DEFAULT_WAREHOUSE DEFAULT_NAMESPACE DEFAULT_ROLE EXT_AUTHN_DUO EXT_AUTHN_UID BYPASS_MFA_UNTIL:T"
    " LAST_SUCCESS_LOGIN:T EXPIRES_AT:T LOCKED_UNTIL_TIME:T HAS_RSA_PUBLIC_KEY:B PASSWORD_LAST_SET_TIME:T OWNER DEFAULT_SECONDARY_ROLE TYPE"
)
_POLICIES = (
    "POLICY_NAME POLICY_ID:N POLICY_SCHEMA_ID:N POLICY_SCHEMA POLICY_CATALOG_ID:N POLICY_CATALOG POLICY_OWNER POLIC"
    "Y_SIGNATURE POLICY_RETURN_TYPE POLICY_BODY POLICY_COMMENT CREATED:T LAST_ALTERED:T DELETED:T OWNER_ROLE_TYPE"
)

ACCOUNT_USAGE: dict[str, SystemView] = {
    "TABLES": _view(
        "TABLE_ID:N TABLE_SCHEMA_ID:N TABLE_CATALOG_ID:N " + _TABLES + " DELETED:T OWNER_ROLE_TYPE", rows.tables
    ),
    "COLUMNS": _view(
        "COLUMN_ID:N TABLE_ID:N TABLE_SCHEMA_ID:N TABLE_CATALOG_ID:N " + _COLUMNS + " DELETED:T", rows.columns
    ),
    "VIEWS": _view(
        "TABLE_ID:N TABLE_SCHEMA_ID:N TABLE_CATALOG_ID:N " + _VIEWS + " DELETED:T OWNER_ROLE_TYPE", rows.views
    ),
    "SCHEMATA": _view("SCHEMA_ID:N CATALOG_ID:N " + _SCHEMATA + " DELETED:T OWNER_ROLE_TYPE", rows.schemata),
    "DATABASES": _view("DATABASE_ID:N " + _DATABASES + " DELETED:T OWNER_ROLE_TYPE", rows.databases),
    "QUERY_HISTORY": _view(_QUERY_HISTORY, history="query_history"),
    "LOGIN_HISTORY": _view(_LOGIN_HISTORY, history="login_history"),
    "SESSIONS": _view(
        "SESSION_ID:N CREATED_ON:T USER_NAME AUTHENTICATION_METHOD LOGIN_EVENT_ID:N CLIENT_APPLICATION_VERSION CLIENT_APPLICATION_ID"
        " CLIENT_ENVIRONMENT CLIENT_BUILD_ID CLIENT_VERSION CLOSED_REASON",
        history="sessions",
    ),
    "TASK_HISTORY": _view(_TASK_HISTORY, history="task_history"),
    "WAREHOUSE_METERING_HISTORY": _view(_METERING, history="warehouse_metering_history"),
    "WAREHOUSE_EVENTS_HISTORY": _view(
        "TIMESTAMP:T WAREHOUSE_ID:N WAREHOUSE_NAME CLUSTER_NUMBER:N EVENT_NAME EVENT_REASON EVENT_STATE USER_NAME ROLE_NAME QUERY_ID SIZE"
        " CLUSTER_COUNT:N",
        history="warehouse_events_history",
    ),
    "LOAD_HISTORY": _view(_LOADS, history="load_history"),
    "COPY_HISTORY": _view(
        "FILE_NAME STAGE_LOCATION LAST_LOAD_TIME:T ROW_COUNT:N ROW_PARSED:N FILE_SIZE:N FIRST_ERROR_MESSAGE FIRST_ERROR_LINE_NUMBER:N"
        " FIRST_ERROR_CHARACTER_POS:N FIRST_ERROR_COLUMN_NAME ERROR_COUNT:N ERROR_LIMIT:N STATUS TABLE_ID:N TABLE_NAME TABLE_SCHEMA_NAME"
        " TABLE_CATALOG_NAME PIPE_NAME",
        history="load_history",
    ),
    "ALERT_HISTORY": _view(
        "NAME DATABASE_NAME SCHEMA_NAME CONDITION CONDITION_QUERY_ID ACTION ACTION_QUERY_ID STATE SQL_ERROR_CODE SQL_ERROR_MESSAGE"
        " SCHEDULED_TIME:T COMPLETED_TIME:T DATABASE_ID:N SCHEMA_ID:N ALERT_ID:N",
        history="alert_history",
    ),
    "DYNAMIC_TABLE_REFRESH_HISTORY": _view(
        "NAME SCHEMA_NAME DATABASE_NAME QUALIFIED_NAME STATE STATE_CODE STATE_MESSAGE QUERY_ID DATA_TIMESTAMP:T REFRESH_START_TIME:T"
        " REFRESH_END_TIME:T COMPLETION_TARGET:T LAST_COMPLETED_DEPENDENCY:O STATISTICS:O REFRESH_ACTION REFRESH_TRIGGER TARGET_LAG_SEC:N"
        " GRAPH_HISTORY_VALID_FROM:T WAREHOUSE TARGET_LAG TABLE_ID:N",
        history="dynamic_table_refresh_history",
    ),
    "MATERIALIZED_VIEW_REFRESH_HISTORY": _view(
        "START_TIME:T END_TIME:T CREDITS_USED:F TABLE_ID:N TABLE_NAME SCHEMA_NAME DATABASE_NAME",
        history="materialized_view_refresh_history",
    ),
    "COMPLETE_TASK_GRAPHS": _view(
        "ROOT_TASK_NAME DATABASE_NAME SCHEMA_NAME STATE SCHEDULED_FROM FIRST_ERROR_TASK_NAME FIRST_ERROR_CODE:N FIRST_ERROR_MESSAGE"
        " SCHEDULED_TIME:T QUERY_START_TIME:T NEXT_SCHEDULED_TIME:T COMPLETED_TIME:T ROOT_TASK_ID GRAPH_VERSION:N RUN_ID"
        " ATTEMPT_NUMBER:N CONFIG GRAPH_RUN_GROUP_ID ORIGINAL_SCHEDULED_TIME:T",
        governance.complete_graphs,
    ),
    "TASK_VERSIONS": _view(
        "ROOT_TASK_ID GRAPH_VERSION:N GRAPH_VERSION_CREATED_ON:T NAME ID DATABASE_ID:N DATABASE_NAME SCHEMA_ID:N SCHEMA_NAME OWNER COMMENT"
        " WAREHOUSE_NAME SCHEDULE PREDECESSORS:A STATE DEFINITION CONDITION_TEXT ALLOW_OVERLAPPING_EXECUTION ERROR_INTEGRATION"
        " LAST_COMMITTED_ON LAST_SUSPENDED_ON",
        history="task_versions",
    ),
    "WAREHOUSE_LOAD_HISTORY": _view(
        "START_TIME:T END_TIME:T WAREHOUSE_ID:N WAREHOUSE_NAME AVG_RUNNING:F AVG_QUEUED_LOAD:F AVG_QUEUED_PROVISIONING:F AVG_BLOCKED:F",
        governance.warehouse_load,
    ),
    "METERING_HISTORY": _view(
        "SERVICE_TYPE START_TIME:T END_TIME:T ENTITY_ID:N ENTITY_TYPE NAME DATABASE_ID:N DATABASE_NAME SCHEMA_ID:N SCHEMA_NAME"
        " CREDITS_USED_COMPUTE:F CREDITS_USED_CLOUD_SERVICES:F CREDITS_USED:F BYTES:N ROWS:N FILES:N",
        governance.metering,
    ),
    "RESOURCE_MONITORS": _view(
        "NAME CREATED:T CREDIT_QUOTA:F USED_CREDITS:F REMAINING_CREDITS:F OWNER WARNING_USERS NOTIFY:N SUSPEND:N SUSPEND_IMMEDIATE:N LEVEL",
        governance.resource_monitors,
    ),
    "ACCESS_HISTORY": _view(
        _ACCESS_HISTORY, history="query_history", where=_TOUCHED_OBJECTS, named={"QUERY_START_TIME": "start_time"}
    ),
    "METERING_DAILY_HISTORY": _view(
        "SERVICE_TYPE USAGE_DATE:D CREDITS_USED_COMPUTE:F CREDITS_USED_CLOUD_SERVICES:F CREDITS_USED:F"
        " CREDITS_ADJUSTMENT_CLOUD_SERVICES:F CREDITS_BILLED:F",
        governance.metering_daily,
    ),
    "POLICY_REFERENCES": _view(_POLICY_REFERENCES, governance.policy_references),
    "TAG_REFERENCES": _view(_TAG_REFERENCES, governance.tag_references),
    "TAGS": _view(
        "TAG_ID:N TAG_NAME TAG_SCHEMA_ID:N TAG_SCHEMA "
        "TAG_DATABASE_ID:N TAG_DATABASE TAG_OWNER TAG_COMMENT CREATED:T LAST_ALTERED:T DELETED:T ALLOWED_VALUES:A OWNER_ROLE_TYPE",
        governance.tags,
    ),
    "MASKING_POLICIES": _view(_POLICIES, governance.masking_policies),
    "ROW_ACCESS_POLICIES": _view(_POLICIES, governance.row_access_policies),
    "OBJECT_DEPENDENCIES": _view(_DEPENDENCIES, governance.object_dependencies),
    "ROLES": _view(
        "ROLE_ID:N CREATED_ON:T DELETED_ON:T NAME COMMENT OWNER ROLE_TYPE ROLE_DATABASE_NAME OWNER_ROLE_TYPE",
        grant_rows.roles,
    ),
    "USERS": _view(_USERS, grant_rows.users),
    "GRANTS_TO_ROLES": _view(_GRANTS_TO_ROLES, grant_rows.grants_to_roles),
    "GRANTS_TO_USERS": _view(
        "CREATED_ON:T DELETED_ON:T ROLE GRANTED_TO GRANTEE_NAME GRANTED_BY", grant_rows.grants_to_users
    ),
    "TABLE_CONSTRAINTS": _view(_CONSTRAINTS + " DELETED:T", rows.constraints),
    "REFERENTIAL_CONSTRAINTS": _view(_REFERENTIAL + " DELETED:T", rows.referential_constraints),
    "SEQUENCES": _view(_SEQUENCES + " DELETED:T", rows.sequences),
    "STAGES": _view("STAGE_ID:N " + _STAGES + " DELETED:T", rows.stages),
    "FILE_FORMATS": _view(_FORMATS + " DELETED:T", rows.file_formats),
    "FUNCTIONS": _view("FUNCTION_ID:N " + _FUNCTIONS.format("FUNCTION") + " DELETED:T", rows.functions),
    "PROCEDURES": _view("PROCEDURE_ID:N " + _FUNCTIONS.format("PROCEDURE") + " DELETED:T", rows.procedures),
    "PIPES": _view("PIPE_ID:N " + _PIPES + " DELETED:T", rows.pipes),
    "TABLE_STORAGE_METRICS": _view(_STORAGE + " DELETED:B", rows.storage_metrics),
}
_SCHEMAS = {"INFORMATION_SCHEMA": INFORMATION_SCHEMA, "ACCOUNT_USAGE": ACCOUNT_USAGE}


def bind_system_view(context: Context, path: tuple[str, ...]) -> Relation:
    """A system view by its full name.

    Raises:
        SnowflakeError: there is none of that name, or the roles may not see it (002003).
    """
    database, schema, name = path[-3:]
    item = context.account.catalog.find("DATABASE", ACCOUNT, database)
    found = _SCHEMAS[schema].get(name)
    if item is None or found is None or not _may_read(context, item, schema):
        raise does_not_exist("Object", ".".join(path))
    context.reads.volatile = True
    if found.history is not None:
        return history_relation(context, found, found.history, found.where)
    databases = None if schema == "ACCOUNT_USAGE" else [item]
    reader = rows.Reader(context, databases, with_dropped=schema == "ACCOUNT_USAGE")
    made = found.make(reader) if found.make else ()
    return dict_relation(context, found.columns, made)


def _may_read(context: Context, database: CatalogObject, schema: str) -> bool:
    catalog, roles = context.account.catalog, context.roles
    if not holds(catalog, roles, "USAGE", database):
        return False
    # IMPORTED PRIVILEGES on a shared database are those on all that is in it; it is kept as USAGE.
    if schema == "INFORMATION_SCHEMA" or database.body.get("kind") == "APPLICATION":
        return True
    item = catalog.find("SCHEMA", database.oid, schema)
    return item is not None and holds(catalog, roles, "USAGE", item)


def history_relation(
    context: Context,
    view: SystemView,
    table: str,
    where: str = "",
    current: list[dict[str, Any]] | None = None,
) -> Relation:
    """A view over a history table, and rows that are not in it yet; columns that history does not keep are NULL, arrays empty.

    `where` is DuckDB text after the FROM; the column `_n` in it grows with each row recorded, and is NULL for one not in it yet.
    """
    context.reads.volatile = True
    source = context.account.history.table(table)
    if current:
        added = context.register(pa.Table.from_pylist(current, schema=HISTORY_TABLES[table]))
        source = f"(SELECT *, rowid AS _n FROM {source} UNION ALL BY NAME FROM {added}) AS _history"
    elif where:
        source = f"(SELECT *, rowid AS _n FROM {source}) AS _history"
    kept = set(HISTORY_TABLES[table].names)
    parts = []
    for name, kind in view.columns:
        column = view.named.get(name, name.lower())
        text = quote(column) if column in kept else "NULL"
        if kind == ARRAY:
            text = f"COALESCE({text}, '[]')"
        parts.append(f"CAST({text} AS {kind.to_duckdb()}) AS {quote(name)}")
    text = f"SELECT {', '.join(parts)} FROM {source}{where}"
    return Relation(text, [OutputColumn(name, kind, name) for name, kind in view.columns])


def dict_relation(
    context: Context, columns: Iterable[tuple[str, DataType]], made: Iterable[dict[str, Any]]
) -> Relation:
    """A relation of rows given as dictionaries by column name; a column that a row has not is NULL."""
    from embedded.snowflake.sql.table_functions import rows_relation

    listed = [Column(name, kind) for name, kind in columns]
    return rows_relation(context, Result(listed, [tuple(row.get(column.name) for column in listed) for row in made]))
