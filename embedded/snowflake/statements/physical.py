"""The physical part of table statements, done by the storage: between the catalog's grammar and the rows."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from embedded.snowflake.catalog.model import CatalogObject
from embedded.snowflake.catalog.tables import TableColumn
from embedded.snowflake.change import offsets
from embedded.snowflake.result import Column
from embedded.snowflake.storage import sequences, tables
from embedded.snowflake.tokens import TokenStream
from embedded.snowflake.types import DataType, parse_type

if TYPE_CHECKING:
    from embedded.snowflake.catalog.store import CatalogTransaction
    from embedded.snowflake.session.session import Session


def create_table(session: Session, changes: CatalogTransaction, table: CatalogObject) -> None:
    """Make the table's storage in the catalog's transaction, with the rows of its query or of what it clones."""
    from embedded.snowflake.storage.create_table import create_table as create

    create(session, changes, table)


def drop_table(session: Session, changes: CatalogTransaction, table: CatalogObject) -> None:
    """Tell the storage that a table goes."""


def row_count(session: Session, table: CatalogObject) -> int:
    """The number of rows, for SHOW TABLES."""
    return tables.row_count(session, table)


def byte_count(session: Session, table: CatalogObject) -> int:
    """The size in bytes, for SHOW TABLES."""
    return tables.byte_count(session, table)


def add_column(session: Session, changes: CatalogTransaction, table: CatalogObject, column: TableColumn) -> None:
    """Give the rows that are there the new column, with its default."""
    tables.add_column(session, changes, table, column)


def check_not_null(session: Session, changes: CatalogTransaction, table: CatalogObject, column: TableColumn) -> None:
    """Make sure that no row has NULL in a column."""
    tables.check_not_null(session, changes, table, column)


def change_type(
    session: Session, changes: CatalogTransaction, table: CatalogObject, column: TableColumn, old: DataType
) -> None:
    """Turn the values of a column to its new type."""
    tables.change_type(session, changes, table, column, old)


def check_policy(session: Session, policy: CatalogObject) -> None:
    """Make sure that a policy's body is an expression over its arguments, in its schema and with its owner's rights.

    Raises:
        SqlCompilationError: it does not parse (001003), names what is not there (000904, 002003), or gives another type.
    """
    from embedded.snowflake.sql.coerce import cast
    from embedded.snowflake.sql.context import Context
    from embedded.snowflake.sql.expressions import Expressions
    from embedded.snowflake.sql.parse import parse_expression
    from embedded.snowflake.sql.query import bind_query
    from embedded.snowflake.sql.scope import Scope, Source, SourceColumn
    from embedded.snowflake.sql.typed import Typed

    catalog = session.account.catalog
    schema = catalog.get(policy.container)
    context = Context.of(session, [], "")
    inner = context.owned(policy.owner, catalog.get(schema.container).name, schema.name, policed=False)
    columns = []
    for argument in policy.body["arguments"]:
        kind = parse_type(argument["type"])
        columns.append(SourceColumn(argument["name"], Typed(f"CAST(NULL AS {kind.to_duckdb()})", kind)))
    bound = Expressions(inner, Scope([Source("", columns)]), bind_query).bind(parse_expression(policy.body["body"]))
    cast(bound, parse_type(policy.body["returns"]), context.zone)


def query_columns(session: Session, query: str, named: bool) -> list[Column]:
    """The columns of a query's result, for a view of it; `named`: the view gives them names of its own.

    Raises:
        SqlCompilationError: a column has no name, and the view gives none (002022).
    """
    from embedded.snowflake.sql.parse import parse_query
    from embedded.snowflake.sql.select import require_named_columns
    from embedded.snowflake.sql.translate import query as translate

    tree = parse_query(query)
    if not named:
        require_named_columns(tree)
    return translate(session, tree, statement=None).columns


def query_sources(session: Session, query: str) -> set[int]:
    """The oids of what a query reads."""
    from embedded.snowflake.sql.parse import parse_query
    from embedded.snowflake.sql.translate import query as translate

    return translate(session, parse_query(query), statement=None).sources


def start_stream(session: Session, changes: CatalogTransaction, stream: CatalogObject) -> None:
    """Put a new stream at its first offset."""
    offsets.start(session, changes, stream)


def stream_tables(session: Session, stream: CatalogObject) -> list[int]:
    """The oids of the tables whose changes a stream gives."""
    return offsets.tables_of(session, stream)


def stream_stale_after(session: Session, stream: CatalogObject) -> datetime | None:
    """When the stream's offset leaves the tables' retention."""
    return offsets.stale_after(session, stream)


def stream_is_stale(session: Session, stream: CatalogObject) -> bool:
    """Whether that time has come by the account's clock, or the changes are gone already."""
    return offsets.is_stale(session, stream)


def drop_stage(session: Session, changes: CatalogTransaction, stage: CatalogObject) -> None:
    """Remove the files of a stage that goes."""
    from embedded.snowflake.storage.stages import remove_folder

    changes.committed.append(lambda: remove_folder(session.account, stage))


def start_sequence(_session: Session, changes: CatalogTransaction, sequence: CatalogObject) -> None:
    """Make a new sequence give its start next."""
    body = sequence.body
    sequences.create(changes.cursor, sequences.sequence_name(sequence.oid), body["start"], body["increment"])


def sequence_next(session: Session, sequence: CatalogObject) -> int:
    """The value that a sequence gives next."""
    name, body = sequences.sequence_name(sequence.oid), sequence.body
    return sequences.upcoming(session.cursor, name, body.get("goes_on_at", body["start"]), body["increment"])


def change_increment(session: Session, changes: CatalogTransaction, old: CatalogObject, new: CatalogObject) -> None:
    """Let a sequence go on by another step; the value that comes next stays the one that was to come."""
    following = sequence_next(session, old)
    new.body["goes_on_at"] = following
    sequences.create(changes.cursor, sequences.sequence_name(new.oid), following, new.body["increment"])


def check_function(body: dict[str, Any]) -> None:
    """Make sure that a SQL function's body is an expression or a query."""
    from embedded.snowflake.sql.parse import parse_expression, parse_query

    (parse_query if isinstance(body["returns"], dict) or _is_query(body["body"]) else parse_expression)(body["body"])


def _is_query(text: str) -> bool:
    return TokenStream(text).word() in ("SELECT", "WITH")
