"""Masking and row access policies, and the policies of logins and sessions."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import orjson

from embedded.snowflake.catalog.arguments import read_arguments, read_type, signature
from embedded.snowflake.catalog.kinds import Definition, Kind, register
from embedded.snowflake.catalog.model import CatalogObject
from embedded.snowflake.catalog.policies import used_by
from embedded.snowflake.catalog.resolve import full_name
from embedded.snowflake.catalog.show import columns
from embedded.snowflake.catalog.values import (
    Property,
    boolean,
    integer,
    list_of,
    names,
    options,
    read_properties,
    text,
    word,
)
from embedded.snowflake.errors import SqlCompilationError
from embedded.snowflake.names import quote_if_needed
from embedded.snowflake.result import Result, listing
from embedded.snowflake.security.privileges import require
from embedded.snowflake.tokens import TokenStream
from embedded.snowflake.types import parse_type

if TYPE_CHECKING:
    from embedded.snowflake.catalog.store import CatalogTransaction
    from embedded.snowflake.session.session import Session

_AFTER_BODY = {"COMMENT": Property(text, ""), "EXEMPT_OTHER_POLICIES": Property(boolean, False)}


def read_body(tokens: TokenStream, allowed: dict[str, Property], kind: str) -> tuple[str, dict[str, Any]]:
    """Read a policy's body and the properties after it: a property begins where `KEY =` stands and reads to the end.

    The body is an expression in which `COMMENT = 'x'` could stand too; as in Snowflake the clause at the end wins.
    """
    start, depth, end = tokens.index, 0, None
    while tokens:
        word_here = tokens.word()
        if depth == 0 and word_here in allowed and tokens.word(1) == "=" and tokens.index > start:
            end = tokens.index
            found = _try_properties(tokens, allowed, kind)
            if found is not None:
                return _between(tokens, start, end), found
            tokens.index = end
        depth += {"(": 1, ")": -1}.get(word_here, 0)
        tokens.next()
    if tokens.index == start:
        raise tokens.unexpected()
    return _between(tokens, start, tokens.index), {}


def _try_properties(tokens: TokenStream, allowed: dict[str, Property], kind: str) -> dict[str, Any] | None:
    try:
        found = read_properties(tokens, allowed, kind)
    except SqlCompilationError:
        return None
    return None if tokens else found


def _between(tokens: TokenStream, start: int, end: int) -> str:
    return tokens.text[tokens.tokens[start].start : tokens.tokens[end - 1].end + 1]


def _read_policy(kind: str, _: Session, tokens: TokenStream, *__: Any) -> Definition:
    tokens.expect("AS")
    arguments = [argument.to_json() for argument in read_arguments(tokens)]
    if not arguments:
        raise SqlCompilationError(f"A {kind.lower()} needs an argument.", 3550, "42601")
    tokens.expect("RETURNS")
    returns = str(read_type(tokens))
    if kind == "MASKING POLICY" and parse_type(arguments[0]["type"]).kind != parse_type(returns).kind:
        raise SqlCompilationError(
            f"Masking policy function argument and return type mismatch: {arguments[0]['type']} and {returns}.",
            3003,
            "42601",
        )
    if kind == "ROW ACCESS POLICY" and returns != "BOOLEAN":
        raise SqlCompilationError(f"Row access policy must return BOOLEAN, not {returns}.", 3003, "42601")
    tokens.expect("->")
    body, found = read_body(tokens, _AFTER_BODY, kind)
    definition = Definition(
        {"arguments": arguments, "returns": returns, "body": body, "properties": {}}, found.get("COMMENT", "")
    )
    if found.get("EXEMPT_OTHER_POLICIES"):
        definition.body["exempt_other_policies"] = True
    return definition


def _created(session: Session, _: CatalogTransaction, item: CatalogObject) -> None:
    from embedded.snowflake.statements.physical import check_policy

    check_policy(session, item)


def _alter_policy(session: Session, tokens: TokenStream, item: CatalogObject) -> bool:
    if not tokens.accept("SET", "BODY"):
        return False
    require(session, "OWNERSHIP", item)
    tokens.expect("->")
    body, found = read_body(tokens, {}, item.kind)
    new = item.changed()
    new.body["body"] = body
    with session.account.catalog.transaction() as changes:
        _created(session, changes, new)
        changes.put(new)
    return not found


def _refuse_used(session: Session, _: CatalogTransaction, item: CatalogObject) -> None:
    """A policy in use cannot be dropped or replaced."""
    uses = used_by(session.account.catalog, item.oid)
    tags = [tag for tag in session.account.catalog.all("TAG") if item.oid in tag.body.get("masking_policies", [])]
    if uses or tags:
        raise SqlCompilationError(
            f"Policy {quote_if_needed(item.name)} cannot be dropped/replaced as it is associated with one or more entities.",
            3543,
            "42601",
        )


def _options(_: Session, item: CatalogObject) -> str:
    return orjson.dumps({"EXEMPT_OTHER_POLICIES": True}).decode() if item.body.get("exempt_other_policies") else ""


def _describe(_: Session, item: CatalogObject) -> Result:
    row = (item.name, signature(item.body["arguments"], names=True), item.body["returns"], item.body["body"])
    return listing(("name", "signature", "return_type", "body"), [row])


for _kind, _plural, _names, _create in (
    (
        "MASKING POLICY",
        "MASKING POLICIES",
        "created_on name database_name schema_name kind owner comment owner_role_type options",
        "CREATE MASKING POLICY",
    ),
    (
        "ROW ACCESS POLICY",
        "ROW ACCESS POLICIES",
        "created_on name database_name schema_name kind owner comment options owner_role_type",
        "CREATE ROW ACCESS POLICY",
    ),
):
    register(
        Kind(
            _kind,
            _plural,
            create_privilege=_create,
            privileges=("APPLY",),
            show=columns(_names, options=_options),
            describe=_describe,
            read=partial(_read_policy, _kind),
            created=_created,
            dropping=_refuse_used,
            alter=_alter_policy,
        )
    )


# -- policies of logins and sessions: key and value, with defaults

_PASSWORD_DEFAULTS: dict[str, tuple[int, str]] = {
    "PASSWORD_MIN_LENGTH": (14, "Minimum length of new password."),
    "PASSWORD_MAX_LENGTH": (256, "Maximum length of new password."),
    "PASSWORD_MIN_UPPER_CASE_CHARS": (1, "Minimum number of uppercase characters in new password."),
    "PASSWORD_MIN_LOWER_CASE_CHARS": (1, "Minimum number of lowercase characters in new password."),
    "PASSWORD_MIN_NUMERIC_CHARS": (1, "Minimum number of numeric characters in new password."),
    "PASSWORD_MIN_SPECIAL_CHARS": (0, "Minimum number of special characters in new password."),
    "PASSWORD_MIN_AGE_DAYS": (
        0,
        "Period after a password is changed during which it cannot be changed again, in days.",
    ),
    "PASSWORD_MAX_AGE_DAYS": (90, "Period after which password must be changed, in days."),
    "PASSWORD_MAX_RETRIES": (
        5,
        "Number of attempts users have to enter the correct password before they are locked out.",
    ),
    "PASSWORD_LOCKOUT_TIME_MINS": (
        15,
        "Period of time for which users will be locked after too many wrong passwords, in minutes.",
    ),
    "PASSWORD_HISTORY": (5, "Number of most recent passwords that may not be repeated by the user."),
}
_AUTHENTICATION_DEFAULTS: dict[str, tuple[str, str]] = {
    "AUTHENTICATION_METHODS": ("[ALL]", "A list of authentication methods that are allowed during login."),
    "CLIENT_TYPES": ("[ALL]", "A list of clients that can authenticate with Snowflake."),
    "SECURITY_INTEGRATIONS": (
        "[ALL]",
        "A list of security integrations that the authentication policy is associated with.",
    ),
    "MFA_ENROLLMENT": (
        "REQUIRED_PASSWORD_ONLY",
        "Determines whether a user must enroll in multi-factor authentication.",
    ),
    "MFA_AUTHENTICATION_METHODS": (
        "[PASSWORD]",
        "A list of authentication methods that enforce multi-factor authentication.",
    ),
    "MFA_POLICY": ("{}", "Specifies the policies that affect how multi-factor authentication is enforced."),
    "PAT_POLICY": ("{}", "Specifies the policies for programmatic access tokens."),
    "WORKLOAD_IDENTITY_POLICY": ("{}", "Specifies the policies for workload identity federation."),
}
_SESSION_DEFAULTS: dict[str, tuple[int, str]] = {
    "SESSION_IDLE_TIMEOUT_MINS": (240, "Time period of inactivity after which a session ends, in minutes."),
    "SESSION_UI_IDLE_TIMEOUT_MINS": (
        1080,
        "Time period of inactivity after which a session of the web interface ends, in minutes.",
    ),
}
_word_list = list_of(word())
_AUTHENTICATION_PROPERTIES = {
    "AUTHENTICATION_METHODS": Property(_word_list),
    "CLIENT_TYPES": Property(_word_list),
    "SECURITY_INTEGRATIONS": Property(names),
    "MFA_ENROLLMENT": Property(word("REQUIRED", "REQUIRED_PASSWORD_ONLY", "OPTIONAL")),
    "MFA_AUTHENTICATION_METHODS": Property(_word_list),
    "MFA_POLICY": Property(options()),
    "PAT_POLICY": Property(options()),
    "WORKLOAD_IDENTITY_POLICY": Property(options()),
}


def printed(value: Any) -> str:
    """A property's value as DESCRIBE prints it: lists in brackets, options in braces."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return "[" + ", ".join(printed(item) for item in value) + "]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}={printed(item)}" for key, item in value.items()) + "}"
    return str(value)


