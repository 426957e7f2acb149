"""Brings back what later versions took away, before their past inputs are replayed.

The engine alone would make a table anew, empty. So objects that the account can still give back (UNDROP, a kept clone, a
stream at its old offset) are brought back first, and their past state is put into the stack's state: the replay then finds
them there and has nothing to do. Grants and policies are not brought back here: the replay attaches them in the program's
own order, protection before grants.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from logistics.connection import shown
from logistics.deployment.columns import GONE, ColumnNames, in_order, renamed
from logistics.deployment.kept_policies import ROW_ACCESS, on_copies
from logistics.deployment.safety import SCHEMA, STREAM_KINDS, Kept, Safety, object_name
from logistics.deployment.state import PROVIDER_PREFIX, Checkpoint, Resource
from logistics.deployment.steps import Step
from logistics.sql import full_name, literal, quoted

_CONTAINERS = ("Database", "Schema")


@dataclass(frozen=True, kw_only=True)
class Return:
    """One thing to bring back.

    Attributes:
        resource: as the past checkpoint holds it.
        said: what is done, for people.
        statements: what is sent, in order, before the replay.
        adopt: whether its past state is put into the stack's state.
        renames: name now to past name of a standing table's columns, which the stack's state is to call as before too.
        lost: whether nothing is left to bring it back from: it comes back without its rows, values or offset.
        after: statements sent after the replay, as a role that sees every row: policies hide rows from the deploying role too.
        reads: the clone that those statements read.
        replaces: the full name of today's table that it is put in the place of.
    """

    resource: Resource
    said: str
    statements: tuple[str, ...] = ()
    adopt: bool = True
    renames: Mapping[str, str] = field(default_factory=dict)
    lost: bool = False
    after: tuple[str, ...] = ()
    reads: str = ""
    replaces: str = ""


class Restorer:
    """Plans the bringing back, in one session of the deploying role."""

    def __init__(
        self,
        cursor: Any,
        database: str,
        version: int,
        newest: int,
        created_in: Callable[[int, str], str] = lambda *_: "",
    ) -> None:
        """Takes what is needed to plan.

        Args:
            cursor: of a connection as the deploying role.
            database: the platform's database.
            version: the version to go back to; what was kept of it or of a later one serves.
            newest: the version that is there now.
            created_in: tells when a version's checkpoint says that the resource of a URN was created; empty if that is not known.
        """
        self._cursor = cursor
        self._created_in = created_in
        self._database = database
        self._newest = newest
        self._safety = Safety(cursor, database)
        self._kept = [kept_one for kept_one in self._safety.kept() if kept_one.version >= version]
        self._names = ColumnNames(self._safety.column_changes(), version)
        self._returning: set[str] = set()

    def plan(self, past: Checkpoint, now: Checkpoint, steps: Iterable[Step]) -> list[Return]:
        """Returns what is to be brought back, containers first, then tables, then streams.

        Args:
            past: the checkpoint to go back to.
            now: the stack's state.
            steps: the preview of the replay: what it would make anew without this.
        """
        by_urn = {step.urn: step for step in steps if step.changes}
        found: list[Return] = []
        for resource in past.of_kind(*_CONTAINERS):
            if resource.urn not in now.by_urn:
                found += self._undropped(resource, resource.kind.upper())
        self._returning = {_container_name(item.resource) for item in found if item.statements}
        for resource in past.of_kind("Table"):
            found += self._table(resource, now.by_urn.get(resource.urn), by_urn.get(resource.urn), past)
        moved = {object_name(item.resource) for item in found if item.resource.kind == "Table" and item.adopt}
        for resource in past.of_kind(*STREAM_KINDS):
            if resource.urn not in now.by_urn or str(resource.inputs.get("table", "")) in moved:
                found.append(self._stream(resource))
        return found

    # -- tables --------------------------------------------------------------------------------------------------------

    def _table(self, resource: Resource, today: Resource | None, step: Step | None, past: Checkpoint) -> list[Return]:
        if today is None:
            return self._undropped(resource, "TABLE")
        if (step is not None and step.op == "replace") or self._can_come_back_instead(resource, today):
            return self._swapped(resource, object_name(today))
        back = self._renamed(resource, today)
        columns = _columns_made_again(step and as_renamed(step, back))
        return back + self._refilled(resource, columns, past)

    def _can_come_back_instead(self, resource: Resource, today: Resource) -> bool:
        """Returns whether today's table is another, made since under the name, and the version's own can still come back."""
        other = _created(resource) != _created(today) and _created(resource) and _created(today)
        return bool(other and (self._dropped_on(resource, "TABLE") or self._clone_of(resource)))

    def _renamed(self, resource: Resource, today: Resource) -> list[Return]:
        """A table that stands: its columns are called as they were, in the account and in the state, each as far as it is not yet."""
        name, past = object_name(today), _columns(resource)
        if not self._names.to_rename(name, past):
            return []
        there = self._columns_of(name)
        in_state = self._names.to_rename(name, past, _columns(today))
        pairs = in_order(self._names.to_rename(name, past, there))
        known = ((self._names.at(name, column), column) for column in past if column in there)
        done = [pair for pair in known if pair[0] not in (pair[1], GONE) and pair[0] not in there]
        if not (in_state or pairs or done):
            return []
        told = ", ".join(f"{new} (now {old})" for old, new in dict(pairs + done).items() if new in past)
        statements = [*self._renaming(name, pairs), *(self._note(name, pair) for pair in done)]
        said = f"{told or 'columns'} of {name} by their past names, with their values"
        return [Return(resource=resource, said=said, statements=tuple(statements), adopt=False, renames=in_state)]

    def _renaming(self, table: str, pairs: Iterable[tuple[str, str]]) -> Iterable[str]:
        """Yields the statements of renames, each recorded when it is done."""
        for old, new in pairs:
            yield f"ALTER TABLE {table} RENAME COLUMN {quoted(old)} TO {quoted(new)}"
            yield self._note(table, (old, new))

    def _note(self, table: str, pair: tuple[str, str]) -> str:
        return self._safety.column_note(self._newest, table, *pair)

    def _returned(
        self, resource: Resource, said: str, *statements: str, before: datetime | None = None, replaces: str = ""
    ) -> Return:
        """A table that comes back as it was `before` a time, or with its schema; its columns are called as in the past version."""
        name = object_name(resource)
        names = self._names.to_rename(name, _columns(resource), None, before) if resource.kind == "Table" else {}
        statements = (*statements, *self._renaming(name, in_order(names)))
        return Return(resource=resource, said=said, statements=statements, replaces=replaces)

    def _undropped(self, resource: Resource, word: str) -> list[Return]:
        name = object_name(resource) if resource.kind == "Table" else _container_name(resource)
        if self._exists(word, name):
            names = self._names.to_rename(name, _columns(resource), self._columns_of(name)) if word == "TABLE" else {}
            again = tuple(self._renaming(name, in_order(names)))
            return [Return(resource=resource, said=f"{name} stands; it is taken up again", statements=again)]
        if holder := next((each for each in self._returning if name.startswith(f"{each}.")), None):
            return [self._returned(resource, f"{name} with {holder}")]
        if dropped_on := self._dropped_on(resource, word):
            return [self._returned(resource, f"UNDROP {word} {name}", f"UNDROP {word} {name}", before=dropped_on)]
        clone = self._clone_of(resource)
        if clone is None:
            if word != "TABLE":
                return []
            return [Return(resource=resource, said=f"{name} comes back empty: {_GONE}", adopt=False, lost=True)]
        said = f"{name} from its clone {clone.clone}"
        return [self._returned(resource, said, *_from_clone(name, clone), before=clone.taken_at)]

    def _swapped(self, resource: Resource, today: str) -> list[Return]:
        """A table in whose place another is today: today's is put aside with its rows, the one before comes back.

        Today's views may stand over that name. So the clone goes before UNDROP: it still has its row access policy, which a
        deployment takes off before it drops a table.
        """
        name = object_name(resource)
        suffix = f"PUT_ASIDE_{self._stamp()}"
        aside = full_name(self._database, SCHEMA, f"{name.split('.')[-1].strip(chr(34))}__{suffix}")
        policies = list(on_copies(self._cursor, self._database, full_name(self._database, SCHEMA), today, suffix))
        put_aside = [f"ALTER TABLE {today} RENAME TO {aside}"]
        for use, policy, statement in policies:
            put_aside += [statement, use.exchange(aside, policy)]
        if clone := self._clone_of(resource):
            protected = any(use.kind == ROW_ACCESS for use, _, _ in policies)
            back, said, before = _from_clone(name, clone, protected), f"from its clone {clone.clone}", clone.taken_at
        elif before := self._dropped_on(resource, "TABLE"):
            back, said = (f"UNDROP TABLE {name}",), "UNDROP"
        else:
            return [Return(resource=resource, said=f"{name} comes back empty: {_GONE}", adopt=False, lost=True)]
        told = f"{name} as it was before its replacement ({said}); what was written since stays in {aside}"
        return [self._returned(resource, told, *put_aside, *back, before=before, replaces=today)]

    def _refilled(self, resource: Resource, columns: Sequence[str], past: Checkpoint) -> list[Return]:
        """Columns that are made again: each from the newest clone that has it, by the name that it had there."""
        of_clone: dict[str, list[str]] = {}
        clones = {column: self._clone_of(resource, column) for column in columns}
        for column, clone in clones.items():
            of_clone.setdefault(clone.clone if clone else "", []).append(column)
        return [self._refilled_from(clones[listed[0]], resource, listed, past) for listed in of_clone.values()]

    def _refilled_from(
        self, clone: Kept | None, resource: Resource, columns: Sequence[str], past: Checkpoint
    ) -> Return:
        name, listed = object_name(resource), ", ".join(columns)
        keys = _primary_key(resource, past)
        if clone is None:
            said = f"{listed} of {name} come back empty: no clone is kept"
            return Return(resource=resource, said=said, adopt=False, lost=True)
        if not keys:
            said = f"{listed} of {name} come back empty: no primary key tells the rows apart; the values are in {clone.clone}"
            return Return(resource=resource, said=said, adopt=False, lost=True)
        there = {each: quoted(self._names.at(name, each, clone.taken_at) or each) for each in (*columns, *keys)}
        sets = ", ".join(f"{quoted(column)} = kept.{there[column]}" for column in columns)
        on = " AND ".join(f"now.{quoted(key)} = kept.{there[key]}" for key in keys)
        update = f"UPDATE {name} AS now SET {sets} FROM {clone.clone} AS kept WHERE {on}"
        said = f"{listed} of {name} from {clone.clone}"
        return Return(resource=resource, said=said, adopt=False, after=(update,), reads=clone.clone)

    # -- streams -------------------------------------------------------------------------------------------------------

    def _stream(self, resource: Resource) -> Return:
        name, table = object_name(resource), str(resource.inputs.get("table", ""))
        offset = next((item.offset_at for item in self._kept if item.kind == "stream" and item.object == name), None)
        if offset is None or not table:
            said = f"stream {name} starts anew: its offset was not kept"
            return Return(resource=resource, said=said, adopt=False, lost=True)
        comment = f" COMMENT = {literal(str(resource.inputs['comment']))}" if resource.inputs.get("comment") else ""
        options = "".join(
            f" {word} = TRUE"
            for word, key in (("APPEND_ONLY", "appendOnly"), ("SHOW_INITIAL_ROWS", "showInitialRows"))
            if str(resource.inputs.get(key)).lower() == "true"
        )
        at = f"AT (TIMESTAMP => {literal(offset.isoformat(sep=' '))}::TIMESTAMP_TZ)"
        statement = f"CREATE OR REPLACE STREAM {name} ON TABLE {table} {at}{options}{comment}"
        return Return(
            resource=resource, said=f"stream {name} at its offset {offset:%Y-%m-%d %H:%M:%S}", statements=(statement,)
        )

    # -- what the account holds ----------------------------------------------------------------------------------------

    def _exists(self, word: str, name: str) -> bool:
        return any(not row["dropped_on"] for row in self._history(word, name))

    def _dropped_on(self, resource: Resource, word: str) -> datetime | None:
        """Returns when what UNDROP would bring back was dropped; None if there is nothing, or another table of that name."""
        name = object_name(resource) if word == "TABLE" else _container_name(resource)
        found = [row["dropped_on"] for row in self._history(word, name) if row["dropped_on"] and _is_kept(row)]
        latest = next((item for item in self._kept if item.kind == "table" and item.object == name), None)
        return max(found) if found and (latest is None or self._is_of(latest, resource)) else None

    def _history(self, word: str, name: str) -> list[dict[str, Any]]:
        """Returns the rows of SHOW … HISTORY for a name: the object that stands, and those that were dropped."""
        parts = [part.strip('"') for part in name.split(".")]
        place = {1: "", 2: f" IN DATABASE {quoted(parts[0])}", 3: f" IN SCHEMA {full_name(*parts[:2])}"}[len(parts)]
        if len(parts) > 1 and not self._exists("DATABASE", quoted(parts[0])):
            return []
        if len(parts) > 2 and not self._exists("SCHEMA", full_name(*parts[:2])):
            return []
        rows = shown(self._cursor, f"SHOW {word}S HISTORY LIKE {literal(parts[-1])}{place}")
        return [row for row in rows if row["name"] == parts[-1]]

    def _is_of(self, clone: Kept, table: Resource) -> bool:
        """Returns whether a clone is of that very table, not of another that had its name."""
        created = self._created_in(clone.version, table.urn)
        return not created or created == _created(table)

    def _clone_of(self, table: Resource, column: str = "") -> Kept | None:
        """Returns the newest clone of a table, or the newest that has a column of the past version."""
        name = object_name(table)
        clones = [
            item for item in self._kept if item.kind == "table" and item.object == name and self._is_of(item, table)
        ]
        having = (item for item in clones if not column or self._names.at(name, column, item.taken_at) != GONE)
        return next(having, clones[0] if clones else None)

    def _columns_of(self, table: str) -> list[str]:
        """Returns a table's columns as the account has them, in their order."""
        database, schema, name = (part.strip('"') for part in table.split("."))
        found = shown(
            self._cursor,
            f"SELECT COLUMN_NAME FROM {quoted(database)}.INFORMATION_SCHEMA.COLUMNS WHERE TABLE_SCHEMA = {literal(schema)} "
            f"AND TABLE_NAME = {literal(name)} ORDER BY ORDINAL_POSITION",
        )
        return [row["column_name"] for row in found]

    def _stamp(self) -> str:
        self._cursor.execute("SELECT TO_CHAR(CURRENT_TIMESTAMP(), 'YYYYMMDDHH24MISSFF3')")
        return str(self._cursor.fetchall()[0][0])


