"""Policies of the data plane and of the login, and tags."""

import json
from collections.abc import Iterator
from typing import Any

from embedded.provider import datatypes, literals, names
from embedded.provider.errors import StatementError
from embedded.provider.kinds import columns
from embedded.provider.kinds.kind import Field, Found, Kind
from embedded.provider.kinds.statements import COMMENT, Clause, Custom, Rename, Settings, Text
from embedded.provider.kinds.views import references
from embedded.provider.operation import Operation
from embedded.provider.ordering import set_order

_READ_COMMENT = {"comment": Field("comment")}

# -- masking and row access --------------------------------------------------------------------------------------------


def _signature(op: Operation) -> str:
    arguments = (f"{names.quote(each['name'])} {datatypes.sql(each['type'])}" for each in op.inputs.get("argument"))
    return "AS (" + ", ".join(arguments) + ")"


def _body_change(op: Operation) -> Iterator[str]:
    if "body" in op.changes:
        yield f"ALTER {op.kind.sql} {op.fqn} SET BODY -> {op.value('body')}"


def read_signature(text: str) -> list[dict[str, str]]:
    """Return the arguments of ``(VAL VARCHAR, N NUMBER)``."""
    content = text.strip().removeprefix("(").removesuffix(")")
    pairs = (piece.strip().rsplit(" ", 1) for piece in content.split(",") if piece.strip())
    return [{"name": name.strip('"'), "type": type_} for name, type_ in pairs]


def _policy_read(op: Operation, found: Found) -> None:
    state, row = op.state, found.describe[0] if found.describe else {}
    body = columns.text(row.get("body"))
    before = state.get("body")
    state.set("body", before if before and columns.squeeze(before) == columns.squeeze(body) else body)
    known = state.get("argument") or []
    read = read_signature(columns.text(row.get("signature")))
    state.set("argument", [_kept(known, index, each) for index, each in enumerate(read)])
    if op.resource.properties.get("return_data_type"):
        shown, kept = columns.text(row.get("return_type")), state.get("return_data_type")
        state.set("return_data_type", kept if kept and _alike(kept, shown) else shown)


def _kept(known: list[dict[str, str]], index: int, read: dict[str, str]) -> dict[str, str]:
    """Return the known argument where the read one (without precision) is the same."""
    if (
        index < len(known)
        and known[index].get("name") == read["name"]
        and _alike(known[index].get("type"), read["type"])
    ):
        return known[index]
    return read


def _alike(type_: Any, shown: str) -> bool:
    return datatypes.bare(str(type_)) == datatypes.bare(shown)


def _exempt(row: Any) -> bool:
    options = columns.text(row.get("options")).strip()
    return bool(json.loads(options).get("EXEMPT_OTHER_POLICIES")) if options else False


def _describe_policy(_: Operation, found: Found) -> list[dict[str, Any]]:
    return [
        {key: columns.text(row.get(key)) for key in ("name", "return_type", "body")}
        | {"signature": read_signature(columns.text(row.get("signature")))}
        for row in found.describe
    ]


MASKING_POLICY = Kind(
    name="MaskingPolicy",
    sql="MASKING POLICY",
    plural="MASKING POLICIES",
    levels=3,
    id_form="quoted",
    body=(
        Text(_signature),
        Text(lambda op: f"RETURNS {datatypes.sql(op.inputs.get('return_data_type'))} -> {op.value('body')}"),
        Text(lambda op: f"COMMENT = {literals.text(op.value('comment') or '')}"),
        Clause("exempt_other_policies", "EXEMPT_OTHER_POLICIES", literals.raw),
    ),
    steps=(Rename(), Custom(_body_change), Settings((COMMENT,))),
    describe="MASKING POLICY",
    fields=_READ_COMMENT,
    read_more=_policy_read,
    show_output={"exempt_other_policies": _exempt},
    describe_output=_describe_policy,
)
ROW_ACCESS_POLICY = Kind(
    name="RowAccessPolicy",
    sql="ROW ACCESS POLICY",
    plural="ROW ACCESS POLICIES",
    levels=3,
    id_form="quoted",
    body=(Text(_signature), Text(lambda op: f"RETURNS BOOLEAN -> {op.value('body')}"), COMMENT),
    steps=(Rename(), Settings((COMMENT,)), Custom(_body_change)),
    describe="ROW ACCESS POLICY",
    fields=_READ_COMMENT,
    read_more=_policy_read,
    describe_output=_describe_policy,
)

# -- tags --------------------------------------------------------------------------------------------------------------


def _values(values: Any) -> str:
    return ", ".join(literals.text(value) for value in values)


def _allowed(op: Operation) -> list[str]:
    ordered = op.value("ordered_allowed_values")
    return list(ordered) if ordered else set_order(op.value("allowed_values") or [])


