"""What DML statements share: the table they change, its columns, and the queries made of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from sqlglot import exp

from embedded.snowflake.catalog.model import CatalogObject
from embedded.snowflake.catalog.parameters import session_setting
from embedded.snowflake.catalog.tables import TableColumn, columns
from embedded.snowflake.errors import SqlCompilationError, invalid_identifier, unsupported
from embedded.snowflake.names import quote, quote_if_needed
from embedded.snowflake.security.privileges import reach, require
from embedded.snowflake.sql.context import Context
from embedded.snowflake.sql.expressions import Expressions
from embedded.snowflake.sql.query import bind_query
from embedded.snowflake.sql.relations import table_name
from embedded.snowflake.sql.scope import Scope, name_of
from embedded.snowflake.sql.translate import Translated
from embedded.snowflake.sql.typed import NULL, Typed

if TYPE_CHECKING:
    from embedded.snowflake.session.dispatch import Statement
    from embedded.snowflake.session.session import Session

RID = "$RID"


def target_table(session: Session, statement: Statement, node: exp.Expr, *privileges: str) -> CatalogObject:
    """The table that a DML statement changes.

    Raises:
        SnowflakeError: it does not exist (002003), is no table, or a privilege is missing (003001).
    """
    table = node.this if isinstance(node, exp.Schema) else node
    context = Context.of(session, statement.binds, statement.query_id)
    name = table_name(table, Expressions(context, Scope(), bind_query))
    found = reach(session, "TABLE", name, None)
    for privilege in privileges:
        require(session, privilege, found)
    if found.kind == "DYNAMIC TABLE":
        raise SqlCompilationError(f"Cannot change the rows of dynamic table '{found.name}'.", 2001, "0A000")
    if found.kind != "TABLE":
        raise SqlCompilationError(
            f"Object '{quote_if_needed(found.name)}' is of type {found.kind}: only tables can be changed.",
            2203,
            "0A000",
        )
    return found


def zone(session: Session) -> str:
    """The session's time zone."""
    return session_setting(session, "TIMEZONE").value


def column_named(table: CatalogObject, name: str) -> TableColumn:
    """A column to write to.

    Raises:
        SqlCompilationError: there is none of that name (000904), or it is virtual.
    """
    for column in columns(table):
        if column.name == name:
            if column.expression is not None:
                raise SqlCompilationError(f"Cannot assign to the virtual column '{name}'.", 2262, "42601")
            return column
    raise invalid_identifier(quote_if_needed(name))


def listed_columns(table: CatalogObject, names: Sequence[exp.Expr]) -> list[TableColumn]:
    """The columns that a list names, or all that can be written to.

    Raises:
        SqlCompilationError: a name is not known (000904) or stands twice (002025).
    """
    if not names:
        return [column for column in columns(table) if column.expression is None]
    found = [column_named(table, name_of(name.this if isinstance(name, exp.Column) else name)) for name in names]
    seen: set[int] = set()
    for column in found:
        if column.id in seen:
            raise SqlCompilationError(f"duplicate column name '{quote_if_needed(column.name)}'", 2025, "42S21")
        seen.add(column.id)
    return found


def rid_table(node: exp.Expr) -> exp.Expr:
    """A copy of a target's table node whose scan also gives the rows' identity."""
    copy = node.copy()
    copy.meta["target_rid"] = True
    return copy


def alias_of(node: exp.Expr) -> exp.Identifier:
    """The name by which expressions call a FROM item that is a table or has an alias."""
    return exp.to_identifier(_alias(node), quoted=True)


def _alias(node: exp.Expr) -> str:
    alias = node.args.get("alias")
    if alias is not None and alias.this is not None:
        return name_of(alias.this)
    if isinstance(node, exp.Table) and isinstance(node.this, exp.Identifier):
        return name_of(node.this)
    raise unsupported(f"{node.key.upper()} without an alias in a DML statement")


def rid_column(node: exp.Expr) -> exp.Expr:
    """The identity of a target's row, as a select item."""
    column = exp.Column(this=exp.to_identifier(RID, quoted=True), table=alias_of(node))
    return exp.alias_(column, RID, quoted=True)


def named(value: exp.Expr, name: str) -> exp.Expr:
    """A select item under a name of ours."""
    return exp.alias_(value.copy(), name, quoted=True)


def output(translated: Translated, place: int, alias: str) -> Typed:
    """A column of a translated query, called by the alias that the query is given."""
    column = translated.columns[place]
    kind = NULL if place in translated.nulls else column.type
    return Typed(f"{alias}.{quote(translated.duckdb_names[place])}", kind, column.nullable)


def is_default(node: exp.Expr) -> bool:
    """Whether a value is the word DEFAULT."""
    return isinstance(node, exp.Var | exp.Column) and node.name.upper() == "DEFAULT" and not _is_quoted(node)


def _is_quoted(node: exp.Expr) -> bool:
    return isinstance(node.this, exp.Identifier) and (
        bool(node.this.args.get("quoted")) or bool(node.args.get("table"))
    )
