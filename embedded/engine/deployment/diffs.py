"""Differences between two versions of a resource, and the options that bend them: ignoreChanges and replaceOnChanges.

Source: pkg/resource/deploy/step_generator.go and sdk/go/common/resource/properties_diff.go of Pulumi 3.260.0.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from embedded.engine.deployment import paths
from embedded.engine.errors import EngineError
from embedded.engine.plugins.results import DiffResult
from embedded.engine.values import Properties, Secret, Value, equal

_INIT_ERROR_KEY = "#initerror"
_INVERSE_KINDS = {"add": "delete", "delete": "add", "add-replace": "delete-replace", "delete-replace": "add-replace"}


def with_ignored_changes(inputs: Properties, old_inputs: Properties, ignore_changes: Sequence[str]) -> Properties:
    """The inputs with the values at the ignored paths put back to the old ones.

    Raises:
        EngineError: An element on the way of a path is missing.
    """
    if not ignore_changes:
        return inputs
    result = _copy(inputs)
    missing = []
    for text in ignore_changes:
        path = paths.parse(text)
        if path and not paths.reset(path, old_inputs, result):
            missing.append(text)
    if missing:
        listed = ", ".join(missing)
        raise EngineError(
            "cannot ignore changes to the following properties because one or more elements of the path are missing: "
            f'"{listed}"'
        )
    return result


def with_replace_on_changes(diff: DiffResult, replace_on_changes: Sequence[str], has_init_errors: bool) -> DiffResult:
    """The difference with those at the given paths turned to replacements; init errors are a difference too."""
    if diff.changes != "some" and not has_init_errors:
        return diff
    selectors = [paths.parse(text) for text in replace_on_changes]

    def selected(text: str) -> bool:
        path = paths.parse(text)
        return any(paths.contains(selector, path) for selector in selectors)

    detailed = diff.detailed
    if detailed is not None:
        detailed = {path: (_as_replace(kind) if selected(path) else kind, i) for path, (kind, i) in detailed.items()}
    keys = list(diff.replace_keys) + [
        key for key in diff.changed_keys if key not in diff.replace_keys and selected(paths.text_of((key,)))
    ]
    if has_init_errors and selected(_INIT_ERROR_KEY):
        keys.append(_INIT_ERROR_KEY)
        if detailed is not None:
            detailed[_INIT_ERROR_KEY] = ("update-replace", False)
    changes = "some" if has_init_errors else diff.changes
    return replace(diff, changes=changes, detailed=detailed, replace_keys=tuple(keys))


def inverted(diff: DiffResult) -> DiffResult:
    """The difference seen from the other side: additions are deletions."""
    if diff.detailed is None:
        return diff
    detailed = {path: (_INVERSE_KINDS.get(kind, kind), i) for path, (kind, i) in diff.detailed.items()}
    return replace(diff, detailed=detailed)


def of_values(old: Properties, new: Properties) -> DiffResult:
    """The difference of two property bags, by value."""
    detailed: dict[str, tuple[str, bool]] = {}
    _collect((), old, new, detailed)
    changed = tuple(key for key in sorted({*old, *new}) if not _same(old, new, key))
    return DiffResult(
        changes="some" if changed else "none", changed_keys=changed, detailed=detailed if changed else None
    )


def _same(old: Properties, new: Properties, key: str) -> bool:
    return (key in old) == (key in new) and equal(old.get(key), new.get(key))


def _collect(path: tuple[str | int, ...], old: Value, new: Value, found: dict[str, tuple[str, bool]]) -> None:
    if isinstance(old, Secret) and isinstance(new, Secret):
        old, new = old.value, new.value
    if isinstance(old, dict) and isinstance(new, dict):
        for key in sorted({*old, *new}):
            _collect_part((*path, key), key in old, key in new, old.get(key), new.get(key), found)
    elif isinstance(old, list) and isinstance(new, list):
        for index in range(max(len(old), len(new))):
            had, has = index < len(old), index < len(new)
            _collect_part((*path, index), had, has, old[index] if had else None, new[index] if has else None, found)
    elif not equal(old, new):
        found[paths.text_of(path)] = ("update", True)


def _collect_part(
    path: tuple[str | int, ...], had: bool, has: bool, old: Value, new: Value, found: dict[str, tuple[str, bool]]
) -> None:
    if had and has:
        _collect(path, old, new, found)
    else:
        found[paths.text_of(path)] = ("add" if has else "delete", True)


def _as_replace(kind: str) -> str:
    return kind if kind.endswith("-replace") else f"{kind}-replace"


def _copy(value: Value) -> Value:
    if isinstance(value, dict):
        return {key: _copy(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_copy(item) for item in value]
    return Secret(_copy(value.value)) if isinstance(value, Secret) else value