_GONE = "its retention is over, or it had none, and no clone is kept"


def _from_clone(name: str, clone: Kept, protected: bool = False) -> tuple[str, ...]:
    """The statements that make a table from its clone, with its masks, which the replay exchanges for the stack's own.

    It takes its place when it is as it has to be, so that nothing is half done after a failure. Its row access policy stays on
    only where the replay takes the one of today's table off, and so this one, before it puts the past one on.
    """
    coming = f"{clone.clone[:-1]}__RETURNS{clone.clone[-1]}"
    bare = () if protected else (f"ALTER TABLE {coming} DROP ALL ROW ACCESS POLICIES",)
    return (f"CREATE OR REPLACE TABLE {coming} CLONE {clone.clone}", *bare, f"ALTER TABLE {coming} RENAME TO {name}")


def bring_back(cursor: Any, item: Return) -> None:
    """Sends the statements of one thing that come before the replay."""
    for statement in item.statements:
        cursor.execute(statement)


def refill(cursor: Any, database: str, item: Return, role: str, execute_as: Callable[[str], Any]) -> None:
    """Sends the statements of one thing that come after the replay.

    Args:
        cursor: of a connection as the deploying role.
        database: the platform's database.
        item: what was planned.
        role: a role that sees every row; it may read the clone for as long as the statements take.
        execute_as: sends a statement as that role.
    """
    rights = (f"USAGE ON SCHEMA {full_name(database, SCHEMA)}", f"SELECT ON TABLE {item.reads}")
    try:
        for right in rights:
            cursor.execute(f"GRANT {right} TO ROLE {quoted(role)}")
        for statement in item.after:
            execute_as(statement)
    finally:
        for right in rights:
            cursor.execute(f"REVOKE {right} FROM ROLE {quoted(role)}")


