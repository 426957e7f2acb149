"""Who sees what, asked of an account as each role: rows by a count, masks by what changes when they are opened.

A role's answer to the same question is taken twice, with the masks as they are and with every masking policy opened for a
moment: a column whose values differ between the two is masked for that role, one whose values are the same is clear. Rows are
the same in both, so this holds for every row, also of views and of sums. Only an account that is thrown away is asked so.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from logistics.connection import connect, shown
from logistics.declarations import Declarations
from logistics.deployment.safety import SCHEMA as KEPT_SCHEMA
from logistics.local.secrets import user_key_file
from logistics.settings import StackSettings
from logistics.sql import full_name, quoted

CLEAR, MASKED, NO_VALUE = "clear", "masked", "no value"
UNCOUNTED = -1
"""The number of rows of an object that may be read, where only that was asked."""
OWNER = "ACCOUNTADMIN"
_WAREHOUSE = "REVIEW_ASKS"
_AT_A_TIME = 4
_DENIED = (2003, 3001, 2043)
_NOT_ASKED = frozenset({"INFORMATION_SCHEMA", KEPT_SCHEMA})


@dataclass(frozen=True, kw_only=True)
class Seen:
    """What one asker sees of one object.

    Attributes:
        rows: how many; None where it may not read the object at all, UNCOUNTED where they were not asked for.
        columns: whether each is clear or masked; `no value` where there is nothing to see.
        digests: of each column's values as they are seen, to tell other rows of the same number.
        error: Snowflake's words where the object cannot be read by anybody.
    """

    rows: int | None
    columns: Mapping[str, str] = field(default_factory=dict)
    digests: Mapping[str, Any] = field(default_factory=dict)
    error: str = ""


@dataclass(frozen=True, kw_only=True, order=True)
class Asker:
    """Who asks: a role, and the stack's user who has it; the deploying user where none has."""

    role: str
    user: str = ""

    def __str__(self) -> str:
        return f"{self.role} ({self.user})" if self.user else self.role


Sight = dict[tuple[Asker, str], Seen]
"""What everybody sees, by asker and object (`schema.name`, lower case)."""


def askers(settings: StackSettings, declared: Declarations) -> list[Asker]:
    """Returns who is asked: each role as each user of the stack file who has it, then PUBLIC and the owner of all."""
    found: list[Asker] = []
    for role in declared.access.roles:
        users = sorted(user.name for user in settings.platform.users if user.role.upper() == role.upper())
        found += [Asker(role=role.upper(), user=user) for user in users] or [Asker(role=role.upper())]
    return [*found, Asker(role="PUBLIC"), Asker(role=OWNER)]


def look(
    root: Path,
    settings: StackSettings,
    variables: Mapping[str, str],
    who: Sequence[Asker],
    uncounted: frozenset[str] = frozenset(),
) -> Sight:
    """Asks a local account as some askers, of every table, view and stream of the platform's database.

    Args:
        root: the project's folder, with the users' key.
        settings: of the environment.
        variables: with the credentials of the deploying user.
        who: is asked.
        uncounted: objects of which only whether they may be read is asked (`schema.name`, lower case): their rows are
            others each time.

    Raises:
        LogisticsError: a statement fails for another reason than a missing privilege.
    """
    database = settings.platform.database
    with ExitStack() as stack, ThreadPoolExecutor(_AT_A_TIME) as pool:
        owner = stack.enter_context(connect(settings, variables)).cursor()
        owner.execute(f"CREATE WAREHOUSE IF NOT EXISTS {_WAREHOUSE} INITIALLY_SUSPENDED = TRUE")
        owner.execute(f"GRANT USAGE ON WAREHOUSE {_WAREHOUSE} TO ROLE PUBLIC")
        objects = _objects(owner, database)
        sessions = list(pool.map(lambda asker: _Session(root, settings, variables, asker, uncounted), who))
        for session in sessions:
            stack.callback(session.close)
        plain = [pair for found in pool.map(lambda session: session.ask(objects), sessions) for pair in found]
        with _opened_masks(owner, database):
            opened = dict(
                pair for found in pool.map(lambda session: session.ask_again(objects), sessions) for pair in found
            )
        return {key: _judged(seen, opened.get(key, seen)) for key, seen in plain}


