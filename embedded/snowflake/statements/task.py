"""EXECUTE TASK and SHOW TASKS; what else is done with tasks is made from their description."""

from __future__ import annotations

from typing import TYPE_CHECKING

from embedded.snowflake.catalog.descriptions.tasks import TASK
from embedded.snowflake.catalog.resolve import full_name
from embedded.snowflake.catalog.show import answer, candidates, read_clauses
from embedded.snowflake.errors import SnowflakeError, SqlCompilationError
from embedded.snowflake.result import Result, StatementType, status
from embedded.snowflake.scheduler import graph
from embedded.snowflake.scheduler.versions import save_version
from embedded.snowflake.security.privileges import reach, require
from embedded.snowflake.session.dispatch import Statement, handles

if TYPE_CHECKING:
    from embedded.snowflake.session.session import Session


@handles("EXECUTE", "TASK", commits=True)
def execute_task(session: Session, statement: Statement) -> Result:
    """Run a task and what comes after it now, once; the answer does not wait for it."""
    tokens = statement.tokens
    tokens.expect("EXECUTE", "TASK")
    task = reach(session, "TASK", tokens.name())
    retry = tokens.accept("RETRY", "LAST")
    config = None
    if not retry and tokens.accept("USING", "CONFIG"):
        tokens.expect("=")
        config = tokens.string()
    tokens.end()
    require(session, "OPERATE", task)
    if not graph.is_root(task):
        raise SqlCompilationError(
            f"Task {full_name(session.account.catalog, task)} is no root task: execute the root of its graph.", 91107
        )
    if not retry:
        task = save_version(session.account, task.oid)
        session.account.scheduler.execute_now(task, config)
    elif not session.account.scheduler.retry(task):
        raise SnowflakeError(f"Task {task.name} has no failed run that can be retried.", 91107, "23001")
    return status(f"Task {task.name} is scheduled to run immediately.", StatementType.DDL)


@handles("SHOW", "TASKS")
@handles("SHOW", "TERSE", "TASKS")
def show_tasks(session: Session, statement: Statement) -> Result:
    """List tasks; with ROOT ONLY those that come after none."""
    tokens = statement.tokens
    tokens.expect("SHOW")
    terse = tokens.accept("TERSE")
    tokens.expect("TASKS")
    root_only = any(tokens.word(i) == "ROOT" and tokens.word(i + 1) == "ONLY" for i in range(len(tokens.tokens)))
    if root_only:
        kept = [tokens.word(i) == "ROOT" and tokens.word(i + 1) == "ONLY" for i in range(len(tokens.tokens))].index(
            True
        )
        del tokens.tokens[tokens.index + kept : tokens.index + kept + 2]
    clauses = read_clauses(session, tokens, TASK, terse=terse)
    tokens.end()
    found = candidates(session, "TASK", clauses)
    if root_only:
        found = [task for task in found if graph.is_root(task)]
    return answer(session, TASK.show, found, clauses)
