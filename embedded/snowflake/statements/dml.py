"""INSERT, UPDATE, DELETE and TRUNCATE."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlglot import exp

from embedded.snowflake.catalog.model import CatalogObject
from embedded.snowflake.catalog.parameters import session_setting
from embedded.snowflake.catalog.tables import TableColumn
from embedded.snowflake.errors import SnowflakeError, SqlCompilationError, SqlExecutionError, syntax_error, unsupported
from embedded.snowflake.result import Result, StatementType, affected, status
from embedded.snowflake.security.privileges import reach, require_any
from embedded.snowflake.session.dispatch import Statement, handles, if_exists
from embedded.snowflake.sql.parse import parse_expression, parse_statement
from embedded.snowflake.sql.scope import name_of
from embedded.snowflake.sql.translate import Translated, number_placeholders
from embedded.snowflake.statements.dml_target import (
    column_named,
    is_default,
    listed_columns,
    named,
    output,
    rid_column,
    rid_table,
    target_table,
    zone,
)
from embedded.snowflake.storage.assign import default, stored
from embedded.snowflake.storage.rows import Rows, stored_columns
from embedded.snowflake.storage.transactions import Work, work

if TYPE_CHECKING:
    from embedded.snowflake.session.session import Session


@handles("INSERT")
def insert(session: Session, statement: Statement) -> Result:
    """INSERT [OVERWRITE] INTO table [(columns)] VALUES … | query; INSERT ALL and FIRST go on to their own module."""
    words = [statement.tokens.word(i) for i in range(3)]
    if "ALL" in words or "FIRST" in words:
        from embedded.snowflake.statements.multi_insert import multi_insert

        return multi_insert(session, statement)
    tree = parse_statement(statement.text)
    number_placeholders(tree)
    if tree.args.get("by_name"):
        raise syntax_error("by", 1, statement.text.upper().find(" BY ") + 1)
    overwrite = bool(tree.args.get("overwrite"))
    table = target_table(session, statement, tree.this, "INSERT", *(("DELETE",) if overwrite else ()))
    names = tree.this.expressions if isinstance(tree.this, exp.Schema) else []
    target = listed_columns(table, names)
    if statement.describe_only:
        return affected(StatementType.INSERT, number_of_rows_inserted=0)
    query = with_ctes(tree)
    values, defaults = without_defaults(query, target)
    with work(session, statement, [table], exclusive=overwrite) as doing:
        translated = doing.translate(values)
        count = _insert(session, doing, table, target, translated, defaults, overwrite)
    return affected(StatementType.INSERT, number_of_rows_inserted=count)


def with_ctes(tree: exp.Expr) -> exp.Expr:
    """The query of an INSERT, with the WITH that the parser gave to the INSERT itself."""
    query = tree.args.get("expression")
    if query is None:
        raise SqlCompilationError("INSERT needs VALUES or a query", 1003, "42000")
    outer = tree.args.get("with_")
    if outer is not None:
        query = query.copy()
        query.set("with_", outer)
    return query


def without_defaults(query: exp.Expr, target: list[TableColumn]) -> tuple[exp.Expr, set[int]]:
    """Take columns out of VALUES that are DEFAULT in every row, and say which: their defaults are filled in.

    In a column that is DEFAULT in some rows only, the default's expression stands in for the word.

    Raises:
        SnowflakeError: rows of another length (002020), or an identity column that is DEFAULT in some rows only (000002).
    """
    if not isinstance(query, exp.Values):
        return query, set()
    rows = [row.expressions if isinstance(row, exp.Tuple) else [row] for row in query.expressions]
    if not any(is_default(value) for row in rows for value in row):
        return query, set()
    for row in rows:
        if len(row) != len(target):
            raise _width_mismatch(len(target), len(row))
    places = {i for i in range(len(target)) if all(is_default(row[i]) for row in rows)}
    if len(places) == len(target):
        # Rows of nothing but defaults: one constant column keeps their number.
        return exp.Values(expressions=[exp.Tuple(expressions=[exp.Literal.number(0)]) for _ in rows]), places
    tuples = [
        exp.Tuple(
            expressions=[
                _default_node(target[i]) if is_default(value) else value.copy()
                for i, value in enumerate(row)
                if i not in places
            ]
        )
        for row in rows
    ]
    return exp.Values(expressions=tuples), places


def _default_node(column: TableColumn) -> exp.Expr:
    """A column's default as a tree: NULL when it has none."""
    if column.identity is not None:
        raise unsupported("DEFAULT of an identity column in some rows of VALUES only")
    return exp.Null() if column.default is None else parse_expression(column.default)