def _is_kept(row: Mapping[str, Any]) -> bool:
    """Returns whether a dropped object's retention is not over."""
    days = int(row.get("retention_time") or 0)
    return row["dropped_on"] + timedelta(days=days) > datetime.now(UTC)


def as_renamed(step: Step, returns: Iterable[Return]) -> Step:
    """Returns a step of the replay as it is once columns are called as they were."""
    names = {old: new for item in returns if item.resource.urn == step.urn for old, new in item.renames.items()}
    return replace(step, old=renamed(step.old, names)) if names else step


def adopted(now: Checkpoint, returns: Iterable[Return]) -> Checkpoint:
    """Returns today's state with the past state of what was brought back, and past names of columns.

    A resource that stands already keeps its place; another comes right after what it depends on. References to what today's
    state lacks are left out, since a state may only refer to what is in it; the replay writes them again. So it does the masks of
    what was brought back: those that it came with may be another version's, or gone.
    """
    deployment = copy.deepcopy(dict(now.deployment))
    resources: list[dict[str, Any]] = deployment.setdefault("resources", [])
    for item in returns:
        if item.adopt:
            _adopt(resources, _unmasked(copy.deepcopy(item.resource.raw)))
        for raw in resources if item.renames else ():
            if raw["urn"] == item.resource.urn and not raw.get("delete"):
                raw.update({key: renamed(raw.get(key) or {}, item.renames) for key in ("inputs", "outputs")})
    return Checkpoint(deployment=deployment)


