"""Answer data sources: what a program asks of the account without managing it. So far ``getTables``."""

import re
import time
from collections.abc import Callable, Mapping
from typing import Any

from embedded.provider import literals, names
from embedded.provider.errors import PreviewFeatureError, UnsupportedError
from embedded.provider.kinds.columns import text
from embedded.provider.reads import Reads
from embedded.provider.session import Client, Row

DataSource = Callable[[Client, Reads, Mapping[str, Any], Mapping[str, Any]], dict[str, Any]]

_SECONDS = 20 * 60.0
_FEATURE = "snowflake_tables_datasource"
_TRUE = ("true", "y", "on", "1")


def _whole(value: Any) -> int:
    return int(float(value)) if value not in (None, "") else 0


def _flag(value: Any) -> bool:
    return str(value).lower() in _TRUE


# The columns of SHOW TABLES as the official plugin hands them on.
_COLUMNS: dict[str, tuple[str, Callable[[Any], Any]]] = {
    "automaticClustering": ("automatic_clustering", _flag),
    "budget": ("budget", text),
    "bytes": ("bytes", _whole),
    "changeTracking": ("change_tracking", _flag),
    "clusterBy": ("cluster_by", text),
    "comment": ("comment", text),
    "createdOn": ("created_on", text),
    "databaseName": ("database_name", text),
    "droppedOn": ("dropped_on", text),
    "enableSchemaEvolution": ("enable_schema_evolution", _flag),
    "isEvent": ("is_event", _flag),
    "isExternal": ("is_external", _flag),
    "kind": ("kind", text),
    "name": ("name", text),
    "owner": ("owner", text),
    "ownerRoleType": ("owner_role_type", text),
    "retentionTime": ("retention_time", _whole),
    "rows": ("rows", _whole),
    "schemaName": ("schema_name", text),
    "searchOptimization": ("search_optimization", _flag),
    "searchOptimizationBytes": ("search_optimization_bytes", _whole),
    "searchOptimizationProgress": ("search_optimization_progress", text),
}


def get_tables(client: Client, reads: Reads, config: Mapping[str, Any], args: Mapping[str, Any]) -> dict[str, Any]:
    """Return the tables that SHOW TABLES finds; questions at about the same time share one statement.

    Raises:
        PreviewFeatureError: the data source is not enabled.
        UnsupportedError: the columns of the tables are asked for too.
    """
    if _FEATURE not in (config.get("preview_features_enabled") or []):
        raise PreviewFeatureError(_FEATURE)
    if args.get("withDescribe", True):
        raise UnsupportedError("getTables with withDescribe: set it to false")
    deadline = time.monotonic() + _SECONDS
    rows = _shared(client, reads, args, deadline)
    tables = [{"showOutputs": [_shown(row)], "describeOutputs": []} for row in rows]
    return {**args, "id": "tables", "tables": tables}


def _shared(client: Client, reads: Reads, args: Mapping[str, Any], deadline: float) -> list[Row]:
    place, like, rest = _place(args.get("in") or {}), args.get("like"), _rest(args)

    def run(sql: str) -> list[Row]:
        return client.run(sql, deadline)

    def statement(*words: str) -> str:
        return " ".join(filter(None, ("SHOW TABLES", *words)))

    if not like or rest:
        return run(statement(f"LIKE {literals.text(like)}" if like else "", place, rest))
    narrow = statement(f"LIKE {literals.text(like)}", place)
    rows = reads.show(("TABLES", place), like, narrow, statement(place), run, eager=True)
    pattern = re.compile(re.escape(like).replace("%", ".*").replace("_", "."), re.IGNORECASE | re.DOTALL)
    return [row for row in rows if pattern.fullmatch(str(row["name"]))]


def _place(given: Mapping[str, Any]) -> str:
    if given.get("schema"):
        return f"IN SCHEMA {given['schema']}"
    if given.get("database"):
        return f"IN DATABASE {names.quote(given['database'])}"
    unknown = sorted(set(given) - {"account", "schema", "database"})
    if unknown:
        raise UnsupportedError(f"getTables in {unknown[0]}")
    return "IN ACCOUNT" if given.get("account") else ""


def _rest(args: Mapping[str, Any]) -> str:
    starts = f"STARTS WITH {literals.text(args['startsWith'])}" if args.get("startsWith") else ""
    limit = args.get("limit") or {}
    if not limit:
        return starts
    starts = f"{starts} " if starts else ""
    first = f" FROM {literals.text(limit['from'])}" if limit.get("from") else ""
    return f"{starts}LIMIT {_whole(limit['rows'])}{first}"


def _shown(row: Row) -> dict[str, Any]:
    return {name: form(row.get(column)) for name, (column, form) in _COLUMNS.items()}


FUNCTIONS: dict[str, DataSource] = {"snowflake:index/getTables:getTables": get_tables}
