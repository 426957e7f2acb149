"""Property values as plain Python, and their forms on the wire and in the state.

A value is None, bool, int or float, str, bytes (a string that is no UTF-8), list, dict, or one of the classes below.
Every number is a float64 to Pulumi: an integral one below 1e21 is kept as int, so that it prints as Go prints it.

Source: sdk/go/common/resource (properties.go, plugin/rpc.go) and pkg/resource/stack (deployment.go) of Pulumi 3.260.0.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from embedded.engine.assets import Archive, Asset, with_hash
from embedded.engine.errors import EngineError

if TYPE_CHECKING:
    from google.protobuf.struct_pb2 import Struct
    from google.protobuf.struct_pb2 import Value as ProtoValue

SIGNATURE = "4dabf18193072939515e22adb298388d"
SECRET_SIGNATURE = "1b47061264138c4ac30d75fd1eb44270"
ASSET_SIGNATURE = "c44067f5952c0a294b673a41bacd8c17"
ARCHIVE_SIGNATURE = "0def7320c3a5731c473e5ecbe6d01bc7"
RESOURCE_SIGNATURE = "5cf8f73096256a8f31e491e813e4eb8e"
OUTPUT_SIGNATURE = "d0e6a833031e9bbcd3f4e8bde6ca49a4"
BYTES_SIGNATURE = "803fd3297a5875dc03ca845dda5d2a98"
UNKNOWN_TEXT = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
_UNKNOWN_TEXTS = frozenset(
    {
        UNKNOWN_TEXT,
        "1c4a061d-8072-4f0a-a4cb-0ff528b18fe7",  # bool
        "3eeb2bf0-c639-47a8-9e75-3b44932eb421",  # number
        "6a19a0b0-7e62-4c92-b797-7f8e31da9cc2",  # array
        "030794c1-ac77-496b-92df-f27374a8bd58",  # asset
        "e48ece36-62e2-4504-bad9-02848725956a",  # archive
        "dd056dcd-154b-4c76-9bd3-c8f88648b5ff",  # object
    }
)
_LARGEST_EXACT_INTEGER = 2**53
_LARGEST_PLAIN_NUMBER = 1e21
_SMALL_FLOAT = re.compile(r"\de-")


class _Unknown:
    """A value that is known only after the deployment."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "UNKNOWN"

    def __copy__(self) -> _Unknown:
        return self

    def __deepcopy__(self, memo: object) -> _Unknown:
        return self

    def __reduce__(self) -> str:
        return "UNKNOWN"


UNKNOWN = _Unknown()
"""The one unknown value: compare with `is`."""

Value = Any
"""A property value, as the module's text says."""
Properties = dict[str, Any]
"""Property values by name."""


@dataclass(frozen=True, slots=True)
class Secret:
    """A value that is never shown and is encrypted in the state."""

    value: Value

    def __repr__(self) -> str:
        return "Secret([secret])"


@dataclass(frozen=True, slots=True)
class SealedSecret:
    """A secret of the state that was not decrypted: it can be moved and written back, never read."""

    ciphertext: str

    def __repr__(self) -> str:
        return "SealedSecret([secret])"


@dataclass(frozen=True, slots=True)
class OutputValue:
    """An output as the SDKs send it; `value` counts only if known."""

    value: Value = None
    known: bool = True
    secret: bool = False
    dependencies: tuple[str, ...] = ()

    def __repr__(self) -> str:
        value = "[secret]" if self.secret else repr(self.value)
        return f"OutputValue({value}, known={self.known}, dependencies={self.dependencies})"


@dataclass(frozen=True, slots=True)
class ResourceReference:
    """A reference to a resource; `id` is None for a component, UNKNOWN while it is not made."""

    urn: str
    id: Value = None
    package_version: str = ""


@dataclass(frozen=True)
class WireOptions:
    """What the reader of a message understands; what it does not is replaced by the plain value or left out."""

    keep_secrets: bool = True
    keep_unknowns: bool = True
    keep_resources: bool = True
    keep_outputs: bool = False


