"""Statements about the session: USE, ALTER SESSION, SET, UNSET, transactions, and what SHOW tells of them."""

from __future__ import annotations

from datetime import date, datetime, time
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from embedded.snowflake.catalog.model import ACCOUNT
from embedded.snowflake.catalog.parameters import properties
from embedded.snowflake.catalog.show import matches_like
from embedded.snowflake.catalog.values import Property, read_keys, read_properties, word
from embedded.snowflake.errors import SnowflakeError, SqlCompilationError, operation_cannot_be_performed, unsupported
from embedded.snowflake.names import ObjectName
from embedded.snowflake.result import TIMESTAMP_LTZ, Result, StatementType, listing, status
from embedded.snowflake.security.privileges import may_use_role
from embedded.snowflake.session.context import RESULT_FORMATS, use_database, use_role, use_schema, use_warehouse
from embedded.snowflake.session.dispatch import Statement, handles
from embedded.snowflake.tokens import TokenStream
from embedded.snowflake.types import NUMBER
from embedded.snowflake.zoned import values_of

if TYPE_CHECKING:
    from embedded.snowflake.session.session import Session

DONE = "Statement executed successfully."
_MOST_VARIABLE_CHARACTERS = 256


def _name(session: Session, tokens: TokenStream) -> ObjectName:
    """A name as written, or in IDENTIFIER('…') or IDENTIFIER($variable)."""
    if not tokens.accept("IDENTIFIER"):
        return tokens.name()
    tokens.expect("(")
    if tokens.accept("$"):
        written = str(_variable(session, tokens.identifier()))
    else:
        token = tokens.peek()
        is_variable = token is not None and token.text.startswith("$")
        written = str(_variable(session, tokens.next().text[1:].upper())) if is_variable else tokens.string()
    tokens.expect(")")
    return TokenStream(written).name()


def _variable(session: Session, name: str) -> Any:
    if name not in session.variables:
        raise SqlCompilationError(f"Session variable '${name}' does not exist", 2211, "02000")
    return session.variables[name]


# -- USE


@handles("USE")
def use(session: Session, statement: Statement) -> Result:
    """Change the current role, warehouse, database or schema."""
    tokens = statement.tokens
    tokens.expect("USE")
    if tokens.accept("ROLE"):
        use_role(session, _name(session, tokens).name)
    elif tokens.accept("WAREHOUSE"):
        use_warehouse(session, _name(session, tokens))
    elif tokens.accept("SCHEMA"):
        use_schema(session, _name(session, tokens))
    elif tokens.accept("SECONDARY", "ROLES"):
        _use_secondary_roles(session, tokens)
    else:
        _use_database(session, tokens)
    tokens.end()
    return status(DONE, StatementType.USE)


def _use_database(session: Session, tokens: TokenStream) -> None:
    if tokens.at("DATABASE") and len(tokens.tokens) > tokens.index + 1:
        tokens.next()
    name = _name(session, tokens)
    if name.schema is None:
        use_database(session, name)
    else:
        use_schema(session, name)


def _use_secondary_roles(session: Session, tokens: TokenStream) -> None:
    if tokens.accept("ALL"):
        session.secondary_roles = True
    elif tokens.accept("NONE"):
        session.secondary_roles = False
    else:
        name = tokens.identifier()
        role = session.account.catalog.find("ROLE", ACCOUNT, name)
        if role is None or not may_use_role(session, role.oid):
            raise operation_cannot_be_performed()
        raise unsupported("USE SECONDARY ROLES with a list of roles")


# -- parameters