def _insert(
    session: Session,
    doing: Work,
    table: CatalogObject,
    target: list[TableColumn],
    translated: Translated,
    defaults: set[int],
    overwrite: bool,
) -> int:
    given = [column for i, column in enumerate(target) if i not in defaults]
    if given and len(translated.columns) != len(given):
        raise _width_mismatch(len(given), len(translated.columns))
    values = insert_values(session, table, given, [output(translated, i, "q") for i in range(len(given))])
    with doing.apply() as rows:
        if overwrite:
            # The query may read the table itself, so its rows are taken before the old ones end.
            rows.temporary("_inserted", translated.duckdb_sql)
            rows.close(table)
            return rows.insert(table, values, "from _inserted", translated.duckdb_sql)
        return rows.insert(table, values, translated.duckdb_sql)


def _width_mismatch(expected: int, got: int) -> SqlCompilationError:
    return SqlCompilationError(
        f"Insert value list does not match column list expecting {expected} but got {got}", 2020, "21S01"
    )


def insert_values(
    session: Session, table: CatalogObject, target: list[TableColumn], given: list, *, truncate: bool = False
) -> dict[int, str]:
    """What each stored column gets: a given value, or its default, cast and checked."""
    by_id = {column.id: value for column, value in zip(target, given, strict=True)}
    return {
        column.id: stored(
            by_id[column.id] if column.id in by_id else default(session, table, column),
            column,
            zone(session),
            truncate=truncate,
        )
        for column in stored_columns(table)
    }


@handles("UPDATE")
def update(session: Session, statement: Statement) -> Result:
    """UPDATE table SET column = value, … [FROM …] [WHERE …]."""
    tree = parse_statement(statement.text)
    number_placeholders(tree)
    table = target_table(session, statement, tree.this, "UPDATE")
    target = [column_named(table, name_of(_assigned(item).this)) for item in tree.expressions]
    if len({column.id for column in target}) < len(target):
        raise SqlCompilationError("duplicate column name in SET", 2025, "42S21")
    if statement.describe_only:
        return affected(StatementType.UPDATE, number_of_rows_updated=0, **{"number_of_multi-joined_rows_updated": 0})
    items = [
        named(item.expression, f"V{i}") for i, item in enumerate(tree.expressions) if not is_default(item.expression)
    ]
    select = _rows_of(tree, items, tree.args.get("from_"))
    with work(session, statement, [table]) as doing:
        translated = doing.translate(select)
        values = _new_values(session, table, target, tree.expressions, translated)
        with doing.apply() as rows:
            total = rows.temporary("_changes", translated.duckdb_sql)
            single = _one_each(session, rows, total, "ERROR_ON_NONDETERMINISTIC_UPDATE")
            count = rows.replace(table, values, "_changes", translated.duckdb_sql)
    return affected(
        StatementType.UPDATE, number_of_rows_updated=count, **{"number_of_multi-joined_rows_updated": total - single}
    )


def _assigned(item: exp.Expr) -> exp.Expr:
    if not isinstance(item, exp.EQ) or not isinstance(item.this, exp.Column):
        raise SqlCompilationError(f"syntax error in SET: {item.sql('snowflake')}", 1003, "42000")
    return item.this