def _propagate(op: Operation) -> str:
    value = op.value("propagate")
    if not value:
        return ""
    conflict = op.value("on_conflict") or {}
    if conflict.get("custom_value"):
        return f"PROPAGATE = {str(value).upper()} ON_CONFLICT = {literals.text(conflict['custom_value'])}"
    words = " ON_CONFLICT = ALLOWED_VALUES_SEQUENCE" if conflict.get("allowed_values_sequence") else ""
    return f"PROPAGATE = {str(value).upper()}{words}"


def _tag_changes(op: Operation) -> Iterator[str]:
    """Yield the allowed values, the propagation and the masking policies."""
    alter, changes = f"ALTER TAG {op.fqn}", op.changes
    if {"allowed_values", "ordered_allowed_values"} & changes.keys():
        old = op.old.get("ordered_allowed_values") or set_order(op.old.get("allowed_values") or [])
        new = _allowed(op)
        if new:
            yield f"{alter} SET ALLOWED_VALUES {_values(new)}"
        elif old:
            yield f"{alter} DROP ALLOWED_VALUES {_values(old)}"
    if {"propagate", "on_conflict"} & changes.keys():
        words = _propagate(op)
        yield f"{alter} SET {words}" if words else f"{alter} UNSET PROPAGATE"
    if "masking_policies" in changes:
        old, new = ({literals.identifier(each) for each in given or []} for given in _policies_of(op))
        if old - new:
            yield f"{alter} UNSET {_masking(old - new)}"
        if new - old:
            yield f"{alter} SET {_masking(new - old)}"


def _policies_of(op: Operation) -> tuple[Any, Any]:
    return op.old.get("masking_policies"), op.value("masking_policies")


def _masking(policies: Any) -> str:
    return ", ".join(f"MASKING POLICY {policy}" for policy in sorted(policies))


class TagKind(Kind):
    """A tag; masking policies are taken off before it is dropped."""

    def create(self, op: Operation) -> None:
        """Create the tag and put its masking policies on it."""
        super().create(op)
        policies = op.value("masking_policies")
        if not policies:
            return
        try:
            op.write(f"ALTER TAG {op.fqn} SET {_masking(literals.identifier(each) for each in policies)}")
        except StatementError as error:  # as officially: the tag exists, so this is a warning
            op.warnings.append(str(error))

    def delete(self, op: Operation) -> None:
        """Take the masking policies off, then drop the tag."""
        try:
            policies = _attached(op.run(references("POLICY_REFERENCES", op.fqn, "TAG")))
        except StatementError as error:
            if not error.missing:
                raise
            policies = []
        if policies:
            op.write(f"ALTER TAG {op.fqn} UNSET {_masking(policies)}")
        super().delete(op)

    def look_closer(self, op: Operation, found: Found) -> None:
        """Ask for the masking policies."""
        found.describe = op.run(references("POLICY_REFERENCES", op.fqn, "TAG"))


def _attached(rows: list[Any]) -> list[str]:
    parts = ("POLICY_DB", "POLICY_SCHEMA", "POLICY_NAME")
    return [names.full(*(columns.text(row.get(part)) for part in parts)) for row in rows]


def _tag_read(op: Operation, found: Found) -> None:
    state = op.state
    values = columns.items(found.show.get("allowed_values"))
    key = "ordered_allowed_values" if op.inputs.has("ordered_allowed_values") else "allowed_values"
    if op.importing or op.refreshing or state.has(key):
        state.set(key, values)
    state.set("masking_policies", _attached(found.describe))


TAG = TagKind(
    name="Tag",
    sql="TAG",
    plural="TAGS",
    levels=3,
    id_form="quoted",
    body=(
        Text(lambda op: f"ALLOWED_VALUES {_values(_allowed(op))}" if _allowed(op) else ""),
        Text(_propagate),
        COMMENT,
    ),
    steps=(Rename(), Settings((COMMENT,)), Custom(_tag_changes)),
    fields=_READ_COMMENT,
    read_more=_tag_read,
)

# -- passwords and logins ----------------------------------------------------------------------------------------------

_PASSWORD_KEYS = [
    "min_length",
    "max_length",
    "min_upper_case_chars",
    "min_lower_case_chars",
    "min_numeric_chars",
    "min_special_chars",
    "min_age_days",
    "max_age_days",
    "max_retries",
    "lockout_time_mins",
    "history",
]


def _password_clauses() -> tuple[Clause, ...]:
    return (*(Clause(key, f"PASSWORD_{key.upper()}", literals.raw) for key in _PASSWORD_KEYS), COMMENT)


def _password_read(op: Operation, found: Found) -> None:
    """Take over the values; one that is not wished and has Snowflake's default stays not set."""
    values, defaults = found.described(), found.described(value="default")
    for key in _PASSWORD_KEYS:
        column = f"PASSWORD_{key.upper()}"
        value = columns.whole(values.get(column))
        if op.importing or op.state.get(key) not in (None, -1) or value != columns.whole(defaults.get(column)):
            op.state.set(key, value)
    op.state.set("comment", columns.not_null(values.get("COMMENT")))


