"""Network rules, secrets and sequences."""

from collections.abc import Iterator
from typing import Any

from embedded.provider import literals, names
from embedded.provider.kinds import columns
from embedded.provider.kinds.kind import Field, Found, Kind
from embedded.provider.kinds.statements import COMMENT, Clause, Custom, Settings, Text
from embedded.provider.operation import Operation
from embedded.provider.ordering import set_order

_READ_COMMENT = {"comment": Field("comment")}


def _upper(value: Any) -> str:
    return str(value).upper()


def _first_row(op: Operation, found: Found) -> list[dict[str, Any]]:
    """Return the one row of DESCRIBE as an output."""
    properties = op.resource.properties["describe_output"].properties
    assert properties is not None
    return [columns.shape(properties, row, {}) for row in found.describe[:1]]


# -- network rules -----------------------------------------------------------------------------------------------------

_RULE = (Clause("value_list", "VALUE_LIST", lambda v: literals.texts(set_order(v))), COMMENT)


def _rule_read(op: Operation, found: Found) -> None:
    row = found.describe[0] if found.describe else {}
    op.state.set("value_list", columns.items(row.get("value_list")))
    for key in ("type", "mode"):
        op.state.set(key, columns.text(found.show.get(key)))


NETWORK_RULE = Kind(
    name="NetworkRule",
    sql="NETWORK RULE",
    plural="NETWORK RULES",
    levels=3,
    id_form="quoted",
    body=(Clause("type", "TYPE", _upper), _RULE[0], Clause("mode", "MODE", _upper), COMMENT),
    steps=(Settings(_RULE, separator=", "),),
    describe="NETWORK RULE",
    fields=_READ_COMMENT,
    read_more=_rule_read,
    describe_output=_first_row,
)

# -- secrets -----------------------------------------------------------------------------------------------------------

_SECRETS: dict[str, tuple[str, tuple[Clause, ...]]] = {
    "SecretWithGenericString": ("GENERIC_STRING", (Clause("secret_string", "SECRET_STRING"),)),
    "SecretWithBasicAuthentication": ("PASSWORD", (Clause("username", "USERNAME"), Clause("password", "PASSWORD"))),
    "SecretWithClientCredentials": (
        "OAUTH2",
        (
            Clause("api_authentication", "API_AUTHENTICATION", literals.identifier),
            Clause("oauth_scopes", "OAUTH_SCOPES", lambda v: literals.texts(set_order(v))),
        ),
    ),
    "SecretWithAuthorizationCodeGrant": (
        "OAUTH2",
        (
            Clause("oauth_refresh_token", "OAUTH_REFRESH_TOKEN"),
            Clause("oauth_refresh_token_expiry_time", "OAUTH_REFRESH_TOKEN_EXPIRY_TIME"),
            Clause("api_authentication", "API_AUTHENTICATION", literals.identifier),
        ),
    ),
}


def _secret_read(op: Operation, found: Found) -> None:
    row, state = found.describe[0] if found.describe else {}, op.state
    expiry = columns.text(row.get("oauth_refresh_token_expiry_time"))
    type_ = columns.text(found.show.get("secret_type"))
    if type_ == "OAUTH2":
        type_ = "OAUTH2_AUTHORIZATION_CODE_GRANT" if expiry else "OAUTH2_CLIENT_CREDENTIALS"
    state.set("secret_type", type_)
    if op.resource.properties.get("username") and row.get("username") is not None:
        state.set("username", columns.text(row["username"]))
    if op.resource.properties.get("api_authentication"):
        shown, before = columns.text(row.get("integration_name")), state.get("api_authentication")
        state.set("api_authentication", before if names.same(before, shown) else shown)
    if op.resource.properties.get("oauth_scopes"):
        state.set("oauth_scopes", columns.items(row.get("oauth_scopes")))


def _secret(name: str) -> Kind:
    type_, clauses = _SECRETS[name]
    shown = {"OAUTH2": "OAUTH2_AUTHORIZATION_CODE_GRANT" if "Grant" in name else "OAUTH2_CLIENT_CREDENTIALS"}.get(
        type_, type_
    )
    return Kind(
        name=name,
        sql="SECRET",
        plural="SECRETS",
        levels=3,
        id_form="quoted",
        body=(Text(f"TYPE = {type_}"), *clauses, COMMENT),
        steps=(Settings((COMMENT, *clauses), instead={"comment": "COMMENT = NULL"}),),
        describe="SECRET",
        fields=_READ_COMMENT,
        read_more=_secret_read,
        show_output={"oauth_scopes": lambda row: columns.items(row.get("oauth_scopes"))},
        describe_output=_first_row,
        drifted=lambda old: {"secret_type": True} if old.get("secret_type") not in (None, "", shown) else {},
    )


# -- sequences ---------------------------------------------------------------------------------------------------------


def _sequence_changes(op: Operation) -> Iterator[str]:
    alter = f"ALTER SEQUENCE {op.fqn} SET"
    if "comment" in op.changes:
        yield f"{alter} COMMENT = {literals.text(op.value('comment') or '')}"
    if "increment" in op.changes:
        yield f"{alter} INCREMENT = {literals.raw(op.inputs.get('increment'))}"
    if "ordering" in op.changes:
        yield f"{alter} {op.inputs.get('ordering')}"


def _sequence_read(op: Operation, found: Found) -> None:
    row, state = found.show, op.state
    state.set("increment", columns.whole(row.get("interval")))
    state.set("next_value", columns.whole(row.get("next_value")))
    state.set("ordering", "ORDER" if columns.flag(row.get("ordered")) else "NOORDER")


SEQUENCE = Kind(
    name="Sequence",
    sql="SEQUENCE",
    plural="SEQUENCES",
    levels=3,
    id_form="pipes",
    body=(
        Text(lambda op: f"INCREMENT = {literals.raw(op.inputs.get('increment') or 1)}"),
        Text(lambda op: str(op.inputs.get("ordering") or "ORDER")),
        COMMENT,
    ),
    steps=(Custom(_sequence_changes),),
    fields=_READ_COMMENT,
    read_more=_sequence_read,
)

KINDS = (NETWORK_RULE, *(_secret(name) for name in _SECRETS), SEQUENCE)
