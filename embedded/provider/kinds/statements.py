"""The pieces statements are described with: clauses of a CREATE, steps of an ALTER."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from embedded.provider import description, literals, names

if TYPE_CHECKING:
    from embedded.provider.operation import Operation

Form = Callable[[Any], str]
Words = Callable[["Operation"], str]


def like(name: str) -> str:
    """Return a name as the pattern of LIKE; the official plugin escapes no wildcard, nor do we."""
    return literals.text(name)


@dataclass(frozen=True)
class Clause:
    """One setting: ``key`` names the property, ``sql`` the keyword, ``form`` writes the value."""

    key: str
    sql: str
    form: Form = literals.text
    equals: str = " = "

    def render(self, value: Any) -> str:
        """Return the clause with a value."""
        return f"{self.sql}{self.equals}{self.form(value)}"

    def create(self, op: "Operation") -> str:
        """Return the clause for the wished value, empty when none is wished."""
        value = op.value(self.key)
        return "" if value is None else self.render(value)


@dataclass(frozen=True)
class Flag:
    """A keyword that stands alone when a property is true; perhaps only where the object takes another's place."""

    key: str
    sql: str
    only_replacing: bool = False

    def create(self, op: "Operation") -> str:
        """Return the keyword if the property is true and has an effect."""
        if self.only_replacing and op.creating:
            return ""
        return self.sql if op.value(self.key) in (True, "true") else ""


COPY_GRANTS = Flag("copy_grants", "COPY GRANTS", only_replacing=True)
"""A new object has nothing to copy grants from."""


@dataclass(frozen=True)
class Text:
    """Words that a function makes, or that are always there."""

    words: str | Words

    def create(self, op: "Operation") -> str:
        """Return the words."""
        return self.words if isinstance(self.words, str) else self.words(op)


@dataclass(frozen=True)
class ParameterSet:
    """The kind's Snowflake parameters, all of them or those of ``only`` or without ``but``."""

    only: tuple[str, ...] = ()
    but: tuple[str, ...] = ()
    separator: str = " "

    def clauses(self, op: "Operation") -> list[Clause]:
        """Return a clause for each parameter that the resource has as a property."""
        if op.kind.parameters is None:
            return []
        return [
            Clause(key.lower(), key, _FORMS[form])
            for key, (_, _, form) in description.parameters(op.kind.parameters.table).items()
            if op.resource.properties.get(key.lower()) is not None
            and (not self.only or key in self.only)
            and key not in self.but
        ]

    def create(self, op: "Operation") -> str:
        """Return the clauses of the wished parameters."""
        return self.separator.join(filter(None, (clause.create(op) for clause in self.clauses(op))))


_FORMS: dict[str, Form] = {"q": literals.text, "i": literals.identifier, "r": literals.raw}
Piece = Clause | Flag | Text | ParameterSet


def join(op: "Operation", pieces: Sequence[Piece], separator: str = " ") -> str:
    """Return the pieces that say something, joined."""
    return separator.join(filter(None, (piece.create(op) for piece in pieces)))


class Step:
    """One step of an update: gives the statements that its changes need, in order."""

    def statements(self, op: "Operation") -> Iterator[str]:
        """Yield the statements."""
        raise NotImplementedError


@dataclass(frozen=True)
class Rename(Step):
    """``ALTER … RENAME TO``; from then on the operation goes by the new name."""

    def statements(self, op: "Operation") -> Iterator[str]:
        """Yield the statement when the name changed."""
        if "name" in op.changes:
            new = (*op.parts[:-1], op.inputs.get("name"))
            yield f"ALTER {op.kind.sql} {op.fqn} RENAME TO {names.full(*new)}"
            op.parts = new


@dataclass(frozen=True)
class Settings(Step):
    """One ``SET`` for the changed values and one ``UNSET`` for the removed ones.

    ``separator`` stands between the settings of SET. ``instead`` gives, by key, what to SET where a value was removed.
    ``with_`` adds words behind a clause. ``verbs`` says which of the two statements to give, and in which order.
    """

    clauses: Sequence[Clause | ParameterSet]
    separator: str = " "
    instead: dict[str, str] = field(default_factory=dict)
    with_: dict[str, str] = field(default_factory=dict)
    verbs: tuple[str, ...] = ("SET", "UNSET")

    def statements(self, op: "Operation") -> Iterator[str]:
        """Yield the statements of the verbs that have something to say."""
        setting, unsetting = [], []
        for clause in self._each(op):
            change = op.changes.get(clause.key)
            if change is None:
                continue
            value = op.value(clause.key)
            if value is not None:
                setting.append(clause.render(value) + self.with_.get(clause.key, ""))
            elif clause.key in self.instead:
                setting.append(self.instead[clause.key])
            else:
                unsetting.append(clause.sql)
        words = {"SET": self.separator.join(setting), "UNSET": ", ".join(unsetting)}
        for verb in self.verbs:
            if words[verb]:
                yield f"ALTER {op.kind.sql} {op.fqn} {verb} {words[verb]}"

    def _each(self, op: "Operation") -> Iterator[Clause]:
        for item in self.clauses:
            yield from item.clauses(op) if isinstance(item, ParameterSet) else (item,)


@dataclass(frozen=True)
class Switch(Step):
    """A statement for a property that became true, and one for the other case."""

    key: str
    on: str
    off: str

    def statements(self, op: "Operation") -> Iterator[str]:
        """Yield the statement for the new value."""
        if self.key in op.changes:
            yield f"ALTER {op.kind.sql} {op.fqn} {self.on if op.value(self.key) in (True, 'true') else self.off}"


@dataclass(frozen=True)
class Custom(Step):
    """A step that a function makes."""

    make: Callable[["Operation"], Iterator[str]]

    def statements(self, op: "Operation") -> Iterator[str]:
        """Yield what the function yields."""
        yield from self.make(op)


COMMENT = Clause("comment", "COMMENT")
