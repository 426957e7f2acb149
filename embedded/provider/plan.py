"""Tell what differs between a resource's state and the program's wish, and what the difference needs."""

import functools
import json
from collections.abc import Callable, Iterator
from typing import Any

from embedded.provider import datatypes, description, names
from embedded.provider.description import Property, Resource
from embedded.provider.kinds import columns
from embedded.provider.kinds.kind import Kind
from embedded.provider.operation import Change, Operation, is_unset
from embedded.provider.state import State
from embedded.provider.values import UNKNOWN, is_unknown

Path = tuple[str | int, ...]
_NOTHING = (None, "", [], {})


def _sets(normal: Callable[[Any], Any]) -> Callable[[Any, Any], bool]:
    return lambda old, new: _normals(old, normal) == _normals(new, normal)


def _normals(value: Any, normal: Callable[[Any], Any]) -> set[Any] | None:
    return {normal(item) for item in value} if isinstance(value, list) else None


def _parts(text: Any) -> Any:
    try:
        return names.parse(str(text))
    except ValueError:
        return text


# Rules that look at the old and the new value only.
_SAME: dict[str, Callable[[Any, Any], bool]] = {
    "identifier": names.same,
    "identifiers": _sets(_parts),
    "case": lambda old, new: str(old).casefold() == str(new).casefold(),
    "cases": _sets(lambda item: str(item).casefold()),
    "type": datatypes.same,
    "statement": lambda old, new: columns.squeeze(old) == columns.squeeze(new),
    "size": lambda old, new: columns.size(old) == columns.size(new),
    "quoting": lambda old, new: (
        str(old).replace('"', "").replace("'", "") == str(new).replace('"', "").replace("'", "")
    ),
    "created": lambda *_: True,
    "always": lambda *_: True,
}


class Planner:
    """Compares one resource's state with its wished inputs."""

    def __init__(self, kind: Kind, resource: Resource, old: State, new: State, old_inputs: State) -> None:
        self.kind = kind
        self.resource = resource
        self.old = old
        self.new = new
        self.old_inputs = old_inputs
        self.details: dict[Path, tuple[str, bool]] = {}
        self._own = own_parameters(old) if kind.parameters else None

    def changes(self) -> dict[str, Change]:
        """Return the changed properties by key; ``details`` then holds the paths and how each changed."""
        found: dict[str, Change] = {}
        parameters = self._parameters()
        for prop in self.resource.properties:
            if prop.output or (prop.key in parameters and self._is_inherited(prop)):
                continue
            old, new = self.old.get(prop.key), self.new.get(prop.key)
            if prop.key in parameters:
                differs = self._parameter_differs(prop, old, new)
                if differs:
                    self._note((prop.name,), old, new, replace=False)
            else:
                differs = self._differs(prop, old, new, (prop.name,), replace=prop.force_new)
            if differs:
                replace = any(path[0] == prop.name and kind[1] for path, kind in self.details.items())
                found[prop.key] = Change(prop.key, old, new, replace)
        return found

    # -- one property --------------------------------------------------------------------------------------------------

    def _differs(self, prop: Property, old: Any, new: Any, path: Path, *, replace: bool) -> bool:
        if new is UNKNOWN:
            self._note(path, old, new, replace=replace)
            return True
        if prop.default is not None:
            old, new = (prop.default if value is None else value for value in (old, new))
        if self._empty(prop, old) and self._empty(prop, new):
            return False
        if new is None and prop.computed:
            return False
        if self._suppressed(prop, old, new):
            return False
        if prop.properties and isinstance(new, dict) and isinstance(old, dict):
            return self._object_differs(prop, old, new, path, replace=replace)
        if isinstance(new, list) and isinstance(old, list) and new and old and prop.type in ("list", "set"):
            return self._items_differ(prop, old, new, path, replace=replace)
        if _same(old, new):
            return False
        self._note(path, old, new, replace=replace or _nested_force_new(prop, new))
        return True

    def _empty(self, prop: Property, value: Any) -> bool:
        return is_unset(prop, value) or (value in (False, 0) and not prop.default)

    def _object_differs(self, prop: Property, old: Any, new: Any, path: Path, *, replace: bool) -> bool:
        assert prop.properties is not None
        found = False
        for each in prop.properties:
            if each.output:
                continue
            before, after = old.get(each.key), new.get(each.key)
            found |= self._differs(each, before, after, (*path, each.name), replace=replace or each.force_new)
        return found

    def _items_differ(self, prop: Property, old: list[Any], new: list[Any], path: Path, *, replace: bool) -> bool:
        if prop.type == "set":
            return self._set_differs(old, new, path, replace=replace)
        found = False
        for index in range(max(len(old), len(new))):
            before = old[index] if index < len(old) else None
            after = new[index] if index < len(new) else None
            where = (*path, index)
            if isinstance(before, dict) and isinstance(after, dict) and prop.properties:
                found |= self._object_differs(prop, before, after, where, replace=replace)
            elif not _same(before, after) or (before is None) != (after is None):
                self._note(where, before, after, replace=replace)
                found = True
        return found

    def _set_differs(self, old: list[Any], new: list[Any], path: Path, *, replace: bool) -> bool:
        normal = _normal_item
        before, after = {normal(item): i for i, item in enumerate(old)}, {normal(item): i for i, item in enumerate(new)}
        for item, index in after.items():
            if item not in before:
                self._note((*path, index), None, new[index], replace=replace)
        for item, index in before.items():
            if item not in after:
                self._note((*path, index), old[index], None, replace=replace)
        return before.keys() != after.keys()

    def _suppressed(self, prop: Property, old: Any, new: Any) -> bool:
        for rule in prop.rules:
            if rule in ("show", "describe"):
                if self._is_shown(prop, new, rule):
                    return True
            elif rule == "empty" or rule == "using":
                if not new:
                    return True
            elif (old is not None and new is not None and _SAME[rule](old, new)) or rule in ("created", "always"):
                return True
        return False

    def _is_shown(self, prop: Property, new: Any, rule: str) -> bool:
        """Return whether the wished value is what the last SHOW (or DESCRIBE) said."""
        key, watched = ("show_output", self.kind.shown) if rule == "show" else ("describe_output", self.kind.described)
        if self.resource.properties.get(key) is None:
            return False
        output = self.old.get(key)
        if not output or not isinstance(output[0], dict):
            return False
        column, convert = watched.get(prop.key, (prop.key, None))
        if column not in output[0]:
            return False
        shown = convert(output[0][column]) if convert else output[0][column]
        if new is None:
            return shown in ("", 0, None, [])
        plain = [rule for rule in prop.rules if rule in _SAME]
        return _text(shown) == _text(new) or any(_SAME[rule](shown, new) for rule in plain)

    # -- Snowflake parameters ------------------------------------------------------------------------------------------

    def _parameters(self) -> frozenset[str]:
        return parameter_keys(self.kind.parameters.table) if self.kind.parameters else frozenset()

    def _parameter_differs(self, prop: Property, old: Any, new: Any) -> bool:
        """Compare a parameter: by value when wished; else it differs if it is set on the object itself."""
        if new is UNKNOWN:
            return True
        own = self._is_own(prop)
        if new is None:
            return own if own is not None else self.old_inputs.get(prop.key) is not None
        same = _text(old).casefold() == _text(new).casefold() or any(
            _SAME[rule](old, new) for rule in prop.rules if rule in _SAME
        )
        return not same or own is False

    def _is_inherited(self, prop: Property) -> bool:
        """Return whether a parameter is neither wished nor set on the object itself: the usual case."""
        return self._own is not None and prop.key not in self._own and not self.new.has(prop.key)

    def _is_own(self, prop: Property) -> bool | None:
        """Return whether the parameter is set on the object itself; None when the state does not tell."""
        assert self.kind.parameters is not None
        if self._own is not None:
            return prop.key in self._own
        if self.resource.properties.get("parameters") is None:
            return None
        output = self.old.get("parameters")
        if not output or not isinstance(output[0], dict):
            return None
        row = output[0].get(prop.key)
        return bool(row) and row[0].get("level") == self.kind.parameters.level

    def _note(self, path: Path, old: Any, new: Any, *, replace: bool) -> None:
        kind = "ADD" if old in _NOTHING else "DELETE" if new in _NOTHING else "UPDATE"
        self.details[path] = (kind, replace)


