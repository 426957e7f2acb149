"""Makes, lists and removes clone environments through the connector, on any account.

A clone is a database `<source>_<NAME>`, a warehouse `COMPUTE_WH_<NAME>` and a monitor `CLONE_COST_<NAME>`. What it is and until
when stands in the database's comment, so the account itself is the only list.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from logistics.connection import shown
from logistics.contracts import TableContract
from logistics.declarations import Declarations
from logistics.environments.rewrite import rebased
from logistics.errors import LogisticsError, UsageError
from logistics.settings import StackSettings
from logistics.sql import full_name, identifier, literal

MARK = "logistics clone "
"""How the comment of a clone's database begins; nothing else is ever removed."""

_NAME = re.compile(r"[a-z][a-z0-9-]{1,30}\Z")
_TABLE_PRIVILEGES = {
    "read": "SELECT",
    "write": "SELECT, INSERT, UPDATE, DELETE, TRUNCATE",
}


@dataclass(frozen=True, kw_only=True)
class Clone:
    """A clone environment.

    Attributes:
        name: as it was asked for, such as pr-123.
        database: its database.
        source: the database that it was cloned from.
        made_at: when, UTC.
        expires_at: when it is due for removal, UTC.
    """

    name: str
    database: str
    source: str
    made_at: datetime
    expires_at: datetime

    def expired(self, now: datetime) -> bool:
        """Says whether its time is over."""
        return self.expires_at <= now


@dataclass(frozen=True, kw_only=True)
class _Names:
    database: str
    warehouse: str
    monitor: str


def _names(settings: StackSettings, name: str) -> _Names:
    if not _NAME.match(name):
        raise UsageError(
            f"{name!r} is no name for a clone: allowed: 2 to 31 small letters, digits and -, a letter first, such as pr-123"
        )
    part, platform = name.upper().replace("-", "_"), settings.platform
    return _Names(
        database=f"{platform.database}_{part}",
        warehouse=f"{platform.named('compute_wh')}_{part}",
        monitor=f"{platform.named('clone_cost')}_{part}",
    )


def clone(
    settings: StackSettings,
    declared: Declarations,
    cursor: Any,
    name: str,
    ttl: timedelta,
    credits_a_day: int,
    report: Callable[[str], None],
) -> Clone:
    """Clones a stack's database with all protections, for nobody to read until they are proven to hold.

    Args:
        settings: the source stack's settings; prod is refused, as are clones of clones.
        declared: what the stack declares.
        cursor: as a role that may create databases, warehouses and monitors.
        name: such as pr-123.
        ttl: time to live.
        credits_a_day: what its warehouse may spend, where the deployment makes monitors.
        report: called with one line a step.

    Raises:
        UsageError: the name, the source or the time is not allowed.
        LogisticsError: something of the name exists already, or a protection does not hold; what was made is gone again.
    """
    if settings.platform.environment == "prod":
        raise UsageError("prod is not cloned: its customers' rows stay where they are; clone staging")
    if ttl <= timedelta(0):
        raise UsageError("a clone needs a time to live above 0, such as 24h")
    names = _names(settings, name)
    _refuse_existing(cursor, names)
    now = datetime.now(UTC).replace(microsecond=0)
    made = Clone(
        name=name, database=names.database, source=settings.platform.database, made_at=now, expires_at=now + ttl
    )
    try:
        _make(cursor, settings, made, names, credits_a_day)
        report(
            f"{names.database}: cloned from {made.source}, {names.warehouse} "
            + (f"capped at {credits_a_day} credits a day" if _has_cap(settings) else "bounded by the account's monitor")
        )
        _Binding(cursor, declared, made, names).bind()
        report(f"{names.database}: policies bound, tasks suspended")
        _grant(cursor, settings, declared, names)
    except BaseException:
        _drop(cursor, names)
        raise
    report(f"{names.database}: open until {made.expires_at:%Y-%m-%d %H:%M} UTC")
    return made


def clones(settings: StackSettings, cursor: Any) -> list[Clone]:
    """Returns the clones of a stack's database, sorted by name."""
    return sorted(_found(cursor, settings.platform.database), key=lambda each: each.name)


def remove(settings: StackSettings, cursor: Any, name: str) -> Clone:
    """Removes a clone with its warehouse and its monitor.

    Raises:
        UsageError: there is no clone of that name; a database that is no clone is never removed.
    """
    names = _names(settings, name)
    found = next((each for each in clones(settings, cursor) if each.name == name), None)
    if found is None or found.database != names.database:
        raise UsageError(f"there is no clone {name} of {settings.platform.database}")
    _drop(cursor, names)
    return found


def _found(cursor: Any, source: str) -> Iterator[Clone]:
    for row in shown(cursor, "SHOW DATABASES"):
        comment = row["comment"] or ""
        if not comment.startswith(MARK):
            continue
        about = json.loads(comment.removeprefix(MARK))
        if about["source"] == source:
            yield Clone(
                name=about["name"],
                database=row["name"],
                source=source,
                made_at=datetime.fromisoformat(about["made_at"]),
                expires_at=datetime.fromisoformat(about["expires_at"]),
            )