def _describe_keys(defaults: dict[str, tuple[Any, str]]) -> Any:
    def describe(session: Session, item: CatalogObject) -> Result:
        from embedded.snowflake.security.privileges import owner_name

        values = item.body["properties"]
        rows = [
            ("NAME", item.name, "null", "Name of policy."),
            ("OWNER", owner_name(session.account.catalog, item), "null", "Role that owns the policy."),
            ("COMMENT", item.comment or "null", "null", "Comment of policy."),
        ]
        for key, (default, description) in defaults.items():
            rows.append((key, printed(values.get(key, default)), printed(default), description))
        return listing(("property", "value", "default", "description"), rows)

    return describe


def _refuse_attached(session: Session, _: CatalogTransaction, item: CatalogObject) -> None:
    catalog = session.account.catalog
    users = [user for user in catalog.all("USER") if user.body.get("policies", {}).get(item.kind) == item.oid]
    if users or catalog.record("account_policy", item.kind) == item.oid:
        raise SqlCompilationError(
            f"Policy {full_name(catalog, item)} cannot be dropped/replaced as it is associated with one or more entities.",
            3543,
            "42601",
        )


for _kind, _plural, _defaults, _properties in (
    (
        "PASSWORD POLICY",
        "PASSWORD POLICIES",
        _PASSWORD_DEFAULTS,
        {key: Property(integer) for key in _PASSWORD_DEFAULTS},
    ),
    ("AUTHENTICATION POLICY", "AUTHENTICATION POLICIES", _AUTHENTICATION_DEFAULTS, _AUTHENTICATION_PROPERTIES),
    ("SESSION POLICY", "SESSION POLICIES", _SESSION_DEFAULTS, {key: Property(integer) for key in _SESSION_DEFAULTS}),
):
    register(
        Kind(
            _kind,
            _plural,
            properties=_properties,
            create_privilege=f"CREATE {_kind}",
            privileges=("APPLY",),
            show=columns("created_on name database_name schema_name kind owner comment owner_role_type options"),
            describe=_describe_keys(_defaults),
            dropping=_refuse_attached,
        )
    )