class _Session:
    """A login as an asker, with its one role and no other; the warehouse is everybody's, so that all can ask."""

    def __init__(
        self,
        root: Path,
        settings: StackSettings,
        variables: Mapping[str, str],
        asker: Asker,
        uncounted: frozenset[str],
    ) -> None:
        named = {
            "role": asker.role,
            "user": settings.platform.named(asker.user),
            "private_key_file": user_key_file(root),
        }
        self._asker = asker
        self._uncounted = uncounted
        self._database = settings.platform.database
        self._open = ExitStack()
        connection = self._open.enter_context(connect(settings, variables, **(named if asker.user else {})))
        self._cursor = connection.cursor()
        if not asker.user and asker.role != OWNER:
            role = asker.role if asker.role == "PUBLIC" else settings.platform.named(asker.role)
            self._cursor.execute(f"USE ROLE {quoted(role)}")
        self._cursor.execute("USE SECONDARY ROLES NONE")
        self._cursor.execute(f"USE WAREHOUSE {_WAREHOUSE}")
        self._with_rows: list[str] = []

    def close(self) -> None:
        """Logs out."""
        self._open.close()

    def ask(self, objects: Mapping[str, Sequence[tuple[str, str]]]) -> list[tuple[tuple[Asker, str], Seen]]:
        """Asks of each object for the number of rows and its columns' values."""
        found = []
        for name, columns in objects.items():
            seen = self._seen(name, columns)
            if seen.digests:
                self._with_rows.append(name)
            found.append(((self._asker, name.lower()), seen))
        return found

    def ask_again(self, objects: Mapping[str, Sequence[tuple[str, str]]]) -> list[tuple[tuple[Asker, str], Seen]]:
        """Asks of the objects that showed rows for their columns' values once more."""
        return [((self._asker, name.lower()), self._digested(name, objects[name])) for name in self._with_rows]

    def _seen(self, name: str, columns: Sequence[tuple[str, str]]) -> Seen:
        from snowflake.connector.errors import ProgrammingError

        try:
            if name.lower() in self._uncounted:
                self._cursor.describe(f"SELECT * FROM {self._full(name)}")
                return Seen(rows=UNCOUNTED)
            return self._digested(name, columns)
        except ProgrammingError as error:
            if error.errno in _DENIED:
                return Seen(rows=None)
            return Seen(rows=None, error=" ".join(str(error.msg or error).split()))

    def _digested(self, name: str, columns: Sequence[tuple[str, str]]) -> Seen:
        wanted = "".join(f", COUNT({quoted(column)}), HASH_AGG({quoted(column)})" for column, _ in columns)
        self._cursor.execute(f"SELECT COUNT(*){wanted} FROM {self._full(name)}")
        rows, *values = self._cursor.fetchone()
        if not rows:
            return Seen(rows=0)
        pairs = zip(values[::2], values[1::2], strict=True)
        return Seen(
            rows=int(rows), digests={column.lower(): pair for (column, _), pair in zip(columns, pairs, strict=True)}
        )

    def _full(self, name: str) -> str:
        return full_name(self._database, *name.split("."))


def _objects(owner: Any, database: str) -> dict[str, list[tuple[str, str]]]:
    """Returns each table and view with its columns and their types, and each stream without."""
    columns = shown(
        owner,
        "SELECT table_schema, table_name, column_name, data_type FROM "
        f"{full_name(database)}.INFORMATION_SCHEMA.COLUMNS ORDER BY table_schema, table_name, ordinal_position",
    )
    found: dict[str, list[tuple[str, str]]] = {}
    for row in columns:
        if row["table_schema"] not in _NOT_ASKED:
            found.setdefault(f"{row['table_schema']}.{row['table_name']}", []).append(
                (row["column_name"], row["data_type"])
            )
    streams = shown(owner, f"SHOW STREAMS IN DATABASE {quoted(database)}")
    found |= {f"{row['schema_name']}.{row['name']}": [] for row in streams if row["schema_name"] not in _NOT_ASKED}
    return dict(sorted(found.items()))


def _judged(seen: Seen, opened: Seen) -> Seen:
    """Tells of each column whether its values are those under the mask."""
    said = {
        column: (CLEAR if digest == opened.digests.get(column) else MASKED)
        if opened.digests.get(column, (0,))[0]
        else NO_VALUE
        for column, digest in seen.digests.items()
    }
    return Seen(rows=seen.rows, columns=said, digests=seen.digests, error=seen.error)


