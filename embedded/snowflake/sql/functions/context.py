"""Who and where: the session, its role, its time; put in as literals."""

from __future__ import annotations

from typing import TYPE_CHECKING

from embedded.snowflake.catalog.model import ACCOUNT
from embedded.snowflake.names import literal
from embedded.snowflake.security.privileges import active_roles, role_closure, user_roles
from embedded.snowflake.sql.functions.registry import Call, function
from embedded.snowflake.sql.typed import Typed, boolean, of_value, text_literal
from embedded.snowflake.types import DATE, TIME, TIMESTAMP_LTZ, TIMESTAMP_NTZ, VARCHAR

if TYPE_CHECKING:
    from embedded.snowflake.sql.context import Context

VERSION = "9.30.0"


def _text(value: str | None) -> Typed:
    if value is None:
        return Typed("CAST(NULL AS VARCHAR)", VARCHAR)
    return text_literal(value).typed(VARCHAR)


@function("CURRENT_ROLE", args=0)
def current_role(call: Call) -> Typed:
    """The session's role."""
    return _text(call.binder.context.role_name)


@function("INVOKER_ROLE", args=0)
def invoker_role(call: Call) -> Typed:
    """The role of what reads: the session's, in a view or function its owner's; NULL for a database role."""
    context = call.binder.context
    if context.invoker == context.session.role:
        return _text(context.role_name)
    role = context.account.catalog.get(context.invoker)
    return _text(role.name if role.kind == "ROLE" else None)


@function("CURRENT_USER", args=0)
def current_user(call: Call) -> Typed:
    """The session's user."""
    return _text(call.binder.context.user_name)


@function("CURRENT_DATABASE", args=0)
def current_database(call: Call) -> Typed:
    """The database where names are looked up: in a view, its own; in a policy, that of the table it protects."""
    context = call.binder.context
    if context.protected is not None:
        catalog = context.account.catalog
        return _text(catalog.get(catalog.get(context.protected.container).container).name)
    return _text(context.database)


@function("CURRENT_SCHEMA", args=0)
def current_schema(call: Call) -> Typed:
    """The schema where names are looked up: in a view, its own; in a policy, that of the table it protects."""
    context = call.binder.context
    if context.protected is not None:
        return _text(context.account.catalog.get(context.protected.container).name)
    return _text(context.schema)


@function("CURRENT_SCHEMAS", args=0)
def current_schemas(call: Call) -> Typed:
    """The search path as a JSON list."""
    context = call.binder.context
    return _text(f'["{context.database}.{context.schema}"]' if context.schema else "[]")


@function("CURRENT_WAREHOUSE", args=0)
def current_warehouse(call: Call) -> Typed:
    """The session's warehouse."""
    call.binder.context.reads.repeatable = False
    return _text(call.binder.context.session.warehouse)


@function("CURRENT_ACCOUNT", args=0)
def current_account(call: Call) -> Typed:
    """The account's locator; here its name."""
    context = call.binder.context
    return _text(context.pretended.get("CURRENT_ACCOUNT", (context.account.account_name,))[0])


@function("CURRENT_ACCOUNT_NAME", args=0)
def current_account_name(call: Call) -> Typed:
    """The account's name."""
    return _text(call.binder.context.account.account_name)


@function("CURRENT_ORGANIZATION_NAME", args=0)
def current_organization_name(call: Call) -> Typed:
    """The organization's name."""
    return _text(call.binder.context.account.organization)


@function("CURRENT_REGION", args=0)
def current_region(call: Call) -> Typed:  # noqa: ARG001
    """The account's region."""
    return _text("LOCAL")


@function("CURRENT_VERSION", "SYSTEM$VERSION", args=0)
def current_version(call: Call) -> Typed:  # noqa: ARG001
    """The version that the server says it is."""
    return _text(VERSION)


@function("CURRENT_CLIENT", args=0)
def current_client(call: Call) -> Typed:
    """The client's name and version, when it said it at login."""
    call.binder.context.reads.repeatable = False
    return _text(getattr(call.binder.context.session, "client", None))


@function("CURRENT_IP_ADDRESS", args=0)
def current_ip_address(call: Call) -> Typed:
    """The client's address."""
    call.binder.context.reads.repeatable = False
    return _text(call.binder.context.session.client_address)


@function("CURRENT_SESSION", args=0)
def current_session(call: Call) -> Typed:
    """The session's number."""
    call.binder.context.reads.repeatable = False
    return _text(str(call.binder.context.session.id))


@function("CURRENT_STATEMENT", args=0)
def current_statement(call: Call) -> Typed:
    """The statement's text."""
    call.binder.context.reads.volatile = True
    return _text(getattr(call.binder.context.session, "current_text", None))