@handles("ALTER", "SESSION")
def alter_session(session: Session, statement: Statement) -> Result:
    """Set or unset session parameters."""
    tokens = statement.tokens
    tokens.expect("ALTER", "SESSION")
    known = {**properties("session"), **{key: Property(word("ARROW", "JSON")) for key in RESULT_FORMATS}}
    if tokens.accept("SET"):
        found = read_properties(tokens, known, "SESSION")
        if not found:
            raise tokens.unexpected()
        tokens.end()
        _set_parameters(session, found)
    else:
        tokens.expect("UNSET")
        keys = read_keys(tokens, known, "SESSION")
        tokens.end()
        for key in keys:
            session.parameters.pop(key, None)
    return status(DONE, StatementType.ALTER_SESSION)


def _set_parameters(session: Session, found: dict[str, Any]) -> None:
    zone = found.get("TIMEZONE")
    if zone is not None:
        found["TIMEZONE"] = _zone(str(zone))
    if found.get("AUTOCOMMIT") == "true":
        session.commit()
    session.parameters.update(found)


def _zone(name: str) -> str:
    from zoneinfo import ZoneInfo, available_timezones

    try:
        return ZoneInfo(name).key
    except (KeyError, ValueError, OSError):
        for known in available_timezones():
            if known.lower() == name.lower():
                return known
    raise SqlCompilationError(f"invalid value [{name}] for parameter 'TIMEZONE'", 1008, "22023")


# -- variables


@handles("SET")
def set_variables(session: Session, statement: Statement) -> Result:
    """Set session variables: `SET a = expression`, `SET (a, b) = (…, …)`."""
    tokens = statement.tokens
    tokens.expect("SET")
    several = tokens.at("(")
    names = tokens.parenthesized(tokens.identifier) if several else [tokens.identifier()]
    tokens.expect("=")
    text = tokens.rest()
    if not text:
        raise tokens.unexpected()
    values = _evaluate(session, statement, text, several)
    if len(values) != len(names):
        raise SqlCompilationError(
            f"Invalid number of assigned values, got {len(values)} expecting {len(names)}", 1789, "42000"
        )
    for name, value in zip(names, values, strict=True):
        _keep(session, name, value)
    return status(DONE, StatementType.SCL)


def _evaluate(session: Session, statement: Statement, text: str, several: bool) -> list[Any]:
    from embedded.snowflake.statements.query import select

    inner = text.strip()
    is_query = several and TokenStream(inner[1:]).word() in ("SELECT", "WITH")
    query = inner[1:-1] if is_query else f"select {inner[1:-1] if several else inner}"
    result = select(session, Statement(query, TokenStream(query), statement.query_id, statement.binds))
    table = result.arrow
    if table is None or table.num_rows != 1:
        raise SqlCompilationError("Single-row subquery returns more than one row or none.", 100150, "21000")
    return [values_of(column)[0] for column in table.columns]


def _keep(session: Session, name: str, value: Any) -> None:
    if len(str(value)) > _MOST_VARIABLE_CHARACTERS:
        raise SnowflakeError(
            f"Assignment to '{name}' not done because value exceeds size limit for variables. Its size is"
            f" {len(str(value))}; the limit is {_MOST_VARIABLE_CHARACTERS} (internal storage size in bytes).",
            1788,
            "22000",
        )
    now = session.account.clock.now()
    created, _ = session.variable_times.get(name, (now, now))
    session.variables[name] = value
    session.variable_times[name] = (created, now)


@handles("UNSET")
def unset_variables(session: Session, statement: Statement) -> Result:
    """Remove session variables."""
    tokens = statement.tokens
    tokens.expect("UNSET")
    names = tokens.parenthesized(tokens.identifier) if tokens.at("(") else [tokens.identifier()]
    while tokens.accept(","):
        names.append(tokens.identifier())
    tokens.end()
    for name in names:
        session.variables.pop(name, None)
        session.variable_times.pop(name, None)
    return status(DONE, StatementType.SCL)


_VARIABLE_TYPES = (
    (bool, "boolean"),
    (int, "fixed"),
    (Decimal, "fixed"),
    (float, "real"),
    (datetime, "timestamp_ntz"),
    (date, "date"),
    (time, "time"),
    (bytes, "binary"),
)


