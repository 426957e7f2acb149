"""Property values as plain Python: the classes of special ones, their plain forms, and walks over any.

A value is None, bool, int or float, str, bytes (a string that is no UTF-8), list, dict, or one of the classes below.
Every number is a float64 to Pulumi: an integral one below 1e21 is kept as int, so that it prints as Go prints it.

Source: sdk/go/common/resource (properties.go) of Pulumi 3.260.0.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from embedded.engine.assets import Archive, Asset
from embedded.engine.errors import EngineError

SIGNATURE = "4dabf18193072939515e22adb298388d"
SECRET_SIGNATURE = "1b47061264138c4ac30d75fd1eb44270"
ASSET_SIGNATURE = "c44067f5952c0a294b673a41bacd8c17"
ARCHIVE_SIGNATURE = "0def7320c3a5731c473e5ecbe6d01bc7"
RESOURCE_SIGNATURE = "5cf8f73096256a8f31e491e813e4eb8e"
OUTPUT_SIGNATURE = "d0e6a833031e9bbcd3f4e8bde6ca49a4"
BYTES_SIGNATURE = "803fd3297a5875dc03ca845dda5d2a98"
UNKNOWN_TEXT = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
UNKNOWN_TEXTS = frozenset(
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


class Unknown:
    """A value that is known only after the deployment."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "UNKNOWN"

    def __copy__(self) -> Unknown:
        return self

    def __deepcopy__(self, memo: object) -> Unknown:
        return self

    def __reduce__(self) -> str:
        return "UNKNOWN"


UNKNOWN = Unknown()
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


def number(value: float) -> int | float:
    """A float64 as int if it is integral and Go prints it without an exponent, else as float."""
    if isinstance(value, int):
        if -_LARGEST_EXACT_INTEGER <= value <= _LARGEST_EXACT_INTEGER:
            return value
        value = float(value)
    if not value.is_integer() or abs(value) >= _LARGEST_PLAIN_NUMBER:
        return value
    return int(value) if abs(value) <= _LARGEST_EXACT_INTEGER else int(Decimal(repr(value)))


def encode_asset(value: Asset) -> dict[str, Any]:
    """An asset as the plain object that stands for it."""
    fields = {SIGNATURE: ASSET_SIGNATURE, "hash": value.hash, "text": value.text, "path": value.path, "uri": value.uri}
    return {key: item for key, item in fields.items() if item is not None}


def encode_archive(value: Archive) -> dict[str, Any]:
    """An archive as the plain object that stands for it."""
    assets = None
    if value.assets is not None:
        assets = {
            name: encode_asset(member) if isinstance(member, Asset) else encode_archive(member)
            for name, member in sorted(value.assets.items())
        }
    fields = {SIGNATURE: ARCHIVE_SIGNATURE, "hash": value.hash, "assets": assets, "path": value.path, "uri": value.uri}
    return {key: item for key, item in fields.items() if item is not None}


def encode_bytes(value: bytes) -> dict[str, Any]:
    """A byte string as the plain object that stands for it."""
    return {SIGNATURE: BYTES_SIGNATURE, "base64": base64.b64encode(value).decode()}


def encode_resource(value: ResourceReference) -> dict[str, Any]:
    """A resource reference as the plain object that stands for it in the state."""
    fields = {SIGNATURE: RESOURCE_SIGNATURE, "urn": value.urn}
    if value.id is not None:
        fields["id"] = UNKNOWN_TEXT if value.id is UNKNOWN else value.id
    if value.package_version:
        fields["packageVersion"] = value.package_version
    return fields


def decode_special(fields: dict[str, Value]) -> Value:
    """The value that an object with a signature stands for.

    Raises:
        EngineError: The signature is not known.
    """
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
    kind = type(value)
    if kind is str:
        return False
    if kind is dict:
        return any(type(item) is not str and contains_secrets(item) for item in value.values())
    if kind is list:
        return any(type(item) is not str and contains_secrets(item) for item in value)
    if isinstance(value, OutputValue):
        return value.secret or contains_secrets(value.value)
    return isinstance(value, Secret | SealedSecret)


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
    if left is right:
        return True
    kind = type(left)
    if kind is not type(right):
        return {kind, type(right)} == {int, float} and left == right
    if kind is dict:
        return left.keys() == right.keys() and all(_same(item, right[key]) for key, item in left.items())
    if kind is list:
        return len(left) == len(right) and all(map(_same, left, right))
    if kind is Secret:
        return equal(left.value, right.value)
    if kind in (Asset, Archive) and left.hash and right.hash:
        return left.hash == right.hash
    return left == right


def _same(left: Value, right: Value) -> bool:
    # Texts first: a refresh compares thousands of them.
    return left == right if type(left) is str is type(right) else equal(left, right)


def map_assets(value: Value, change: Callable[[Asset | Archive], Asset | Archive]) -> Value:
    """The value with each asset and archive in it changed."""
    if isinstance(value, Asset | Archive):
        return change(value)
    if isinstance(value, list):
        return [map_assets(item, change) for item in value]
    if isinstance(value, dict):
        return {key: map_assets(item, change) for key, item in value.items()}
    if isinstance(value, Secret):
        return Secret(map_assets(value.value, change))
    if isinstance(value, OutputValue):
        return OutputValue(map_assets(value.value, change), value.known, value.secret, value.dependencies)
    return value
