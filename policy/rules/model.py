"""What a rule is, and what it is asked about: resources with plain values, freed of the policy library's proxies."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any


class Unknown:
    """Stands for a value that only the update will know."""

    def __repr__(self) -> str:
        return "(known after the update)"


UNKNOWN = Unknown()
"""The one instance; a rule that meets it has no answer before the update, when it is asked again."""

Config = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Resource:
    """A resource as the program declares it.

    Attributes:
        type: Pulumi's full type token.
        name: its name in the program.
        urn: its URN.
        props: its inputs with Snowflake's defaults filled in; UNKNOWN where a value is not known yet.
        protect: whether Pulumi refuses to delete it.
        is_local: whether its account is on the local Snowflake.
        needs: what an input was made from, as `Kind:name`, by input; tells of a value that is not known yet.
    """

    type: str
    name: str
    urn: str = ""
    props: Mapping[str, Any] = field(default_factory=dict)
    protect: bool = False
    is_local: bool = False
    needs: Mapping[str, frozenset[str]] = field(default_factory=dict)

    @property
    def kind(self) -> str:
        """The last part of the type: `Table` of `snowflake:index/table:Table`."""
        return self.type.rsplit(":", 1)[-1]

    def text(self, key: str) -> str:
        """Returns an input as text; empty where it is absent or not known yet."""
        value = self.props.get(key)
        return "" if value is None or value is UNKNOWN else str(value)

    @property
    def label(self) -> str:
        """The object's name in Snowflake where it has one, else the resource's."""
        return self.text("name") or self.name

    @property
    def full_name(self) -> str:
        """The object's name with database and schema as far as they are known, upper case, unquoted."""
        parts = [self.text(key) for key in ("database", "schema", "name")]
        return ".".join(part.strip('"') for part in parts if part).upper()


@dataclass(frozen=True, kw_only=True)
class Violation:
    """What is wrong, and the resource it is wrong with."""

    message: str
    urn: str = ""


ResourceCheck = Callable[[Resource, Config], Iterable[str]]
StackCheck = Callable[[list[Resource], Config], Iterable[Violation]]


@dataclass(frozen=True, kw_only=True)
class Rule:
    """One rule of the pack.

    Attributes:
        name: its name in configuration and reports.
        what: what has to be.
        why: what happens else.
        mend: what to do when it is broken.
        kinds: the kinds of resource it is asked about, `*` for each; of a rule for the whole stack none.
        check: yields a message for each breach of one resource.
        check_stack: yields the breaches of all resources together.
        schema: its settings as JSON schema, each with a default, which is the strictest: production's.
        severity: low, medium, high or critical.
        advisory: whether it warns only.
    """

    name: str
    what: str
    why: str
    mend: str
    kinds: frozenset[str] = frozenset()
    check: ResourceCheck | None = None
    check_stack: StackCheck | None = None
    schema: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    severity: str = "high"
    advisory: bool = False

    @property
    def defaults(self) -> dict[str, Any]:
        """The settings where nothing else is configured."""
        return {key: about["default"] for key, about in self.schema.items()}

    def asks(self, resource: Resource) -> bool:
        """Tells whether the rule is asked about a resource of that kind; `*` stands for each."""
        return self.check is not None and bool({resource.kind, "*"} & self.kinds)

    def broken_by(self, resources: list[Resource], config: Config | None = None) -> Iterator[Violation]:
        """Yields every breach of some resources under settings, which complete the defaults."""
        settings = {**self.defaults, **_whole(dict(config or {}))}
        if self.check_stack is not None:
            yield from self.check_stack(resources, settings)
        if self.check is not None:
            for resource in resources:
                if self.asks(resource):
                    yield from (Violation(message=said, urn=resource.urn) for said in self.check(resource, settings))


def _whole(value: Any) -> Any:
    """Returns settings with whole numbers as such; the engine hands every number over as a fraction."""
    if isinstance(value, dict):
        return {key: _whole(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_whole(each) for each in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def by_pattern(patterns: Mapping[str, Any], name: str, otherwise: Any) -> Any:
    """Returns the value of the first pattern (`COMPUTE_WH_MULTI*`) that fits a name, in whatever case."""
    return next((value for pattern, value in patterns.items() if fnmatchcase(name.upper(), pattern.upper())), otherwise)


def fits(patterns: Iterable[str], name: str) -> bool:
    """Tells whether a name fits one of some patterns, in whatever case."""
    return bool(by_pattern(dict.fromkeys(patterns, True), name, False))


def number(value: Any) -> int | None:
    """Returns a number that may have come as text; None where it is absent or not known yet."""
    try:
        return int(float(value))
    except (TypeError, ValueError):
        return None


def is_set(value: Any) -> bool:
    """Tells whether an input has a value, also one that is not known yet."""
    return value is UNKNOWN or value not in (None, "", [], {}, "default")


def of_kind(resources: Iterable[Resource], *kinds: str) -> list[Resource]:
    """Returns the resources of some kinds."""
    return [resource for resource in resources if resource.kind in kinds]


def listed(value: Any) -> list[Any]:
    """Returns a list input; empty where it is absent or not known yet."""
    return list(value) if isinstance(value, list | tuple) else []
