"""Where a grant applies: the object, all or future objects of a kind, a schema, the account; and what ids say of it."""

from collections.abc import Callable
from typing import Any

from embedded.provider import literals

# Plurals whose singular is not the plural without its last letter.
_SINGULARS = {
    "POLICIES": "POLICY",
    "REPOSITORIES": "REPOSITORY",
    "GIT REPOSITORIES": "GIT REPOSITORY",
    "IMAGE REPOSITORIES": "IMAGE REPOSITORY",
    "INDEXES": "INDEX",
}


def singular(plural: str) -> str:
    """Return the singular of an object type: ``TABLES`` is ``TABLE``, ``MASKING POLICIES`` is ``MASKING POLICY``."""
    upper = plural.upper()
    for ending, single in _SINGULARS.items():
        if upper.endswith(ending):
            return upper[: -len(ending)] + single
    return upper.removesuffix("S")


class Target:
    """Where a grant applies: the words behind ON, the id's piece, and how current grants are asked for."""

    def __init__(
        self, words: str, piece: str, show: str, type_: str, *, future: bool = False, all_: bool = False
    ) -> None:
        self.words = words
        self.piece = piece
        self.show = show
        self.type = type_
        self.future = future
        self.all = all_


def _object_name(type_: str, name: str) -> str:
    """Return an object's name in SQL; a function's or procedure's keeps its argument types."""
    if "(" in name and type_ in ("FUNCTION", "PROCEDURE", "EXTERNAL FUNCTION"):
        head, _, arguments = name.partition("(")
        return f"{literals.identifier(head)}({arguments}"
    return literals.identifier(name)


def _bulk(kind: str, given: dict[str, Any], prefix: str) -> Target:
    plural = str(given["object_type_plural"]).upper()
    where, word = ("in_database", "DATABASE") if given.get("in_database") else ("in_schema", "SCHEMA")
    name = literals.identifier(given[where]) if given.get(where) else ""
    place = f" IN {word} {name}" if name else ""
    piece = f"{prefix}On{kind.capitalize()}|{plural}|In{word.capitalize()}|{name}"
    return Target(
        f"{kind.upper()} {plural}{place}",
        piece,
        f"SHOW FUTURE GRANTS{place}",
        singular(plural),
        future=kind == "future",
        all_=kind == "all",
    )


def _on_account(_: Any) -> Target:
    return Target("ACCOUNT", "OnAccount", "SHOW GRANTS ON ACCOUNT", "ACCOUNT")


def _on_account_object(given: dict[str, Any]) -> Target:
    type_, name = str(given["object_type"]).upper(), literals.identifier(given["object_name"])
    return Target(f"{type_} {name}", f"OnAccountObject|{type_}|{name}", f"SHOW GRANTS ON {type_} {name}", type_)


def _on_schema(given: dict[str, Any]) -> Target:
    if given.get("schema_name"):
        name = literals.identifier(given["schema_name"])
        return Target(f"SCHEMA {name}", f"OnSchema|OnSchema|{name}", f"SHOW GRANTS ON SCHEMA {name}", "SCHEMA")
    kind = "all" if given.get("all_schemas_in_database") else "future"
    name = literals.identifier(given[f"{kind}_schemas_in_database"])
    return Target(
        f"{kind.upper()} SCHEMAS IN DATABASE {name}",
        f"OnSchema|On{kind.capitalize()}SchemasInDatabase|{name}",
        f"SHOW FUTURE GRANTS IN DATABASE {name}",
        "SCHEMA",
        future=kind == "future",
        all_=kind == "all",
    )


def on_schema_object(given: dict[str, Any], prefix: str = "OnSchemaObject|") -> Target:
    """Return an object of a schema, or all or future objects of a kind, as the target of a grant."""
    for kind in ("all", "future"):
        if given.get(kind):
            return _bulk(kind, given[kind], prefix)
    type_ = str(given["object_type"]).upper()
    name = _object_name(type_, given["object_name"])
    return Target(f"{type_} {name}", f"{prefix}OnObject|{type_}|{name}", f"SHOW GRANTS ON {type_} {name}", type_)


def _on_database(given: str) -> Target:
    name = literals.identifier(given)
    return Target(f"DATABASE {name}", f"OnDatabase|{name}", f"SHOW GRANTS ON DATABASE {name}", "DATABASE")


TARGETS: dict[str, Callable[[Any], Target]] = {
    "on_account": _on_account,
    "on_account_object": _on_account_object,
    "on_schema": _on_schema,
    "on_schema_object": on_schema_object,
    "on_database": _on_database,
}


def split_id(id_: str) -> list[str]:
    """Return the pieces of an id; a bar inside quotes separates nothing."""
    pieces, start, quoted = [], 0, False
    for index, letter in enumerate(id_):
        if letter == '"':
            quoted = not quoted
        elif letter == "|" and not quoted:
            pieces.append(id_[start:index])
            start = index + 1
    return [*pieces, id_[start:]]


def import_target(kind: str, data: list[str]) -> dict[str, Any]:
    """Return the property that says where a grant applies, from the last pieces of its id."""
    if kind == "OnAccount":
        return {"on_account": True}
    if kind == "OnDatabase":
        return {"on_database": data[0]}
    if kind == "OnAccountObject":
        return {"on_account_object": {"object_type": data[0], "object_name": data[1]}}
    if kind == "OnSchema":
        keys = {"OnSchema": "schema_name", "OnAllSchemasInDatabase": "all_schemas_in_database"}
        return {"on_schema": {keys.get(data[0], "future_schemas_in_database"): data[1]}}
    return {"on_schema_object": import_object(data)}


def import_object(data: list[str]) -> dict[str, Any]:
    """Return the object of a grant from the last pieces of its id."""
    if data[0] == "OnObject":
        return {"object_type": data[1], "object_name": data[2]}
    where = {"InDatabase": "in_database", "InSchema": "in_schema"}
    bulk: dict[str, Any] = {"object_type_plural": data[1]}
    if len(data) > 3:
        bulk[where[data[2]]] = data[3]
    return {data[0].removeprefix("On").lower(): bulk}
