"""The lifecycle that most resource types share, driven by a description."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from embedded.provider import description, names
from embedded.provider.description import Property
from embedded.provider.errors import StatementError
from embedded.provider.kinds import columns
from embedded.provider.kinds.statements import Piece, Step, join, like
from embedded.provider.operation import Operation
from embedded.provider.session import Row
from embedded.provider.state import State

Convert = Callable[[Any], Any]


@dataclass
class Found:
    """What Snowflake says of an object: its row of SHOW, the rows of DESCRIBE, its parameters, and other answers."""

    show: Row = field(default_factory=dict)
    describe: list[Row] = field(default_factory=list)
    parameters: dict[str, Row] = field(default_factory=dict)
    other: dict[str, list[Row]] = field(default_factory=dict)

    def described(self, key: str = "property", value: str = "value") -> dict[str, Any]:
        """Return DESCRIBE's rows of name and value as a dictionary."""
        return {str(row.get(key)): row.get(value) for row in self.describe}


@dataclass(frozen=True)
class Field:
    """Where a property's value is read from: a column of SHOW, converted."""

    column: str
    convert: Convert = columns.text


@dataclass(frozen=True)
class Parameters:
    """A kind's Snowflake parameters: their table, and the level of one that is set on the object itself."""

    table: str
    level: str