def _unmasked(raw: Mapping[str, Any]) -> dict[str, Any]:
    """A table's state without the masks of its columns."""
    bare = dict(raw)
    for values in (bare.get("inputs") or {}, bare.get("outputs") or {}):
        for column in values.get("columns") or ():
            column.pop("maskingPolicy", None)
    return bare


def _adopt(resources: list[dict[str, Any]], raw: dict[str, Any]) -> None:
    places = {resource["urn"]: place for place, resource in enumerate(resources) if not resource.get("delete")}
    raw["provider"] = _provider_of_today(resources, raw.get("provider", ""))
    raw["dependencies"] = [urn for urn in raw.get("dependencies") or () if urn in places]
    raw["propertyDependencies"] = {
        key: [urn for urn in urns or () if urn in places]
        for key, urns in (raw.get("propertyDependencies") or {}).items()
    }
    if raw.get("parent") not in places:
        raw.pop("parent", None)
    if raw["urn"] in places:
        resources[places[raw["urn"]]] = raw
        return
    needs = [raw["provider"].rsplit("::", 1)[0], raw.get("parent"), *raw["dependencies"]]
    needs += [urn for urns in raw["propertyDependencies"].values() for urn in urns]
    resources.insert(1 + max((places[urn] for urn in needs if urn in places), default=-1), raw)


