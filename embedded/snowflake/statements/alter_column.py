"""ALTER TABLE … ALTER COLUMN in its forms, and the same of views."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from embedded.snowflake.catalog.arguments import read_expression, read_type
from embedded.snowflake.catalog.column_grammar import collation_of, read_policy_use
from embedded.snowflake.catalog.model import CatalogObject
from embedded.snowflake.catalog.policies import attach_masking
from embedded.snowflake.catalog.tables import TableColumn, column_body
from embedded.snowflake.catalog.tags import add, may_tag, read_assignments, read_names, take
from embedded.snowflake.errors import SqlCompilationError, unsupported
from embedded.snowflake.security.privileges import active_roles, holds, require
from embedded.snowflake.statements import physical
from embedded.snowflake.tokens import TokenStream
from embedded.snowflake.types import DataType, parse_type

if TYPE_CHECKING:
    from embedded.snowflake.catalog.store import CatalogTransaction
    from embedded.snowflake.session.session import Session

# Changes a column's entry in the body given; what it gives back, if anything, is the physical part.
Change = Callable[[dict[str, Any]], "Callable[[CatalogTransaction, CatalogObject], None] | None"]


def alter_columns(session: Session, tokens: TokenStream, item: CatalogObject) -> None:
    """Do `ALTER|MODIFY [COLUMN] c … [, [COLUMN] d …]`, with parentheses or not; all of it or nothing."""
    tokens.next()
    wrapped = tokens.accept("(")
    changes_wanted: list[Change] = []
    while not changes_wanted or tokens.accept(","):
        tokens.accept("COLUMN")
        changes_wanted.append(_read_change(session, tokens, item, tokens.identifier()))
    if wrapped:
        tokens.expect(")")
    tokens.end()
    new = item.changed()
    with session.account.catalog.transaction() as changes:
        physicals = [wanted(new.body) for wanted in changes_wanted]
        changes.put(new)
        for action in physicals:
            if action is not None:
                action(changes, new)


def _read_change(session: Session, tokens: TokenStream, item: CatalogObject, name: str) -> Change:
    for words, reader, owned in _FORMS:
        if tokens.accept(*words):
            if owned:
                require(session, "OWNERSHIP", item)
            return reader(session, tokens, item, name)
    raise tokens.unexpected()


# -- policies and tags


def _set_masking(session: Session, tokens: TokenStream, item: CatalogObject, name: str) -> Change:
    _may_mask(session, item)
    policy, using = read_policy_use(session, tokens)
    force = tokens.accept("FORCE")
    return lambda body: attach_masking(session, body, name, policy, using, force=force)


def _may_mask(session: Session, item: CatalogObject) -> None:
    """A masking policy is set by the table's owner or by who may APPLY MASKING POLICY on the account."""
    if not holds(session.account.catalog, active_roles(session), "APPLY MASKING POLICY", None):
        require(session, "OWNERSHIP", item)


def _unset_masking(session: Session, _: TokenStream, item: CatalogObject, name: str) -> Change:
    _may_mask(session, item)

    def action(body: dict[str, Any]) -> None:
        column_body(body, name)["masking_policy"] = None

    return action


def _set_tag(session: Session, tokens: TokenStream, item: CatalogObject, name: str) -> Change:
    may_tag(session, item)
    found = read_assignments(session, tokens)
    return lambda body: add(column_body(body, name), found)


def _unset_tag(session: Session, tokens: TokenStream, item: CatalogObject, name: str) -> Change:
    may_tag(session, item)
    found = read_names(session, tokens)
    return lambda body: take(column_body(body, name), found)


# -- the column itself


def _set(key: str, value: Any) -> Callable[[Session, TokenStream, CatalogObject, str], Change]:
    def read(_: Session, __: TokenStream, ___: CatalogObject, name: str) -> Change:
        def action(body: dict[str, Any]) -> None:
            column_body(body, name)[key] = value

        return action

    return read


def _set_not_null(session: Session, _: TokenStream, __: CatalogObject, name: str) -> Change:
    def action(body: dict[str, Any]) -> Any:
        column = column_body(body, name)
        column["nullable"] = False
        return lambda changes, table: physical.check_not_null(session, changes, table, TableColumn.from_json(column))

    return action


