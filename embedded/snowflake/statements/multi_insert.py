"""INSERT ALL and INSERT FIRST: one query's rows into several tables."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlglot import exp

from embedded.snowflake.catalog.model import CatalogObject
from embedded.snowflake.catalog.tables import TableColumn
from embedded.snowflake.errors import SqlCompilationError
from embedded.snowflake.names import quote_if_needed
from embedded.snowflake.result import Column, Result, StatementType
from embedded.snowflake.session.dispatch import Statement
from embedded.snowflake.sql.parse import parse_statement
from embedded.snowflake.sql.translate import Translated, expression_ast
from embedded.snowflake.sql.typed import Typed
from embedded.snowflake.statements.dml import insert_values, number_placeholders
from embedded.snowflake.statements.dml_target import is_default, listed_columns, output, target_table
from embedded.snowflake.storage.assign import default
from embedded.snowflake.storage.transactions import work
from embedded.snowflake.types import NUMBER

if TYPE_CHECKING:
    from embedded.snowflake.session.session import Session


@dataclass
class Branch:
    """An INTO: its table and columns, the values (None: the query's columns), and which WHEN it belongs to."""

    table: CatalogObject
    columns: list[TableColumn]
    values: list[exp.Expr] | None
    when: int | None


def multi_insert(session: Session, statement: Statement) -> Result:
    """INSERT [OVERWRITE] ALL | FIRST [WHEN … THEN] INTO … [ELSE INTO …] query."""
    overwrite = statement.tokens.at("INSERT", "OVERWRITE")
    text = statement.text
    if overwrite:
        tokens = statement.tokens.tokens
        text = text[: tokens[1].start] + text[tokens[1].end + 1 :]
    tree = parse_statement(text)
    number_placeholders(tree)
    branches, conditions = _branches(session, statement, tree)
    names = [f"number of rows inserted into {quote_if_needed(branch.table.name)}" for branch in branches]
    columns = [Column(name, NUMBER) for name in names]
    if statement.describe_only:
        return Result(columns, [(0,) * len(columns)], statement_type=StatementType.MULTI_TABLE_INSERT)
    targets = list({branch.table.oid: branch.table for branch in branches}.values())
    first = str(tree.args["kind"]).upper() == "FIRST"
    with work(session, statement, targets, exclusive=overwrite) as doing:
        translated = doing.translate(tree.args["source"])
        with doing.apply() as rows:
            rows.temporary("_source", translated.duckdb_sql)
            if overwrite:
                for table in targets:
                    rows.close(table)
            filters = _filters(session, statement, translated, conditions, first)
            counts = []
            for branch in branches:
                values = insert_values(
                    session, branch.table, branch.columns, _values(session, statement, branch, translated)
                )
                where = f" where {filters[branch.when]}" if branch.when is not None else ""
                counts.append(rows.insert(branch.table, values, f"select * from _source as q{where}"))
    return Result(columns, [tuple(counts)], statement_type=StatementType.MULTI_TABLE_INSERT)


def _branches(session: Session, statement: Statement, tree: exp.Expr) -> tuple[list[Branch], list[exp.Expr | None]]:
    """The INTO clauses, and the conditions of the WHENs; ELSE is a condition of None."""
    branches: list[Branch] = []
    conditions: list[exp.Expr | None] = []
    in_else = False
    for item in tree.expressions:
        if item.args.get("expression") is not None:
            conditions.append(item.args["expression"])
        elif item.args.get("else_") and not in_else:
            in_else = True
            conditions.append(None)
        insert = item.this
        table = target_table(session, statement, insert.this, "INSERT")
        listed = insert.this.expressions if isinstance(insert.this, exp.Schema) else []
        found = insert.args.get("expression")
        values = None if found is None else found.expressions[0].expressions
        columns = listed_columns(table, listed)
        branches.append(Branch(table, columns, values, len(conditions) - 1 if conditions else None))
    return branches, conditions


def _known(translated: Translated) -> list[tuple[str, Typed]]:
    return [(column.name, output(translated, place, "q")) for place, column in enumerate(translated.columns)]


def _filters(
    session: Session,
    statement: Statement,
    translated: Translated,
    conditions: list[exp.Expr | None],
    first: bool,
) -> list[str]:
    """For each WHEN the DuckDB condition for its rows; ELSE takes the rows that no WHEN took."""
    texts: list[str] = []
    for condition in conditions:
        before = [f"({text}) IS NOT TRUE" for text in texts]
        if condition is None:
            texts.append(" AND ".join(before) or "true")
            continue
        made = expression_ast(session, condition.copy(), _known(translated), statement=statement).sql
        texts.append(" AND ".join([f"({made})", *(before if first else [])]))
    return texts


def _values(session: Session, statement: Statement, branch: Branch, translated: Translated) -> list[Typed]:
    """What a branch puts in its columns.

    Raises:
        SqlCompilationError: the numbers of columns and values differ (002020).
    """
    given = len(translated.columns) if branch.values is None else len(branch.values)
    if given != len(branch.columns):
        raise SqlCompilationError(
            f"Insert value list does not match column list expecting {len(branch.columns)} but got {given}",
            2020,
            "21S01",
        )
    if branch.values is None:
        return [output(translated, place, "q") for place in range(given)]
    return [
        default(session, branch.table, column)
        if is_default(value)
        else expression_ast(session, value.copy(), _known(translated), statement=statement)
        for column, value in zip(branch.columns, branch.values, strict=True)
    ]