@functools.cache
def parameter_keys(table: str) -> frozenset[str]:
    """Return the keys of the properties that are Snowflake parameters."""
    return frozenset(key.lower() for key in description.parameters(table))


def own_parameters(state: State) -> list[str] | None:
    """Return the parameters set on the object itself, as noted in the private text of a state; None when not noted."""
    meta = state.meta()
    return json.loads(meta).get("own_parameters") if meta else None


def _normal_item(item: Any) -> Any:
    """Return a set's element as something that compares by what it means."""
    if isinstance(item, dict):
        kept = ((key, _normal_item(value)) for key, value in item.items() if value not in (None, "", [], False))
        return tuple(sorted(kept))
    if isinstance(item, list):
        return tuple(sorted(map(_normal_item, item), key=str))
    return _text(item)


def _nested_force_new(prop: Property, value: Any) -> bool:
    """Return whether an object that came or went holds a property that only a replacement changes."""
    if prop.properties is None or not isinstance(value, dict):
        return False
    return any(each.force_new and value.get(each.key) is not None for each in prop.properties)


def _text(value: Any) -> str:
    if isinstance(value, list):
        return str(sorted(map(_text, value)))
    return columns.text(value)


def _same(old: Any, new: Any) -> bool:
    if isinstance(old, (dict, list)) or isinstance(new, (dict, list)):
        return old == new
    return _text(old) == _text(new)


def replaced_keys(op: Operation) -> set[str]:
    """Return the changed properties that need a replacement."""
    keys = {change.key for change in op.changes.values() if change.replace}
    return keys | (op.kind.replace_when(op) if op.kind.replace_when else set())


def unknown_outputs(resource: Resource, changed: set[str]) -> Iterator[str]:
    """Yield the outputs whose value an update may change, so that a preview does not know it."""
    targets = {"ShowOutputAttributeName": "show_output", "ParametersAttributeName": "parameters"}
    targets |= {
        "DescribeOutputAttributeName": "describe_output",
        "FullyQualifiedNameAttributeName": "fully_qualified_name",
    }
    for keys in resource.computed_when:
        target = targets[keys[-1]]
        if resource.properties.get(target) and (not keys[:-1] or changed & set(keys[:-1])):
            yield target


__all__ = ["Planner", "is_unknown", "own_parameters", "replaced_keys", "unknown_outputs"]
