"""ALTER ACCOUNT, and what SHOW tells of accounts and integrations as a whole."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from embedded.snowflake.catalog.kinds import kind_of
from embedded.snowflake.catalog.model import INTEGRATIONS
from embedded.snowflake.catalog.parameters import COLLECTION, properties
from embedded.snowflake.catalog.show import answer, candidates, read_clauses
from embedded.snowflake.catalog.tags import read_assignments, read_names
from embedded.snowflake.catalog.values import Property, identifier, read_keys, read_properties
from embedded.snowflake.errors import SqlCompilationError, unsupported
from embedded.snowflake.names import ObjectName
from embedded.snowflake.result import Result, listing, status
from embedded.snowflake.security.privileges import active_roles, reach
from embedded.snowflake.session.dispatch import Statement, handles

if TYPE_CHECKING:
    from embedded.snowflake.session.session import Session
    from embedded.snowflake.tokens import TokenStream

DONE = "Statement executed successfully."
# The account's policies: SET <kind> <name> and UNSET <kind>.
_POLICIES = ("PASSWORD POLICY", "AUTHENTICATION POLICY", "SESSION POLICY")


def require_accountadmin(session: Session) -> None:
    """Make sure that ACCOUNTADMIN is among the session's roles: only it may alter the account.

    Raises:
        SnowflakeError: it is not (003001).
    """
    from embedded.snowflake.errors import insufficient_privileges

    catalog = session.account.catalog
    admin = catalog.find("ROLE", 0, "ACCOUNTADMIN")
    if admin is None or admin.oid not in active_roles(session):
        raise insufficient_privileges("account", session.account.account_name)


@handles("ALTER", "ACCOUNT", commits=True)
def alter_account(session: Session, statement: Statement) -> Result:
    """Set or unset the account's parameters, tags, policies and resource monitor."""
    tokens = statement.tokens
    tokens.expect("ALTER", "ACCOUNT")
    require_accountadmin(session)
    if tokens.word() not in ("SET", "UNSET"):
        raise unsupported(f"ALTER ACCOUNT {tokens.word()}")
    sets = tokens.next().text.upper() == "SET"
    if tokens.accept("TAG"):
        _tags(session, tokens, sets)
    elif tokens.word(1) == "POLICY":
        _policy(session, tokens, sets)
    else:
        _parameters(session, tokens, sets)
    tokens.end()
    return status(DONE)


def _parameters(session: Session, tokens: TokenStream, sets: bool) -> None:
    allowed = {**properties("account"), "RESOURCE_MONITOR": Property(identifier)}
    found: dict[str, Any] = (
        read_properties(tokens, allowed, "ACCOUNT") if sets else dict.fromkeys(read_keys(tokens, allowed, "ACCOUNT"))
    )
    tokens.end()
    for kind, key in (("RESOURCE MONITOR", "RESOURCE_MONITOR"), ("NETWORK POLICY", "NETWORK_POLICY")):
        if found.get(key):
            reach(session, kind, ObjectName(None, None, found[key]))
    with session.account.catalog.transaction() as changes:
        for key, value in found.items():
            collection = "account_property" if key == "RESOURCE_MONITOR" else COLLECTION
            if value is None:
                changes.remove_record(collection, key)
            else:
                changes.put_record(collection, key, value)


def _tags(session: Session, tokens: TokenStream, sets: bool) -> None:
    found: dict[str, Any] = read_assignments(session, tokens) if sets else dict.fromkeys(read_names(session, tokens))
    with session.account.catalog.transaction() as changes:
        for oid, value in found.items():
            if value is None:
                changes.remove_record("account_tag", oid)
            else:
                changes.put_record("account_tag", oid, value)


def _policy(session: Session, tokens: TokenStream, sets: bool) -> None:
    kind = f"{tokens.next().text.upper()} POLICY"
    tokens.expect("POLICY")
    if kind not in _POLICIES:
        raise unsupported(f"ALTER ACCOUNT SET {kind}")
    catalog = session.account.catalog
    policy = reach(session, kind, tokens.name(), "APPLY") if sets else None
    tokens.accept("FORCE")
    if policy is None and catalog.record("account_policy", kind) is None:
        raise SqlCompilationError(
            f"Any policy of kind {kind.replace(' ', '_')} is not attached to ACCOUNT", 3553, "42601"
        )
    with catalog.transaction() as changes:
        if policy is not None:
            changes.put_record("account_policy", kind, policy.oid)
        else:
            changes.remove_record("account_policy", kind)


@handles("SHOW", "INTEGRATIONS")
def show_integrations(session: Session, statement: Statement) -> Result:
    """List the integrations of all categories."""
    tokens = statement.tokens
    tokens.expect("SHOW", "INTEGRATIONS")
    kind = kind_of(INTEGRATIONS[0])
    clauses = read_clauses(session, tokens, kind)
    tokens.end()
    found = [(item, kind_of(name)) for name in INTEGRATIONS for item in candidates(session, name, clauses)]
    found.sort(key=lambda pair: pair[0].name)
    rows = [answer(session, described.show, [item], clauses) for item, described in found]
    columns = answer(session, kind.show, [], clauses).columns
    return listing([(column.name, column.type) for column in columns], [(row.rows or [])[0] for row in rows])


_REPLICATION_COLUMNS = (
    "region_group",
    "snowflake_region",
    "created_on",
    "account_name",
    "name",
    "comment",
    "is_primary",
    "primary",
    "replication_allowed_to_accounts",
    "failover_allowed_to_accounts",
    "organization_name",
    "account_locator",
)


@handles("SHOW", "REPLICATION", "DATABASES")
def show_replication_databases(_: Session, statement: Statement) -> Result:
    """List the replicated databases: a local account replicates none."""
    tokens = statement.tokens
    tokens.expect("SHOW", "REPLICATION", "DATABASES")
    if tokens.accept("LIKE"):
        tokens.string()
    if tokens.accept("WITH", "PRIMARY"):
        tokens.name()
    tokens.end()
    return listing(_REPLICATION_COLUMNS, [])