def _new_values(
    session: Session,
    table: CatalogObject,
    target: list[TableColumn],
    items: list[exp.Expr],
    translated: Translated,
) -> dict[int, str]:
    values, place = {}, 1
    for column, item in zip(target, items, strict=True):
        if is_default(item.expression):
            value = default(session, table, column)
        else:
            value, place = output(translated, place, "n"), place + 1
        values[column.id] = stored(value, column, zone(session))
    return values


def _rows_of(tree: exp.Expr, items: list[exp.Expr], source: exp.Expr | None) -> exp.Select:
    """The query that gives the identity of each row of an UPDATE or DELETE, and its new values."""
    select = exp.Select(expressions=[rid_column(tree.this), *items])
    select.set("from_", exp.From(this=rid_table(tree.this)))
    joined = [] if source is None else [source.this] if isinstance(source, exp.From) else list(source)
    joins = []
    for node in joined:
        item = node.copy()
        further = item.args.pop("joins", None) or []
        joins += [exp.Join(this=item, kind="CROSS"), *[join.copy() for join in further]]
    if joins:
        select.set("joins", joins)
    if tree.args.get("where") is not None:
        select.set("where", tree.args["where"].copy())
    return select


def _one_each(session: Session, rows: Rows, total: int, parameter: str) -> int:
    """Leave one of the changes for each row, and give their number.

    Raises:
        SqlExecutionError: there were more and the parameter makes that an error (100090).
    """
    single = rows.cursor.execute('select count(distinct "$RID") from _changes').fetchall()
    count = int(single[0][0]) if single else 0
    if count < total:
        if session_setting(session, parameter).value == "true":
            raise duplicate_row()
        rows.temporary("_changes", 'select * from _changes qualify row_number() over (partition by "$RID") = 1')
    return count


def duplicate_row() -> SnowflakeError:
    """The error for a row that would be changed in more than one way (100090)."""
    return SqlExecutionError("Duplicate row detected during DML action", 100090, "42P18")


@handles("DELETE")
def delete(session: Session, statement: Statement) -> Result:
    """DELETE FROM table [USING …] [WHERE …]."""
    statement.tokens.expect("DELETE", "FROM")
    tree = parse_statement(statement.text)
    number_placeholders(tree)
    table = target_table(session, statement, tree.this, "DELETE")
    if statement.describe_only:
        return affected(StatementType.DELETE, number_of_rows_deleted=0)
    select = _rows_of(tree, [], tree.args.get("using") or None)
    with work(session, statement, [table]) as doing:
        translated = doing.translate(select)
        with doing.apply() as rows:
            rows.temporary("_changes", translated.duckdb_sql)
            count = rows.close(table, '_rid in (select "$RID" from _changes)')
    return affected(StatementType.DELETE, number_of_rows_deleted=count)


@handles("TRUNCATE")
def truncate(session: Session, statement: Statement) -> Result:
    """TRUNCATE [TABLE] [IF EXISTS] table: all rows end, and the load history is forgotten."""
    tokens = statement.tokens
    tokens.expect("TRUNCATE")
    tokens.accept("TABLE")
    lenient = if_exists(tokens)
    name = tokens.name()
    tokens.end()
    try:
        table = reach(session, "TABLE", name, None)
    except SnowflakeError as error:
        if lenient and error.errno in (2003, 2043):
            return status("Statement executed successfully.")
        raise
    require_any(session, ("TRUNCATE", "OWNERSHIP"), table)
    if table.kind != "TABLE":
        raise SqlCompilationError(f"Object found is of type '{table.kind}', not specified type 'TABLE'.", 2203, "42710")
    with work(session, statement, [table]) as doing, doing.apply() as rows:
        rows.close(table)
    from embedded.snowflake.storage.load_history import forget_loads

    forget_loads(session, table.oid)
    return status("Statement executed successfully.")
