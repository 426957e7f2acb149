"""Warehouses."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

from embedded.snowflake.catalog.kinds import Definition, Kind, register
from embedded.snowflake.catalog.model import ACCOUNT, CatalogObject
from embedded.snowflake.catalog.show import columns, number, prop
from embedded.snowflake.catalog.values import (
    Property,
    boolean,
    identifier,
    integer,
    invalid_value,
    read_keys,
    read_properties,
    text,
    word,
)
from embedded.snowflake.errors import SqlCompilationError, does_not_exist
from embedded.snowflake.result import BOOLEAN, TIMESTAMP_LTZ, Result, listing
from embedded.snowflake.scheduler.warehouses import SIZES, option
from embedded.snowflake.security.privileges import require, require_any
from embedded.snowflake.tokens import TokenStream

if TYPE_CHECKING:
    from embedded.snowflake.catalog.store import CatalogTransaction
    from embedded.snowflake.names import ObjectName
    from embedded.snowflake.session.dispatch import CreateOptions
    from embedded.snowflake.session.session import Session

_SPELLINGS = {
    **{name: name for name in SIZES},
    **{shown.upper(): name for name, (_, shown) in SIZES.items()},
    "X2LARGE": "XXLARGE",
    "X3LARGE": "XXXLARGE",
    "2XLARGE": "XXLARGE",
    "3XLARGE": "XXXLARGE",
    "4XLARGE": "X4LARGE",
    "5XLARGE": "X5LARGE",
    "6XLARGE": "X6LARGE",
}
_MOST_CLUSTERS = 300


def _size(tokens: TokenStream) -> str:
    written = text(tokens)
    # X-SMALL without quotes is three tokens.
    while tokens.accept("-"):
        written += "-" + text(tokens)
    if written.upper() not in _SPELLINGS:
        raise invalid_value(written, "WAREHOUSE_SIZE")
    return _SPELLINGS[written.upper()]


_PROPERTIES = {
    "WAREHOUSE_TYPE": Property(word("STANDARD", "SNOWPARK-OPTIMIZED"), "STANDARD"),
    "WAREHOUSE_SIZE": Property(_size, "XSMALL"),
    "WAIT_FOR_COMPLETION": Property(boolean, False),
    "MAX_CLUSTER_COUNT": Property(integer, 1),
    "MIN_CLUSTER_COUNT": Property(integer, 1),
    "SCALING_POLICY": Property(word("STANDARD", "ECONOMY"), "STANDARD"),
    "AUTO_SUSPEND": Property(integer, 600),
    "AUTO_RESUME": Property(boolean, True),
    "INITIALLY_SUSPENDED": Property(boolean, False),
    "RESOURCE_MONITOR": Property(identifier),
    "ENABLE_QUERY_ACCELERATION": Property(boolean, False),
    "QUERY_ACCELERATION_MAX_SCALE_FACTOR": Property(integer, 8),
    "RESOURCE_CONSTRAINT": Property(word()),
    "GENERATION": Property(word("1", "2")),
}


def _read(session: Session, tokens: TokenStream, _: CreateOptions, __: ObjectName) -> Definition:
    from embedded.snowflake.statements.objects import read_definition

    tokens.accept("WITH")
    definition = read_definition(session, tokens, WAREHOUSE)
    properties = definition.body["properties"]
    properties.pop("WAIT_FOR_COMPLETION", None)
    if properties.get("RESOURCE_MONITOR"):
        require(session, "CREATE WAREHOUSE")
    definition.body["uuid"] = str(uuid.uuid4())
    definition.body["updated_on"] = session.account.clock.now().isoformat()
    return definition


def _settle(session: Session, item: CatalogObject, keys: frozenset[str]) -> None:
    """Check the values against each other.

    Raises:
        SnowflakeError: clusters or seconds out of range (001008), or a monitor that does not exist (002003).
    """
    properties = item.body.setdefault("properties", {})
    properties.pop("WAIT_FOR_COMPLETION", None)
    least, most = option(item, "MIN_CLUSTER_COUNT", 1), option(item, "MAX_CLUSTER_COUNT", 1)
    if not 1 <= most <= _MOST_CLUSTERS:
        raise _invalid(most, "MAX_CLUSTER_COUNT")
    if not 1 <= least <= most:
        raise _invalid(least, "MIN_CLUSTER_COUNT")
    seconds = properties.get("AUTO_SUSPEND")
    if seconds is not None and seconds < 0:
        raise _invalid(seconds, "AUTO_SUSPEND")
    factor = option(item, "QUERY_ACCELERATION_MAX_SCALE_FACTOR", 8)
    if not 0 <= factor <= 100:
        raise _invalid(factor, "QUERY_ACCELERATION_MAX_SCALE_FACTOR")
    monitor = properties.get("RESOURCE_MONITOR") if "RESOURCE_MONITOR" in keys else None
    if monitor and session.account.catalog.find("RESOURCE MONITOR", ACCOUNT, monitor) is None:
        raise does_not_exist("Resource monitor", monitor)
    item.body["updated_on"] = session.account.clock.now().isoformat()


def _invalid(value: Any, key: str) -> SqlCompilationError:
    return invalid_value(str(value), key)


def _created(session: Session, _: CatalogTransaction, item: CatalogObject) -> None:
    """A new warehouse is the session's own, and runs unless it is to be suspended at first."""
    session.warehouse = item.name
    if not option(item, "INITIALLY_SUSPENDED", False):
        session.account.warehouses.resume(item, "WAREHOUSE_CREATE", session)


