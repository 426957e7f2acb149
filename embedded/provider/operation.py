"""One operation on one resource: what it was, what it shall be, and the statements sent for it."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from embedded.provider import literals, names
from embedded.provider.description import Property, Resource
from embedded.provider.errors import StatementError
from embedded.provider.reads import Reads
from embedded.provider.session import Client, Row, Session, remaining
from embedded.provider.state import State

if TYPE_CHECKING:
    from embedded.provider.kinds.kind import Kind


@dataclass
class Change:
    """One property that differs: ``old`` is the state's value, ``new`` the program's (None: not set)."""

    key: str
    old: Any
    new: Any
    replace: bool = False


def is_unset(prop: Property, value: Any) -> bool:
    """Return whether a value means that the property is not set: null, empty, or the special default."""
    if value is None or value == "" or value == [] or value == {}:
        return True
    return prop.default in ("default", "DEFAULT", -1) and value == prop.default


@dataclass
class Operation:
    """A create, read, update or delete of one resource.

    ``state`` starts as what is known and ends as what the engine is told; ``inputs`` is the program's wish, ``old`` the
    state before. ``parts`` names the object: the database, the schema and the name, as far as the kind has them.
    """

    client: Client
    reads: Reads
    kind: "Kind"
    resource: Resource
    inputs: State
    old: State
    state: State
    deadline: float
    id: str = ""
    parts: tuple[str, ...] = ()
    changes: dict[str, Change] = field(default_factory=dict)
    creating: bool = False
    importing: bool = False
    refreshing: bool = False
    experiments: frozenset[str] = frozenset()
    own_parameters: set[str] = field(default_factory=set)
    warnings: list[str] = field(default_factory=list)
    resume: list[str] = field(default_factory=list)

    @property
    def reduced_parameters(self) -> bool:
        """Whether states hold only the parameters that are set on the object itself (an experimental feature)."""
        return "PARAMETERS_REDUCED_OUTPUT" in self.experiments

    @property
    def fqn(self) -> str:
        """The object's full name, quoted."""
        return self.kind.fqn(self)

    def prop(self, key: str) -> Property:
        """Return a property's description."""
        return self.resource.properties[key]

    def value(self, key: str) -> Any:
        """Return the wished value, None when it is not set or means "not set"."""
        prop = self.resource.properties.get(key)
        if prop is None:
            return None
        value = self.inputs.get(key)
        return None if is_unset(prop, value) else value

    def every_change(self) -> dict[str, Change]:
        """Return each wished property as a change from nothing."""
        keys = [prop.key for prop in self.resource.properties if prop.settable]
        return {key: Change(key, None, self.value(key)) for key in keys if self.value(key) is not None}

    def run(self, sql: str) -> list[Row]:
        """Send a statement that changes nothing."""
        return self.client.run(sql, self.deadline)

    def write(self, sql: str, session: Session | None = None) -> list[Row]:
        """Send a statement that changes this object; later reads see the change."""
        try:
            return session.run(sql, remaining(self.deadline)) if session else self.client.run(sql, self.deadline)
        finally:
            self.wrote()

    def wrote(self) -> None:
        """Note that the object may have changed."""
        if self.kind.inherited_from:
            self.reads.wrote(self.kind.topic)
        else:
            self.reads.wrote(self.kind.topic, self.kind.subject(self))

    def show(self, topic: str, name: str, narrow: str, wide: str | None, place: str = "") -> list[Row]:
        """Return a shared answer; see ``Reads.show``."""
        return self.reads.show((topic, place), name, narrow, wide, self.run, eager=self.refreshing)

    def missing_parents(self, parts: tuple[str, ...]) -> bool:
        """Return whether the schema or the database that should hold an object is gone."""
        database = parts[0] if parts else ""
        return (len(parts) > 2 and self._schema_missing(database, parts[1])) or self._database_missing(database)

    def _schema_missing(self, database: str, schema: str) -> bool:
        place = f"IN DATABASE {names.quote(database)}"
        try:
            rows = self.show("SCHEMAS", schema, f"SHOW SCHEMAS LIKE {literals.text(schema)} {place}", None, place)
        except StatementError as error:
            if not error.missing:
                raise
            return False  # the database is the one to ask for
        return not any(row["name"] == schema for row in rows)

    def _database_missing(self, database: str) -> bool:
        rows = self.show("DATABASES", database, f"SHOW DATABASES LIKE {literals.text(database)}", None)
        return not any(row["name"] == database for row in rows)