def _provider_of_today(resources: Iterable[Mapping[str, Any]], reference: str) -> str:
    """Returns the reference of the provider of the same URN; its id differs when it was made anew since."""
    urn = reference.rsplit("::", 1)[0]
    found = next((item for item in resources if item["urn"] == urn and item["type"].startswith(PROVIDER_PREFIX)), None)
    return f"{urn}::{found['id']}" if found else reference


def _created(resource: Resource) -> str:
    """Returns when the engine created a resource; it is another's if it was deleted and created again since."""
    return resource.raw.get("created") or ""


def _columns(table: Resource) -> list[str]:
    return [column["name"] for column in table.inputs.get("columns") or ()]


def _container_name(resource: Resource) -> str:
    parts = [resource.inputs.get("database"), resource.inputs.get("name")]
    return full_name(*[str(part) for part in parts if part])


def _columns_made_again(step: Step | None) -> tuple[str, ...]:
    """Returns the columns that an update of the replay would add."""
    if step is None or step.op != "update":
        return ()
    before = {column["name"] for column in step.old.get("columns") or ()}
    return tuple(column["name"] for column in step.new.get("columns") or () if column["name"] not in before)


def _primary_key(table: Resource, past: Checkpoint) -> list[str]:
    """Returns the columns of the table's primary key, from the constraint that the program declares."""
    name = object_name(table)
    for constraint in past.of_kind("TableConstraint"):
        if constraint.inputs.get("tableId") == name and constraint.inputs.get("type") == "PRIMARY KEY":
            return list(constraint.inputs.get("columns") or ())
    return []
