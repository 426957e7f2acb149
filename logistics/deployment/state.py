"""A stack's checkpoint as the deployment reads it: resources in the order in which they were made."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

SECRET = "4dabf18193072939515e22adb298388d"
"""The key by which Pulumi's state marks an object that is no plain value."""
SECRET_VALUE = "1b47061264138c4ac30d75fd1eb44270"
"""What that key holds when the object is a secret."""
PROVIDER_PREFIX = "pulumi:providers:"
STACK_TYPE = "pulumi:pulumi:Stack"


class Named:
    """What has a URN and a type's token, and by them a kind and a name."""

    urn: str
    type: str

    @property
    def kind(self) -> str:
        """The type's last part, such as `Table`."""
        return self.type.rsplit(":", 1)[-1]

    @property
    def name(self) -> str:
        """The resource's name in the program."""
        return self.urn.rsplit("::", 1)[-1]


@dataclass(frozen=True, kw_only=True)
class Resource(Named):
    """One resource of a checkpoint; `raw` is its JSON as the state holds it."""

    raw: Mapping[str, Any] = field(repr=False)

    @property
    def urn(self) -> str:  # pyright: ignore[reportIncompatibleVariableOverride]
        """The resource's URN."""
        return self.raw["urn"]

    @property
    def type(self) -> str:  # pyright: ignore[reportIncompatibleVariableOverride]
        """The type's token, such as `snowflake:index/table:Table`."""
        return self.raw["type"]

    @property
    def id(self) -> str:
        """The resource's id in the account; empty for a component."""
        return self.raw.get("id", "")

    @property
    def custom(self) -> bool:
        """Whether a provider manages it."""
        return bool(self.raw.get("custom"))

    @property
    def property_dependencies(self) -> dict[str, list[str]]:
        """The URNs of the resources that each input comes from, by the input's name."""
        return {key: list(urns or ()) for key, urns in (self.raw.get("propertyDependencies") or {}).items()}

    @property
    def inputs(self) -> dict[str, Any]:
        """What the program said, secrets in Pulumi's envelope."""
        return dict(self.raw.get("inputs") or {})

    @property
    def outputs(self) -> dict[str, Any]:
        """What the provider answered, secrets in Pulumi's envelope."""
        return dict(self.raw.get("outputs") or {})


@dataclass(frozen=True, kw_only=True)
class Checkpoint:
    """The state of a stack at one time, as `pulumi stack export` writes it."""

    deployment: Mapping[str, Any] = field(repr=False)

    @classmethod
    def of(cls, deployment: Mapping[str, Any] | None) -> Checkpoint:
        """Returns the checkpoint of an exported deployment; None is a stack that was never deployed."""
        return cls(deployment=deployment or {})

    @property
    def resources(self) -> list[Resource]:
        """Every resource, parents and dependencies before what hangs on them; those about to be deleted left out."""
        return [Resource(raw=raw) for raw in self.deployment.get("resources") or [] if not raw.get("delete")]

    @property
    def by_urn(self) -> dict[str, Resource]:
        """The same by URN."""
        return {resource.urn: resource for resource in self.resources}

    @property
    def is_empty(self) -> bool:
        """Whether no provider manages anything."""
        return not any(resource.custom for resource in self.resources)

    def of_kind(self, *kinds: str) -> Iterator[Resource]:
        """Yields the resources of some kinds, such as `Table`."""
        return (resource for resource in self.resources if resource.kind in kinds and resource.custom)


def is_secret(value: Any) -> bool:
    """Returns whether a value of a state is a secret's envelope."""
    return isinstance(value, Mapping) and value.get(SECRET) == SECRET_VALUE


def opened(value: Any) -> Any:
    """Returns the plain value in a secret's envelope of a state exported with its secrets shown.

    Raises:
        KeyError: the state was exported without them.
    """
    return json.loads(value["plaintext"])