def number(value: float) -> int | float:
    """A float64 as int if it is integral and Go prints it without an exponent, else as float."""
    if isinstance(value, int):
        if -_LARGEST_EXACT_INTEGER <= value <= _LARGEST_EXACT_INTEGER:
            return value
        value = float(value)
    if not value.is_integer() or abs(value) >= _LARGEST_PLAIN_NUMBER:
        return value
    return int(value) if abs(value) <= _LARGEST_EXACT_INTEGER else int(Decimal(repr(value)))


# --- gRPC ------------------------------------------------------------------------------------------------------------


def from_struct(struct: Struct, root: str = "", hashes: bool = False) -> Properties:
    """The values of a message; with `hashes` those of assets are computed, relative paths taken from `root`."""
    result = {key: from_proto(value) for key, value in struct.fields.items()}
    return _map_assets(result, lambda asset: with_hash(asset, root)) if hashes else result


def from_proto(value: ProtoValue) -> Value:
    """The value of a protobuf Value."""
    kind = value.WhichOneof("kind")
    if kind == "string_value":
        text = value.string_value
        return UNKNOWN if text in _UNKNOWN_TEXTS else text
    if kind == "number_value":
        return number(value.number_value)
    if kind == "bool_value":
        return value.bool_value
    if kind == "list_value":
        return [from_proto(item) for item in value.list_value.values]
    if kind == "struct_value":
        fields = {key: from_proto(item) for key, item in value.struct_value.fields.items()}
        return _decode_special(fields) if SIGNATURE in fields else fields
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
    for key in sorted(values):
        plain = _wire(values[key], options)
        if plain is not _LEFT_OUT:
            _fill(struct.fields[key], plain)
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


def _fill(message: ProtoValue, value: Value) -> None:
    if isinstance(value, str):
        message.string_value = value
    elif value is None:
        message.null_value = 0  # type: ignore[assignment]
    elif isinstance(value, bool):
        message.bool_value = value
    elif isinstance(value, int | float):
        message.number_value = value
    elif isinstance(value, list):
        message.list_value.SetInParent()
        add = message.list_value.values.add
        for item in value:
            _fill(add(), item)
    else:
        message.struct_value.SetInParent()
        fields = message.struct_value.fields
        for key, item in value.items():
            _fill(fields[key], item)


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
    _Unknown: lambda value, options: UNKNOWN_TEXT if options.keep_unknowns else _LEFT_OUT,  # noqa: ARG005
    Secret: _wire_secret,
    OutputValue: _wire_output,
    ResourceReference: _wire_resource,
    Asset: lambda value, options: _encode_asset(value),  # noqa: ARG005
    Archive: lambda value, options: _encode_archive(value),  # noqa: ARG005
    bytes: lambda value, options: _encode_bytes(value),  # noqa: ARG005
}


# --- the state -------------------------------------------------------------------------------------------------------


def to_json(value: Value, encrypt: Callable[[str], str] | None, show_secrets: bool = False) -> Any:
    """The value as the state holds it.

    Args:
        value: Any value; an output value is written as what it stands for.
        encrypt: Turns the JSON text of a secret to ciphertext; None to have each secret as `[secret]`.
        show_secrets: Write secrets as `plaintext`, as `stack export --show-secrets` does.
    """
    if isinstance(value, list):
        return [to_json(item, encrypt, show_secrets) for item in value]
    if isinstance(value, dict):
        return {key: to_json(item, encrypt, show_secrets) for key, item in sorted(value.items())}
    if isinstance(value, Secret):
        return _secret_to_json(value, encrypt, show_secrets)
    if isinstance(value, OutputValue):
        return to_json(downgrade_output(value), encrypt, show_secrets)
    encode = _JSON_FORMS.get(type(value))
    return encode(value) if encode else value


