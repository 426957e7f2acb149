"""Blocks, EXECUTE IMMEDIATE, CALL, and procedures of one statement (WITH … AS PROCEDURE … CALL)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from embedded.snowflake.catalog.model import CatalogObject
from embedded.snowflake.errors import SqlCompilationError, unsupported
from embedded.snowflake.programs.procedures import call, read_call
from embedded.snowflake.result import Column, Result
from embedded.snowflake.scripting.evaluate import evaluate
from embedded.snowflake.scripting.interpreter import run_block
from embedded.snowflake.scripting.parser import Parser, parse_block
from embedded.snowflake.scripting.values import one_value
from embedded.snowflake.session.dispatch import CreateOptions, Statement, handles
from embedded.snowflake.session.program import running
from embedded.snowflake.tokens import TokenStream

if TYPE_CHECKING:
    from embedded.snowflake.session.session import Session

BLOCK_COLUMN = "anonymous block"


@handles("DECLARE")
def declare(session: Session, statement: Statement) -> Result:
    """Run a block that begins with DECLARE."""
    return run_text(session, statement.text, describe_only=statement.describe_only)


def run_text(session: Session, text: str, *, describe_only: bool = False) -> Result:
    """Run a text that is one block, with its caller's rights and transactions of its own.

    Raises:
        SnowflakeError: it does not parse (001003), or an exception was not caught in it.
    """
    block = parse_block(text.strip().rstrip(";").rstrip() if text.rstrip().endswith(";") else text)
    if describe_only:
        return Result([Column(BLOCK_COLUMN)], [])
    with running(session):
        given = run_block(session, block)
    return given if isinstance(given, Result) else one_value(BLOCK_COLUMN, given)


@handles("EXECUTE", "IMMEDIATE")
def execute_immediate(session: Session, statement: Statement) -> Result:
    """Run a statement or block that is given as text: a string, or an expression as `$variable`."""
    tokens = statement.tokens
    tokens.expect("EXECUTE", "IMMEDIATE")
    if tokens.at("FROM"):
        raise unsupported("EXECUTE IMMEDIATE FROM")
    written = Parser(tokens).expression("USING")
    given: list[Any] = []
    if tokens.accept("USING"):
        texts = tokens.parenthesized(lambda: Parser(tokens).expression(",", ")"))
        given = [value.typed() for value in evaluate(session, ", ".join(texts), None, statement.binds)]
    tokens.end()
    text = evaluate(session, f"({written})", None, statement.binds)[0].value
    if text is None:
        raise SqlCompilationError("EXECUTE IMMEDIATE was given NULL for a statement.", 1003, "42601")
    return session.execute(str(text), given, describe_only=statement.describe_only)


@handles("CALL")
def call_procedure(session: Session, statement: Statement) -> Result:
    """Call a stored procedure."""
    invocation = read_call(statement.tokens)
    statement.tokens.end()
    if statement.describe_only:
        return Result([Column(invocation.name.name)], [])
    return call(session, invocation, statement.binds)


def with_procedure(session: Session, statement: Statement) -> Result:
    """`WITH name AS PROCEDURE (…) RETURNS … AS '…' CALL name(…)`: the procedure is the statement's own."""
    tokens, local = statement.tokens, {}
    tokens.expect("WITH")
    while not local or tokens.accept(","):
        name = tokens.identifier()
        tokens.expect("AS", "PROCEDURE")
        local[name] = _local(session, tokens, name)
    invocation = read_call(tokens)
    tokens.end()
    if statement.describe_only:
        return Result([Column(invocation.name.name)], [])
    return call(session, invocation, statement.binds, local.get(invocation.name.name))


def is_with_procedure(tokens: TokenStream) -> bool:
    """Whether a statement that begins with WITH has procedures of its own."""
    return tokens.word(2) == "AS" and tokens.word(3) == "PROCEDURE"


def _local(session: Session, tokens: TokenStream, name: str) -> CatalogObject:
    from embedded.snowflake.catalog.descriptions.code import read_code
    from embedded.snowflake.catalog.resolve import resolve
    from embedded.snowflake.names import ObjectName

    schema = resolve(session, "SCHEMA", ObjectName(None, session.current_database(), session.current_schema()))
    definition = read_code(
        "PROCEDURE", session, tokens, CreateOptions(False, False, frozenset()), ObjectName(None, None, name)
    )
    body = {**definition.body, "execute_as": "CALLER"}
    return CatalogObject(
        0, "PROCEDURE", schema.oid, name, owner=session.role, signature=definition.signature, body=body
    )
