"""Users: people, services and legacy services share their statements and differ in type and properties."""

from collections.abc import Iterator
from typing import Any

from embedded.provider import literals
from embedded.provider.errors import StatementError
from embedded.provider.kinds import columns
from embedded.provider.kinds.kind import Found, Kind, Parameters
from embedded.provider.kinds.statements import COMMENT, Clause, Custom, ParameterSet, Rename, Settings, Text
from embedded.provider.operation import Operation
from embedded.provider.state import State

_SECONDARY = {"ALL": "('ALL')", "NONE": "()"}


def _identity(value: dict[str, Any]) -> str:
    kind, given = next((key, item) for key, item in value.items() if item)
    pieces = [f"TYPE = {kind.upper()}"]
    for key, item in given.items():
        written = literals.texts(item) if isinstance(item, list) else literals.text(item)
        pieces.append(f"{key.upper()} = {written}")
    return "(" + " ".join(pieces) + ")"


_BEFORE_TYPE = (
    Clause("password", "PASSWORD"),
    Clause("login_name", "LOGIN_NAME"),
    Clause("display_name", "DISPLAY_NAME"),
    Clause("first_name", "FIRST_NAME"),
    Clause("middle_name", "MIDDLE_NAME"),
    Clause("last_name", "LAST_NAME"),
    Clause("email", "EMAIL"),
    Clause("must_change_password", "MUST_CHANGE_PASSWORD", literals.raw),
    Clause("disabled", "DISABLED", literals.raw),
    Clause("days_to_expiry", "DAYS_TO_EXPIRY", literals.raw),
    Clause("mins_to_unlock", "MINS_TO_UNLOCK", literals.raw),
    Clause("default_warehouse", "DEFAULT_WAREHOUSE", literals.identifier),
    Clause("default_namespace", "DEFAULT_NAMESPACE", literals.identifier),
    Clause("default_role", "DEFAULT_ROLE", literals.identifier),
    Clause("default_secondary_roles_option", "DEFAULT_SECONDARY_ROLES", lambda v: _SECONDARY[str(v).upper()]),
    Clause("mins_to_bypass_mfa", "MINS_TO_BYPASS_MFA", literals.raw),
    Clause("rsa_public_key", "RSA_PUBLIC_KEY"),
    Clause("rsa_public_key_2", "RSA_PUBLIC_KEY_2"),
)
_AFTER_TYPE = (Clause("default_workload_identity", "WORKLOAD_IDENTITY", _identity), COMMENT)
_DISABLE_MFA = Clause("disable_mfa", "DISABLE_MFA", literals.raw)
_TYPES = {"User": "", "ServiceUser": "SERVICE", "LegacyServiceUser": "LEGACY_SERVICE"}


def _created(op: Operation) -> None:
    value = op.value("disable_mfa")
    if value is None:
        return
    try:
        op.write(f"ALTER USER {op.fqn} SET DISABLE_MFA = {literals.raw(value)}")
    except StatementError as error:  # as officially: the user exists, so this is a warning
        op.warnings.append(str(error))


def _password(op: Operation) -> Iterator[str]:
    if "password" in op.changes:
        value = op.value("password")
        yield f"ALTER USER {op.fqn} " + (
            "UNSET PASSWORD" if value is None else f"SET PASSWORD = {literals.text(value)}"
        )


class UserKind(Kind):
    """A user; a refused password that was used before does not fail an update."""

    def update(self, op: Operation) -> None:
        """Change the user in place, in the official order."""
        for step in self.steps:
            for statement in step.statements(op):
                try:
                    op.write(statement)
                except StatementError as error:
                    if "PRIOR_USE" not in error.reason and error.errno != 3002:
                        raise
        op.id = self.id_of(op)


# Properties that DESCRIBE USER tells, by its name for them.
_DESCRIBED = {
    "first_name": "FIRST_NAME",
    "middle_name": "MIDDLE_NAME",
    "last_name": "LAST_NAME",
    "email": "EMAIL",
    "comment": "COMMENT",
    "default_warehouse": "DEFAULT_WAREHOUSE",
    "default_role": "DEFAULT_ROLE",
    "rsa_public_key": "RSA_PUBLIC_KEY",
    "rsa_public_key_2": "RSA_PUBLIC_KEY_2",
}


def _read(op: Operation, found: Found) -> None:
    values = found.described()
    for key, name in _DESCRIBED.items():
        if op.resource.properties.get(key):
            op.state.set(key, columns.not_null(values.get(name)))
    op.state.set("user_type", columns.not_null(found.show.get("type")) or ("PERSON" if op.kind.name == "User" else ""))


def _secondary(value: Any) -> str:
    listed = columns.text(value).upper()
    return "DEFAULT" if listed in ("", "NULL") else "ALL" if "ALL" in listed else "NONE"


def _flag(column: str) -> Any:
    return lambda row: columns.flag(row.get(column))


_SHOWN_TEXTS = [
    "login_name",
    "display_name",
    "first_name",
    "last_name",
    "email",
    "comment",
    "default_warehouse",
    "default_namespace",
    "default_role",
    "default_secondary_roles",
    "ext_authn_uid",
    "mins_to_unlock",
    "days_to_expiry",
    "mins_to_bypass_mfa",
    "type",
    "expires_at_time",
    "locked_until_time",
    "last_success_login",
]


def _null_text(column: str) -> Any:
    return lambda row: columns.not_null(row.get(column))


def _user(name: str) -> UserKind:
    type_ = _TYPES[name]
    return UserKind(
        name=name,
        sql="USER",
        plural="USERS",
        parameters=Parameters("User", "USER"),
        body=(*_BEFORE_TYPE, Text(f"TYPE = {type_}" if type_ else ""), *_AFTER_TYPE, ParameterSet()),
        steps=(
            Rename(),
            Settings((*_BEFORE_TYPE[1:], *_AFTER_TYPE, *((_DISABLE_MFA,) if name == "User" else ()))),
            Custom(_password),
            Settings((ParameterSet(),)),
        ),
        describe="USER",
        after_create=_created if name == "User" else None,
        read_more=_read,
        shown={"default_secondary_roles_option": ("default_secondary_roles", _secondary)},
        show_output={column: _null_text(column) for column in _SHOWN_TEXTS},
        drifted=lambda old: {"user_type": True} if _type_changed(old, type_ or "PERSON") else {},
    )


def _type_changed(old: State, own: str) -> bool:
    return str(old.get("user_type") or own).upper() not in (own, "NULL")


USER, SERVICE_USER, LEGACY_SERVICE_USER = (_user(name) for name in _TYPES)
KINDS = (USER, SERVICE_USER, LEGACY_SERVICE_USER)
