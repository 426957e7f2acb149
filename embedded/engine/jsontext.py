"""JSON text as Go's encoder writes it with its HTML escapes, where the official CLI leaves them on."""

from __future__ import annotations

from typing import Any

from embedded.engine import values

_ESCAPES = str.maketrans({"<": "\\u003c", ">": "\\u003e", "&": "\\u0026", "\u2028": "\\u2028", "\u2029": "\\u2029"})


def escaped_dumps(value: Any, indent: int | None = None, sort_keys: bool = True) -> str:
    """The JSON text with `<`, `>` and `&` as escapes; keys sorted, as Go sorts a map's."""
    return values.dumps(value, indent=indent, sort_keys=sort_keys).translate(_ESCAPES)
