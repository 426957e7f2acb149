"""The kinds of objects, each described once: properties, parameters, privileges, what SHOW and DESCRIBE answer.

The statements of a kind are made from its description (statements/objects.py); what a kind has beyond KEY = value clauses
is in the functions that its description names.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from embedded.snowflake.catalog.model import CatalogObject
from embedded.snowflake.catalog.parameters import properties as parameter_properties
from embedded.snowflake.catalog.resolve import ACCOUNT_KINDS, DATABASE_KINDS
from embedded.snowflake.catalog.values import Property
from embedded.snowflake.errors import unsupported
from embedded.snowflake.result import Result
from embedded.snowflake.types import VARCHAR, DataType

if TYPE_CHECKING:
    from embedded.snowflake.catalog.store import CatalogTransaction
    from embedded.snowflake.names import ObjectName
    from embedded.snowflake.session.dispatch import CreateOptions
    from embedded.snowflake.session.session import Session
    from embedded.snowflake.tokens import TokenStream


@dataclass
class Definition:
    """What a CREATE statement says of its object, once read."""

    body: dict[str, Any] = field(default_factory=dict)
    comment: str = ""
    signature: str = ""
    copy_grants: bool = False


@dataclass(frozen=True)
class ShowColumn:
    """A column of SHOW: its name, its type, and the value for an object."""

    name: str
    value: Callable[[Session, CatalogObject], Any]
    type: DataType = VARCHAR


Read = Callable[["Session", "TokenStream", "CreateOptions", "ObjectName"], Definition]
Change = Callable[["Session", "CatalogTransaction", CatalogObject], None]
Alter = Callable[["Session", "TokenStream", CatalogObject], bool]
Settle = Callable[["Session", CatalogObject, frozenset[str]], None]
Describe = Callable[["Session", CatalogObject], Result]


@dataclass(frozen=True)
class Kind:
    """A kind of object.

    Attributes:
        name: Snowflake's word for it, upper case; also the words of its statements.
        plural: the word of SHOW.
        properties: KEY = value clauses of CREATE and of ALTER … SET, kept in the body's `properties`.
        level: the level of its parameters (lower case), kept in the body's `parameters`; none for a kind without.
        create_privilege: the privilege on the container that CREATE needs.
        privileges: what can be granted on it, in the order that ALL PRIVILEGES grants them (OWNERSHIP aside).
        show: the columns of SHOW, in order.
        describe: answers DESCRIBE.
        read: reads CREATE after the name; None reads properties only.
        created: work to do in the transaction that creates an object.
        dropping: checks and work to do in the transaction that drops one.
        settle: checks and derives what follows from the properties whose keys were set or unset, in the object given.
        alter: does the ALTER forms that only this kind has, and says whether it was one of them.
        undrop: whether a dropped one stays to be brought back.
        has_signature: whether names are told apart by argument types.
        show_words: other words that SHOW lists it by.
    """

    name: str
    plural: str
    properties: Mapping[str, Property] = field(default_factory=dict)
    level: str | None = None
    create_privilege: str = ""
    privileges: Sequence[str] = ()
    show: Sequence[ShowColumn] = ()
    describe: Describe | None = None
    read: Read | None = None
    created: Change | None = None
    dropping: Change | None = None
    settle: Settle | None = None
    alter: Alter | None = None
    undrop: bool = False
    has_signature: bool = False
    show_words: Sequence[str] = ()

    @property
    def words(self) -> tuple[str, ...]:
        """The words of its statements."""
        return tuple(self.name.split())

    @property
    def title(self) -> str:
        """The name as messages write it."""
        return self.name.capitalize()

    @property
    def scope(self) -> str:
        """Where its objects live: `account`, `database` or `schema`."""
        return "account" if self.name in ACCOUNT_KINDS else "database" if self.name in DATABASE_KINDS else "schema"

    @property
    def all_properties(self) -> dict[str, Property]:
        """Properties and parameters together."""
        return {**(parameter_properties(self.level) if self.level else {}), **self.properties}


_KINDS: dict[str, Kind] = {}
_BY_PLURAL: dict[str, Kind] = {}


def register(kind: Kind) -> Kind:
    """Make a kind known."""
    _KINDS[kind.name] = kind
    _BY_PLURAL[kind.plural] = kind
    return kind


def kinds() -> list[Kind]:
    """All kinds."""
    return list(_KINDS.values())


def kind_of(name: str) -> Kind:
    """The kind of that name.

    Raises:
        SnowflakeError: there is none here (000002).
    """
    found = _KINDS.get(name)
    if found is None:
        raise unsupported(name)
    return found


def find_kind(name: str) -> Kind | None:
    """The kind of that name, or None."""
    return _KINDS.get(name)


def read_kind(tokens: TokenStream, plural: bool = False) -> Kind:
    """Read the words of a kind, the longest that fits: `TABLE`, `ROW ACCESS POLICY`, or with `plural` `TABLES`.

    Raises:
        SnowflakeError: no kind begins here (000002).
    """
    table = _BY_PLURAL if plural else _KINDS
    for length in (4, 3, 2, 1):
        words = [tokens.word(i) for i in range(length)]
        found = table.get(" ".join(words)) if all(words) else None
        if found is not None:
            tokens.index += length
            return found
    raise unsupported(tokens.word() or "statement") if tokens else tokens.unexpected()
