"""The difference between two property values, or the one that a provider's detailed diff describes.

Source: sdk/go/common/resource/property_diff.go and pkg/engine/detailedDiff.go of Pulumi.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from embedded.engine import values
from embedded.engine.config import PathPart, get_path, parse_path
from embedded.engine.errors import EngineError
from embedded.engine.events import PropertyDiff, StepMetadata
from embedded.engine.values import UNKNOWN, OutputValue, Properties, Secret, Value

_MISSING: Any = object()
Ignore = Callable[[str], bool]


@dataclass
class ObjectDiff:
    """What was added, deleted, kept and updated, by key (of a map) or index (of a list)."""

    adds: dict[Any, Value] = field(default_factory=dict)
    deletes: dict[Any, Value] = field(default_factory=dict)
    sames: dict[Any, Value] = field(default_factory=dict)
    updates: dict[Any, ValueDiff] = field(default_factory=dict)

    def all_keys(self) -> list[Any]:
        """All keys, sorted."""
        return sorted({*self.adds, *self.deletes, *self.sames, *self.updates})

    def any_changes(self) -> bool:
        """Whether anything differs."""
        return bool(self.adds or self.deletes or self.updates)


@dataclass
class ValueDiff:
    """A changed value; `array` or `object` says where, if both are lists or maps."""

    old: Value
    new: Value
    array: ObjectDiff | None = None
    object: ObjectDiff | None = None


def is_internal_property(key: str) -> bool:
    """Whether a property is the engine's own, never shown."""
    return key.startswith("__")


def has_value(value: Value) -> bool:
    """Whether a value means anything: neither null nor an output not known yet."""
    return value.known if isinstance(value, OutputValue) else value is not None


def diff_objects(old: Properties, new: Properties, ignore: Ignore = is_internal_property) -> ObjectDiff | None:
    """The difference between two maps of properties; None if there is none."""
    diff = ObjectDiff()
    for key, value in new.items():
        if ignore(key):
            continue
        if key not in old:
            if has_value(value):
                diff.adds[key] = value
            continue
        changed = None if isinstance(value, OutputValue) else diff_values(old[key], value)
        if changed is None:
            diff.sames[key] = old[key]
        elif not has_value(old[key]):
            diff.adds[key] = value
        elif not has_value(value):
            diff.deletes[key] = old[key]
        else:
            diff.updates[key] = changed
    diff.deletes |= {key: old[key] for key in old if key not in new and has_value(old[key]) and not ignore(key)}
    return diff if diff.any_changes() else None


def diff_values(old: Value, new: Value) -> ValueDiff | None:
    """The difference between two values; None if there is none."""
    if isinstance(old, list) and isinstance(new, list):
        array = _diff_lists(old, new)
        return ValueDiff(old, new, array=array) if array else None
    if isinstance(old, dict) and isinstance(new, dict):
        inner = diff_objects(old, new)
        return ValueDiff(old, new, object=inner) if inner else None
    return None if values.equal(old, new) else ValueDiff(old, new)


def _diff_lists(old: list[Value], new: list[Value]) -> ObjectDiff | None:
    diff = ObjectDiff()
    shared = min(len(old), len(new))
    for index in range(shared):
        changed = diff_values(old[index], new[index])
        if changed is None:
            diff.sames[index] = old[index]
        else:
            diff.updates[index] = changed
    diff.adds = {index: new[index] for index in range(shared, len(new))}
    diff.deletes = {index: old[index] for index in range(shared, len(old))}
    return diff if diff.any_changes() else None


# --- hidden paths ----------------------------------------------------------------------------------------------------


def path_of(text: str) -> list[PathPart]:
    """A property path; text that is none stands for a key of that name."""
    parts: list[PathPart] = []
    for part in re.split(r"(\[\*\])", text):
        if part == "[*]":
            parts.append("*")
            continue
        try:
            parts.extend(parse_path(part.lstrip(".") if parts else part))
        except EngineError:
            return [text]
    return parts