def _describe_password(_: Operation, found: Found) -> list[dict[str, Any]]:
    values = found.described()
    out: dict[str, Any] = {
        f"password_{key}": columns.whole(values.get(f"PASSWORD_{key.upper()}")) for key in _PASSWORD_KEYS
    }
    return [out | {key: columns.not_null(values.get(key.upper())) for key in ("name", "owner", "comment")}]


PASSWORD_POLICY = Kind(
    name="PasswordPolicy",
    sql="PASSWORD POLICY",
    plural="PASSWORD POLICIES",
    levels=3,
    id_form="quoted",
    body=_password_clauses(),
    steps=(Rename(), Settings(_password_clauses(), separator=", ")),
    describe="PASSWORD POLICY",
    read_more=_password_read,
    describe_output=_describe_password,
)


def _upper_texts(values: Any) -> str:
    return literals.texts(str(value).upper() for value in set_order(values))


def _group(forms: dict[str, Any]) -> Any:
    def write(value: dict[str, Any]) -> str:
        pieces = (
            f"{key.upper()} = {form(value[key])}"
            for key, form in forms.items()
            if value.get(key) not in (None, [], "default")
        )
        return "(" + " ".join(pieces) + ")"

    return write


def _client_policy(values: Any) -> str:
    pieces = (
        f"{each['client_type'].upper()} = (MINIMUM_VERSION = {literals.text(each['minimum_version'])})"
        for each in values
    )
    return "(" + ", ".join(pieces) + ")"


def _integrations(values: Any) -> str:
    return "('ALL')" if [str(each).upper() for each in values] == ["ALL"] else literals.identifiers(set_order(values))


def _upper(value: Any) -> str:
    return str(value).upper()


_AUTHENTICATION = (
    Clause("authentication_methods", "AUTHENTICATION_METHODS", _upper_texts),
    Clause("mfa_enrollment", "MFA_ENROLLMENT", _upper),
    Clause(
        "mfa_policy",
        "MFA_POLICY",
        _group({"enforce_mfa_on_external_authentication": _upper, "allowed_methods": _upper_texts}),
    ),
    Clause("client_types", "CLIENT_TYPES", _upper_texts),
    Clause("client_policy", "CLIENT_POLICY", _client_policy),
    Clause("security_integrations", "SECURITY_INTEGRATIONS", _integrations),
    Clause(
        "pat_policy",
        "PAT_POLICY",
        _group(
            {
                "default_expiry_in_days": literals.raw,
                "max_expiry_in_days": literals.raw,
                "require_role_restriction_for_service_users": literals.raw,
                "network_policy_evaluation": _upper,
            }
        ),
    ),
    Clause(
        "workload_identity_policy",
        "WORKLOAD_IDENTITY_POLICY",
        _group(
            {
                "allowed_providers": _upper_texts,
                "allowed_aws_accounts": lambda v: literals.texts(set_order(v)),
                "allowed_azure_issuers": lambda v: literals.texts(set_order(v)),
                "allowed_oidc_issuers": lambda v: literals.texts(set_order(v)),
            }
        ),
    ),
    COMMENT,
)
_LISTS = ("authentication_methods", "client_types", "security_integrations")


def _authentication_read(op: Operation, found: Found) -> None:
    """Take over lists that differ from the wished ones; a list that is not wished shows Snowflake's default."""
    values = found.described()
    for key in _LISTS:
        shown = columns.items(values.get(key.upper()))
        if op.importing or (op.state.has(key) and _words(op.state.get(key)) != _words(shown)):
            op.state.set(key, shown)
    op.state.set("comment", columns.not_null(values.get("COMMENT") or found.show.get("comment")))


def _words(values: Any) -> set[str]:
    return {str(value).upper() for value in values or []}


def _describe_authentication(op: Operation, found: Found) -> list[dict[str, Any]]:
    properties = op.resource.properties["describe_output"].properties
    assert properties is not None
    values = found.described()
    return [{prop.key: columns.not_null(values.get(prop.key.upper())) for prop in properties}]


AUTHENTICATION_POLICY = Kind(
    name="AuthenticationPolicy",
    sql="AUTHENTICATION POLICY",
    plural="AUTHENTICATION POLICIES",
    levels=3,
    id_form="quoted",
    body=_AUTHENTICATION,
    steps=(Rename(), Settings(_AUTHENTICATION)),
    describe="AUTHENTICATION POLICY",
    read_more=_authentication_read,
    describe_output=_describe_authentication,
)

KINDS = (MASKING_POLICY, ROW_ACCESS_POLICY, TAG, PASSWORD_POLICY, AUTHENTICATION_POLICY)
