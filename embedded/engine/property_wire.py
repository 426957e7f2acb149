"""Property values on the wire: the protobuf Structs of Pulumi's protocols.

Source: sdk/go/common/resource/plugin/rpc.go of Pulumi 3.260.0.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from embedded.engine.assets import Archive, Asset, with_hash
from embedded.engine.property_types import (
    OUTPUT_SIGNATURE,
    RESOURCE_SIGNATURE,
    SECRET_SIGNATURE,
    SIGNATURE,
    UNKNOWN,
    UNKNOWN_TEXT,
    UNKNOWN_TEXTS,
    OutputValue,
    Properties,
    ResourceReference,
    Secret,
    Unknown,
    Value,
    decode_special,
    downgrade_output,
    encode_archive,
    encode_asset,
    encode_bytes,
    map_assets,
    number,
)

if TYPE_CHECKING:
    from google.protobuf.struct_pb2 import Struct
    from google.protobuf.struct_pb2 import Value as ProtoValue


@dataclass(frozen=True)
class WireOptions:
    """What the reader of a message understands; what it does not is replaced by the plain value or left out."""

    keep_secrets: bool = True
    keep_unknowns: bool = True
    keep_resources: bool = True
    keep_outputs: bool = False


def from_struct(struct: Struct, root: str = "", hashes: bool = False) -> Properties:
    """The values of a message; with `hashes` those of assets are computed, relative paths taken from `root`."""
    result = {key: from_proto(value) for key, value in struct.fields.items()}
    return map_assets(result, lambda asset: with_hash(asset, root)) if hashes else result


def from_proto(value: ProtoValue) -> Value:
    """The value of a protobuf Value."""
    kind = value.WhichOneof("kind")
    if kind == "string_value":
        text = value.string_value
        return text if text not in UNKNOWN_TEXTS else UNKNOWN
    if kind == "struct_value":
        fields = {key: from_proto(item) for key, item in value.struct_value.fields.items()}
        return decode_special(fields) if SIGNATURE in fields else fields
    if kind == "list_value":
        return [from_proto(item) for item in value.list_value.values]
    if kind == "number_value":
        return number(value.number_value)
    if kind == "bool_value":
        return value.bool_value
    return None


def to_struct(
    values: Mapping[str, Value],
    *,
    keep_secrets: bool = True,
    keep_unknowns: bool = True,
    keep_resources: bool = True,
    keep_outputs: bool = False,
) -> Struct:
    """The message of some values, for a reader that understands what the flags say."""
    from google.protobuf.struct_pb2 import Struct

    options = WireOptions(keep_secrets, keep_unknowns, keep_resources, keep_outputs)
    struct = Struct()
    _put_fields(struct.fields, values, options)
    return struct


def to_proto(value: Value, options: WireOptions | None = None) -> ProtoValue:
    """One value as a protobuf Value; None if the options leave it out."""
    from google.protobuf.struct_pb2 import Value as ProtoValue

    message = ProtoValue()
    plain = _wire(value, options or WireOptions())
    _fill(message, None if plain is _LEFT_OUT else plain)
    return message


class _LeftOut:
    """What the reader cannot understand and does not get."""


_LEFT_OUT = _LeftOut()
_PLAIN = WireOptions()


def _put_fields(fields: Any, values: Mapping[str, Value], options: WireOptions) -> None:
    """Fill the fields of a Struct; the commonest kinds first, for a state's outputs are thousands of texts."""
    for key in sorted(values):
        value = values[key]
        kind = type(value)
        if kind is str:
            fields[key].string_value = value
        elif kind is dict:
            message = fields[key].struct_value
            message.SetInParent()
            _put_fields(message.fields, value, options)
        elif kind is list:
            _put_items(fields[key].list_value, value, options)
        elif (plain := _wire(value, options)) is not _LEFT_OUT:
            _fill(fields[key], plain)


def _put_items(message: Any, values: list[Value], options: WireOptions) -> None:
    message.SetInParent()
    add = message.values.add
    for value in values:
        kind = type(value)
        if kind is str:
            add().string_value = value
        elif kind is dict:
            inner = add().struct_value
            inner.SetInParent()
            _put_fields(inner.fields, value, options)
        elif kind is list:
            _put_items(add().list_value, value, options)
        elif (plain := _wire(value, options)) is not _LEFT_OUT:
            _fill(add(), plain)


def _fill(message: ProtoValue, value: Value) -> None:
    """Set a message to a plain value: what `_wire` gave."""
    if isinstance(value, str):
        message.string_value = value
    elif value is None:
        message.null_value = 0  # type: ignore[assignment]
    elif isinstance(value, bool):
        message.bool_value = value
    elif isinstance(value, int | float):
        message.number_value = value
    elif isinstance(value, list):
        _put_items(message.list_value, value, _PLAIN)
    else:
        message.struct_value.SetInParent()
        _put_fields(message.struct_value.fields, value, _PLAIN)


def _wire(value: Value, options: WireOptions) -> Value:
    if isinstance(value, list):
        return [plain for item in value if (plain := _wire(item, options)) is not _LEFT_OUT]
    if isinstance(value, dict):
        items = ((key, _wire(item, options)) for key, item in sorted(value.items()))
        return {key: plain for key, plain in items if plain is not _LEFT_OUT}
    encode = _WIRE_FORMS.get(type(value))
    return encode(value, options) if encode else value


def _wire_secret(value: Secret, options: WireOptions) -> Value:
    inner = _wire(value.value, options)
    if not options.keep_secrets or inner is _LEFT_OUT:
        return inner
    return {SIGNATURE: SECRET_SIGNATURE, "value": inner}


def _wire_output(value: OutputValue, options: WireOptions) -> Value:
    if not options.keep_outputs:
        return _wire(downgrade_output(value), options)
    fields: dict[str, Value] = {SIGNATURE: OUTPUT_SIGNATURE}
    if value.known:
        fields["value"] = _wire(value.value, options)
    if value.secret:
        fields["secret"] = True
    if value.dependencies:
        fields["dependencies"] = list(value.dependencies)
    return fields


def _wire_resource(value: ResourceReference, options: WireOptions) -> Value:
    if not options.keep_resources:
        return _wire(value.urn if value.id is None else value.id, options)
    fields: dict[str, Value] = {SIGNATURE: RESOURCE_SIGNATURE, "urn": value.urn}
    if value.id is not None:
        fields["id"] = "" if value.id is UNKNOWN else value.id
    if value.package_version:
        fields["packageVersion"] = value.package_version
    return fields


_WIRE_FORMS: dict[type, Callable[[Any, WireOptions], Value]] = {
    Unknown: lambda value, options: UNKNOWN_TEXT if options.keep_unknowns else _LEFT_OUT,  # noqa: ARG005
    Secret: _wire_secret,
    OutputValue: _wire_output,
    ResourceReference: _wire_resource,
    Asset: lambda value, options: encode_asset(value),  # noqa: ARG005
    Archive: lambda value, options: encode_archive(value),  # noqa: ARG005
    bytes: lambda value, options: encode_bytes(value),  # noqa: ARG005
}