def _dropping(session: Session, _: CatalogTransaction, item: CatalogObject) -> None:
    session.account.warehouses.forget(item)
    if session.warehouse == item.name:
        session.warehouse = None


def _alter(session: Session, tokens: TokenStream, item: CatalogObject) -> bool:
    """SUSPEND, RESUME, ABORT ALL QUERIES; SET and UNSET, which need MODIFY."""
    warehouses = session.account.warehouses
    if tokens.accept("SUSPEND"):
        require(session, "OPERATE", item)
        warehouses.suspend(item, "WAREHOUSE_SUSPEND", session)
    elif tokens.accept("RESUME"):
        require(session, "OPERATE", item)
        _resume(session, item, lenient=tokens.accept("IF", "SUSPENDED"))
    elif tokens.accept("ABORT", "ALL", "QUERIES"):
        require(session, "OPERATE", item)
        warehouses.abort([query for query in warehouses.state(item.oid).queries if query != session.statement_id])
    elif tokens.at("SET", "TAG") or tokens.at("UNSET", "TAG"):
        return False
    elif tokens.accept("SET"):
        _set(session, tokens, item)
    elif tokens.accept("UNSET"):
        _unset(session, tokens, item)
    else:
        return False
    return True


def _resume(session: Session, item: CatalogObject, *, lenient: bool) -> None:
    if not session.account.warehouses.state(item.oid).started:
        session.account.warehouses.resume(item, "WAREHOUSE_RESUME", session)
    elif not lenient:
        raise SqlCompilationError(f"Invalid state. Warehouse '{item.name}' cannot be resumed.", 90063, "22000")


def _set(session: Session, tokens: TokenStream, item: CatalogObject) -> None:
    from embedded.snowflake.statements.objects import set_properties

    require(session, "MODIFY", item)
    found = read_properties(tokens, {**WAREHOUSE.all_properties, "COMMENT": Property(text)}, "WAREHOUSE")
    if not found:
        raise tokens.unexpected()
    if "INITIALLY_SUSPENDED" in found:
        raise SqlCompilationError("invalid property 'INITIALLY_SUSPENDED' for 'WAREHOUSE'", 1420, "22023")
    if "RESOURCE_MONITOR" in found and session.role_name != "ACCOUNTADMIN":
        require_any(session, ["MANAGE WAREHOUSES", "MODIFY"], item)
    set_properties(session, WAREHOUSE, item, found)
    session.account.warehouses.resized(session.account.catalog.get(item.oid))


def _unset(session: Session, tokens: TokenStream, item: CatalogObject) -> None:
    from embedded.snowflake.statements.objects import unset_properties

    require(session, "MODIFY", item)
    keys = read_keys(tokens, {**WAREHOUSE.all_properties, "COMMENT": Property(text)}, "WAREHOUSE")
    if not keys:
        raise tokens.unexpected()
    unset_properties(session, WAREHOUSE, item, keys)
    session.account.warehouses.resized(session.account.catalog.get(item.oid))


# -- SHOW


def _state(session: Session, item: CatalogObject) -> str:
    return "STARTED" if session.account.warehouses.state(item.oid).started else "SUSPENDED"


