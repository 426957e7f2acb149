"""CALL: finds the procedure, computes its arguments, runs it with the rights that it has, and checks what it returns."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from embedded.snowflake.catalog.model import CatalogObject
from embedded.snowflake.catalog.resolve import qualify, resolve
from embedded.snowflake.errors import SnowflakeError, SqlCompilationError, SqlExecutionError, unsupported
from embedded.snowflake.names import ObjectName
from embedded.snowflake.programs.overloads import choose
from embedded.snowflake.result import Column, Result
from embedded.snowflake.scripting.evaluate import converted, evaluate
from embedded.snowflake.scripting.interpreter import run_block
from embedded.snowflake.scripting.parser import Parser, parse_block
from embedded.snowflake.scripting.values import Value, one_value, rows_of
from embedded.snowflake.security.privileges import require, require_usage, visible
from embedded.snowflake.session.program import as_owner, running
from embedded.snowflake.tokens import TokenStream
from embedded.snowflake.types import DataType, parse_type

if TYPE_CHECKING:
    from embedded.snowflake.session.session import Session


@dataclass(frozen=True)
class Invocation:
    """A call as written: the name, and the text of each argument with the name it is given by, or None."""

    name: ObjectName
    arguments: list[tuple[str | None, str]]


def read_call(tokens: TokenStream) -> Invocation:
    """Read `CALL name(argument, name => argument, …)`."""
    tokens.expect("CALL")
    name = _identifier(tokens) if tokens.at("IDENTIFIER", "(") else tokens.name()
    return Invocation(name, tokens.parenthesized(lambda: _read_argument(tokens)))


def _identifier(tokens: TokenStream) -> ObjectName:
    tokens.expect("IDENTIFIER", "(")
    written = tokens.string()
    tokens.expect(")")
    return TokenStream(written).name()


def _read_argument(tokens: TokenStream) -> tuple[str | None, str]:
    name = None
    if tokens.word(1) == "=>":
        name = tokens.identifier()
        tokens.expect("=>")
    return name, Parser(tokens).expression(",", ")")


def call(session: Session, invocation: Invocation, binds: list[Any], local: CatalogObject | None = None) -> Result:
    """Call a procedure.

    Args:
        session: whose lock is held.
        invocation: the call as written.
        binds: the values of `?` in the arguments.
        local: the procedure of WITH … AS PROCEDURE that is called; without it the catalog's is.

    Raises:
        SnowflakeError: there is none that may be used (002141), the arguments do not fit (001044), or it failed.
    """
    texts = [text for _, text in invocation.arguments]
    values = evaluate(session, ", ".join(f"({text})" for text in texts), None, binds) if texts else []
    types = [None if value.value is None else value.type for value in values]
    found = [local] if local is not None else _procedures(session, invocation.name)
    procedure, places = choose(found, [name for name, _ in invocation.arguments], types)
    if local is None:
        require_usage(session, procedure)
        require(session, "USAGE", procedure)
    return run_procedure(session, procedure, _arguments(session, procedure, places, values))


def _procedures(session: Session, name: ObjectName) -> list[CatalogObject]:
    """The overloads of a name that the session may see."""
    full = qualify(session, "PROCEDURE", name)
    catalog = session.account.catalog
    unknown = SqlCompilationError(f"Unknown user-defined function {full}", 2141, "42601")
    try:
        schema = resolve(session, "SCHEMA", ObjectName(None, full.database, full.schema or ""))
    except SnowflakeError:
        raise unknown from None
    found = [item for item in catalog.children(schema.oid, "PROCEDURE") if item.name == full.name]
    found = [item for item in found if visible(session, item)]
    if not found:
        raise unknown
    return found


def _arguments(
    session: Session, procedure: CatalogObject, places: list[int | None], values: list[Value]
) -> dict[str, Value]:
    made = {}
    for argument, place in zip(procedure.body["arguments"], places, strict=True):
        value = evaluate(session, f"({argument['default']})")[0] if place is None else values[place]
        made[argument["name"]] = converted(session, value, parse_type(argument["type"]))
    return made


def run_procedure(session: Session, procedure: CatalogObject, arguments: dict[str, Value]) -> Result:
    """Run a procedure with its arguments, in its own rights and transactions, and give its result."""
    body = procedure.body
    strict = body.get("null_handling") == "RETURNS NULL ON NULL INPUT"
    returns = body["returns"]
    if strict and not isinstance(returns, dict) and any(value.value is None for value in arguments.values()):
        return one_value(procedure.name, Value(parse_type(returns), None))
    owners = body.get("execute_as", "OWNER") == "OWNER"
    with ExitStack() as stack:
        if owners:
            stack.enter_context(as_owner(session, procedure))
        stack.enter_context(running(session, owners_rights=owners))
        given = _LANGUAGES.get(body["language"], _refuse)(session, procedure, arguments)
    return returned(session, procedure, given)


def _run_sql(session: Session, procedure: CatalogObject, arguments: dict[str, Value]) -> Value | Result:
    return run_block(session, parse_block(procedure.body["body"]), arguments)


def _run_python(session: Session, procedure: CatalogObject, arguments: dict[str, Value]) -> Value | Result:
    from embedded.snowflake.programs.python_procedures import run

    return run(session, procedure, arguments)


def _refuse(_: Session, procedure: CatalogObject, __: dict[str, Value]) -> Value | Result:
    raise unsupported(f"procedures in {procedure.body['language']}")


_LANGUAGES = {"SQL": _run_sql, "PYTHON": _run_python}


def returned(session: Session, procedure: CatalogObject, given: Value | Result) -> Result:
    """What a procedure gave, as it is declared.

    Raises:
        SnowflakeError: it is of another kind, or does not become the declared type.
    """
    returns = procedure.body["returns"]
    if not isinstance(returns, dict):
        if isinstance(given, Result):
            raise _incompatible(returns, "TABLE")
        return one_value(procedure.name, converted(session, given, parse_type(returns)))
    if not isinstance(given, Result):
        if given.value is None:
            return Result([Column(procedure.name)], [(None,)])
        raise _incompatible("TABLE", str(given.type))
    declared = returns["table"]
    return given if not declared else _as_declared(session, given, declared)


def _as_declared(session: Session, given: Result, declared: list[dict[str, Any]]) -> Result:
    if len(declared) != len(given.columns):
        raise SqlExecutionError(
            f"The declared return table has {len(declared)} column(s), but the returned one has {len(given.columns)}.",
            90237,
            "P0000",
        )
    kinds = [parse_type(argument["type"]) for argument in declared]
    columns = [Column(argument["name"], kind) for argument, kind in zip(declared, kinds, strict=True)]
    if all(_alike(column.type, kind) for column, kind in zip(given.columns, kinds, strict=True)):
        return Result(columns, given.rows, given.arrow)
    rows = [
        tuple(
            converted(session, Value(column.type, value), kind).value
            for value, column, kind in zip(row, given.columns, kinds, strict=True)
        )
        for row in rows_of(given)
    ]
    return Result(columns, rows)


def _alike(given: DataType, declared: DataType) -> bool:
    """Whether values of one type are values of the other as they stand."""
    if given.kind == "NUMBER" == declared.kind:
        return (given.scale or 0) == (declared.scale or 0)
    return given.kind == declared.kind


def _incompatible(declared: str, actual: str) -> SqlCompilationError:
    return SqlCompilationError(
        f"error line 0 at position -1\nDeclared return type '{declared}' is incompatible with actual return type '{actual}'",
        90150,
        "42601",
    )