def properties_to_json(
    values: Mapping[str, Value], encrypt: Callable[[str], str] | None, show_secrets: bool = False
) -> dict[str, Any]:
    """`to_json` of each property, sorted by name."""
    return {key: to_json(values[key], encrypt, show_secrets) for key in sorted(values)}


def from_json(value: Any, decrypt: Callable[[str], str] | None) -> Value:
    """The value that the state holds.

    Args:
        value: Parsed JSON.
        decrypt: Turns the ciphertext of a secret to its JSON text; None leaves secrets sealed.
    """
    if isinstance(value, str):
        return UNKNOWN if value == UNKNOWN_TEXT else value
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, int | float):
        return number(value)
    if isinstance(value, list):
        return [from_json(item, decrypt) for item in value]
    if value.get(SIGNATURE) == SECRET_SIGNATURE:
        return _secret_from_json(value, decrypt)
    fields = {key: from_json(item, decrypt) for key, item in value.items()}
    return _decode_special(fields) if SIGNATURE in fields else fields


def properties_from_json(values: Mapping[str, Any], decrypt: Callable[[str], str] | None) -> Properties:
    """`from_json` of each property."""
    return {key: from_json(value, decrypt) for key, value in values.items()}


def _secret_from_json(value: Mapping[str, Any], decrypt: Callable[[str], str] | None) -> Secret | SealedSecret:
    text = value.get("plaintext")
    if text is None:
        if "ciphertext" not in value:
            raise EngineError("malformed secret in the state: neither ciphertext nor plaintext")
        if decrypt is None:
            return SealedSecret(value["ciphertext"])
        text = decrypt(value["ciphertext"])
    return Secret(from_json(json.loads(text), decrypt))


def _secret_to_json(value: Secret, encrypt: Callable[[str], str] | None, show_secrets: bool) -> dict[str, Any]:
    if not show_secrets and encrypt is None:
        return {SIGNATURE: SECRET_SIGNATURE, "ciphertext": "[secret]"}
    text = dumps(to_json(value.value, encrypt, show_secrets))
    if show_secrets:
        return {SIGNATURE: SECRET_SIGNATURE, "plaintext": text}
    assert encrypt is not None
    return {SIGNATURE: SECRET_SIGNATURE, "ciphertext": encrypt(text)}


def _encode_asset(value: Asset) -> dict[str, Any]:
    fields = {SIGNATURE: ASSET_SIGNATURE, "hash": value.hash, "text": value.text, "path": value.path, "uri": value.uri}
    return {key: item for key, item in fields.items() if item is not None}


def _encode_archive(value: Archive) -> dict[str, Any]:
    assets = None
    if value.assets is not None:
        assets = {
            name: _encode_asset(member) if isinstance(member, Asset) else _encode_archive(member)
            for name, member in sorted(value.assets.items())
        }
    fields = {SIGNATURE: ARCHIVE_SIGNATURE, "hash": value.hash, "assets": assets, "path": value.path, "uri": value.uri}
    return {key: item for key, item in fields.items() if item is not None}


def _encode_bytes(value: bytes) -> dict[str, Any]:
    return {SIGNATURE: BYTES_SIGNATURE, "base64": base64.b64encode(value).decode()}


def _encode_resource(value: ResourceReference) -> dict[str, Any]:
    fields = {SIGNATURE: RESOURCE_SIGNATURE, "urn": value.urn}
    if value.id is not None:
        fields["id"] = UNKNOWN_TEXT if value.id is UNKNOWN else value.id
    if value.package_version:
        fields["packageVersion"] = value.package_version
    return fields


_JSON_FORMS: dict[type, Callable[[Any], Any]] = {
    _Unknown: lambda value: UNKNOWN_TEXT,  # noqa: ARG005
    Asset: _encode_asset,
    Archive: _encode_archive,
    bytes: _encode_bytes,
    ResourceReference: _encode_resource,
    SealedSecret: lambda value: {SIGNATURE: SECRET_SIGNATURE, "ciphertext": value.ciphertext},
}