def contains(outer: list[PathPart], inner: list[PathPart]) -> bool:
    """Whether the second path is the first, or leads on from it; `*` stands for any part."""
    if len(outer) > len(inner):
        return False
    return all(a in (b, "*") for a, b in zip(outer, inner, strict=False))


def hidden_paths(step: StepMetadata) -> list[str]:
    """The paths whose differences the resource wants hidden."""
    resource = step.new or step.old
    return list(resource.hide_diff) if resource else []


def take_hidden(old: Properties, new: Properties, hidden: list[str]) -> tuple[Properties, Properties, list[str]]:
    """Both maps with the new values at hidden paths made equal to the old ones, and the paths where they differed."""
    found = []
    for text in hidden:
        path = path_of(text)
        before, after = _at(old, path), _at(new, path)
        if not values.equal(_plain(before), _plain(after)):
            found.append(text)
            new = _with(new, path, before)
    return old, new, sorted(set(found))


def _plain(value: Any) -> Value:
    return None if value is _MISSING else value


def _at(value: Any, path: list[PathPart]) -> Any:
    found, exists = get_path(value, path)
    return found if exists else _MISSING


def _with(value: Any, path: list[PathPart], item: Any) -> Any:
    if not path:
        return item
    part, rest = path[0], path[1:]
    if isinstance(value, dict) and isinstance(part, str):
        result = dict(value)
        inner = _with(value.get(part, {} if rest else None), rest, item)
        if inner is _MISSING:
            result.pop(part, None)
        else:
            result[part] = inner
        return result
    if isinstance(value, list) and isinstance(part, int) and part < len(value):
        return [_with(old, rest, item) if index == part else old for index, old in enumerate(value)]
    return value


# --- a provider's detailed diff --------------------------------------------------------------------------------------


def translate_detailed_diff(step: StepMetadata, refresh: bool) -> tuple[ObjectDiff | None, list[str]]:
    """The difference that a provider's detailed diff describes, and the hidden paths that it touches.

    Old values come from the old outputs (or inputs), new ones from the new inputs (or, in a refresh, outputs).
    """
    detailed: Mapping[str, PropertyDiff] = step.detailed_diff or {}
    hidden = [(text, path_of(text)) for text in hidden_paths(step)]
    found: list[str] = []
    root = ValueDiff(None, None)
    for text, change in sorted(detailed.items()):
        path = path_of(text)
        hiding = next((name for name, outer in hidden if contains(outer, path)), None)
        if hiding is not None:
            found.append(hiding)
            continue
        old = (step.old.inputs if change.input_diff else step.old.outputs) if step.old else {}
        new = {}
        if step.new:
            new = step.new.outputs if refresh and not change.input_diff else step.new.inputs
        _add(root, path, change.kind, old, new)
    return root.object, sorted(set(found))


def _add(parent: ValueDiff, path: list[PathPart], kind: str, old_parent: Any, new_parent: Any) -> None:
    element = path[0]
    old, new = _child(element, old_parent), _child(element, new_parent)
    if isinstance(element, int):
        holder = parent.array = parent.array or ObjectDiff()
    else:
        holder = parent.object = parent.object or ObjectDiff()
    if len(path) == 1:
        _add_leaf(holder, element, kind, old, new)
    elif _plain(old) is None and _plain(new) is not None:
        holder.adds[element] = new
    elif _plain(old) is not None and _plain(new) is None:
        holder.deletes[element] = old
    else:
        inner = holder.updates.setdefault(element, ValueDiff(None, None))
        _add(inner, path[1:], kind, old, new)


def _add_leaf(holder: ObjectDiff, element: PathPart, kind: str, old: Any, new: Any) -> None:
    if kind.startswith("add"):
        holder.adds[element] = UNKNOWN if new is _MISSING else new
    elif kind.startswith("delete"):
        holder.deletes[element] = UNKNOWN if old is _MISSING else old
    else:
        old, new = _plain(old), _plain(new)
        holder.updates[element] = diff_values(old, new) or ValueDiff(old, new)


def _child(element: PathPart, value: Any) -> Any:
    if isinstance(value, Secret | values.SealedSecret | OutputValue) or value is UNKNOWN:
        return value
    return _at(value, [element])
