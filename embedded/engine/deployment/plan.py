"""Update plans: what a preview found, kept in a file, and an update held to it.

The file is this engine's own (its inputs are whole, where the official CLI keeps differences): a plan is used by the engine that made
it, under the same secrets provider.

Source: pkg/resource/deploy/plan.go and step_generator.go (ConstrainedTo) of Pulumi 3.260.0.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from embedded.engine.deployment.steps import Step
from embedded.engine.errors import EngineError
from embedded.engine.state import VERSION, Manifest
from embedded.engine.values import (
    UNKNOWN,
    Value,
    dumps,
    equal,
    properties_from_json,
    properties_to_json,
    without_secrets,
)

# What an operation may turn into when the update runs; anything else may only be what it was planned to be.
_MAY_BECOME = {
    "update": {"same"},
    "replace": {"same", "update"},
    "create-replacement": {"same", "update"},
    "delete-replaced": {"same", "update"},
}


@dataclass
class _Entry:
    steps: list[str] = field(default_factory=list)
    inputs: dict[str, Value] = field(default_factory=dict)


class Plan:
    """The operations by URN, in order; recorded by a preview, used up by an update."""

    def __init__(self) -> None:
        self._entries: dict[str, _Entry] = {}
        self._holds = False

    @classmethod
    def load(cls, path: str, decrypt: Callable[[str], str] | None) -> Plan:
        """The plan of a file, to hold an update to.

        Raises:
            EngineError: The file is no plan of this engine.
        """
        plan = cls()
        plan._holds = True
        try:
            for urn, entry in json.loads(Path(path).read_text())["resourcePlans"].items():
                inputs = properties_from_json(entry["goal"]["checkedInputs"], decrypt)
                plan._entries[urn] = _Entry(list(entry["steps"]), inputs)
        except OSError as error:
            raise EngineError(f"reading the plan {path}: {error.strerror}") from error
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise EngineError(f"{path} is no plan that `preview --save-plan` of this engine has written") from error
        return plan

    def save(self, path: str, encrypt: Callable[[str], str] | None) -> None:
        """Write the recorded plan; secrets are encrypted."""
        manifest = Manifest.now()
        content = {
            "manifest": {"time": manifest.time, "magic": manifest.magic, "version": VERSION},
            "resourcePlans": {
                urn: {"goal": {"checkedInputs": properties_to_json(entry.inputs, encrypt)}, "steps": entry.steps}
                for urn, entry in self._entries.items()
            },
        }
        try:
            Path(path).write_text(dumps(content, indent=4) + "\n")
        except OSError as error:
            raise EngineError(f"writing the plan {path}: {error.strerror}") from error

    def take(self, steps: Iterable[Step]) -> None:
        """Record steps, or hold them to the plan.

        Raises:
            EngineError: A step is not in the plan, or the inputs are others.
        """
        for step in steps:
            if self._holds:
                self._check(step)
            else:
                entry = self._entries.setdefault(step.urn, _Entry())
                entry.steps.append(step.op)
                if step.new is not None:
                    entry.inputs = step.new.inputs

    def check_done(self) -> None:
        """Refuse an update that left planned operations out.

        Raises:
            EngineError: Something planned was not attempted.
        """
        if not self._holds:
            return
        for urn, entry in self._entries.items():
            left = [op for op in entry.steps if op != "same"]
            if left:
                raise EngineError(f"expected resource operations for {urn} but none were seen: {', '.join(left)}")

    def _check(self, step: Step) -> None:
        entry = self._entries.get(step.urn)
        if entry is None:
            if step.op != "same":
                raise EngineError(f"{step.op} is not allowed by the plan: no steps were expected for this resource")
            return
        if not entry.steps:
            raise EngineError(f"{step.op} is not allowed by the plan: no more steps were expected for this resource")
        planned = entry.steps.pop(0)
        if step.op != planned and step.op not in _MAY_BECOME.get(planned, ()):
            raise EngineError(f"{step.op} is not allowed by the plan: this resource is constrained to {planned}")
        if step.op == "same":
            entry.steps = [op for op in entry.steps if op not in _MAY_BECOME]
        if step.new is not None and step.op != "same":
            _check_inputs(step.urn, entry.inputs, step.new.inputs)


def _check_inputs(urn: str, planned: dict[str, Any], actual: dict[str, Any]) -> None:
    changed = sorted(
        key
        for key in {*planned, *actual}
        if not _fits(without_secrets(planned.get(key)), without_secrets(actual.get(key)))
    )
    if changed:
        raise EngineError(f"resource {urn} violates plan: properties changed: {', '.join(changed)}")


def _fits(planned: Value, actual: Value) -> bool:
    """Whether a value is what was planned, wherever that was known."""
    if planned is UNKNOWN:
        return True
    if isinstance(planned, dict) and isinstance(actual, dict):
        return planned.keys() == actual.keys() and all(_fits(value, actual[key]) for key, value in planned.items())
    if isinstance(planned, list) and isinstance(actual, list):
        return len(planned) == len(actual) and all(map(_fits, planned, actual))
    return equal(planned, actual)