def _decode_special(fields: dict[str, Value]) -> Value:
    signature = fields[SIGNATURE]
    decode = _SPECIAL_FORMS.get(signature) if isinstance(signature, str) else None
    if decode is None:
        raise EngineError(f"unrecognized signature {signature!r} in a property value")
    return decode(fields)


def _decode_output(fields: dict[str, Value]) -> OutputValue:
    known = "value" in fields
    dependencies = tuple(fields.get("dependencies") or ())
    return OutputValue(fields.get("value"), known, bool(fields.get("secret")), dependencies)


def _decode_resource(fields: dict[str, Value]) -> ResourceReference:
    id_ = fields.get("id")
    return ResourceReference(fields["urn"], UNKNOWN if id_ == "" else id_, fields.get("packageVersion") or "")


def _decode_asset(fields: dict[str, Value]) -> Asset:
    return Asset(fields.get("hash") or "", fields.get("text"), fields.get("path"), fields.get("uri"))


def _decode_archive(fields: dict[str, Value]) -> Archive:
    return Archive(fields.get("hash") or "", fields.get("assets"), fields.get("path"), fields.get("uri"))


_SPECIAL_FORMS: dict[str, Callable[[dict[str, Value]], Value]] = {
    SECRET_SIGNATURE: lambda fields: Secret(fields.get("value")),
    OUTPUT_SIGNATURE: _decode_output,
    RESOURCE_SIGNATURE: _decode_resource,
    ASSET_SIGNATURE: _decode_asset,
    ARCHIVE_SIGNATURE: _decode_archive,
    BYTES_SIGNATURE: lambda fields: base64.b64decode(fields["base64"]),
}


def dumps(value: Any, indent: int | None = None, sort_keys: bool = False) -> str:
    """JSON text as Go writes it: compact unless indented, no escapes of `<&>` and é, numbers in Go's form."""
    separators = (",", ":") if indent is None else (",", ": ")
    options = {"ensure_ascii": False, "separators": separators, "indent": indent, "sort_keys": sort_keys}
    text = json.dumps(value, **options)
    if not _SMALL_FLOAT.search(text):
        return text
    # The C encoder always prints floats with Python's repr: small ones are put in as marked strings and bared after.
    text = json.dumps(_mark_small_floats(value), **options)
    return re.sub(r'"\\u0000([^"]*)\\u0000"', r"\1", text)


