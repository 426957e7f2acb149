"""What a plan says of one resource: its goal, as the official plan files have it, and whether a registration keeps to it.

Source: sdk/go/common/apitype/plan.go and pkg/resource/deploy/plan.go of Pulumi 3.260.0.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from embedded.engine.deployment.goal import AliasSpec, Goal
from embedded.engine.state import Resource
from embedded.engine.urn import UNKNOWN_PROVIDER_ID, name_of
from embedded.engine.values import (
    UNKNOWN,
    Properties,
    Secret,
    Value,
    dumps,
    equal,
    properties_from_json,
    properties_to_json,
    without_secrets,
)

Encrypt = Callable[[str], str] | None


@dataclass
class PlanDiff:
    """How properties are to change; an unknown value stands for any, or for none."""

    adds: Properties = field(default_factory=dict)
    deletes: list[str] = field(default_factory=list)
    updates: Properties = field(default_factory=dict)

    @classmethod
    def of(cls, olds: Properties, news: Properties) -> PlanDiff:
        """The difference of two property maps; a value that is not known yet is one."""
        changed = {key: value for key, value in news.items() if key in olds and not _same(olds[key], value)}
        adds = {key: value for key, value in news.items() if key not in olds}
        return cls(adds, sorted(olds.keys() - news.keys()), changed)

    @classmethod
    def from_json(cls, obj: Mapping[str, Any], decrypt: Encrypt) -> PlanDiff:
        """The difference that a file holds."""
        adds = properties_from_json(obj.get("adds") or {}, decrypt)
        updates = properties_from_json(obj.get("updates") or {}, decrypt)
        return cls(adds, list(obj.get("deletes") or []), updates)

    def to_json(self, encrypt: Encrypt) -> dict[str, Any]:
        """The difference as a file holds it."""
        adds, updates = properties_to_json(self.adds, encrypt), properties_to_json(self.updates, encrypt)
        return _said({"adds": adds, "deletes": self.deletes, "updates": updates})

    def violations(self, olds: Properties, news: Properties) -> str:
        """What of a change was not planned: empty, or a message naming each property and what was planned for it."""
        actual = PlanDiff.of(olds, news)
        keys = {*self.adds, *self.updates, *self.deletes, *actual.adds, *actual.updates, *actual.deletes}
        found = sorted(text for key in keys if (text := self._violation(key, actual, news)))
        return f"properties changed: {', '.join(found)}" if found else ""

    def _violation(self, key: str, actual: PlanDiff, news: Properties) -> str:
        planned, does = self._verb(key), actual._verb(key)
        expected = without_secrets(self.adds.get(key, self.updates.get(key)))
        if key not in news:
            # What was not known may turn out to be nothing.
            fine = planned == "-" or (planned != "=" and expected is UNKNOWN)
            return "" if fine else self._text(key, "-", news)
        # What was to be added may be there by now, and what was to change may be so already.
        allowed = {"+": "+~=", "~": "~="}.get(planned, "")
        return "" if does in allowed and _fits(expected, news[key]) else self._text(key, does, news)

    def _verb(self, key: str) -> str:
        if key in self.adds:
            return "+"
        return "~" if key in self.updates else "-" if key in self.deletes else "="

    def _text(self, key: str, does: str, news: Properties) -> str:
        planned = self._verb(key)
        parts = [_shown(self.adds.get(key, self.updates.get(key)))] if planned in "+~" else []
        parts += [_shown(news[key])] if key in news else []
        return f"{planned}{does}{key}" + (f"[{'!='.join(parts)}]" if parts else "")


@dataclass
class GoalPlan:
    """The goal of a resource; all its options must stay as they are."""

    type: str
    name: str
    custom: bool
    input_diff: PlanDiff = field(default_factory=PlanDiff)
    output_diff: PlanDiff = field(default_factory=PlanDiff)
    parent: str = ""
    protect: bool = False
    dependencies: list[str] = field(default_factory=list)
    provider: str = ""
    property_dependencies: dict[str, list[str]] = field(default_factory=dict)
    delete_before_replace: bool | None = None
    ignore_changes: list[str] = field(default_factory=list)
    additional_secret_outputs: list[str] = field(default_factory=list)
    aliases: list[dict[str, Any]] = field(default_factory=list)
    id: str = ""
    custom_timeouts: dict[str, float] = field(default_factory=dict)

    @classmethod
    def of(cls, goal: Goal, input_diff: PlanDiff) -> GoalPlan:
        """The plan of a registration."""
        same = {name: getattr(goal, name) for name in _SAME_NAMES}
        aliases = [_alias_to_json(alias) for alias in goal.aliases]
        return cls(**same, input_diff=input_diff, protect=bool(goal.protect), aliases=aliases, id=goal.import_id)

    @classmethod
    def of_state(cls, old: Resource) -> GoalPlan:
        """The plan that leaves a resource as it is."""
        return cls(
            old.type,
            name_of(old.urn),
            old.custom,
            parent=old.parent,
            protect=old.protect,
            dependencies=old.dependencies,
            provider=old.provider,
            property_dependencies=old.property_dependencies,
            additional_secret_outputs=old.additional_secret_outputs,
            custom_timeouts=old.custom_timeouts,
        )

    @classmethod
    def from_json(cls, obj: Mapping[str, Any], decrypt: Encrypt) -> GoalPlan:
        """The goal that a file holds."""
        plain = {name: obj[key] for name, key in _PLAIN_KEYS.items() if key in obj}
        urns = [{"urn": urn} for urn in obj.get("aliases") or []]
        return cls(
            **plain,
            aliases=[*urns, *(obj.get("structuredAliases") or [])],
            input_diff=PlanDiff.from_json(obj.get("inputDiff") or {}, decrypt),
            output_diff=PlanDiff.from_json(obj.get("outputDiff") or {}, decrypt),
        )

    def to_json(self, encrypt: Encrypt) -> dict[str, Any]:
        """The goal as a file holds it."""
        plain = {key: getattr(self, name) for name, key in _PLAIN_KEYS.items()}
        head = {"type": self.type, "name": self.name, "custom": self.custom}
        diffs = {"inputDiff": self.input_diff.to_json(encrypt), "outputDiff": self.output_diff.to_json(encrypt)}
        timeouts = {key: value for key, value in self.custom_timeouts.items() if value}
        aliases = _said({"structuredAliases": self.aliases})
        return {**head, **diffs, "protect": self.protect, **_said(plain), **aliases, "customTimeouts": timeouts}

    def violation(self, goal: Goal, old_inputs: Properties, inputs: Properties) -> str:
        """What of a registration was not planned, in the official words; empty if all was."""
        return next(self._violations(goal, old_inputs, inputs), "")

    def _violations(self, goal: Goal, old_inputs: Properties, inputs: Properties) -> Iterator[str]:
        if goal.custom != self.custom:
            yield f"resource kind changed (expected {'custom' if self.custom else 'component'})"
        if not _same_provider(self.provider, goal.provider):
            yield f"provider changed (expected {self.provider})"
        if goal.parent != self.parent:
            yield f"parent changed (expected {self.parent})"
        if bool(goal.protect) != self.protect:
            yield f"protect changed (expected {_shown_flag(self.protect)})"
        if goal.delete_before_replace != self.delete_before_replace:
            yield f"deleteBeforeReplace changed (expected {_shown_flag(self.delete_before_replace)})"
        if goal.import_id != self.id:
            yield f"importID changed (expected {self.id})"
        for kind in ("create", "update", "delete"):
            if goal.custom_timeouts.get(kind, 0) != self.custom_timeouts.get(kind, 0):
                yield f"{kind} timeout changed (expected {self.custom_timeouts.get(kind, 0):g})"
        yield from self._changed_sets(goal)
        if text := self.input_diff.violations(old_inputs, inputs):
            yield text
        for key, urns in self.property_dependencies.items():
            # A property that was not known may turn out to be none.
            if text := _set_change(urns, goal.property_dependencies.get(key, urns)):
                yield f"dependencies for {key} changed: {text}"

    def _changed_sets(self, goal: Goal) -> Iterator[str]:
        aliases = [_alias_text(_alias_to_json(alias)) for alias in goal.aliases]
        sets = {
            "ignoreChanges": (self.ignore_changes, goal.ignore_changes),
            "additionalSecretOutputs": (self.additional_secret_outputs, goal.additional_secret_outputs),
            "aliases": ([_alias_text(alias) for alias in self.aliases], aliases),
            "dependencies": (self.dependencies, goal.dependencies),
        }
        for name, (planned, actual) in sets.items():
            if text := _set_change(planned, actual):
                yield f"{name} changed: {text}"


# The fields that a goal has by the same name, and those that a file holds as they are.
_SAME_NAMES = (
    *("type", "name", "custom", "parent", "dependencies", "provider", "property_dependencies"),
    *("delete_before_replace", "ignore_changes", "additional_secret_outputs", "custom_timeouts"),
)
_PLAIN_KEYS = {
    "type": "type",
    "name": "name",
    "custom": "custom",
    "parent": "parent",
    "protect": "protect",
    "dependencies": "dependencies",
    "provider": "provider",
    "property_dependencies": "propertyDependencies",
    "delete_before_replace": "deleteBeforeReplace",
    "ignore_changes": "ignoreChanges",
    "additional_secret_outputs": "additionalSecretOutputs",
    "id": "id",
    "custom_timeouts": "customTimeouts",
}


def _said(obj: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in obj.items() if value not in (None, "", [], {})}


def _alias_to_json(alias: AliasSpec) -> dict[str, Any]:
    names = ("urn", "name", "type", "project", "stack", "parent")
    return _said({**{name: getattr(alias, name) for name in names}, "noParent": alias.no_parent or None})


def _alias_text(alias: Mapping[str, Any]) -> str:
    return alias.get("urn") or " ".join(f"{key}: {value}" for key, value in sorted(alias.items()))


def _same_provider(planned: str, actual: str) -> bool:
    if planned == actual:
        return True
    urn, _, id_ = planned.rpartition("::")
    return urn == actual.rpartition("::")[0] and id_ == UNKNOWN_PROVIDER_ID


def _set_change(planned: Collection[str], actual: Collection[str]) -> str:
    adds, deletes = sorted(set(actual) - set(planned)), sorted(set(planned) - set(actual))
    parts = [("added", adds), ("deleted", deletes)]
    return "; ".join(f"{verb} {', '.join(items)}" for verb, items in parts if items)


def _shown_flag(flag: bool | None) -> str:
    return "no value" if flag is None else str(flag).lower()


def _same(old: Value, new: Value) -> bool:
    return new is not UNKNOWN and equal(old, new) and isinstance(old, Secret) == isinstance(new, Secret)


def _fits(planned: Value, actual: Value) -> bool:
    """Whether a value is what was planned, wherever that was known."""
    planned, actual = without_secrets(planned), without_secrets(actual)
    if planned is UNKNOWN:
        return True
    if isinstance(planned, dict) and isinstance(actual, dict):
        known = all(key in actual or value is UNKNOWN for key, value in planned.items())
        return known and all(key in planned and _fits(planned[key], value) for key, value in actual.items())
    if isinstance(planned, list) and isinstance(actual, list):
        return len(planned) == len(actual) and all(map(_fits, planned, actual))
    return equal(planned, actual)


def _shown(value: Value) -> str:
    """A value as the official messages have it; a secret is never shown."""
    if isinstance(value, Secret):
        return "{[secret]}"
    if value is UNKNOWN:
        return "output<string>{}"
    if isinstance(value, dict):
        return "{map[" + " ".join(f"{key}:{_shown(value[key])}" for key in sorted(value)) + "]}"
    if isinstance(value, list):
        return "{[" + " ".join(map(_shown, value)) + "]}"
    if value is None or isinstance(value, bool):
        return "{<nil>}" if value is None else f"{{{str(value).lower()}}}"
    return f"{{{dumps(value)}}}" if isinstance(value, (int, float)) else f"{{{value}}}"
