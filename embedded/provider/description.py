"""Describe what the official plugin's schema says of each resource type: properties, types, defaults, rules."""

import functools
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

_FILE = Path(__file__).parent / "schema" / "schema.json"


class Property:
    """One property of a resource, a nested object or the provider's configuration.

    ``name`` is Pulumi's, ``key`` the one of statements and tables here (snake case, singular). ``type`` is one of
    string, int, bool, float, list, set, map, object; ``one`` marks a list of at most one element shown as one object.
    """

    __slots__ = (
        "auto_named",
        "choices",
        "computed",
        "conflicts",
        "default",
        "element",
        "env",
        "force_new",
        "ignore_case",
        "is_identifier",
        "key",
        "minimum",
        "name",
        "one",
        "one_of",
        "output",
        "properties",
        "required",
        "rules",
        "sensitive",
        "some_of",
        "type",
        "with_",
    )

    def __init__(self, key: str, raw: Mapping[str, Any]) -> None:
        flags = raw.get("f", "")
        self.key = key
        self.name: str = raw["n"]
        self.one = "1" in flags
        self.type: str = "object" if self.one else raw["t"]
        self.element: str | None = raw.get("e")
        self.required = "r" in flags
        self.force_new = "f" in flags
        self.output = "o" in flags
        self.computed = "c" in flags
        self.sensitive = "s" in flags
        self.auto_named = "a" in flags
        self.default: Any = raw.get("d")
        self.rules: tuple[str, ...] = tuple(raw.get("s", "").split())
        self.minimum: int = raw.get("min", 0)
        self.conflicts: list[str] = raw.get("conflicts", [])
        self.one_of: list[str] = raw.get("one_of", [])
        self.some_of: list[str] = raw.get("some_of", [])
        self.with_: list[str] = raw.get("with", [])
        self.choices: list[str] = raw.get("v", [])
        self.ignore_case = bool(raw.get("i"))
        self.is_identifier = bool(raw.get("id"))
        self.env: list[str] = raw.get("env", [])
        self.properties: Properties | None = Properties(raw["p"]) if "p" in raw else None

    @property
    def settable(self) -> bool:
        """Whether a program may set the property."""
        return not self.output


class Properties:
    """The properties of one object, by key and by Pulumi name; built when first used."""

    def __init__(self, raw: Mapping[str, Any]) -> None:
        self._raw = raw

    @functools.cached_property
    def by_key(self) -> dict[str, Property]:
        """The properties by key, in the schema's order."""
        return {key: Property(key, raw) for key, raw in self._raw.items()}

    @functools.cached_property
    def by_name(self) -> dict[str, Property]:
        """The properties by Pulumi name."""
        return {prop.name: prop for prop in self.by_key.values()}

    @functools.cached_property
    def required(self) -> list[Property]:
        """The properties that a program has to set."""
        return [prop for prop in self if prop.required and not prop.output]

    @functools.cached_property
    def defaulted(self) -> list[Property]:
        """The properties that are filled in when a program does not set them."""
        return [prop for prop in self if (prop.auto_named or prop.default is not None) and not prop.output]

    @functools.cached_property
    def related(self) -> list[Property]:
        """The properties that exclude or need others."""
        return [
            prop for prop in self if prop.settable and (prop.conflicts or prop.with_ or prop.one_of or prop.some_of)
        ]

    @functools.cached_property
    def sensitive(self) -> list[Property]:
        """The properties whose values are secrets."""
        return [prop for prop in self if prop.sensitive]

    def __iter__(self) -> Iterator[Property]:
        return iter(self.by_key.values())

    def __getitem__(self, key: str) -> Property:
        return self.by_key[key]

    def get(self, key: str) -> Property | None:
        """Return the property of a key, or None."""
        return self.by_key.get(key)


class Resource:
    """One resource type of the schema."""

    def __init__(self, name: str, raw: Mapping[str, Any]) -> None:
        self.name = name
        self.token: str = raw["token"]
        self.terraform_name: str = raw["tf"]
        self.preview_feature: str | None = raw.get("preview")
        self.schema_version: int = raw.get("version", 0)
        self.timeouts: dict[str, str] = raw["timeouts"]
        self.computed_when: list[list[str]] = raw["computed"]
        self.properties = Properties(raw["properties"])


@functools.cache
def raw_schema() -> dict[str, Any]:
    """Return the condensed schema file."""
    return json.loads(_FILE.read_text(encoding="utf-8"))


@functools.cache
def resource(name: str) -> Resource:
    """Return a resource type by its class name, such as ``Warehouse``.

    Raises:
        KeyError: the schema description does not hold the type.
    """
    return Resource(name, raw_schema()["resources"][name])


@functools.cache
def config_properties() -> Properties:
    """Return the provider's configuration properties."""
    return Properties(raw_schema()["config"])


def parameters(kind: str) -> dict[str, list[str]]:
    """Return a kind's parameters: key to [type, built-in default]."""
    return raw_schema()["parameters"].get(kind, {})