def _mark_small_floats(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _mark_small_floats(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_mark_small_floats(item) for item in value]
    if isinstance(value, float) and 0 < abs(value) < 1e-4:
        return f"\0{format_number(value)}\0"
    return value


def format_number(value: float) -> str:
    """A number as Go's JSON encoder prints a float64: `1`, `0.00001`, `1e-7`, `1e+21`."""
    value = number(value)
    if isinstance(value, float) and 1e-6 <= abs(value) < 1e-4:
        return format(Decimal(repr(value)), "f")
    return re.sub(r"e-0(\d)$", r"e-\1", repr(value))


# --- walks -----------------------------------------------------------------------------------------------------------


def walk(value: Value) -> Iterable[Value]:
    """The value and all that is inside it, in secrets and outputs too."""
    stack = [value]
    while stack:
        item = stack.pop()
        yield item
        if isinstance(item, list):
            stack.extend(item)
        elif isinstance(item, dict):
            stack.extend(item.values())
        elif isinstance(item, Secret | OutputValue):
            stack.append(item.value)


def contains_unknowns(value: Value) -> bool:
    """Whether the value, or anything in it, is unknown."""
    return any(
        item is UNKNOWN
        or (isinstance(item, OutputValue) and not item.known)
        or (isinstance(item, ResourceReference) and item.id is UNKNOWN)
        for item in walk(value)
    )


def contains_secrets(value: Value) -> bool:
    """Whether the value is secret, or holds one."""
    return any(
        isinstance(item, Secret | SealedSecret) or (isinstance(item, OutputValue) and item.secret)
        for item in walk(value)
    )


def without_secrets(value: Value) -> Value:
    """The plain value: each secret replaced by what it hides."""
    if isinstance(value, Secret):
        return without_secrets(value.value)
    if isinstance(value, OutputValue):
        return without_secrets(value.value) if value.known else UNKNOWN
    if isinstance(value, list):
        return [without_secrets(item) for item in value]
    if isinstance(value, dict):
        return {key: without_secrets(item) for key, item in value.items()}
    return value


def as_secret(value: Value) -> Secret:
    """The value as a secret; one that is already stays as it is."""
    return value if isinstance(value, Secret) else Secret(value)


def downgrade_output(value: OutputValue) -> Value:
    """What an output value means to a reader without outputs: unknown, or its value; secret if it was."""
    plain = downgrade_outputs(value.value) if value.known else UNKNOWN
    return as_secret(plain) if value.secret else plain


def downgrade_outputs(value: Value) -> Value:
    """The value with each output value in it downgraded."""
    if isinstance(value, OutputValue):
        return downgrade_output(value)
    if isinstance(value, list):
        return [downgrade_outputs(item) for item in value]
    if isinstance(value, dict):
        return {key: downgrade_outputs(item) for key, item in value.items()}
    if isinstance(value, Secret):
        return Secret(downgrade_outputs(value.value))
    return value


def output_dependencies(value: Value) -> set[str]:
    """The URNs on which the outputs inside a value depend, and those of the resources it refers to."""
    found: set[str] = set()
    for item in walk(value):
        if isinstance(item, OutputValue):
            found.update(item.dependencies)
    return found


def equal(left: Value, right: Value) -> bool:
    """Deep equality: secrets by what they hide, true is not 1, assets by hash, unknown equals nothing but itself."""
    if isinstance(left, Secret) or isinstance(right, Secret):
        return (
            equal(left.value if isinstance(left, Secret) else left, right.value if isinstance(right, Secret) else right)
            if isinstance(left, Secret) == isinstance(right, Secret)
            else False
        )
    if isinstance(left, bool) or isinstance(right, bool):
        return left is right
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(equal(item, right[key]) for key, item in left.items())
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(equal(a, b) for a, b in zip(left, right, strict=True))
    if isinstance(left, Asset | Archive) and type(left) is type(right) and left.hash and right.hash:
        return left.hash == right.hash
    return type(left) is type(right) and left == right if not _both_numbers(left, right) else left == right


def _both_numbers(left: Value, right: Value) -> bool:
    return isinstance(left, int | float) and isinstance(right, int | float)


def _map_assets(value: Value, change: Callable[[Asset | Archive], Asset | Archive]) -> Value:
    if isinstance(value, Asset | Archive):
        return change(value)
    if isinstance(value, list):
        return [_map_assets(item, change) for item in value]
    if isinstance(value, dict):
        return {key: _map_assets(item, change) for key, item in value.items()}
    if isinstance(value, Secret):
        return Secret(_map_assets(value.value, change))
    if isinstance(value, OutputValue):
        return OutputValue(_map_assets(value.value, change), value.known, value.secret, value.dependencies)
    return value


__all__ = [
    "UNKNOWN",
    "UNKNOWN_TEXT",
    "Archive",
    "Asset",
    "OutputValue",
    "Properties",
    "ResourceReference",
    "SealedSecret",
    "Secret",
    "Value",
    "WireOptions",
    "as_secret",
    "contains_secrets",
    "contains_unknowns",
    "downgrade_outputs",
    "dumps",
    "equal",
    "format_number",
    "from_json",
    "from_proto",
    "from_struct",
    "number",
    "output_dependencies",
    "properties_from_json",
    "properties_to_json",
    "to_json",
    "to_proto",
    "to_struct",
    "walk",
    "without_secrets",
]
