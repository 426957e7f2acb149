"""Tags: set on objects and columns, inherited from the containers."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from embedded.snowflake.catalog.model import ACCOUNT, CatalogObject
from embedded.snowflake.catalog.resolve import full_name
from embedded.snowflake.errors import SqlCompilationError
from embedded.snowflake.security.privileges import active_roles, holds, reach, require
from embedded.snowflake.tokens import TokenStream

if TYPE_CHECKING:
    from embedded.snowflake.catalog.store import Catalog
    from embedded.snowflake.session.session import Session

MAX_TAGS = 50
MAX_VALUE_LENGTH = 256


def read_tag(session: Session, tokens: TokenStream) -> tuple[str, str]:
    """Read `tag = 'value'`: the tag's oid as text, and the value.

    Raises:
        SnowflakeError: no such tag (002003), it may not be applied (003001), or the value is not allowed (391801).
    """
    tag = _applied(session, tokens)
    tokens.expect("=")
    return str(tag.oid), check_value(session.account.catalog, tag, tokens.string())


def _applied(session: Session, tokens: TokenStream) -> CatalogObject:
    """The tag of the name that comes next, which the session may apply."""
    tag = reach(session, "TAG", tokens.name())
    if not holds(session.account.catalog, active_roles(session), "APPLY", tag):
        require(session, "APPLY", tag)
    return tag


def may_tag(session: Session, item: CatalogObject) -> None:
    """Make sure that the session may set tags on an object: as its owner, or by APPLY TAG on the account.

    Raises:
        SnowflakeError: it may not (003001).
    """
    if not holds(session.account.catalog, active_roles(session), "APPLY TAG", None):
        require(session, "OWNERSHIP", item)


def check_value(catalog: Catalog, tag: CatalogObject, value: str) -> str:
    """The value, if the tag takes it.

    Raises:
        SqlCompilationError: it is too long, or none of the allowed ones (391801).
    """
    allowed = tag.body.get("allowed_values")
    if allowed is not None and value not in allowed:
        raise SqlCompilationError(
            f"Tag value {value} is not allowed for tag '{full_name(catalog, tag)}'.", 391801, "0A000"
        )
    if len(value) > MAX_VALUE_LENGTH:
        raise SqlCompilationError(f"Tag value is longer than {MAX_VALUE_LENGTH} characters.", 391802, "0A000")
    return value


def read_assignments(session: Session, tokens: TokenStream) -> dict[str, str]:
    """Read `tag = 'value', …`."""
    found = dict([read_tag(session, tokens)])
    while tokens.accept(","):
        oid, value = read_tag(session, tokens)
        found[oid] = value
    return found


def read_tag_list(session: Session, tokens: TokenStream) -> dict[str, str]:
    """Read `[WITH] TAG (tag = 'value', …)`."""
    tokens.accept("WITH")
    tokens.expect("TAG")
    return dict(tokens.parenthesized(lambda: read_tag(session, tokens)))


def read_names(session: Session, tokens: TokenStream) -> list[str]:
    """Read `tag, …`: the tags' oids as text.

    Raises:
        SnowflakeError: no such tag (002003), or it may not be applied (003001).
    """
    found = [str(_applied(session, tokens).oid)]
    while tokens.accept(","):
        found.append(str(_applied(session, tokens).oid))
    return found


def change(session: Session, item: CatalogObject, action: Callable[[dict[str, Any]], None]) -> None:
    """Change an object's body by a function and keep it."""
    new = item.changed()
    action(new.body)
    with session.account.catalog.transaction() as changes:
        changes.put(new)


def set_tags(session: Session, tokens: TokenStream, item: CatalogObject) -> None:
    """Do `SET TAG tag = 'value', …` on an object."""
    may_tag(session, item)
    found = read_assignments(session, tokens)
    change(session, item, lambda body: add(body, found))


def add(body: dict[str, Any], found: dict[str, str]) -> None:
    """Put tags in a body.

    Raises:
        SqlCompilationError: they would be more than an object may have (391803).
    """
    tags = body.setdefault("tags", {})
    tags.update(found)
    if len(tags) > MAX_TAGS:
        raise SqlCompilationError(f"An object may have {MAX_TAGS} tags at most.", 391803, "0A000")


def unset_tags(session: Session, tokens: TokenStream, item: CatalogObject) -> None:
    """Do `UNSET TAG tag, …` on an object; a tag that is not set is no error."""
    may_tag(session, item)
    found = read_names(session, tokens)
    change(session, item, lambda body: take(body, found))


def take(body: dict[str, Any], found: list[str]) -> None:
    """Take tags out of a body."""
    for oid in found:
        body.get("tags", {}).pop(oid, None)


def tag_value(catalog: Catalog, tag: CatalogObject, item: CatalogObject, column: str | None = None) -> str | None:
    """The value of a tag on an object or a column of it: its own, or that of the nearest container that has one."""
    found = tag_source(catalog, tag, item, column)
    return found[0] if found else None


def tag_source(
    catalog: Catalog, tag: CatalogObject, item: CatalogObject, column: str | None = None
) -> tuple[str, str] | None:
    """The value of a tag and the level that it is set at (`COLUMN`, `TABLE`, `SCHEMA`, `DATABASE`, `ACCOUNT`), or None."""
    oid = str(tag.oid)
    if column is not None:
        for body in item.body.get("columns", []):
            if body["name"] == column and oid in body.get("tags", {}):
                return body["tags"][oid], "COLUMN"
    while True:
        if oid in item.body.get("tags", {}):
            return item.body["tags"][oid], item.kind
        if item.container == ACCOUNT:
            break
        item = catalog.get(item.container)
    value = catalog.record("account_tag", oid)
    return None if value is None else (value, "ACCOUNT")
