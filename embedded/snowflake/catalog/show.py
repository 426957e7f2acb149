"""SHOW's columns and clauses: the columns that many kinds share, and LIKE, IN, STARTS WITH, LIMIT."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from embedded.snowflake.catalog.kinds import Kind, ShowColumn
from embedded.snowflake.catalog.model import ACCOUNT, CatalogObject
from embedded.snowflake.catalog.resolve import ACCOUNT_KINDS, full_name
from embedded.snowflake.errors import operation_cannot_be_performed
from embedded.snowflake.names import ObjectName
from embedded.snowflake.result import TIMESTAMP_LTZ, Result, listing
from embedded.snowflake.security.privileges import owner_name, reach, require_usage, visible
from embedded.snowflake.tokens import TokenStream
from embedded.snowflake.types import NUMBER, VARCHAR, DataType

if TYPE_CHECKING:
    from embedded.snowflake.session.session import Session

Value = Callable[["Session", CatalogObject], Any]


def containers(session: Session, item: CatalogObject) -> tuple[str, str]:
    """The names of the database and schema that hold an object, empty where there is none."""
    catalog, names = session.account.catalog, []
    while item.container != ACCOUNT:
        item = catalog.get(item.container)
        names.insert(0, item.name)
    return (names[0] if names else "", names[1] if len(names) > 1 else "")


def _owner(session: Session, item: CatalogObject) -> str:
    return owner_name(session.account.catalog, item)


def _owner_role_type(session: Session, item: CatalogObject) -> str:
    if not item.owner:
        return ""
    return session.account.catalog.get(item.owner).kind.replace(" ", "_")


def _is_current(session: Session, item: CatalogObject) -> str:
    current = {"DATABASE": session.database, "WAREHOUSE": session.warehouse}.get(item.kind)
    if item.kind == "SCHEMA":
        database, _ = containers(session, item)
        return "Y" if (session.database, session.schema) == (database, item.name) else "N"
    return "Y" if current == item.name else "N"


# The columns that many kinds have.
COMMON: dict[str, tuple[DataType, Value]] = {
    "created_on": (TIMESTAMP_LTZ, lambda _, item: item.created_on),
    "dropped_on": (TIMESTAMP_LTZ, lambda _, item: item.dropped_on),
    "name": (VARCHAR, lambda _, item: item.name),
    "kind": (VARCHAR, lambda _, item: item.kind.replace(" ", "_")),
    "database_name": (VARCHAR, lambda session, item: containers(session, item)[0]),
    "schema_name": (VARCHAR, lambda session, item: containers(session, item)[1]),
    "catalog_name": (VARCHAR, lambda session, item: containers(session, item)[0]),
    "owner": (VARCHAR, _owner),
    "comment": (VARCHAR, lambda _, item: item.comment),
    "owner_role_type": (VARCHAR, _owner_role_type),
    "is_default": (VARCHAR, lambda *_: "N"),
    "is_current": (VARCHAR, _is_current),
    "options": (VARCHAR, lambda *_: ""),
}


def columns(names: str, **values: Value | tuple[DataType, Value]) -> tuple[ShowColumn, ...]:
    """SHOW's columns in order: those not given by keyword are common ones; a value without a type is text."""
    found = []
    for name in names.split():
        given = values.pop(name, None)
        if given is None:
            kind, value = COMMON[name]
        else:
            kind, value = given if isinstance(given, tuple) else (VARCHAR, given)
        found.append(ShowColumn(name, value, kind))
    if values:
        raise ValueError(f"columns described but not listed: {sorted(values)}")
    return tuple(found)


def prop(key: str, default: Any = "") -> Value:
    """The value of a property of the object."""
    return lambda _, item: item.body.get("properties", {}).get(key, default)


def number(value: Value) -> tuple[DataType, Value]:
    """A column that holds a whole number."""
    return NUMBER, value


def constant(value: Any) -> Value:
    """The same value for every object."""
    return lambda *_: value


@dataclass(frozen=True)
class ShowClauses:
    """What narrows a SHOW: `scope` is None for the whole account, else the oid of a database or schema."""

    terse: bool = False
    history: bool = False
    like: str | None = None
    scope: int | None = None
    starts_with: str | None = None
    limit: int | None = None
    from_name: str | None = None

    def narrows(self, name: str) -> bool:
        """Whether a name passes LIKE (any case), STARTS WITH (same case) and LIMIT … FROM."""
        return (
            (self.like is None or matches_like(self.like, name))
            and (self.starts_with is None or name.startswith(self.starts_with))
            and (self.from_name is None or name > self.from_name)
        )


def matches_like(pattern: str, name: str) -> bool:
    """Whether a name fits a LIKE pattern as SHOW reads it: any case, backslash takes the next character as it is."""
    return re.fullmatch(like_to_regex(pattern), name, re.IGNORECASE | re.DOTALL) is not None


def like_to_regex(pattern: str) -> str:
    """The regular expression of a LIKE pattern with backslash as escape."""
    parts, escaped = [], False
    for character in pattern:
        if escaped:
            parts.append(re.escape(character))
            escaped = False
        elif character == "\\":
            escaped = True
        else:
            parts.append({"%": ".*", "_": "."}.get(character, re.escape(character)))
    return "".join(parts)


