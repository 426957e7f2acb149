"""Convert between the engine's property values (protobuf structs) and Python values.

Secrets arrive as plain values: the provider does not accept secrets, so the engine keeps track of them. Sensitive
properties leave as secret envelopes. Unknown values are the one object ``UNKNOWN``.
"""

from collections.abc import Mapping
from typing import Any

from google.protobuf import struct_pb2

SIGNATURE = "4dabf18193072939515e22adb298388d"
SECRET = "1b47061264138c4ac30d75fd1eb44270"
OUTPUT = "d0e6a833031e9bbcd3f4e8bde6ca49a4"
RESOURCE = "5cf8f73096256a8f31e491e813e4eb8e"
UNKNOWN_TEXTS = frozenset(
    {
        "04da6b54-80e4-46f7-96ec-b56ff0331ba9",
        "1c4a061d-8072-4f0a-a4cb-0ff528b18fe7",
        "3eeb2bf0-c639-47a8-9e75-3b44932eb421",
        "6a19a0b0-7e62-4c92-b797-7f8e31da9cc2",
        "030794c1-ac77-496b-92df-f27374a8bd58",
        "e48ece36-62e2-4504-bad9-02848725956a",
        "dd056dcd-154b-4c76-9bd3-c8f88648b5ff",
    }
)


class Unknown:
    """The type of a value that a preview does not know yet."""

    def __repr__(self) -> str:
        return "<unknown>"

    def __bool__(self) -> bool:
        raise TypeError("an unknown value is neither true nor false")


class Secret:
    """A value that must leave in a secret envelope."""

    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        self.value = value


UNKNOWN = Unknown()


def is_unknown(value: Any) -> bool:
    """Return whether a value is, or holds, an unknown one."""
    if isinstance(value, dict):
        return any(is_unknown(item) for item in value.values())
    if isinstance(value, list):
        return any(is_unknown(item) for item in value)
    return value is UNKNOWN


def decode(value: struct_pb2.Value) -> Any:
    """Return a Python value: whole numbers as int, unknowns as ``UNKNOWN``, secrets and outputs without envelope."""
    kind = value.WhichOneof("kind")
    if kind == "string_value":
        text = value.string_value
        return UNKNOWN if text in UNKNOWN_TEXTS else text
    if kind == "number_value":
        number = value.number_value
        return int(number) if number.is_integer() else number
    if kind == "bool_value":
        return value.bool_value
    if kind == "list_value":
        return [decode(item) for item in value.list_value.values]
    if kind == "struct_value":
        return _decode_object(value.struct_value)
    return None


def _decode_object(struct: struct_pb2.Struct) -> Any:
    fields = struct.fields
    mark = fields[SIGNATURE].string_value if SIGNATURE in fields else None
    if mark == SECRET:
        return decode(fields["value"])
    if mark == OUTPUT:
        return decode(fields["value"]) if "value" in fields else UNKNOWN
    if mark == RESOURCE:
        return fields["id"].string_value if "id" in fields else fields["urn"].string_value
    return {key: decode(item) for key, item in fields.items()}


def decode_struct(struct: struct_pb2.Struct) -> dict[str, Any]:
    """Return a whole property map."""
    return {key: decode(item) for key, item in struct.fields.items()}


def encode(value: Any, target: struct_pb2.Value) -> None:
    """Write a Python value into a protobuf value. The commonest types come first: a state has hundreds of texts."""
    kind = type(value)
    if kind is str:
        target.string_value = value
    elif kind is dict:
        target.struct_value.SetInParent()
        fields = target.struct_value.fields
        for key, item in value.items():
            encode(item, fields[key])
    elif kind is list:
        target.list_value.SetInParent()
        add = target.list_value.values.add
        for item in value:
            encode(item, add())
    elif kind is bool:
        target.bool_value = value
    elif kind is int or kind is float:
        target.number_value = value
    else:
        _encode_special(value, target)


def _encode_special(value: Any, target: struct_pb2.Value) -> None:
    if value is None:
        target.null_value = struct_pb2.NULL_VALUE
    elif value is UNKNOWN:
        target.string_value = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
    elif isinstance(value, Secret):
        fields = target.struct_value.fields
        fields[SIGNATURE].string_value = SECRET
        encode(value.value, fields["value"])
    else:
        raise TypeError(f"no property value: {type(value).__name__}")


def encode_struct(values: Mapping[str, Any]) -> struct_pb2.Struct:
    """Return a property map as a protobuf struct."""
    struct = struct_pb2.Struct()
    for key, item in values.items():
        encode(item, struct.fields[key])
    return struct
