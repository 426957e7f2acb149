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
from embedded.snowflake.scripting.script import split
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
    if tokens.accept("FROM"):
        return _execute_file(session, statement)
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


def _execute_file(session: Session, statement: Statement) -> Result:
    """Run the statements of a staged file one after the other; the result is the last one's.

    A file whose first line is `--!jinja` is a template, which the values of USING fill.

    Raises:
        SnowflakeError: no such file (091016), one that is no text (000002), a template that cannot be rendered (001501), or a
            statement that failed: those before it are done.
    """
    from embedded.snowflake.storage.stages import location, read_written

    token = statement.tokens.peek()
    written, end = read_written(statement.text, token.start if token is not None else len(statement.text))
    rest = TokenStream(statement.text[end:])
    variables = _template_variables(session, rest, statement.binds) if rest.accept("USING") else {}
    dry_run = rest.accept("DRY_RUN") and _is_true(rest)
    rest.end()
    place = location(session, written)
    found = next((file for file in place.files() if file.path == place.prefix), None)
    if found is None:
        raise SqlCompilationError(f"Remote file '{place.label}{place.prefix}' was not found.", 91016, "22000")
    try:
        text = found.file.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise unsupported(f"EXECUTE IMMEDIATE FROM '{found.path}', which is no text in UTF-8") from None
    if text.lstrip().lower().startswith(("--!jinja", "--! jinja")):
        text = _rendered(text, variables)
    if statement.describe_only:
        return Result([Column("status")], [])
    if dry_run:
        return Result([Column("rendered file contents")], [(text,)])
    result: Result | None = None
    for one in split(text):
        result = session.execute(one)
    if result is None:
        raise SqlCompilationError("Empty SQL statement.", 900, "42601")
    return result


def _template_variables(session: Session, tokens: TokenStream, binds: list[Any]) -> dict[str, Any]:
    """The variables of `USING (name => value, …)`, under their names as they are written."""
    written: list[tuple[str, str]] = []

    def read() -> None:
        name = tokens.next().text
        tokens.expect("=>")
        written.append((name, Parser(tokens).expression(",", ")")))

    tokens.parenthesized(read)
    values = evaluate(session, ", ".join(text for _, text in written), None, binds)
    return {name: value.value for (name, _), value in zip(written, values, strict=True)}


def _is_true(tokens: TokenStream) -> bool:
    tokens.accept("=")
    if tokens.accept("FALSE"):
        return False
    tokens.expect("TRUE")
    return True


def _rendered(text: str, variables: dict[str, Any]) -> str:
    """A template's text with its variables put in.

    Raises:
        SnowflakeError: it cannot be rendered (001501).
    """
    # Imported here: few ask for it, and the server's start would wait for it.
    from jinja2 import StrictUndefined, TemplateError
    from jinja2.sandbox import SandboxedEnvironment

    try:
        return SandboxedEnvironment(undefined=StrictUndefined).from_string(text).render(variables)
    except (TemplateError, TypeError, ValueError) as error:
        raise SqlCompilationError(f"Template rendering failed: {error}", 1501, "02000") from error


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