@handles("SHOW", "VARIABLES")
def show_variables(session: Session, statement: Statement) -> Result:
    """List the session's variables, by name."""
    tokens = statement.tokens
    tokens.expect("SHOW", "VARIABLES")
    pattern = tokens.string() if tokens.accept("LIKE") else "%"
    tokens.end()
    rows = []
    for name, value in sorted(session.variables.items()):
        if matches_like(pattern, name):
            kind = next((word for type_, word in _VARIABLE_TYPES if isinstance(value, type_)), "text")
            rows.append((session.id, *session.variable_times[name], name, str(value), kind, ""))
    return listing(
        [
            ("session_id", NUMBER),
            ("created_on", TIMESTAMP_LTZ),
            ("updated_on", TIMESTAMP_LTZ),
            "name",
            "value",
            "type",
            "comment",
        ],
        rows,
    )


# -- transactions


@handles("BEGIN")
@handles("START", "TRANSACTION")
def begin(session: Session, statement: Statement) -> Result:
    """Begin a transaction, which in an open one changes nothing; or run a block, which begins the same way."""
    from embedded.snowflake.scripting.parser import begins_block
    from embedded.snowflake.statements.programs import run_text

    tokens = statement.tokens
    if begins_block(tokens):
        return run_text(session, statement.text, describe_only=statement.describe_only)
    if tokens.accept("BEGIN"):
        _ = tokens.accept("TRANSACTION") or tokens.accept("WORK")
    else:
        tokens.expect("START", "TRANSACTION")
    name = tokens.identifier() if tokens.accept("NAME") else None
    tokens.end()
    begin_transaction(session, name)
    return status(DONE, StatementType.TCL)


def begin_transaction(session: Session, name: str | None = None) -> None:
    """Open an explicit transaction if none is open; in a program that of its caller does not count."""
    from embedded.snowflake.storage.transactions import Transaction

    if session.transaction is None or session.transaction is session.outer_transaction:
        session.transaction = Transaction(session)
        session.transaction_name = name
        session.transaction_started = session.account.clock.now()


@handles("COMMIT")
def commit(session: Session, statement: Statement) -> Result:
    """Keep what the open transaction did."""
    _end_of_transaction(statement.tokens, "COMMIT")
    session.commit()
    return status(DONE, StatementType.TCL)


@handles("ROLLBACK")
def rollback(session: Session, statement: Statement) -> Result:
    """Undo what the open transaction did."""
    _end_of_transaction(statement.tokens, "ROLLBACK")
    session.rollback()
    return status(DONE, StatementType.TCL)


def _end_of_transaction(tokens: TokenStream, word: str) -> None:
    tokens.expect(word)
    tokens.accept("WORK")
    tokens.end()


@handles("SHOW", "TRANSACTIONS")
def show_transactions(session: Session, statement: Statement) -> Result:
    """List the open transactions: the user's, or with IN ACCOUNT all for ACCOUNTADMIN."""
    tokens = statement.tokens
    tokens.expect("SHOW", "TRANSACTIONS")
    everyone = tokens.accept("IN", "ACCOUNT")
    tokens.end()
    if everyone and session.role_name != "ACCOUNTADMIN":
        raise SnowflakeError("SQL access control error:\nInsufficient privileges to list transactions.", 3001, "42501")
    rows = [
        (
            getattr(other.transaction, "id", other.id),
            other.user_name,
            other.id,
            other.transaction_name or "",
            other.transaction_started,
            "running",
            0,
        )
        for other in list(session.account.sessions.values())
        if other.transaction is not None and (everyone or other.user == session.user)
    ]
    columns = [("id", NUMBER), "user", ("session", NUMBER), "name", ("started_on", TIMESTAMP_LTZ), "state"]
    return listing([*columns, ("scope", NUMBER)], sorted(rows, key=lambda row: row[0]))