def _share(session: Session, item: CatalogObject) -> str:
    return "100" if session.account.warehouses.state(item.oid).started else ""


def _is_default(session: Session, item: CatalogObject) -> str:
    from embedded.snowflake.security.users import default_warehouse

    return "Y" if default_warehouse(session.account.catalog.get(session.user)) == item.name else "N"


def _resumed_on(session: Session, item: CatalogObject) -> Any:
    return session.account.warehouses.state(item.oid).resumed_on or item.created_on


def _updated_on(_: Session, item: CatalogObject) -> Any:
    from datetime import datetime

    return datetime.fromisoformat(item.body["updated_on"])


def _counts(key: str, default: Any) -> Any:
    return lambda _, item: option(item, key, default)


def _other_share(session: Session, item: CatalogObject) -> str:
    return "0" if _share(session, item) else ""


def _auto_suspend(_: Session, item: CatalogObject) -> int | None:
    return item.body.get("properties", {}).get("AUTO_SUSPEND", 600)


def _describe(_: Session, item: CatalogObject) -> Result:
    return listing([("created_on", TIMESTAMP_LTZ), "name", "kind"], [(item.created_on, item.name, "WAREHOUSE")])


def _generation(_: Session, item: CatalogObject) -> str | None:
    if option(item, "WAREHOUSE_TYPE", "STANDARD") != "STANDARD":
        return None
    return option(item, "GENERATION", "1")


_SHOW = columns(
    "name state type size min_cluster_count max_cluster_count started_clusters running queued is_default is_current"
    " auto_suspend auto_resume available provisioning quiescing other created_on resumed_on updated_on owner comment"
    " enable_query_acceleration query_acceleration_max_scale_factor resource_monitor actives pendings failed suspended"
    " uuid scaling_policy owner_role_type resource_constraint generation max_query_performance_level query_throughput_multiplier",
    state=_state,
    type=_counts("WAREHOUSE_TYPE", "STANDARD"),
    size=lambda _, item: SIZES[option(item, "WAREHOUSE_SIZE", "XSMALL")][1],
    min_cluster_count=number(_counts("MIN_CLUSTER_COUNT", 1)),
    max_cluster_count=number(_counts("MAX_CLUSTER_COUNT", 1)),
    started_clusters=number(lambda session, item: session.account.warehouses.clusters(item)),
    running=number(lambda session, item: len(session.account.warehouses.state(item.oid).queries)),
    queued=number(lambda session, item: session.account.warehouses.queued(item)),
    is_default=_is_default,
    auto_suspend=number(_auto_suspend),
    auto_resume=(BOOLEAN, _counts("AUTO_RESUME", True)),
    available=_share,
    provisioning=_other_share,
    quiescing=_other_share,
    other=_other_share,
    resumed_on=(TIMESTAMP_LTZ, _resumed_on),
    updated_on=(TIMESTAMP_LTZ, _updated_on),
    enable_query_acceleration=(BOOLEAN, _counts("ENABLE_QUERY_ACCELERATION", False)),
    query_acceleration_max_scale_factor=number(_counts("QUERY_ACCELERATION_MAX_SCALE_FACTOR", 8)),
    resource_monitor=_counts("RESOURCE_MONITOR", "null"),
    actives=number(lambda session, item: session.account.warehouses.clusters(item)),
    pendings=number(lambda *_: 0),
    failed=number(lambda *_: 0),
    suspended=number(lambda session, item: 0 if session.account.warehouses.state(item.oid).started else 1),
    uuid=lambda _, item: item.body["uuid"],
    scaling_policy=_counts("SCALING_POLICY", "STANDARD"),
    resource_constraint=prop("RESOURCE_CONSTRAINT", None),
    generation=_generation,
    max_query_performance_level=lambda *_: None,
    query_throughput_multiplier=number(lambda *_: None),
)

WAREHOUSE = register(
    Kind(
        "WAREHOUSE",
        "WAREHOUSES",
        properties=_PROPERTIES,
        level="warehouse",
        create_privilege="CREATE WAREHOUSE",
        privileges=("APPLYBUDGET", "MODIFY", "MONITOR", "OPERATE", "USAGE"),
        show=_SHOW,
        describe=_describe,
        read=_read,
        settle=_settle,
        created=_created,
        dropping=_dropping,
        alter=_alter,
    )
)
