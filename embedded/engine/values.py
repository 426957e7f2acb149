"""Property values: all that the engine needs of them, and their form in the state.

The classes and walks are those of `property_types`, the wire forms those of `property_wire`.

Source: pkg/resource/stack (deployment.go) of Pulumi 3.260.0.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from embedded.engine.assets import Archive, Asset
from embedded.engine.errors import EngineError
from embedded.engine.property_types import (
    ASSET_SIGNATURE,
    SECRET_SIGNATURE,
    SIGNATURE,
    UNKNOWN,
    UNKNOWN_TEXT,
    OutputValue,
    Properties,
    ResourceReference,
    SealedSecret,
    Secret,
    Unknown,
    Value,
    as_secret,
    contains_secrets,
    contains_unknowns,
    decode_special,
    downgrade_output,
    downgrade_outputs,
    encode_archive,
    encode_asset,
    encode_bytes,
    encode_resource,
    equal,
    number,
    output_dependencies,
    walk,
    without_secrets,
)
from embedded.engine.property_wire import (
    WireOptions,
    from_proto,
    from_struct,
    is_message_of,
    to_proto,
    to_struct,
)

_SMALL_FLOAT = re.compile(r"\de-")


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
    kind = type(value)
    if kind is str:
        return UNKNOWN if value == UNKNOWN_TEXT else value
    if kind is list:
        return [from_json(item, decrypt) for item in value]
    if kind is bool or value is None:
        return value
    if kind is int or kind is float:
        return number(value)
    if value.get(SIGNATURE) == SECRET_SIGNATURE:
        return _secret_from_json(value, decrypt)
    fields = {key: from_json(item, decrypt) for key, item in value.items()}
    return decode_special(fields) if SIGNATURE in fields else fields


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


_JSON_FORMS: dict[type, Callable[[Any], Any]] = {
    Unknown: lambda value: UNKNOWN_TEXT,  # noqa: ARG005
    Asset: encode_asset,
    Archive: encode_archive,
    bytes: encode_bytes,
    ResourceReference: encode_resource,
    SealedSecret: lambda value: {SIGNATURE: SECRET_SIGNATURE, "ciphertext": value.ciphertext},
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


__all__ = [
    "ASSET_SIGNATURE",
    "SECRET_SIGNATURE",
    "SIGNATURE",
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
    "is_message_of",
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
