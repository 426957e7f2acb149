"""What a translation knows about who asks, where, and what it has met."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

import pyarrow as pa

from embedded.snowflake.catalog.parameters import session_setting
from embedded.snowflake.security.privileges import active_roles, role_closure
from embedded.snowflake.sql.session_formats import Zone

if TYPE_CHECKING:
    from embedded.snowflake.account import Account
    from embedded.snowflake.catalog.model import CatalogObject
    from embedded.snowflake.session.session import Session
    from embedded.snowflake.sql.scope import OutputColumn

# Rows put before DuckDB by each session, oldest first.
_registered: WeakKeyDictionary[Session, list[str]] = WeakKeyDictionary()
_numbers = itertools.count(1)
_MOST_REGISTERED = 64

# Stands in a translated text for the statement's start, which a cached translation cannot know.
NOW = "/*now*/"


@dataclass
class Reads:
    """What a query touches; shared by all its parts.

    Attributes:
        sources: oids of the tables and views read.
        streams: oids of the streams read.
        accessed: the alias in DuckDB's text of each object read, its oid, and whether the query itself names it (not a view in it).
        policed: what each policy put in is on: the object, the column (None: its rows), the policy.
        volatile: whether the text differs from run to run for other reasons than `NOW`, so that it may not be cached.
        repeatable: whether it gives the same rows over the same data, whenever and in whatever session it is run.
        row_policed: whether a row access policy filters something read.
        may_fail: whether a condition of the query could raise an error over some value.
    """

    sources: set[int] = field(default_factory=set)
    streams: set[int] = field(default_factory=set)
    accessed: list[tuple[str, int, bool]] = field(default_factory=list)
    policed: dict[tuple[int, str | None, int], None] = field(default_factory=dict)
    volatile: bool = False
    repeatable: bool = True
    row_policed: bool = False
    may_fail: bool = False
    next_alias: int = 0


@dataclass(frozen=True)
class CteSource:
    """A WITH query: the name that it has in DuckDB's text, its columns, and its own text."""

    alias: str
    columns: list[OutputColumn]
    sql: str = ""


@dataclass
class Context:
    """Who asks and where names are looked up.

    Attributes:
        session: whose role, user and parameters functions tell.
        roles: the roles whose privileges count: the session's, or in a view the owner's.
        database, schema: where unqualified names are looked up; a view's own inside it.
        policed: whether policies are put in; not where the server checks a policy's body.
        policies: oids of the policies whose bodies are being bound, the innermost last.
        protected: in a policy's body, the table or view that it protects.
        invoker: oid of the role that the text being bound works for: the session's, in a view or function its owner's.
        pretended: what context functions say instead of the truth, by their names (POLICY_CONTEXT).
        fenced: whether filtered rows are kept apart from the query's conditions; see `policies.fence`.
        binds: values of `?`, in order.
        views: oids of the views being expanded, to refuse a view of itself.
        ctes: the WITH queries that names may mean here.
    """

    session: Session
    roles: frozenset[int]
    database: str | None
    schema: str | None
    reads: Reads
    query_id: str = ""
    policed: bool = True
    fenced: bool = False
    binds: list[Any] = field(default_factory=list)
    views: tuple[int, ...] = ()
    policies: tuple[int, ...] = ()
    protected: CatalogObject | None = None
    invoker: int = 0
    pretended: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    ctes: dict[str, CteSource] = field(default_factory=dict)

    @classmethod
    def of(cls, session: Session, binds: list[Any], query_id: str) -> Context:
        """The context of a statement of a session."""
        return cls(
            session,
            active_roles(session),
            session.database,
            session.schema,
            Reads(),
            query_id,
            binds=binds,
            invoker=session.role,
            pretended=session.pretended,
        )

    @property
    def account(self) -> Account:
        """The session's account."""
        return self.session.account

    def owned(self, owner: int, database: str | None, schema: str | None, **changes: Any) -> Context:
        """The context inside an object that works with its owner's rights, in its own schema."""
        roles = role_closure(self.account.catalog, [owner]) if owner else self.roles
        inside = {"protected": None, "invoker": owner or self.invoker, **changes}
        return replace(self, roles=roles, database=database, schema=schema, ctes={}, **inside)

    def alias(self) -> str:
        """A name for a source in DuckDB's text that nothing else has."""
        self.reads.next_alias += 1
        return f"s{self.reads.next_alias}"

    def register(self, table: pa.Table) -> str:
        """Put rows before DuckDB on the session's cursor, and give the name that they have there.

        They stay until the session has registered so many others that no statement under way can need them.
        """
        self.reads.volatile = True
        session = self.session
        registered = _registered.setdefault(session, [])
        name = f"_rows_{next(_numbers)}"
        session.cursor.register(name, table)
        registered.append(name)
        while len(registered) > _MOST_REGISTERED:
            session.cursor.unregister(registered.pop(0))
        return name

    @cached_property
    def zone(self) -> Zone:
        """The session's time zone, and the formats of its casts."""
        return Zone.of(self.session)

    def parameter(self, name: str) -> str:
        """A parameter's value for the session, as SHOW PARAMETERS prints it."""
        return session_setting(self.session, name).value

    @property
    def role_name(self) -> str:
        """The session's role."""
        return self.pretended.get("CURRENT_ROLE", (self.session.role_name,))[0]

    @property
    def user_name(self) -> str:
        """The session's user."""
        return self.pretended.get("CURRENT_USER", (self.session.user_name,))[0]

    def now(self) -> str:
        """The statement's start, as DuckDB TIMESTAMPTZ text."""
        return f"TIMESTAMPTZ '{NOW}'"
