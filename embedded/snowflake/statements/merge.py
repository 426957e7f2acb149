"""MERGE: the rows that match are computed first, then changed clause by clause."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlglot import exp

from embedded.snowflake.catalog.model import CatalogObject
from embedded.snowflake.catalog.parameters import session_setting
from embedded.snowflake.catalog.tables import TableColumn
from embedded.snowflake.errors import SqlCompilationError, unsupported
from embedded.snowflake.result import Result, StatementType, affected
from embedded.snowflake.session.dispatch import Statement, handles
from embedded.snowflake.sql.parse import parse_statement
from embedded.snowflake.sql.scope import name_of
from embedded.snowflake.sql.translate import Translated, query
from embedded.snowflake.sql.typed import Typed
from embedded.snowflake.statements.dml import duplicate_row, insert_values, number_placeholders
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
from embedded.snowflake.storage.rows import Rows
from embedded.snowflake.storage.transactions import work

if TYPE_CHECKING:
    from embedded.snowflake.session.session import Session

_CLAUSE = "$CLAUSE"
_RESULTS = (
    ("INSERT", "number_of_rows_inserted"),
    ("UPDATE", "number_of_rows_updated"),
    ("DELETE", "number_of_rows_deleted"),
)


@dataclass
class Clause:
    """A WHEN: what it does, its own condition, and the columns it assigns with their values."""

    action: str
    condition: exp.Expr | None
    columns: list[TableColumn]
    values: list[exp.Expr]


@handles("MERGE")
def merge(session: Session, statement: Statement) -> Result:
    """MERGE INTO table USING source ON … WHEN [NOT] MATCHED [AND …] THEN …"""
    tree = parse_statement(statement.text)
    number_placeholders(tree)
    whens = tree.args["whens"].expressions
    table = target_table(session, statement, tree.this)
    clauses = [_clause(session, statement, table, tree, when) for when in whens]
    _check_privileges(session, table, clauses)
    names = [(action, name) for action, name in _RESULTS if any(clause.action == action for clause in clauses)]
    if statement.describe_only:
        return affected(StatementType.MERGE, **{name: 0 for _, name in names})
    matched = [clause for clause in clauses if clause.action != "INSERT"]
    unmatched = [clause for clause in clauses if clause.action == "INSERT"]
    with work(session, statement, [table]) as doing:
        of_matched = doing.translate(_matched_query(tree, matched)) if matched else None
        of_unmatched = doing.translate(_unmatched_query(tree, unmatched)) if unmatched else None
        with doing.apply() as rows:
            counts = _apply(session, rows, table, (matched, of_matched), (unmatched, of_unmatched))
    return affected(StatementType.MERGE, **{name: counts[action] for action, name in names})


def _check_privileges(session: Session, table: CatalogObject, clauses: list[Clause]) -> None:
    from embedded.snowflake.security.privileges import require

    for action in {clause.action for clause in clauses}:
        require(session, action, table)


def _clause(session: Session, statement: Statement, table: CatalogObject, tree: exp.Expr, when: exp.Expr) -> Clause:
    if when.args.get("source"):
        raise unsupported("MERGE … WHEN NOT MATCHED BY SOURCE")
    then, condition = when.args["then"], when.args.get("condition")
    matched = bool(when.args.get("matched"))
    if isinstance(then, exp.Update) and matched:
        return Clause("UPDATE", condition, *_assignments(session, statement, table, tree, then))
    if isinstance(then, exp.Insert) and not matched:
        return Clause("INSERT", condition, *_inserted(session, statement, table, tree, then))
    if matched and then.name.upper() == "DELETE":
        return Clause("DELETE", condition, [], [])
    raise SqlCompilationError("syntax error: WHEN MATCHED takes UPDATE or DELETE, WHEN NOT MATCHED takes INSERT", 1003)


def _assignments(
    session: Session, statement: Statement, table: CatalogObject, tree: exp.Expr, then: exp.Expr
) -> tuple[list[TableColumn], list[exp.Expr]]:
    if any(isinstance(item, exp.Star) for item in then.expressions):
        return _by_name(session, statement, table, tree)
    columns = [column_named(table, name_of(item.this.this)) for item in then.expressions]
    if len({column.id for column in columns}) < len(columns):
        raise SqlCompilationError("duplicate column name in SET", 2025, "42S21")
    return columns, [item.expression for item in then.expressions]


def _inserted(
    session: Session, statement: Statement, table: CatalogObject, tree: exp.Expr, then: exp.Expr
) -> tuple[list[TableColumn], list[exp.Expr]]:
    if isinstance(then.this, exp.Star):
        return _by_name(session, statement, table, tree)
    columns = listed_columns(table, then.this.expressions if then.this is not None else [])
    found = then.args.get("expression")
    values: list[Any] = found.expressions if isinstance(found, exp.Tuple) else [found]
    if len(values) != len(columns):
        raise SqlCompilationError(
            f"Insert value list does not match column list expecting {len(columns)} but got {len(values)}",
            2020,
            "21S01",
        )
    return columns, values


def _by_name(
    session: Session, statement: Statement, table: CatalogObject, tree: exp.Expr
) -> tuple[list[TableColumn], list[exp.Expr]]:
    """ALL BY NAME: every column of the table from the source's column of the same name.

    Raises:
        SqlCompilationError: the names of the source are not those of the table (002020).
    """
    source = tree.args["using"]
    select = exp.Select(expressions=[exp.Star()])
    select.set("from_", exp.From(this=source.copy()))
    names = {column.name for column in query(session, select, statement=statement).columns}
    columns = listed_columns(table, [])
    if {column.name for column in columns} != names:
        raise SqlCompilationError("ALL BY NAME: the source and the table have different columns", 2020, "21S01")
    from embedded.snowflake.statements.dml_target import alias_of

    values: list[exp.Expr] = [
        exp.Column(this=exp.to_identifier(column.name, quoted=True), table=alias_of(source)) for column in columns
    ]
    return columns, values


def _items(clauses: list[Clause]) -> list[exp.Expr]:
    """Which clause a row falls to, and the values of each clause, computed only where its condition holds."""
    chosen = exp.Case(
        ifs=[
            exp.If(this=clause.condition.copy() if clause.condition else exp.true(), true=exp.Literal.number(place))
            for place, clause in enumerate(clauses)
        ]
    )
    items = [named(chosen, _CLAUSE)]
    for place, clause in enumerate(clauses):
        for number, value in enumerate(clause.values):
            if is_default(value):
                continue
            made = value
            if clause.condition is not None:
                made = exp.Case(ifs=[exp.If(this=clause.condition.copy(), true=value.copy())])
            items.append(named(made, f"V{place}_{number}"))
    return items


def _matched_query(tree: exp.Expr, clauses: list[Clause]) -> exp.Select:
    select = exp.Select(expressions=[rid_column(tree.this), *_items(clauses)])
    select.set("from_", exp.From(this=rid_table(tree.this)))
    select.set("joins", [exp.Join(this=tree.args["using"].copy(), on=tree.args["on"].copy(), kind="INNER")])
    return select


def _unmatched_query(tree: exp.Expr, clauses: list[Clause]) -> exp.Select:
    inner = exp.Select(expressions=[exp.Literal.number(1)])
    inner.set("from_", exp.From(this=rid_table(tree.this)))
    inner.set("where", exp.Where(this=tree.args["on"].copy()))
    select = exp.Select(expressions=_items(clauses))
    select.set("from_", exp.From(this=tree.args["using"].copy()))
    select.set("where", exp.Where(this=exp.Not(this=exp.Exists(this=inner))))
    return select


def _apply(
    session: Session,
    rows: Rows,
    table: CatalogObject,
    matched: tuple[list[Clause], Translated | None],
    unmatched: tuple[list[Clause], Translated | None],
) -> dict[str, int]:
    """Change the rows: both queries see the table as it was before."""
    counts = {"INSERT": 0, "UPDATE": 0, "DELETE": 0}
    if matched[1] is not None:
        rows.temporary("_merged", f'select * from ({matched[1].duckdb_sql}) where "{_CLAUSE}" is not null')
        _check_single(session, rows, matched[0])
    if unmatched[1] is not None:
        rows.temporary("_unmatched", f'select * from ({unmatched[1].duckdb_sql}) where "{_CLAUSE}" is not null')
    for place, clause in enumerate(matched[0]):
        if not rows.temporary("_changes", f'select * from _merged where "{_CLAUSE}" = {place}'):
            continue
        if clause.action == "DELETE":
            counts["DELETE"] += rows.close(table, '_rid in (select "$RID" from _changes)')
        else:
            values = _values(session, table, clause, matched[1], matched[0], "n")
            assigned = {
                column.id: stored(value, column, zone(session))
                for column, value in zip(clause.columns, values, strict=True)
            }
            counts["UPDATE"] += rows.replace(table, assigned, "_changes", _rows_of(matched[1], place))
    for place, clause in enumerate(unmatched[0]):
        values = _values(session, table, clause, unmatched[1], unmatched[0], "q")
        assigned = insert_values(session, table, clause.columns, values)
        source = f'from _unmatched where "{_CLAUSE}" = {place}'
        counts["INSERT"] += rows.insert(table, assigned, source, _rows_of(unmatched[1], place))
    return counts


def _rows_of(translated: Translated | None, place: int) -> str:
    """The query of the rows that a clause is for."""
    return "" if translated is None else f'select * from ({translated.duckdb_sql}) where "{_CLAUSE}" = {place}'


def _values(
    session: Session,
    table: CatalogObject,
    clause: Clause,
    translated: Translated | None,
    clauses: list[Clause],
    alias: str,
) -> list[Typed]:
    """The values of a clause as columns of the query that computed them."""
    if translated is None:
        return []
    names = [column.name for column in translated.columns]
    place, found = clauses.index(clause), []
    for number, (column, value) in enumerate(zip(clause.columns, clause.values, strict=True)):
        if is_default(value):
            found.append(default(session, table, column))
        else:
            found.append(output(translated, names.index(f"V{place}_{number}"), alias))
    return found


def _check_single(session: Session, rows: Rows, clauses: list[Clause]) -> None:
    """Make sure that no row is changed in two ways; deleting it twice is one way.

    Raises:
        SqlExecutionError: one is, and ERROR_ON_NONDETERMINISTIC_MERGE is on (100090).
    """
    deletes = [str(place) for place, clause in enumerate(clauses) if clause.action == "DELETE"]
    only_deletes = f'bool_and("{_CLAUSE}" in ({", ".join(deletes)}))' if deletes else "false"
    twice = rows.cursor.execute(
        f'select 1 from _merged group by "$RID" having count(*) > 1 and not {only_deletes} limit 1'
    ).fetchall()
    if twice and session_setting(session, "ERROR_ON_NONDETERMINISTIC_MERGE").value == "true":
        raise duplicate_row()
    rows.temporary("_merged", 'select * from _merged qualify row_number() over (partition by "$RID") = 1')