@contextmanager
def _opened_masks(owner: Any, database: str) -> Iterator[None]:
    """Lets every masking policy of a database show the value itself, for a block."""
    bodies: dict[str, str] = {}
    try:
        for row in shown(owner, f"SHOW MASKING POLICIES IN DATABASE {quoted(database)}"):
            name = full_name(database, row["schema_name"], row["name"])
            about = shown(owner, f"DESCRIBE MASKING POLICY {name}")[0]
            value = about["signature"].strip("()").split()[0]
            bodies[name] = about["body"]
            owner.execute(f"ALTER MASKING POLICY {name} SET BODY -> {value}")
        yield
    finally:
        for name, body in bodies.items():
            owner.execute(f"ALTER MASKING POLICY {name} SET BODY -> {body}")


@dataclass(frozen=True, kw_only=True)
class SightChange:
    """What changes for one asker on one object.

    Attributes:
        asker: the role, and the user where there is one.
        object: `schema.name`.
        rows_before, rows_after: None where it may not read it, or where it is not there.
        gained_clear: columns whose values it sees from now on, and saw masked or not at all before.
        lost_clear: the reverse.
        other_rows: whether it sees other rows, although as many as before.
        is_new, is_gone: whether the object itself comes or goes.
    """

    asker: Asker
    object: str
    rows_before: int | None
    rows_after: int | None
    gained_clear: tuple[str, ...] = ()
    lost_clear: tuple[str, ...] = ()
    other_rows: bool = False
    is_new: bool = False
    is_gone: bool = False

    @property
    def widens(self) -> bool:
        """Whether somebody sees more of what was there before, other than its owner."""
        more = (self.rows_after or 0) > (self.rows_before or 0) or (
            self.rows_before is None and self.rows_after is not None
        )
        return not self.is_new and self.asker.role != OWNER and (more or bool(self.gained_clear) or self.other_rows)

    @property
    def opens(self) -> bool:
        """Whether it may read what is not there yet on the other side."""
        return self.is_new and self.rows_after is not None


def changes_of(
    before: Sight, after: Sight, *, ignored: frozenset[str], renamed: Mapping[str, Mapping[str, str]]
) -> list[SightChange]:
    """Returns what changes for whom, by asker and object.

    Args:
        before: who sees what of the base.
        after: the same of the head.
        ignored: objects whose rows tell of the account's own past, so that they are others each time.
        renamed: new names of columns by old ones, by object.
    """
    there_before, there_after = ({name for _, name in sight} for sight in (before, after))
    denied = Seen(rows=None)
    found: list[SightChange] = []
    for key in sorted({*before, *after}):
        asker, name = key
        old, new = before.get(key, denied), after.get(key, denied)
        change = SightChange(
            asker=asker,
            object=name,
            rows_before=old.rows,
            rows_after=new.rows,
            is_new=name not in there_before,
            is_gone=name not in there_after,
            **_columns_changed(old, new, renamed.get(name, {}), name in ignored),
        )
        counted = (old.rows is None) != (new.rows is None) or (name not in ignored and old.rows != new.rows)
        if counted or change.gained_clear or change.lost_clear or change.other_rows:
            found.append(change)
    return found


def _columns_changed(old: Seen, new: Seen, renamed: Mapping[str, str], ignored: bool) -> dict[str, Any]:
    if ignored or not new.rows:
        return {}
    before = {renamed.get(column, column): state for column, state in old.columns.items()}
    gained = tuple(c for c, state in new.columns.items() if state == CLEAR and before.get(c) == MASKED)
    lost = tuple(c for c, state in new.columns.items() if state == MASKED and before.get(c) == CLEAR)
    shared = [c for c in new.columns if before.get(c) == CLEAR and new.columns[c] == CLEAR]
    moved = (
        old.rows == new.rows
        and bool(shared)
        and all(new.digests[c] != old.digests.get(_old(c, renamed)) for c in shared)
    )
    return {"gained_clear": gained, "lost_clear": lost, "other_rows": moved}


def _old(column: str, renamed: Mapping[str, str]) -> str:
    return next((old for old, new in renamed.items() if new == column), column)
