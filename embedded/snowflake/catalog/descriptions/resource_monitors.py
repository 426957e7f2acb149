"""Resource monitors."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from embedded.snowflake.catalog.kinds import Definition, Kind, register
from embedded.snowflake.catalog.model import ACCOUNT, CatalogObject
from embedded.snowflake.catalog.show import columns
from embedded.snowflake.catalog.values import (
    Property,
    identifiers,
    integer,
    invalid_value,
    nullable_text,
    read_properties,
    text,
    word,
)
from embedded.snowflake.errors import SqlCompilationError, does_not_exist
from embedded.snowflake.result import TIMESTAMP_LTZ
from embedded.snowflake.scheduler.monitors import ACTIONS
from embedded.snowflake.security.privileges import require

if TYPE_CHECKING:
    from embedded.snowflake.catalog.store import CatalogTransaction
    from embedded.snowflake.names import ObjectName
    from embedded.snowflake.session.dispatch import CreateOptions
    from embedded.snowflake.session.session import Session
    from embedded.snowflake.tokens import TokenStream

_IMMEDIATELY = "IMMEDIATELY"
# How many triggers of each action a monitor may have.
_MOST = {"NOTIFY": 5, "SUSPEND": 1, "SUSPEND_IMMEDIATE": 1}


def _start(tokens: TokenStream) -> str:
    """Read a time or IMMEDIATELY, which the official plugin sends in quotes."""
    if tokens.accept(_IMMEDIATELY):
        return _IMMEDIATELY
    written = text(tokens)
    return _IMMEDIATELY if written.upper() == _IMMEDIATELY else _time(written, "START_TIMESTAMP")


def _end(tokens: TokenStream) -> str | None:
    written = nullable_text(tokens)
    return None if written is None else _time(written, "END_TIMESTAMP")


def _time(written: str, key: str) -> str:
    try:
        found = datetime.fromisoformat(written.strip())
    except ValueError:
        raise invalid_value(written, key) from None
    return (found if found.tzinfo else found.replace(tzinfo=UTC)).isoformat()


_PROPERTIES = {
    "CREDIT_QUOTA": Property(integer),
    "FREQUENCY": Property(word("DAILY", "WEEKLY", "MONTHLY", "YEARLY", "NEVER"), "MONTHLY"),
    "START_TIMESTAMP": Property(_start),
    "END_TIMESTAMP": Property(_end),
    "NOTIFY_USERS": Property(identifiers),
}


def _read(session: Session, tokens: TokenStream, _: CreateOptions, __: ObjectName) -> Definition:
    tokens.accept("WITH")
    definition = Definition(body={"properties": {}, "triggers": []})
    properties = definition.body["properties"]
    properties.update(read_properties(tokens, _PROPERTIES, "RESOURCE MONITOR"))
    if tokens.at("TRIGGERS"):
        definition.body["triggers"] = _read_triggers(tokens)
    _check_schedule(properties, properties.keys())
    _check_users(session, properties)
    definition.body["start_time"] = _start_time(session, properties)
    definition.body["end_time"] = properties.get("END_TIMESTAMP")
    return definition


def _read_triggers(tokens: TokenStream) -> list[tuple[int, str]]:
    tokens.expect("TRIGGERS")
    found: list[tuple[int, str]] = []
    while tokens.accept("ON"):
        threshold = tokens.number()
        tokens.expect("PERCENT", "DO")
        action = tokens.next().text.upper()
        if action not in ACTIONS or threshold < 1:
            tokens.index -= 1
            raise tokens.unexpected()
        found.append((threshold, action))
    for action, most in _MOST.items():
        if sum(1 for _, done in found if done == action) > most:
            raise SqlCompilationError(f"A resource monitor has at most {most} {action} trigger(s).", 90076, "22023")
    if not found:
        raise tokens.unexpected()
    return found


def _check_schedule(properties: dict[str, Any], keys: Any) -> None:
    """A frequency and a start need each other, and an end needs both.

    Raises:
        SnowflakeError: one without the other (090078).
    """
    given = {key for key in ("FREQUENCY", "START_TIMESTAMP") if properties.get(key)}
    if len(given) == 1 and given & set(keys):
        raise SqlCompilationError(
            "A resource monitor's FREQUENCY and START_TIMESTAMP have to be set together.", 90078, "22023"
        )
    start, end = properties.get("START_TIMESTAMP"), properties.get("END_TIMESTAMP")
    if end and start not in (None, _IMMEDIATELY) and end <= start:
        raise invalid_value(end, "END_TIMESTAMP")
    quota = properties.get("CREDIT_QUOTA")
    if quota is not None and quota < 0:
        raise invalid_value(str(quota), "CREDIT_QUOTA")


def _check_users(session: Session, properties: dict[str, Any]) -> None:
    for name in properties.get("NOTIFY_USERS") or []:
        if session.account.catalog.find("USER", ACCOUNT, name) is None:
            raise does_not_exist("User", name)


def _start_time(session: Session, properties: dict[str, Any]) -> str:
    """When the first interval starts: as said, at once, or for one without a schedule at the month's first day."""
    start, now = properties.get("START_TIMESTAMP"), session.account.clock.now()
    if start == _IMMEDIATELY:
        return now.replace(second=0, microsecond=0).isoformat()
    if start:
        return start
    return now.replace(day=1, hour=0, minute=0, second=0, microsecond=0).isoformat()