def read_clauses(session: Session, tokens: TokenStream, kind: Kind, *, terse: bool = False) -> ShowClauses:
    """Read what follows the plural in SHOW.

    Raises:
        SnowflakeError: the scope does not exist (002043), or something unknown follows (001003).
    """
    history = tokens.accept("HISTORY")
    like = tokens.string() if tokens.accept("LIKE") else None
    scope = _read_scope(session, tokens, kind)
    starts_with = tokens.string() if tokens.accept("STARTS", "WITH") else None
    limit = tokens.number() if tokens.accept("LIMIT") else None
    from_name = tokens.string() if limit is not None and tokens.accept("FROM") else None
    return ShowClauses(terse, history, like, scope, starts_with, limit, from_name)


def _read_scope(session: Session, tokens: TokenStream, kind: Kind) -> int | None:
    if not tokens.accept("IN"):
        return None if kind.scope == "account" else _default_scope(session, kind)
    if tokens.accept("ACCOUNT"):
        return None
    if kind.scope == "database":
        tokens.accept("DATABASE")
        return _scope_object(session, "DATABASE", tokens)
    if tokens.accept("DATABASE"):
        return (
            _scope_object(session, "DATABASE", tokens)
            if tokens and not _at_clause(tokens)
            else _current(session, "DATABASE")
        )
    if tokens.accept("SCHEMA"):
        return (
            _scope_object(session, "SCHEMA", tokens)
            if tokens and not _at_clause(tokens)
            else _current(session, "SCHEMA")
        )
    if tokens.accept("TABLE") or tokens.accept("VIEW"):
        return reach(session, "TABLE", tokens.name()).oid
    return _scope_object(session, "SCHEMA", tokens)


def _at_clause(tokens: TokenStream) -> bool:
    return tokens.at("STARTS", "WITH") or tokens.at("LIMIT")


def _scope_object(session: Session, kind: str, tokens: TokenStream) -> int:
    name = tokens.name()
    found = None
    try:
        found = reach(session, kind, name)
    except Exception:
        raise operation_cannot_be_performed() from None
    return found.oid


def _current(session: Session, kind: str) -> int:
    if kind == "DATABASE":
        return reach(session, "DATABASE", ObjectName(None, None, session.current_database())).oid
    return reach(session, "SCHEMA", ObjectName(None, session.current_database(), session.current_schema())).oid


def _default_scope(session: Session, kind: Kind) -> int | None:
    """The current schema, else the current database, else the account; a context that is gone counts as none."""
    catalog = session.account.catalog
    database = catalog.find("DATABASE", ACCOUNT, session.database or "")
    if database is None or kind.scope == "database":
        return database.oid if database else None
    schema = catalog.find("SCHEMA", database.oid, session.schema or "")
    return schema.oid if schema else database.oid


def candidates(session: Session, kind_name: str, clauses: ShowClauses) -> list[CatalogObject]:
    """The objects of a kind that the session may see, narrowed and in the order of SHOW: database, schema, name."""
    catalog = session.account.catalog
    if clauses.history:
        found: Iterable[CatalogObject] = catalog.all_with_dropped(kind_name)
    elif clauses.scope is not None and kind_name not in ACCOUNT_KINDS:
        found = _within(session, clauses.scope, kind_name)
    else:
        found = catalog.all(kind_name)
    if clauses.history and clauses.scope is not None:
        found = [item for item in found if _is_within(session, item, clauses.scope)]
    kept = [item for item in found if clauses.narrows(item.name) and visible(session, item) and _usable(session, item)]
    return sorted(kept, key=lambda item: (*containers(session, item), item.name, item.signature))


def _usable(session: Session, item: CatalogObject) -> bool:
    try:
        require_usage(session, item)
    except Exception:
        from embedded.snowflake.security.privileges import active_roles, holds

        return holds(session.account.catalog, active_roles(session), "MANAGE GRANTS", None)
    return True


def _within(session: Session, scope: int, kind_name: str) -> list[CatalogObject]:
    catalog = session.account.catalog
    found = catalog.children(scope, kind_name)
    if catalog.get(scope).kind == "DATABASE" and kind_name not in ("SCHEMA", "DATABASE ROLE"):
        for schema in catalog.children(scope, "SCHEMA"):
            found.extend(catalog.children(schema.oid, kind_name))
    return found


def _is_within(session: Session, item: CatalogObject, scope: int) -> bool:
    while item.container not in (ACCOUNT, scope):
        item = session.account.catalog.get(item.container)
    return item.container == scope


def answer(
    session: Session, show: Iterable[ShowColumn], items: Iterable[CatalogObject], clauses: ShowClauses
) -> Result:
    """The rows of SHOW."""
    listed = list(items)
    listed = listed[: clauses.limit] if clauses.limit is not None else listed
    chosen = list(show)
    if clauses.terse:
        by_name = {column.name: column for column in chosen}
        common = {column.name: column for column in columns("created_on name kind database_name schema_name")}
        chosen = [by_name.get(name, column) for name, column in common.items()]
    rows = [[column.value(session, item) for column in chosen] for item in listed]
    return listing([(column.name, column.type) for column in chosen], rows)


__all__ = [
    "ShowClauses",
    "answer",
    "candidates",
    "columns",
    "constant",
    "containers",
    "full_name",
    "matches_like",
    "number",
    "prop",
    "read_clauses",
]
