"""Rows of the system views about policies, tags, dependencies, access and credits."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import orjson

from embedded.snowflake.catalog import references
from embedded.snowflake.catalog.model import CatalogObject
from embedded.snowflake.errors import SnowflakeError
from embedded.snowflake.security.privileges import role_name
from embedded.snowflake.sql.system_rows import Reader, Row, place_names


def policy_references(reader: Reader) -> Iterator[Row]:
    """POLICY_REFERENCES."""
    for row in references.all_policy_references(reader.context.session):
        yield dict(zip(references.POLICY_REFERENCES_COLUMNS, row, strict=True))


def tag_references(reader: Reader) -> Iterator[Row]:
    """TAG_REFERENCES."""
    for row in references.all_tag_references(reader.context.session):
        yield dict(zip(references.TAG_REFERENCES_COLUMNS, row, strict=True))


def tags(reader: Reader) -> Iterator[Row]:
    """TAGS."""
    for item in reader.objects("TAG"):
        database, schema = reader.place(item)
        allowed = item.body.get("allowed_values")
        yield {
            "TAG_ID": item.oid,
            "TAG_NAME": item.name,
            "TAG_SCHEMA_ID": schema.oid,
            "TAG_SCHEMA": schema.name,
            "TAG_DATABASE_ID": database.oid,
            "TAG_DATABASE": database.name,
            "TAG_OWNER": role_name(reader.catalog, item.owner) or None,
            "TAG_COMMENT": item.comment or None,
            "ALLOWED_VALUES": orjson.dumps(allowed).decode() if allowed is not None else None,
            **reader.times(item),
        }


def masking_policies(reader: Reader) -> Iterator[Row]:
    """MASKING_POLICIES."""
    return _policies(reader, "MASKING POLICY")


def row_access_policies(reader: Reader) -> Iterator[Row]:
    """ROW_ACCESS_POLICIES."""
    return _policies(reader, "ROW ACCESS POLICY")


def _policies(reader: Reader, kind: str) -> Iterator[Row]:
    from embedded.snowflake.catalog.arguments import signature

    for item in reader.objects(kind):
        yield {
            **reader.base(item, "POLICY"),
            "POLICY_SIGNATURE": signature(item.body["arguments"], names=True),
            "POLICY_RETURN_TYPE": item.body["returns"],
            "POLICY_BODY": item.body["body"],
            "POLICY_COMMENT": item.comment or None,
        }


def object_dependencies(reader: Reader) -> Iterator[Row]:
    """OBJECT_DEPENDENCIES: what views and dynamic tables read, and the sources of streams."""
    from embedded.snowflake.statements.physical import query_sources

    for item in reader.objects("VIEW", "MATERIALIZED VIEW", "DYNAMIC TABLE", "STREAM"):
        if item.dropped_on is not None:
            continue
        if item.kind == "STREAM":
            sources = {item.body["source"]}
        else:
            try:
                sources = query_sources(reader.context.session, item.body["query"])
            except SnowflakeError:
                continue
        for oid in sorted(sources):
            yield {
                **_dependency(reader, reader.catalog.get(oid), "REFERENCED"),
                **_dependency(reader, item, "REFERENCING"),
                "DEPENDENCY_TYPE": "BY_NAME",
            }


def _dependency(reader: Reader, item: CatalogObject, word: str) -> Row:
    database, schema = place_names(reader, item)
    return {
        f"{word}_DATABASE": database,
        f"{word}_SCHEMA": schema,
        f"{word}_OBJECT_NAME": item.name,
        f"{word}_OBJECT_ID": item.oid,
        f"{word}_OBJECT_DOMAIN": item.kind,
    }


def metering_daily(reader: Reader) -> Iterator[Row]:
    """METERING_DAILY_HISTORY: the warehouses' credits by day."""
    days: dict[Any, list[float]] = {}
    for row in reader.context.account.history.rows("warehouse_metering_history"):
        compute, cloud = days.setdefault(row["start_time"].date(), [0.0, 0.0])
        days[row["start_time"].date()] = [
            compute + (row["credits_used_compute"] or 0.0),
            cloud + (row["credits_used_cloud_services"] or 0.0),
        ]
    for day, (compute, cloud) in sorted(days.items()):
        rebate = -min(cloud, compute * 0.1)
        yield {
            "SERVICE_TYPE": "WAREHOUSE_METERING",
            "USAGE_DATE": day,
            "CREDITS_USED_COMPUTE": compute,
            "CREDITS_USED_CLOUD_SERVICES": cloud,
            "CREDITS_USED": compute + cloud,
            "CREDITS_ADJUSTMENT_CLOUD_SERVICES": rebate,
            "CREDITS_BILLED": compute + cloud + rebate,
        }


def _upper(rows: Iterable[Row]) -> Iterator[Row]:
    for row in rows:
        yield {key.upper(): value for key, value in row.items()}


def complete_graphs(reader: Reader) -> Iterator[Row]:
    """COMPLETE_TASK_GRAPHS: the runs of graphs of tasks that ended."""
    from embedded.snowflake.history.graphs import complete_graphs as rows

    return _upper(rows(reader.context.account))


def warehouse_load(reader: Reader) -> Iterator[Row]:
    """WAREHOUSE_LOAD_HISTORY: statements running and waiting, by five minutes."""
    from embedded.snowflake.history.load import warehouse_load as rows

    return _upper(rows(reader.context.account))


def metering(reader: Reader) -> Iterator[Row]:
    """METERING_HISTORY: the warehouses' credits by hour, as one of the services."""
    for row in reader.context.account.history.rows("warehouse_metering_history"):
        yield {
            "SERVICE_TYPE": "WAREHOUSE_METERING",
            "ENTITY_TYPE": "WAREHOUSE",
            "ENTITY_ID": row["warehouse_id"],
            "NAME": row["warehouse_name"],
            **{key.upper(): value for key, value in row.items() if key.startswith(("credits", "start", "end"))},
        }


def resource_monitors(reader: Reader) -> Iterator[Row]:
    """RESOURCE_MONITORS: the account's monitors with what was used of them."""
    account = reader.context.account
    for monitor in account.catalog.all("RESOURCE MONITOR"):
        properties, used = monitor.body["properties"], account.monitors.used(monitor)
        quota = properties.get("CREDIT_QUOTA")
        least = {
            action: min(
                (threshold for threshold, done in monitor.body.get("triggers") or [] if done == action), default=None
            )
            for action in ("NOTIFY", "SUSPEND", "SUSPEND_IMMEDIATE")
        }
        yield {
            "NAME": monitor.name,
            "CREATED": monitor.created_on,
            "CREDIT_QUOTA": quota,
            "USED_CREDITS": used,
            "REMAINING_CREDITS": None if quota is None else quota - used,
            "OWNER": "ACCOUNTADMIN",
            "WARNING_USERS": ", ".join(properties.get("NOTIFY_USERS") or []) or None,
            **least,
            "LEVEL": account.monitors.level(monitor),
        }
