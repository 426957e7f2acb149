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

    kept = _kept.get(id(values))
    if kept is not None and kept[0] is values:
        return kept[1]
    writer = _Writer(WireOptions(keep_secrets, keep_unknowns, keep_resources, keep_outputs))
    struct = Struct()
    writer.put_fields(struct.fields, values)
    if writer.plain and writer.maps >= _WORTH_KEEPING_MAPS:
        _keep(values, struct)
    return struct


def to_proto(value: Value, options: WireOptions | None = None) -> ProtoValue:
    """One value as a protobuf Value; None if the options leave it out."""
    from google.protobuf.struct_pb2 import Value as ProtoValue

    message = ProtoValue()
    plain = _wire(value, options or _PLAIN)
    _Writer(_PLAIN).fill(message, None if plain is _LEFT_OUT else plain)
    return message


class _LeftOut:
    """What the reader cannot understand and does not get."""


_LEFT_OUT = _LeftOut()
_PLAIN = WireOptions()


# Messages of large plain maps, by the map's identity: a resource's old outputs are sent to its provider (read, diff) and to the
# program, the same object each time, for a property map is never changed once a resource has it.
_kept: dict[int, tuple[Mapping[str, Value], Struct]] = {}
_WORTH_KEEPING_MAPS = 16
_KEPT_MESSAGES = 512


def is_message_of(message: Struct, values: Mapping[str, Value]) -> bool:
    """Whether a message is the one that was kept for these values; False too if none was."""
    kept = _kept.get(id(values))
    return kept is not None and kept[0] is values and kept[1] == message


def _keep(values: Mapping[str, Value], struct: Struct) -> None:
    if len(_kept) >= _KEPT_MESSAGES:
        del _kept[next(iter(_kept))]
    _kept[id(values)] = (values, struct)


class _Writer:
    """Fills messages; the commonest kinds first, for a state's outputs are thousands of texts.

    `maps` counts the maps written, and `plain` says that each value means the same to every reader, whatever the options.
    """

    def __init__(self, options: WireOptions) -> None:
        self._options = options
        self.maps = 0
        self.plain = True

    def put_fields(self, fields: Any, values: Mapping[str, Value]) -> None:
        """Fill the fields of a Struct."""
        self.maps += 1
        for key in sorted(values):
            value = values[key]
            kind = type(value)
            if kind is str:
                fields[key].string_value = value
            elif kind is dict:
                message = fields[key].struct_value
                message.SetInParent()
                self.put_fields(message.fields, value)
            elif kind is list:
                self.put_items(fields[key].list_value, value)
            elif (plain := self._read(value)) is not _LEFT_OUT:
                self.fill(fields[key], plain)

    def put_items(self, message: Any, values: list[Value]) -> None:
        """Fill a ListValue."""
        message.SetInParent()
        add = message.values.add
        for value in values:
            kind = type(value)
            if kind is str:
                add().string_value = value
            elif kind is dict:
                inner = add().struct_value
                inner.SetInParent()
                self.put_fields(inner.fields, value)
            elif kind is list:
                self.put_items(add().list_value, value)
            elif (plain := self._read(value)) is not _LEFT_OUT:
                self.fill(add(), plain)

    def fill(self, message: ProtoValue, value: Value) -> None:
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
            self.put_items(message.list_value, value)
        else:
            message.struct_value.SetInParent()
            self.put_fields(message.struct_value.fields, value)

    def _read(self, value: Value) -> Value:
        if type(value) in _WIRE_FORMS:
            self.plain = False
        return _wire(value, self._options)


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