def _alter(session: Session, tokens: TokenStream, item: CatalogObject) -> bool:
    """SET and TRIGGERS, which need MODIFY."""
    if not tokens.at("SET") and not tokens.at("TRIGGERS") and not tokens.at("NOTIFY"):
        return False
    require(session, "MODIFY", item)
    new = item.changed()
    properties = new.body["properties"]
    while tokens.accept("SET"):
        found = read_properties(tokens, _PROPERTIES, "RESOURCE MONITOR")
        if not found:
            raise tokens.unexpected()
        properties.update(found)
        _check_schedule(properties, found)
        _check_users(session, found)
        if "START_TIMESTAMP" in found:
            new.body["start_time"] = _start_time(session, properties)
        new.body["end_time"] = properties.get("END_TIMESTAMP")
    if tokens.at("TRIGGERS"):
        new.body["triggers"] = _read_triggers(tokens)
    with session.account.catalog.transaction() as changes:
        changes.put(new)
    return True


def _dropping(_: Session, changes: CatalogTransaction, item: CatalogObject) -> None:
    """Warehouses that it watched are watched no longer."""
    for warehouse in changes.catalog.all("WAREHOUSE"):
        if warehouse.body.get("properties", {}).get("RESOURCE_MONITOR") == item.name:
            new = warehouse.changed()
            new.body["properties"].pop("RESOURCE_MONITOR")
            changes.put(new)


# -- SHOW


def _quota(_: Session, item: CatalogObject) -> str | None:
    quota = item.body["properties"].get("CREDIT_QUOTA")
    return None if quota is None else f"{quota:.2f}"


def _used(session: Session, item: CatalogObject) -> str:
    return f"{session.account.monitors.used(item):.2f}"


def _remaining(session: Session, item: CatalogObject) -> str | None:
    quota = item.body["properties"].get("CREDIT_QUOTA")
    return None if quota is None else f"{quota - session.account.monitors.used(item):.2f}"


def _triggers(action: str) -> Any:
    def value(_: Session, item: CatalogObject) -> str | None:
        found = [f"{threshold}%" for threshold, done in item.body.get("triggers") or [] if done == action]
        return ",".join(found) or None

    return value


def _when(key: str) -> Any:
    def value(_: Session, item: CatalogObject) -> datetime | None:
        return datetime.fromisoformat(item.body[key]) if item.body.get(key) else None

    return TIMESTAMP_LTZ, value


_SHOW = columns(
    "name credit_quota used_credits remaining_credits level frequency start_time end_time notify_at suspend_at"
    " suspend_immediately_at created_on owner comment notify_users",
    credit_quota=_quota,
    used_credits=_used,
    remaining_credits=_remaining,
    level=lambda session, item: session.account.monitors.level(item),
    frequency=lambda _, item: item.body["properties"].get("FREQUENCY") or "MONTHLY",
    start_time=_when("start_time"),
    end_time=_when("end_time"),
    notify_at=_triggers("NOTIFY"),
    suspend_at=_triggers("SUSPEND"),
    suspend_immediately_at=_triggers("SUSPEND_IMMEDIATE"),
    notify_users=lambda _, item: ", ".join(item.body["properties"].get("NOTIFY_USERS") or []),
)

RESOURCE_MONITOR = register(
    Kind(
        "RESOURCE MONITOR",
        "RESOURCE MONITORS",
        properties=_PROPERTIES,
        # Not a privilege that can be granted: ACCOUNTADMIN alone creates monitors (statements/resource_monitor.py).
        create_privilege="",
        privileges=("MODIFY", "MONITOR"),
        show=_SHOW,
        read=_read,
        dropping=_dropping,
        alter=_alter,
    )
)
