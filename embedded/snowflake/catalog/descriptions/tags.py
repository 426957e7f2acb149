"""Tags."""

from __future__ import annotations

from typing import TYPE_CHECKING

import orjson

from embedded.snowflake.catalog.kinds import Definition, Kind, register
from embedded.snowflake.catalog.model import CatalogObject
from embedded.snowflake.catalog.show import columns
from embedded.snowflake.catalog.values import Property, read_properties, text, word
from embedded.snowflake.errors import SqlCompilationError
from embedded.snowflake.security.privileges import reach, require
from embedded.snowflake.tokens import TokenStream

if TYPE_CHECKING:
    from embedded.snowflake.catalog.store import CatalogTransaction
    from embedded.snowflake.names import ObjectName
    from embedded.snowflake.session.dispatch import CreateOptions
    from embedded.snowflake.session.session import Session

MAX_ALLOWED_VALUES = 5000
_PROPERTIES = {
    "PROPAGATE": Property(word("ON_DEPENDENCY_AND_DATA_MOVEMENT", "ON_DEPENDENCY", "ON_DATA_MOVEMENT")),
    "ON_CONFLICT": Property(text),
}
_CLAUSES = {"COMMENT": Property(text, ""), **_PROPERTIES}


def _values(tokens: TokenStream) -> list[str]:
    found = [tokens.string()]
    while tokens.accept(","):
        value = tokens.string()
        if value not in found:
            found.append(value)
    if len(found) > MAX_ALLOWED_VALUES:
        raise SqlCompilationError(f"A tag may have {MAX_ALLOWED_VALUES} allowed values at most.", 391804, "0A000")
    return found


def _read(_: Session, tokens: TokenStream, __: CreateOptions, ___: ObjectName) -> Definition:
    definition = Definition({"allowed_values": None, "masking_policies": [], "properties": {}})
    while tokens:
        if tokens.accept("ALLOWED_VALUES"):
            definition.body["allowed_values"] = _values(tokens)
            continue
        found = read_properties(tokens, _CLAUSES, "TAG")
        if not found:
            raise tokens.unexpected()
        definition.comment = found.pop("COMMENT", definition.comment)
        definition.body["properties"].update(found)
    return definition


def _alter(session: Session, tokens: TokenStream, item: CatalogObject) -> bool:
    new = item.changed()
    allowed = new.body["allowed_values"]
    if tokens.accept("ADD", "ALLOWED_VALUES"):
        new.body["allowed_values"] = [
            *(allowed or []),
            *(value for value in _values(tokens) if value not in (allowed or [])),
        ]
    elif tokens.accept("SET", "ALLOWED_VALUES"):
        new.body["allowed_values"] = _values(tokens)
    elif tokens.accept("DROP", "ALLOWED_VALUES"):
        dropped = _values(tokens)
        new.body["allowed_values"] = [value for value in allowed or [] if value not in dropped]
    elif tokens.accept("UNSET", "ALLOWED_VALUES"):
        new.body["allowed_values"] = None
    elif tokens.at("SET", "MASKING") or tokens.at("UNSET", "MASKING"):
        _masking(session, tokens, new)
    else:
        return False
    require(session, "OWNERSHIP", item)
    with session.account.catalog.transaction() as changes:
        changes.put(new)
    return True


def _masking(session: Session, tokens: TokenStream, new: CatalogObject) -> None:
    """SET or UNSET MASKING POLICY p, MASKING POLICY q …: at most one for each data type."""
    sets = tokens.next().text.upper() == "SET"
    policies = list(new.body["masking_policies"])
    while not policies or tokens.accept(",") or tokens.at("MASKING"):
        tokens.accept("MASKING", "POLICY")
        policy = reach(session, "MASKING POLICY", tokens.name())
        if sets:
            _check_type(session, policies, policy)
            policies.append(policy.oid)
        elif policy.oid in policies:
            policies.remove(policy.oid)
        else:
            raise SqlCompilationError(
                f"Masking policy '{policy.name}' is not attached to tag '{new.name}'.", 3553, "42601"
            )
        if not tokens.at(","):
            break
    tokens.accept("FORCE")
    new.body["masking_policies"] = policies


def _check_type(session: Session, policies: list[int], policy: CatalogObject) -> None:
    catalog = session.account.catalog
    for other in policies:
        if catalog.get(other).body["returns"] == policy.body["returns"]:
            raise SqlCompilationError(
                f"Tag already has a masking policy for data type {policy.body['returns']}. Only one is allowed for each type.",
                3556,
                "0A000",
            )


def _dropping(session: Session, _: CatalogTransaction, item: CatalogObject) -> None:
    if item.body.get("masking_policies"):
        raise SqlCompilationError(
            f"Tag {item.name} cannot be dropped/replaced as it is associated with one or more masking policies.",
            3543,
            "42601",
        )
    del session


def _allowed(_: Session, item: CatalogObject) -> str | None:
    allowed = item.body.get("allowed_values")
    return orjson.dumps(sorted(allowed)).decode() if allowed else None


register(
    Kind(
        "TAG",
        "TAGS",
        properties=_PROPERTIES,
        create_privilege="CREATE TAG",
        privileges=("APPLY", "READ"),
        show=columns(
            "created_on name database_name schema_name owner comment allowed_values owner_role_type propagate on_conflict",
            allowed_values=_allowed,
            propagate=lambda _, item: item.body["properties"].get("PROPAGATE", "NONE"),
            on_conflict=lambda _, item: item.body["properties"].get("ON_CONFLICT"),
        ),
        read=_read,
        dropping=_dropping,
        alter=_alter,
        undrop=True,
    )
)
