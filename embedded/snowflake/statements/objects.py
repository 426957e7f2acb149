"""CREATE, ALTER, DROP, UNDROP, SHOW and DESCRIBE, made from the description of each kind."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from embedded.snowflake.catalog.kinds import Definition, Kind, kinds
from embedded.snowflake.catalog.model import ACCOUNT, CatalogObject
from embedded.snowflake.catalog.parameters import check_retention
from embedded.snowflake.catalog.resolve import container_of, find, full_name
from embedded.snowflake.catalog.show import answer, candidates, read_clauses
from embedded.snowflake.catalog.tags import read_tag_list, set_tags, unset_tags
from embedded.snowflake.catalog.values import read_keys, read_properties
from embedded.snowflake.errors import SnowflakeError, SqlCompilationError, already_exists, does_not_exist, unsupported
from embedded.snowflake.names import ObjectName, quote_if_needed
from embedded.snowflake.result import Result, status
from embedded.snowflake.security.privileges import active_roles, holds, reach, require, require_usage
from embedded.snowflake.security.records import apply_future_grants, forget, put_grant
from embedded.snowflake.session.dispatch import (
    CreateOptions,
    Statement,
    create_options,
    handles,
    if_exists,
    if_not_exists,
)
from embedded.snowflake.statements.access_tokens import access_token_words, alter_access_token
from embedded.snowflake.tokens import TokenStream

if TYPE_CHECKING:
    from embedded.snowflake.catalog.store import CatalogTransaction
    from embedded.snowflake.session.session import Session

DONE = "Statement executed successfully."
GONE = "Drop statement executed successfully ({} already dropped)."

_TEMPORARY = frozenset({"TEMPORARY", "TEMP", "VOLATILE"})


# -- CREATE


def create(session: Session, statement: Statement, kind: Kind) -> Result:
    """Create an object as its kind describes."""
    tokens = statement.tokens
    options = create_options(tokens)
    tokens.expect(*kind.words)
    if_missing = if_not_exists(tokens)
    name = tokens.name()
    if_missing = if_not_exists(tokens) or if_missing
    container = creation_container(session, kind, name)
    catalog, temporary = session.account.catalog, bool(options.modifiers & _TEMPORARY)
    found = (catalog.find_temporary if temporary else catalog.find)(kind.name, container, name.name)
    if if_missing and found and not kind.has_signature:
        return status(f"{name.name} already exists, statement succeeded.")
    definition = kind.read(session, tokens, options, name) if kind.read else read_definition(session, tokens, kind)
    tokens.end()
    return install(session, kind, name, container, definition, options, if_missing)


def creation_container(session: Session, kind: Kind, name: ObjectName) -> int:
    """The oid of the container for a new object, in which the session may create one.

    Raises:
        SnowflakeError: no such container (002003), or the privilege is missing (003001).
    """
    container = container_of(session, kind.name, name)
    if container == ACCOUNT:
        require(session, kind.create_privilege)
        return container
    place = session.account.catalog.get(container)
    require(session, "USAGE", place)
    require_usage(session, place)
    require(session, kind.create_privilege, place)
    return container


def read_definition(session: Session, tokens: TokenStream, kind: Kind) -> Definition:
    """Read the KEY = value clauses, tags and COPY GRANTS, in any order, to the end or to what none of them begins with."""
    definition = Definition(body={"properties": {}})
    if kind.level:
        definition.body["parameters"] = {}
    before = -1
    while tokens and tokens.index != before:
        before = tokens.index
        take_properties(definition, kind, read_properties(tokens, _with_comment(kind), kind.name))
        if tokens.at("TAG") or tokens.at("WITH", "TAG"):
            definition.body["tags"] = read_tag_list(session, tokens)
        if tokens.accept("COPY", "GRANTS"):
            definition.copy_grants = True
    return definition


def take_properties(definition: Definition, kind: Kind, found: dict[str, Any]) -> None:
    """Put values read where they belong: comment, parameters, properties."""
    for key, value in found.items():
        if key == "COMMENT" and key not in kind.properties:
            definition.comment = value or ""
        elif key in kind.properties:
            definition.body.setdefault("properties", {})[key] = value
        else:
            definition.body.setdefault("parameters", {})[key] = value


def _with_comment(kind: Kind) -> dict[str, Any]:
    from embedded.snowflake.catalog.values import Property, nullable_text

    return {"COMMENT": Property(nullable_text, ""), **kind.all_properties}


def install(
    session: Session,
    kind: Kind,
    name: ObjectName,
    container: int,
    definition: Definition,
    options: CreateOptions,
    if_missing: bool,
) -> Result:
    """Put a new object in the catalog, in place of an old one with OR REPLACE.

    Raises:
        SnowflakeError: the name is taken (002002).
    """
    check_retention(definition.body)
    catalog = session.account.catalog
    with catalog.transaction() as changes:
        # A temporary object stands beside one that is not; it takes the place of another temporary one only.
        find = catalog.find_temporary if definition.body.get("temporary_session") is not None else catalog.find
        old = find(kind.name, container, name.name + definition.signature)
        if old is not None and if_missing:
            return status(f"{name.name} already exists, statement succeeded.")
        if old is not None and options.or_alter:
            from embedded.snowflake.statements.create_or_alter import create_or_alter

            return create_or_alter(session, kind, old, definition)
        if old is not None and not options.or_replace:
            raise already_exists(quote_if_needed(name.name))
        if old is not None:
            remove(session, changes, old)
        item = changes.create(
            kind.name,
            container,
            name.name,
            owner=session.role,
            comment=definition.comment,
            signature=definition.signature,
            body=definition.body,
        )
        if kind.settle is not None:
            kind.settle(session, item, frozenset(item.body.get("properties", {})))
            changes.put(item)
        if kind.created is not None:
            kind.created(session, changes, item)
        apply_future_grants(changes, changes.get(item.oid))
        if old is not None and definition.copy_grants:
            copy_grants(changes, old, item)
    return status(f"{kind.title} {quote_if_needed(name.name)} successfully created.")


def copy_grants(changes: CatalogTransaction, old: CatalogObject, new: CatalogObject) -> None:
    """Give the new object the privileges that were granted on the one it replaces."""
    for record in changes.catalog.records("grant").values():
        if record["on"] == old.oid:
            put_grant(
                changes,
                new.oid,
                record["privilege"],
                record["grantee"],
                grant_option=record["grant_option"],
                granted_by=record["granted_by"],
            )


# -- DROP


def drop(session: Session, statement: Statement, kind: Kind) -> Result:
    """Drop an object; with IF EXISTS one that is not there is no error."""
    tokens = statement.tokens
    tokens.expect("DROP", *kind.words)
    lenient = if_exists(tokens)
    name = tokens.name()
    signature = read_signature(tokens) if kind.has_signature else ""
    tokens.accept("CASCADE")
    tokens.accept("RESTRICT")
    tokens.end()
    try:
        item = reach(session, kind.name, name, "OWNERSHIP", signature)
    except SnowflakeError as error:
        if lenient and error.errno in (2003, 2043):
            return status(GONE.format(name.name))
        raise
    check_kind(kind, item)
    with session.account.catalog.transaction() as changes:
        remove(session, changes, item)
    return status(f"{quote_if_needed(name.name)} successfully dropped.")


def check_kind(kind: Kind, item: CatalogObject) -> None:
    """Make sure that an object found by a name that kinds share is of the kind asked for.

    Raises:
        SnowflakeError: it is of another (002203 for a view taken for a table and the like).
    """
    if item.kind != kind.name:
        raise SqlCompilationError(
            f"Object found is of type '{item.kind}', not specified type '{kind.name}'.", 2203, "42710"
        )


def remove(session: Session, changes: CatalogTransaction, item: CatalogObject) -> None:
    """Take an object out: kept for UNDROP where its kind has that, else for good with its grants."""
    from embedded.snowflake.catalog.kinds import find_kind

    kind = find_kind(item.kind)
    if kind is not None and kind.dropping is not None:
        kind.dropping(session, changes, item)
    if kind is not None and kind.undrop:
        changes.drop(changes.get(item.oid))
    else:
        changes.remove(item)
        forget(changes, item.oid)


def read_signature(tokens: TokenStream) -> str:
    """Read the argument types of a function or procedure as its signature: `(NUMBER, VARCHAR)`."""
    from embedded.snowflake.catalog.arguments import read_type

    return "(" + ", ".join(tokens.parenthesized(lambda: read_type(tokens).bare)) + ")"


# -- UNDROP


def undrop(session: Session, statement: Statement, kind: Kind) -> Result:
    """Bring back the last dropped object of that name.

    Raises:
        SnowflakeError: there is none in its retention (002003), or the name is taken again (002002).
    """
    tokens = statement.tokens
    tokens.expect("UNDROP", *kind.words)
    name = tokens.name()
    tokens.end()
    catalog = session.account.catalog
    container = container_of(session, kind.name, name)
    found = [item for item in catalog.dropped(kind.name, container, name.name) if item.kind == kind.name]
    if not found or not holds(catalog, active_roles(session), "OWNERSHIP", found[0]):
        raise does_not_exist(kind.name, str(name))
    with catalog.transaction() as changes:
        if catalog.find(kind.name, container, name.name) is not None:
            raise already_exists(quote_if_needed(name.name))
        changes.put(found[0].changed(dropped_on=None))
    return status(f"{kind.title} {quote_if_needed(name.name)} successfully restored.")


# -- ALTER


def alter(session: Session, statement: Statement, kind: Kind) -> Result:
    """Change an object: RENAME TO, SET, UNSET, tags, or what its kind alone has."""
    tokens = statement.tokens
    tokens.expect("ALTER", *kind.words)
    lenient = if_exists(tokens)
    name = tokens.name()
    signature = read_signature(tokens) if kind.has_signature else ""
    try:
        item = reach(session, kind.name, name, None, signature)
    except SnowflakeError as error:
        if lenient and error.errno in (2003, 2043):
            return status(DONE)
        raise
    check_kind(kind, item)
    if kind.name == "USER" and access_token_words(tokens):
        return alter_access_token(session, tokens, item)
    if kind.alter is None or not kind.alter(session, tokens, item):
        require(session, "OWNERSHIP", item) if not _at_tag(tokens) else None
        _alter_common(session, tokens, kind, item)
    tokens.end()
    return status(DONE)


def _at_tag(tokens: TokenStream) -> bool:
    return tokens.at("SET", "TAG") or tokens.at("UNSET", "TAG")


def _alter_common(session: Session, tokens: TokenStream, kind: Kind, item: CatalogObject) -> None:
    if tokens.accept("RENAME", "TO"):
        rename(session, kind, item, tokens.name())
    elif tokens.accept("SET", "TAG"):
        set_tags(session, tokens, item)
    elif tokens.accept("UNSET", "TAG"):
        unset_tags(session, tokens, item)
    elif tokens.accept("SET"):
        set_properties(session, kind, item, read_properties(tokens, _with_comment(kind), kind.name))
    elif tokens.accept("UNSET"):
        unset_properties(session, kind, item, read_keys(tokens, _with_comment(kind), kind.name))
    else:
        raise tokens.unexpected()


def set_properties(session: Session, kind: Kind, item: CatalogObject, found: dict[str, Any]) -> None:
    """Set properties, parameters and the comment of an object."""
    new = item.changed()
    definition = Definition(new.body, new.comment)
    take_properties(definition, kind, found)
    new.comment = definition.comment
    keep(session, kind, new, frozenset(found))


def unset_properties(session: Session, kind: Kind, item: CatalogObject, keys: list[str]) -> None:
    """Make properties, parameters or the comment what they are when never set."""
    new = item.changed()
    for key in keys:
        if key == "COMMENT" and key not in kind.properties:
            new.comment = ""
        new.body.get("properties", {}).pop(key, None)
        new.body.get("parameters", {}).pop(key, None)
    keep(session, kind, new, frozenset(keys))


def keep(session: Session, kind: Kind, new: CatalogObject, keys: frozenset[str]) -> None:
    """Put a changed object back, settled by its kind."""
    check_retention(new.body)
    if kind.settle is not None:
        kind.settle(session, new, keys)
    with session.account.catalog.transaction() as changes:
        changes.put(new)


def rename(session: Session, kind: Kind, item: CatalogObject, name: ObjectName) -> None:
    """Give an object another name, in another schema too if the name says so.

    Raises:
        SnowflakeError: the name is taken (002002).
    """
    require(session, "OWNERSHIP", item)
    catalog = session.account.catalog
    container = item.container
    if (name.schema is not None) or kind.scope == "schema":
        container = container_of(session, kind.name, name)
    if container != item.container:
        creation_container(session, kind, name)
    with catalog.transaction() as changes:
        other = catalog.find(kind.name, container, name.name, item.signature)
        if other is not None and other.oid != item.oid:
            raise already_exists(quote_if_needed(name.name))
        changes.put(changes.get(item.oid).changed(name=name.name, container=container))


# -- SHOW and DESCRIBE


def show(session: Session, statement: Statement, kind: Kind) -> Result:
    """List the objects of a kind that the session may see."""
    tokens = statement.tokens
    tokens.expect("SHOW")
    terse = tokens.accept("TERSE")
    if not any(tokens.accept(*words.split()) for words in (kind.plural, *kind.show_words)):
        raise tokens.unexpected()
    clauses = read_clauses(session, tokens, kind, terse=terse)
    tokens.end()
    return answer(session, kind.show, candidates(session, kind.name, clauses), clauses)


def describe(session: Session, statement: Statement, kind: Kind) -> Result:
    """Describe one object."""
    tokens = statement.tokens
    tokens.next()
    tokens.expect(*kind.words)
    name = tokens.name()
    signature = read_signature(tokens) if kind.has_signature else ""
    if tokens.accept("TYPE"):
        tokens.expect("=")
        if tokens.at("STAGE"):
            raise unsupported(f"DESCRIBE {kind.name} TYPE = STAGE")
        tokens.expect("COLUMNS")
    tokens.end()
    item = reach(session, kind.name, name, None, signature)
    if kind.describe is None:
        raise unsupported(f"DESCRIBE {kind.name}")
    return kind.describe(session, item)


def _register(kind: Kind) -> None:
    """Register the statements that the description of a kind gives."""

    def bound(action: Any) -> Any:
        return lambda session, statement: action(session, statement, kind)

    if kind.create_privilege:
        handles("CREATE", *kind.words, commits=True)(bound(create))
        handles("DROP", *kind.words, commits=True)(bound(drop))
        handles("ALTER", *kind.words, commits=True)(bound(alter))
    if kind.undrop:
        handles("UNDROP", *kind.words, commits=True)(bound(undrop))
    if kind.show:
        for words in (kind.plural, *kind.show_words):
            handles("SHOW", *words.split())(bound(show))
            handles("SHOW", "TERSE", *words.split())(bound(show))
    if kind.describe is not None:
        handles("DESCRIBE", *kind.words)(bound(describe))
        handles("DESC", *kind.words)(bound(describe))


def _register_all() -> None:
    import embedded.snowflake.catalog.descriptions as descriptions

    descriptions.load()
    for kind in kinds():
        _register(kind)


_register_all()

__all__ = ["copy_grants", "create", "drop", "find", "full_name", "install", "read_definition", "remove", "rename"]