def _drop_not_null(_: Session, __: TokenStream, ___: CatalogObject, name: str) -> Change:
    def action(body: dict[str, Any]) -> None:
        column = column_body(body, name)
        for constraint in body.get("constraints", []):
            if constraint["type"] == "PRIMARY KEY" and column["id"] in constraint["columns"]:
                raise SqlCompilationError(
                    f"Column '{name}' is a part of the primary key and cannot be nullable.", 2264, "42601"
                )
        column["nullable"] = True

    return action


def _comment(_: Session, tokens: TokenStream, __: CatalogObject, name: str) -> Change:
    tokens.accept("=")
    text = tokens.string()

    def action(body: dict[str, Any]) -> None:
        column_body(body, name)["comment"] = text

    return action


def _set_default(_: Session, tokens: TokenStream, __: CatalogObject, name: str) -> Change:
    expression = read_expression(tokens, frozenset())

    def action(body: dict[str, Any]) -> None:
        words = [token.text.upper() for token in TokenStream(expression).tokens]
        if words[-1:] != ["NEXTVAL"]:
            raise SqlCompilationError(
                f"Unsupported feature 'Alter Column Set Default': the default of '{name}' can only become another sequence.",
                2,
                "0A000",
            )
        column_body(body, name)["default"] = expression

    return action


def _set_type(session: Session, tokens: TokenStream, item: CatalogObject, name: str) -> Change:
    new = read_type(tokens)
    collation = collation_of(tokens) if tokens.accept("COLLATE") else None

    def action(body: dict[str, Any]) -> Any:
        column = column_body(body, name)
        old = parse_type(column["type"])
        check_type_change(name, old, new)
        column["type"] = str(new)
        if collation is not None:
            column["collation"] = collation
        if old == new:
            return None
        return lambda changes, table: physical.change_type(session, changes, table, TableColumn.from_json(column), old)

    if item.kind != "TABLE":
        raise unsupported(f"ALTER {item.kind} ALTER COLUMN SET DATA TYPE")
    return action


def check_type_change(name: str, old: DataType, new: DataType) -> None:
    """Refuse a change of type that Snowflake refuses: to another kind, another scale, or to shorter text.

    Raises:
        SqlCompilationError: refused (002108).
    """
    reason = None
    if old.kind != new.kind or old.scale != new.scale:
        reason = ""
    elif (old.length or 0) > (new.length or 0):
        reason = " because reducing the byte-length of a varchar is not supported"
    elif old.kind != "NUMBER" and old.precision != new.precision:
        reason = ""
    if reason is not None:
        raise SqlCompilationError(f"cannot change column {name} from type {old} to {new}{reason}", 2108, "22000")


def _refused(what: str) -> Callable[..., Change]:
    def refuse(*_: Any) -> Change:
        raise unsupported(f"ALTER COLUMN {what}")

    return refuse


# Words of a form, what reads it, whether it needs the table's ownership.
_FORMS: tuple[tuple[tuple[str, ...], Callable[..., Change], bool], ...] = (
    (("SET", "MASKING", "POLICY"), _set_masking, False),
    (("UNSET", "MASKING", "POLICY"), _unset_masking, False),
    (("SET", "PROJECTION", "POLICY"), _refused("SET PROJECTION POLICY"), True),
    (("UNSET", "PROJECTION", "POLICY"), _refused("UNSET PROJECTION POLICY"), True),
    (("SET", "TAG"), _set_tag, False),
    (("UNSET", "TAG"), _unset_tag, False),
    (("DROP", "DEFAULT"), _set("default", None), True),
    (("SET", "DEFAULT"), _set_default, True),
    (("SET", "NOT", "NULL"), _set_not_null, True),
    (("NOT", "NULL"), _set_not_null, True),
    (("DROP", "NOT", "NULL"), _drop_not_null, True),
    (("UNSET", "COMMENT"), _set("comment", ""), True),
    (("SET", "COMMENT"), _comment, True),
    (("COMMENT",), _comment, True),
    (("SET", "DATA", "TYPE"), _set_type, True),
    (("TYPE",), _set_type, True),
    ((), _set_type, True),
)
