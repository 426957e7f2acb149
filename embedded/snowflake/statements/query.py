"""Queries: SELECT, WITH, VALUES and queries in parentheses."""

from __future__ import annotations

from typing import TYPE_CHECKING

from embedded.snowflake.catalog.parameters import session_setting
from embedded.snowflake.result import Result
from embedded.snowflake.session.dispatch import Statement, handles
from embedded.snowflake.sql.run import run_query
from embedded.snowflake.sql.translate import query_text
from embedded.snowflake.statements.programs import is_with_procedure, with_procedure

if TYPE_CHECKING:
    from embedded.snowflake.session.session import Session


@handles("SELECT")
@handles("WITH")
@handles("VALUES")
@handles("(")
def select(session: Session, statement: Statement) -> Result:
    """Run a query, or a procedure that the statement declares itself."""
    if is_with_procedure(statement.tokens):
        return with_procedure(session, statement)
    catalog_version = session.account.catalog.version
    translated = query_text(session, statement.text, statement=statement)
    if statement.describe_only:
        return Result(translated.columns, [])
    cache = session.account.result_cache
    versions = cache.versions(translated)
    rows = run_query(session, translated)
    most = int(session_setting(session, "ROWS_PER_RESULTSET").value)
    result = Result(translated.columns, arrow=rows.slice(0, most) if most else rows)
    cache.keep(session, statement, translated, result, catalog_version, versions)
    return result