@dataclass(frozen=True, kw_only=True)
class Kind:
    """A resource type as a description.

    ``levels`` says how many parts the name has: 1 account, 2 database, 3 schema. ``id_form`` is name, quoted or pipes.
    ``head`` are words between CREATE and the kind, ``body`` those behind the name. ``steps`` are the update's, in order.
    ``drifted`` tells outputs of a state that alone make a difference, and whether it takes a replacement.
    ``fields`` says how a property is read back; ``shown`` how a property that is only compared with the last SHOW is.
    """

    name: str
    sql: str
    plural: str
    levels: int = 1
    id_form: str = "name"
    head: Sequence[Piece] = ()
    body: Sequence[Piece] = ()
    steps: Sequence[Step] = ()
    show: bool = True
    describe: str = ""
    parameters: Parameters | None = None
    fields: Mapping[str, Field] = field(default_factory=dict)
    read_more: Callable[[Operation, Found], None] | None = None
    shown: Mapping[str, tuple[str, Convert | None]] = field(default_factory=dict)
    described: Mapping[str, tuple[str, Convert | None]] = field(default_factory=dict)
    show_output: Mapping[str, Callable[[Mapping[str, Any]], Any]] = field(default_factory=dict)
    describe_output: Callable[[Operation, Found], Any] | None = None
    after_create: Callable[[Operation], None] | None = None
    replace_when: Callable[[Operation], set[str]] | None = None
    drifted: Callable[[State], dict[str, bool]] | None = None
    recreate: frozenset[str] = frozenset()
    matches: Callable[[Operation, Row], bool] | None = None
    drop_if_exists: bool = True
    describe_last: bool = False

    @property
    def inherited_from(self) -> bool:
        """Whether other objects inherit parameters from this one, so that a write makes answers about them stale."""
        return self.parameters is not None and self.sql in ("DATABASE", "SCHEMA")

    # -- names ---------------------------------------------------------------------------------------------------------

    @property
    def topic(self) -> str:
        """The word by which shared reads know the kind."""
        return self.plural

    def subject(self, op: Operation) -> str:
        """Return the name under which shared reads know what an operation writes."""
        return op.parts[-1] if op.parts else op.id

    def fqn(self, op: Operation) -> str:
        """Return the object's full name, quoted."""
        return names.full(*op.parts)

    def parts_of_inputs(self, op: Operation) -> tuple[str, ...]:
        """Return the name's parts as the program wishes them."""
        keys = ("database", "schema", "name")[3 - self.levels :] if self.levels != 2 else ("database", "name")
        return tuple(
            names.parse(op.inputs.get(key))[-1] if _quoted(op.inputs.get(key)) else op.inputs.get(key) for key in keys
        )

    def parts_of_id(self, id_: str) -> tuple[str, ...]:
        """Return the name's parts that an id holds.

        Raises:
            ValueError: the id has not as many parts as the kind's names have.
        """
        if self.id_form == "name":
            parts: tuple[str, ...] = names.parse(id_) if _quoted(id_) else (id_,)
        elif self.id_form == "pipes" and "|" in id_:
            parts = tuple(id_.split("|"))
        else:
            parts = names.parse(id_)
        if len(parts) != self.levels:
            expected = ("NAME", '"DATABASE"."NAME"', '"DATABASE"."SCHEMA"."NAME"')[self.levels - 1]
            form = "DATABASE|SCHEMA|NAME" if self.id_form == "pipes" else expected
            raise ValueError(f"invalid id of a {self.name}: {id_}; it has to look like {form}")
        return parts

    def id_of(self, op: Operation) -> str:
        """Return the id of the object that an operation is about."""
        if self.id_form == "name":
            return op.parts[0]
        return "|".join(op.parts) if self.id_form == "pipes" else names.full(*op.parts)

    # -- statements ----------------------------------------------------------------------------------------------------

    def create_statement(self, op: Operation, *, replace: bool = False) -> str:
        """Return the CREATE statement."""
        head = join(op, self.head)
        words = ["CREATE", "OR REPLACE" if replace else "", head, self.sql, op.fqn, join(op, self.body)]
        return " ".join(filter(None, words))

    def create(self, op: Operation) -> None:
        """Create the object and read it back."""
        op.parts = self.parts_of_inputs(op)
        op.write(self.create_statement(op))
        op.id = self.id_of(op)
        if self.after_create:
            self.after_create(op)

    def undo(self, op: Operation) -> None:
        """Undo what an interrupted creation may have done, where it cannot be looked up."""

    def update(self, op: Operation) -> None:
        """Change the object in place."""
        if self.recreate & op.changes.keys():
            op.write(self.create_statement(op, replace=True))
            for key in [*self.recreate, *self._created_keys(op)]:
                op.changes.pop(key, None)
        for step in self.steps:
            for statement in step.statements(op):
                op.write(statement)
        op.id = self.id_of(op)

    def _created_keys(self, op: Operation) -> list[str]:
        return [key for key in op.changes if key != "name"]

    def finish(self, op: Operation) -> None:
        """Send what an operation sends last, after its read and also when it failed."""

    def delete(self, op: Operation) -> None:
        """Drop the object; one that is gone, or whose database or schema is, counts as dropped."""
        try:
            op.write(f"DROP {self.sql} {'IF EXISTS ' if self.drop_if_exists else ''}{op.fqn}")
        except StatementError as error:
            if not (error.missing and len(op.parts) > 1 and op.missing_parents(op.parts)):
                raise

    # -- reading -------------------------------------------------------------------------------------------------------

    def place(self, op: Operation) -> str:
        """Return where SHOW looks: the schema, the database, or nothing for the account."""
        if self.levels == 3:
            return f"IN SCHEMA {names.full(*op.parts[:2])}"
        return f"IN DATABASE {names.quote(op.parts[0])}" if self.levels == 2 else ""

    def find(self, op: Operation) -> Row | None:
        """Return the object's row of SHOW, None when there is none."""
        place, name = self.place(op), op.parts[-1]
        narrow = " ".join(filter(None, (f"SHOW {self.plural} LIKE {like(self.like_name(name))}", place)))
        wide = " ".join(filter(None, (f"SHOW {self.plural}", place)))
        rows = op.show(self.topic, name, narrow, wide, place)
        wanted = self.matches or (lambda op, row: row.get("name") == op.parts[-1])
        return next((row for row in rows if wanted(op, row)), None)

    def like_name(self, name: str) -> str:
        """Return the pattern of LIKE for a name."""
        return name

    def look(self, op: Operation) -> Found | None:
        """Ask Snowflake for the object; None when it is gone."""
        try:
            row = self.find(op) if self.show else {}
            if row is None:
                return None
            found = Found(show=row)
            self.look_closer(op, found)
        except StatementError as error:
            if error.missing and (len(op.parts) == 1 or op.missing_parents(op.parts)):
                return None
            raise
        return found

    def look_closer(self, op: Operation, found: Found) -> None:
        """Ask for the parameters and the description, in the official order."""
        if self.describe_last:
            self.look_at_parameters(op, found)
        if self.describe:
            found.describe = op.run(f"DESCRIBE {self.describe} {op.fqn}")
        if not self.describe_last:
            self.look_at_parameters(op, found)

    def look_at_parameters(self, op: Operation, found: Found) -> None:
        """Ask for the object's parameters."""
        if self.parameters is None:
            return
        statement = f"SHOW PARAMETERS IN {self.sql} {op.fqn}"
        rows = self._inherited_parameters(op, statement) if self._inherits(op) else op.run(statement)
        found.parameters = {str(row["key"]): row for row in rows}

    def _inherits(self, op: Operation) -> bool:
        """Return whether an object was just created in a schema with no parameter of its own."""
        if not op.creating or self.levels != 3 or self.parameters is None:
            return False
        keys = description.parameters(self.parameters.table)
        return not any(op.value(key.lower()) is not None for key in keys)

    def _inherited_parameters(self, op: Operation, statement: str) -> list[Row]:
        """Return the parameters that all such objects of the schema inherit; asked once for those created together."""
        place = self.place(op)
        return op.show(f"PARAMETERS OF {self.plural}", place, statement, None, place)

    def read(self, op: Operation) -> bool:
        """Read the object into the operation's state; False when it is gone."""
        found = self.look(op)
        if found is None:
            return False
        self.fill(op, found)
        return True

    def fill(self, op: Operation, found: Found) -> None:
        """Write what Snowflake says into the state."""
        state = op.state
        if self.levels > 1:
            state.set("database", op.parts[0])
        if self.levels > 2:
            state.set("schema", op.parts[1])
        if op.resource.properties.get("name") and self.levels <= len(op.parts):
            state.set("name", op.parts[-1])
        for key, source in self.fields.items():
            state.set(key, source.convert(found.show.get(source.column)))
        self._fill_outputs(op, found)
        self._fill_parameters(op, found)
        if self.read_more:
            self.read_more(op, found)

    def _fill_outputs(self, op: Operation, found: Found) -> None:
        properties, state = op.resource.properties, op.state
        if properties.get("fully_qualified_name"):
            state.set("fully_qualified_name", op.fqn)
        for key, fresh, watched in (
            ("show_output", lambda p: [columns.shape(p, found.show, self.show_output)], self.shown),
            (
                "describe_output",
                lambda _: self.describe_output(op, found) if self.describe_output else None,
                self.described,
            ),
        ):
            prop = properties.get(key)
            if prop is None or prop.properties is None:
                continue
            new = fresh(prop.properties)
            if new is None:
                continue
            self._follow(
                op,
                state.get(key) if op.refreshing else None,
                new,
                watched,
                "show" if key == "show_output" else "describe",
            )
            state.set(key, new)

    def _follow(
        self,
        op: Operation,
        before: Any,
        now: Any,
        watched: Mapping[str, tuple[str, Convert | None]],
        rule: str,
    ) -> None:
        """Take over values that were changed by others: those whose shown value is not the last one shown."""
        if not (op.importing or op.refreshing) or not now:
            return
        old_row = before[0] if before else {}
        for prop in op.resource.properties:
            if rule not in prop.rules and prop.key not in watched:
                continue
            column, convert = watched.get(prop.key, (prop.key, None))
            if column not in now[0]:
                continue
            if op.importing or (column in old_row and old_row[column] != now[0][column]):
                value = convert(now[0][column]) if convert else now[0][column]
                op.state.set(prop.key, as_property(prop, value))

    def _fill_parameters(self, op: Operation, found: Found) -> None:
        if self.parameters is None:
            return
        output: dict[str, Any] = {}
        for key, (kind, *_) in description.parameters(self.parameters.table).items():
            row = found.parameters.get(key)
            if row is None:
                continue
            level = columns.text(row.get("level"))
            if op.resource.properties.get(key.lower()):
                op.state.set(key.lower(), columns.typed(kind, columns.text(row.get("value"))))
                if level == self.parameters.level:
                    op.own_parameters.add(key.lower())
            if not op.reduced_parameters or level == self.parameters.level:
                output[key.lower()] = [{name: columns.text(row.get(name)) for name in _PARAMETER_COLUMNS}]
        if op.resource.properties.get("parameters"):
            op.state.set("parameters", [output])


_PARAMETER_COLUMNS = ("key", "value", "default", "level", "description")


def as_property(prop: Property, value: Any) -> Any:
    """Return a shown value in the form of a property: booleans as text where the property is text, and so on."""
    if prop.type == "string":
        return columns.text(value)
    return columns.CONVERTERS[prop.type](value) if prop.type in columns.CONVERTERS else value


def _quoted(value: Any) -> bool:
    return isinstance(value, str) and len(value) > 1 and value[0] == '"' and value[-1] == '"'