@function("CURRENT_TRANSACTION", args=0)
def current_transaction(call: Call) -> Typed:
    """The open transaction's id, or NULL."""
    call.binder.context.reads.volatile = True
    transaction = call.binder.context.session.transaction
    return _text(None if transaction is None else str(getattr(transaction, "id", id(transaction))))


@function("CURRENT_SECONDARY_ROLES", args=0)
def current_secondary_roles(call: Call) -> Typed:
    """The secondary roles in use, as JSON."""
    session = call.binder.context.session
    if not session.secondary_roles:
        return _text('{"roles":"","value":"NONE"}')
    catalog = session.account.catalog
    names = sorted(catalog.get(role).name for role in user_roles(catalog, session.user))
    return _text('{"roles":"' + ",".join(names) + '","value":"ALL"}')


@function("CURRENT_AVAILABLE_ROLES", args=0)
def current_available_roles(call: Call) -> Typed:
    """The roles that the user may take, as a JSON list."""
    context = call.binder.context
    catalog = context.account.catalog
    names = context.pretended.get("CURRENT_AVAILABLE_ROLES")
    if names is None:
        names = [catalog.get(role).name for role in role_closure(catalog, user_roles(catalog, context.session.user))]
    return _text("[ " + ", ".join(f'"{name}"' for name in sorted(names)) + " ]")


@function("IS_ROLE_IN_SESSION", args=1)
def is_role_in_session(call: Call) -> Typed:
    """Whether a role is the session's, one of its secondary roles, or inherited by one of these."""
    context = call.binder.context
    catalog, roles = context.account.catalog, _roles_in_session(context)
    value = call.arg(0)
    if value.is_constant:
        role = catalog.find("ROLE", ACCOUNT, str(value.value))
        return of_value(role is not None and role.oid in roles)
    names = sorted(catalog.get(role).name for role in roles)
    return boolean(f"({call.text(0)} IN ({', '.join(literal(name) for name in names)}))")


def _roles_in_session(context: Context) -> frozenset[int]:
    """The session's roles, or those that would be its roles in the role that is pretended."""
    pretended = context.pretended.get("CURRENT_ROLE")
    if pretended is None:
        return active_roles(context.session)
    catalog = context.account.catalog
    role = catalog.find("ROLE", ACCOUNT, pretended[0])
    return role_closure(catalog, [role.oid]) if role else frozenset()


@function("IS_DATABASE_ROLE_IN_SESSION", args=1)
def is_database_role_in_session(call: Call) -> Typed:
    """Whether a database role of the current database is active."""
    context = call.binder.context
    catalog = context.account.catalog
    database = catalog.find("DATABASE", ACCOUNT, context.database or "")
    name = str(call.constant(0)).rpartition(".")[2].upper()
    role = catalog.find("DATABASE ROLE", database.oid, name) if database else None
    return of_value(role is not None and role.oid in active_roles(context.session))


@function("LAST_QUERY_ID", args=(0, 1))
def last_query_id(call: Call) -> Typed:
    """The id of a statement before: -1 the last, 1 the session's first."""
    call.binder.context.reads.volatile = True
    ids = call.binder.context.session.query_ids
    place = int(str(call.constant(0, -1)))
    index = place - 1 if place > 0 else len(ids) + place
    return _text(ids[index] if 0 <= index < len(ids) else None)


@function("LAST_TRANSACTION", args=0)
def last_transaction(call: Call) -> Typed:
    """The id of the last transaction that ended."""
    call.binder.context.reads.volatile = True
    return _text(getattr(call.binder.context.session, "last_transaction", None))


@function("CURRENT_TIMESTAMP", "GETDATE", "LOCALTIMESTAMP", "SYSTIMESTAMP", args=(0, 1))
def current_timestamp(call: Call) -> Typed:
    """The statement's start."""
    return Typed(f"({call.binder.context.now()})", TIMESTAMP_LTZ, False)


@function("SYSDATE", args=0)
def sysdate(call: Call) -> Typed:
    """The statement's start in UTC."""
    return Typed(f"timezone('UTC', {call.binder.context.now()})", TIMESTAMP_NTZ, False)


@function("CURRENT_DATE", args=0)
def current_date(call: Call) -> Typed:
    """The date of the statement's start in the session's zone."""
    return Typed(f"CAST(timezone({literal(call.zone)}, {call.binder.context.now()}) AS DATE)", DATE, False)


@function("CURRENT_TIME", "LOCALTIME", args=(0, 1))
def current_time(call: Call) -> Typed:
    """The time of the statement's start in the session's zone."""
    return Typed(f"CAST(timezone({literal(call.zone)}, {call.binder.context.now()}) AS TIME)", TIME, False)


@function("GETVARIABLE", args=1)
def get_variable(call: Call) -> Typed:
    """A session variable's value as text, NULL if it is not set."""
    value = call.binder.context.session.variables.get(str(call.constant(0)).upper())
    return _text(None if value is None else str(value))