def _refuse_existing(cursor: Any, names: _Names) -> None:
    kinds = (("DATABASES", names.database), ("WAREHOUSES", names.warehouse), ("RESOURCE MONITORS", names.monitor))
    for kind, name in kinds:
        if any(row["name"] == name for row in shown(cursor, f"SHOW {kind}")):
            raise LogisticsError(f"{name} exists already: remove it, or clone under another name")


def _has_cap(settings: StackSettings) -> bool:
    """Returns whether a clone has a monitor of its own: only ACCOUNTADMIN may make one."""
    return settings.platform.cost_monitor == "deployed"


def _make(cursor: Any, settings: StackSettings, made: Clone, names: _Names, credits_a_day: int) -> None:
    about = {
        "name": made.name,
        "source": made.source,
        "made_at": made.made_at.isoformat(),
        "expires_at": made.expires_at.isoformat(),
    }
    if _has_cap(settings):
        cursor.execute(
            f"CREATE RESOURCE MONITOR {identifier(names.monitor)} WITH CREDIT_QUOTA = {credits_a_day} FREQUENCY = DAILY "
            "START_TIMESTAMP = IMMEDIATELY TRIGGERS ON 90 PERCENT DO SUSPEND ON 100 PERCENT DO SUSPEND_IMMEDIATE"
        )
    cursor.execute(
        f"CREATE WAREHOUSE {identifier(names.warehouse)} WAREHOUSE_SIZE = XSMALL INITIALLY_SUSPENDED = TRUE "
        f"AUTO_RESUME = TRUE AUTO_SUSPEND = {settings.platform.auto_suspend_seconds} "
        f"STATEMENT_TIMEOUT_IN_SECONDS = {settings.platform.statement_timeout_seconds}"
        + (f" RESOURCE_MONITOR = {identifier(names.monitor)}" if _has_cap(settings) else "")
    )
    cursor.execute(
        f"CREATE DATABASE {identifier(names.database)} CLONE {identifier(made.source)} "
        f"COMMENT = {literal(MARK + json.dumps(about))}"
    )
    # CLONE takes the source's comment over on some versions; the mark is what makes a clone removable.
    cursor.execute(f"COMMENT ON DATABASE {identifier(names.database)} IS {literal(MARK + json.dumps(about))}")


def _drop(cursor: Any, names: _Names) -> None:
    cursor.execute(f"DROP DATABASE IF EXISTS {identifier(names.database)}")
    cursor.execute(f"DROP WAREHOUSE IF EXISTS {identifier(names.warehouse)}")
    cursor.execute(f"DROP RESOURCE MONITOR IF EXISTS {identifier(names.monitor)}")


