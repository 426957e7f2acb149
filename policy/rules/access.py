"""Rules of who may do what, and how they log in."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator
from typing import Any

from rules.model import UNKNOWN, Config, Resource, Rule, Violation, is_set, listed, of_kind
from rules.statements import bound_users

_GRANTS = frozenset(
    {
        "GrantPrivilegesToAccountRole",
        "GrantAccountRole",
        "GrantOwnership",
        "GrantDatabaseRole",
        "GrantApplicationRole",
        "Execute",
        "UnsafeExecute",
    }
)
_TO = ("accountRoleName", "parentRoleName")
_TO_PUBLIC = re.compile(r'\bGRANT\b.*\bTO\s+(?:ROLE\s+)?"?PUBLIC"?\s*(?:;|$|WITH\b|COPY\b)', re.IGNORECASE | re.DOTALL)
_ADMIN = "ACCOUNTADMIN"
_USES_ADMIN = re.compile(r'\bROLE\s+"?ACCOUNTADMIN\b', re.IGNORECASE)
_EVERYWHERE = {ipaddress.ip_network("0.0.0.0/0")}
_WEAK_METHODS = frozenset({"ALL", "PASSWORD"})


def _same(value: Any, name: str) -> bool:
    return isinstance(value, str) and value.strip('"').upper() == name


def _public(grant: Resource, _: Config) -> Iterator[str]:
    given = any(_same(grant.props.get(key), "PUBLIC") for key in _TO)
    if given or _TO_PUBLIC.search(grant.text("execute")):
        yield f"{grant.name} gives PUBLIC something: everybody who can log in has it"


def _account_admin(resource: Resource, config: Config) -> Iterator[str]:
    if resource.type.startswith("pulumi:providers:"):
        if config["deployer"] == "refused" and not resource.is_local and _same(resource.props.get("role"), _ADMIN):
            yield f"the provider {resource.name} deploys as {_ADMIN}: one wrong statement may do anything to the account"
        return
    if resource.kind == "User" and _same(resource.props.get("defaultRole"), _ADMIN):
        yield f"user {resource.label} works as {_ADMIN} by default"
    held = ("roleName", "accountRoleName", "parentRoleName", "currentGrants")
    if any(_same(resource.props.get(key), _ADMIN) for key in held):
        yield f"{resource.name} grants {_ADMIN}, or grants something to it"
    statements = [resource.text(key) for key in ("execute", "revert", "query", "sqlStatement", "statement")]
    if any(_USES_ADMIN.search(statement) for statement in statements):
        yield f"{resource.name} works as {_ADMIN}, or grants it"


def _network(resources: list[Resource], config: Config) -> Iterator[Violation]:
    if not config["required"]:
        return
    for user in of_kind(resources, "User", "ServiceUser", "LegacyServiceUser"):
        if not is_set(user.props.get("networkPolicy")):
            yield Violation(
                message=f"user {user.label} may log in from everywhere: it has no network policy", urn=user.urn
            )
    for policy in of_kind(resources, "NetworkPolicy"):
        addresses = policy.props.get("allowedIpLists")
        rules = policy.props.get("allowedNetworkRuleLists")
        if addresses is not UNKNOWN and not is_set(rules) and (not listed(addresses) or _open(listed(addresses))):
            yield Violation(message=f"network policy {policy.label} allows every address", urn=policy.urn)


def _open(addresses: list[Any]) -> bool:
    networks = []
    for address in addresses:
        try:
            networks.append(ipaddress.ip_network(str(address), strict=False))
        except ValueError:
            continue  # a range of another form; Snowflake says whether it is one
    # Two halves of everything are everything.
    return bool(_EVERYWHERE & set(ipaddress.collapse_addresses(net for net in networks if net.version == 4)))


def _authentication(resources: list[Resource], config: Config) -> Iterator[Violation]:
    if not config["required"]:
        return
    bound = bound_users(resources, "AUTHENTICATION")
    for user in of_kind(resources, "User", "ServiceUser", "LegacyServiceUser"):
        if user.label.upper() not in bound:
            yield Violation(
                message=f"user {user.label} may log in by any method: no authentication policy is set for it",
                urn=user.urn,
            )
        if is_set(user.props.get("password")):
            yield Violation(message=f"user {user.label} has a password: give it a key pair or OAuth", urn=user.urn)
    for policy in of_kind(resources, "AuthenticationPolicy"):
        methods = policy.props.get("authenticationMethods")
        weak = sorted(_WEAK_METHODS & {str(method).upper() for method in listed(methods)})
        if methods is not UNKNOWN and (weak or not listed(methods)):
            yield Violation(
                message=f"authentication policy {policy.label} allows {', '.join(weak) or 'every method'}",
                urn=policy.urn,
            )


def _managed(schema: Resource, _: Config) -> Iterator[str]:
    if str(schema.props.get("withManagedAccess", "")).lower() != "true":
        yield f"schema {schema.full_name} is not managed: whoever owns an object in it may grant it on"


RULES = (
    Rule(
        name="no-grant-to-public",
        what="Nothing is granted to PUBLIC.",
        why="Every user of the account has PUBLIC, also those that this platform does not know.",
        mend="Grant it to a role of sql/access.yaml.",
        kinds=_GRANTS,
        check=_public,
        severity="critical",
    ),
    Rule(
        name="no-accountadmin",
        what="Nobody and nothing works as ACCOUNTADMIN, and nothing is granted to it; on a real account the deployer does not either.",
        why="It may do everything, so a wrong statement may, too, and the audit tells of nobody else.",
        mend="Use a role of sql/access.yaml; deploy as the role of sql/account/deployer.sql (docs/real-account.md).",
        kinds=frozenset({*_GRANTS, "User", "Task", "snowflake"}),
        check=_account_admin,
        schema={"deployer": {"type": "string", "enum": ["refused", "allowed"], "default": "refused"}},
    ),
    Rule(
        name="network-policy",
        what="Every user logs in from named networks.",
        why="A stolen key is else good from everywhere.",
        mend="Set logistics:allowedNetworks in the stack file.",
        check_stack=_network,
        schema={"required": {"type": "boolean", "default": True}},
    ),
    Rule(
        name="authentication-policy",
        what="Every user logs in by named methods, none of them a password.",
        why="A password can be guessed, shared and phished.",
        mend="Set logistics:authenticationMethods to KEYPAIR, OAUTH, SAML or WORKLOAD_IDENTITY, and give no user a password.",
        check_stack=_authentication,
        schema={"required": {"type": "boolean", "default": True}},
    ),
    Rule(
        name="managed-schemas",
        what="Schemas are managed: only their owner grants what lies in them.",
        why="Who may make a table there could else show it to anybody.",
        mend="Set with_managed_access on the schema.",
        kinds=frozenset({"Schema"}),
        check=_managed,
        severity="medium",
    ),
)
