"""Hold a resource's properties by key, and show them under Pulumi's names."""

from collections.abc import Mapping
from typing import Any

from google.protobuf import struct_pb2

from embedded.provider import values
from embedded.provider.description import Properties, Property, Resource
from embedded.provider.ordering import set_order

DEFAULTS = "__defaults"
META = "__meta"


class State:
    """A resource's properties, read lazily from what the engine sent.

    A state holds up to some hundred values that a diff never looks at, so each is converted when first asked for.
    """

    def __init__(self, resource: Resource, struct: struct_pb2.Struct | None = None) -> None:
        self._resource = resource
        self._fields = struct.fields if struct is not None else {}
        self._values: dict[str, Any] = {}

    def get(self, key: str) -> Any:
        """Return a property's value by key, None when absent."""
        if key in self._values:
            return self._values[key]
        prop = self._resource.properties[key]
        raw = self._fields.get(prop.name)
        value = None if raw is None else to_keys(prop, values.decode(raw))
        self._values[key] = value
        return value

    def set(self, key: str, value: Any) -> None:
        """Set a property's value by key."""
        self._values[key] = value

    def has(self, key: str) -> bool:
        """Return whether the property is there and not null."""
        return self.get(key) is not None

    def defaulted(self) -> list[str]:
        """Return the Pulumi names of the properties that were defaults, not the program's."""
        return values.decode(self._fields[DEFAULTS]) if DEFAULTS in self._fields else []

    def meta(self) -> str | None:
        """Return the official plugin's private text in an output map."""
        return values.decode(self._fields[META]) if META in self._fields else None

    def outputs(self) -> dict[str, Any]:
        """Return all properties under Pulumi's names, sensitive ones marked secret."""
        out = {}
        for prop in self._resource.properties:
            value = self.get(prop.key)
            if value is not None:
                named = to_names(prop, value)
                out[prop.name] = values.Secret(named) if prop.sensitive else named
        return out


def to_keys(prop: Property, value: Any) -> Any:
    """Return a value with Pulumi's names inside replaced by keys."""
    if prop.properties is None or value is None or value is values.UNKNOWN:
        return value
    if isinstance(value, list):
        return [_object_to_keys(prop.properties, item) for item in value]
    return _object_to_keys(prop.properties, value)


def _object_to_keys(properties: Properties, value: Any) -> Any:
    if not isinstance(value, Mapping):
        return value
    by_name = properties.by_name
    return {
        by_name[name].key: to_keys(by_name[name], item)
        for name, item in value.items()
        if name in by_name and item is not None
    }


def to_names(prop: Property, value: Any) -> Any:
    """Return a value with keys inside replaced by Pulumi's names; sets in Terraform's order."""
    if value is None or value is values.UNKNOWN:
        return value
    if prop.properties is None:
        return set_order(value) if prop.type == "set" and isinstance(value, list) else value
    if isinstance(value, list):
        return [_object_to_names(prop.properties, item) for item in value]
    return _object_to_names(prop.properties, value)


def _object_to_names(properties: Properties, value: Any) -> Any:
    if not isinstance(value, Mapping):
        return value
    by_key = properties.by_key
    return {by_key[key].name: to_names(by_key[key], item) for key, item in value.items() if key in by_key}