class _Binding:
    """Makes the clone stand for itself: no body, policy or task of it names the source."""

    def __init__(self, cursor: Any, declared: Declarations, made: Clone, names: _Names) -> None:
        self._cursor = cursor
        self._declared = declared
        self._made = made
        self._names = names

    def bind(self) -> None:
        self._suspend_tasks()
        for kind in ("ROW ACCESS", "MASKING"):
            self._rebase_policies(kind)
        self._rebase_views()
        for contract in self._declared.tables.values():
            self._protect(contract)

    def _suspend_tasks(self) -> None:
        """Suspends first, then changes: a task of the clone must never run on the source."""
        tasks = self._in_clone("TASKS")
        for row in tasks:
            self._cursor.execute(f"ALTER TASK {self._full(row)} SUSPEND")
        for row in tasks:
            name = self._full(row)
            self._cursor.execute(f"ALTER TASK {name} SET WAREHOUSE = {identifier(self._names.warehouse)}")
            self._cursor.execute(f"ALTER TASK {name} MODIFY AS {self._rebased(row['definition'])}")
            if row["condition"]:
                self._cursor.execute(f"ALTER TASK {name} MODIFY WHEN {self._rebased(row['condition'])}")

    def _rebase_policies(self, kind: str) -> None:
        """A cloned policy reads what its body names: the source's access lists."""
        for row in self._in_clone(f"{kind} POLICIES"):
            name = self._full(row)
            body = shown(self._cursor, f"DESCRIBE {kind} POLICY {name}")[0]["body"]
            if (changed := self._rebased(body)) != body:
                self._cursor.execute(f"ALTER {kind} POLICY {name} SET BODY -> {changed}")

    def _rebase_views(self) -> None:
        """Makes the views anew, each after those that it reads."""
        views = {f"{row['schema_name']}.{row['name']}".lower(): row for row in self._in_clone("VIEWS")}
        ordered = [name for name in _in_order(self._declared) if name in views]
        for name in [*ordered, *(name for name in views if name not in ordered)]:
            text = re.sub(
                r"^\s*CREATE\s+(OR\s+REPLACE\s+)?", "CREATE OR REPLACE ", self._rebased(views[name]["text"]), flags=re.I
            )
            self._cursor.execute(text)

    def _protect(self, contract: TableContract) -> None:
        """Binds the clone's policies where the clone lost them or kept the source's, and fails if it cannot."""
        table = full_name(self._names.database, contract.schema_name.upper(), contract.table.upper())
        bound = self._bound(table)
        wanted = {None: contract.row_access_policy} if contract.row_access_policy else {}
        wanted |= {column.name.upper(): column.masking_policy for column in contract.columns if column.masking_policy}
        for column, policy in wanted.items():
            own = (self._names.database, policy.upper())
            if bound.get(column) == own:
                continue
            name = full_name(self._names.database, "GOVERNANCE", policy.upper())
            if column is None:
                self._cursor.execute(f"ALTER TABLE {table} DROP ALL ROW ACCESS POLICIES")
                key = identifier(str(contract.policy_column).upper())
                self._cursor.execute(f"ALTER TABLE {table} ADD ROW ACCESS POLICY {name} ON ({key})")
            else:
                self._cursor.execute(
                    f"ALTER TABLE {table} MODIFY COLUMN {identifier(column)} SET MASKING POLICY {name} FORCE"
                )
        bound = self._bound(table)
        lost = [
            policy for column, policy in wanted.items() if bound.get(column) != (self._names.database, policy.upper())
        ]
        if lost:
            raise LogisticsError(f"{table} is not protected by {lost[0]} of its own database; the clone is removed")

    def _bound(self, table: str) -> dict[str | None, tuple[str, str]]:
        rows = shown(
            self._cursor,
            f"SELECT policy_db, policy_name, policy_kind, ref_column_name FROM TABLE({identifier(self._names.database)}"
            f".INFORMATION_SCHEMA.POLICY_REFERENCES(REF_ENTITY_NAME => {literal(table)}, REF_ENTITY_DOMAIN => 'TABLE'))",
        )
        return {
            None if row["policy_kind"] == "ROW_ACCESS_POLICY" else row["ref_column_name"]: (
                row["policy_db"],
                row["policy_name"],
            )
            for row in rows
        }

    def _in_clone(self, kind: str) -> list[dict[str, Any]]:
        rows = shown(self._cursor, f"SHOW {kind} IN DATABASE {identifier(self._names.database)}")
        return [row for row in rows if row["schema_name"] != "INFORMATION_SCHEMA"]

    def _full(self, row: dict[str, Any]) -> str:
        return full_name(row["database_name"], row["schema_name"], row["name"])

    def _rebased(self, text: str) -> str:
        return rebased(text, self._made.source, self._names.database)


def _in_order(declared: Declarations) -> Sequence[str]:
    """Returns the views in the order in which they read each other: models as compiled, then those of sql/views."""
    models = [name for name in declared.models.models if name in declared.sql.views]
    return [*models, *(name for name in declared.sql.views if name not in models)]


def _grant(cursor: Any, settings: StackSettings, declared: Declarations, names: _Names) -> None:
    """Opens the clone to the stack's roles as the stack is; the database last, without which the rest opens nothing."""
    access, database = declared.access, identifier(names.database)
    for role, (schema, level) in access.access_roles.items():
        grantee = identifier(settings.platform.named(f"logistics_{role}"))
        for privileges, target in _schema_grants(declared, schema, level):
            cursor.execute(f"GRANT {privileges} ON {target.format(database=database)} TO ROLE {grantee}")
    for role, contract in access.roles.items():
        grantee = identifier(settings.platform.named(role))
        if contract.access:
            cursor.execute(f"GRANT USAGE ON WAREHOUSE {identifier(names.warehouse)} TO ROLE {grantee}")
            cursor.execute(f"GRANT USAGE ON DATABASE {database} TO ROLE {grantee}")


def _schema_grants(declared: Declarations, schema: str, level: str) -> Iterator[tuple[str, str]]:
    if level == "read":
        yield "USAGE", f"SCHEMA {{database}}.{schema}"
        for view in declared.sql.views.values():
            if view.name.split(".")[0] == schema and view.readers:
                yield "SELECT", f"VIEW {{database}}.{view.name}"
    for contract in declared.tables.values():
        if (
            contract.schema_name != schema
            or level not in _TABLE_PRIVILEGES
            or (level == "read" and not contract.readers)
        ):
            continue
        privileges = "SELECT" if contract.engineer_reads_only else _TABLE_PRIVILEGES[level]
        yield privileges, f"TABLE {{database}}.{contract.full_name}"
    if level == "write":
        for stream in declared.sql.streams.values():
            if stream.name.split(".")[0] == schema:
                yield "SELECT", f"STREAM {{database}}.{stream.name}"
