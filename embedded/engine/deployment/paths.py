"""Property paths: `root.nested`, `root["a.b"]`, `list[0]`, `*` for every element; and what they select.

Source: sdk/go/common/resource/property_path.go of Pulumi 3.260.0.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache

from embedded.engine.errors import EngineError
from embedded.engine.values import Secret, Value

Path = tuple[str | int, ...]
_PART = re.compile(
    r"""\[(?P<index>\d+)\]|\[\*\]|\[(?P<quoted>"(?:[^"\\]|\\.)*")\]|\.?(?P<name>[^.\[\]"]+)""",
)
_PLAIN_NAME = re.compile(r"[A-Za-z_$][\w$]*\Z")


@lru_cache(maxsize=4096)
def parse(text: str) -> Path:
    """The parts of a path.

    Raises:
        EngineError: The text is no path.
    """
    parts: list[str | int] = []
    position = 0
    while position < len(text):
        match = _PART.match(text, position)
        if match is None:
            raise EngineError(f"invalid property path {text!r} at {text[position:]!r}")
        if match["index"] is not None:
            parts.append(int(match["index"]))
        elif match["quoted"] is not None:
            parts.append(re.sub(r"\\(.)", r"\1", match["quoted"][1:-1]))
        else:
            parts.append(match["name"] if match["name"] is not None else "*")
        position = match.end()
    return tuple(parts)


def text_of(path: Sequence[str | int]) -> str:
    """The path as text: the way back from `parse`."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        elif _PLAIN_NAME.match(part):
            text += f".{part}" if text else part
        else:
            escaped = part.replace("\\", "\\\\").replace('"', '\\"')
            text += f'["{escaped}"]'
    return text


def contains(path: Path, other: Path) -> bool:
    """Whether `other` is at the path or below it; `*` matches any part."""
    if len(path) > len(other):
        return False
    return all(mine in ("*", theirs) for mine, theirs in zip(path, other, strict=False))


def reset(path: Path, old: Value, new: Value) -> bool:
    """Put the values at the path in `new` (changed in place) back to those of `old`.

    Returns False if an element on the way is missing, so that nothing can be put back. Lists never change their length.
    """
    old, new = _bare(old), _bare(new)
    part, rest = path[0], path[1:]
    if part == "*":
        return _reset_all(rest, old, new)
    if isinstance(part, int):
        if not (isinstance(new, list) and isinstance(old, list) and part < len(new) and part < len(old)):
            return False
        if not rest:
            new[part] = old[part]
            return True
        return reset(rest, old[part], new[part])
    if not isinstance(new, dict):
        return False
    return _reset_key(part, rest, old if isinstance(old, dict) else {}, new)


def _reset_key(key: str, rest: Path, old: dict[str, Value], new: dict[str, Value]) -> bool:
    if not rest:
        if key in old:
            new[key] = old[key]
        else:
            new.pop(key, None)
        return True
    if key not in new:
        return key not in old
    return reset(rest, old.get(key, {}), new[key])


def _reset_all(rest: Path, old: Value, new: Value) -> bool:
    if isinstance(new, list) and isinstance(old, list):
        indices = range(min(len(old), len(new)))
        return all([reset((index, *rest), old, new) for index in indices])  # noqa: C419 every one is put back
    if isinstance(new, dict) and isinstance(old, dict):
        return all([_reset_key(key, rest, old, new) for key in {*old, *new}])  # noqa: C419 likewise
    return not isinstance(old, list | dict) and not isinstance(new, list | dict)


def _bare(value: Value) -> Value:
    while isinstance(value, Secret):
        value = value.value
    return value
