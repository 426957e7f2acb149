"""Update plans: what a preview found, kept in a file of the official format, and an update held to it.

Source: pkg/resource/deploy/plan.go, pkg/resource/stack/plan.go and step_generator.go (ConstrainedTo) of Pulumi 3.260.0.
"""

from __future__ import annotations

import base64
import json
import secrets
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from embedded.engine.deployment.goal import Goal
from embedded.engine.deployment.plan_goal import Encrypt, GoalPlan, PlanDiff
from embedded.engine.errors import EngineError
from embedded.engine.state import Manifest, Resource
from embedded.engine.values import Properties, dumps, properties_to_json

if TYPE_CHECKING:
    from embedded.engine.deployment.steps import Step

# What an operation may turn into when the update runs; anything else may only be what it was planned to be.
_MAY_BECOME = {
    "update": {"same"},
    "replace": {"same", "update"},
    "create-replacement": {"same", "update"},
    "delete-replaced": {"same", "update"},
}


@dataclass
class _Entry:
    goal: GoalPlan | None = None
    steps: list[str] = field(default_factory=list)
    resource: Resource | None = None
    seed: bytes = b""


class Plan:
    """The goals and operations by URN: recorded by a preview, or held to by an update, which uses the operations up.

    Args:
        records: Whether what happens is recorded.
    """

    def __init__(self, records: bool = False) -> None:
        self._entries: dict[str, _Entry] = {}
        self._config: dict[str, Any] = {}
        self._records = records
        self._holds = False

    @classmethod
    def load(cls, path: str, decrypt: Callable[[str], str] | None) -> Plan:
        """The plan of a file, to hold an update to.

        Raises:
            EngineError: The file is no plan.
        """
        plan = cls()
        plan._holds = True
        try:
            content = json.loads(Path(path).read_text())
            plan._config = {key: _opened(value, decrypt) for key, value in (content.get("config") or {}).items()}
            for urn, entry in (content.get("resourcePlans") or {}).items():
                goal = GoalPlan.from_json(entry["goal"], decrypt) if entry.get("goal") else None
                seed = base64.b64decode(entry.get("seed") or "")
                plan._entries[urn] = _Entry(goal, list(entry.get("steps") or []), seed=seed)
        except OSError as error:
            raise EngineError(f"reading the plan {path}: {error.strerror}") from error
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise EngineError(f"{path} is no plan as `preview --save-plan` writes it") from error
        return plan

    def save(self, path: str, encrypt: Encrypt, config: Mapping[str, str], secret_keys: Iterable[str]) -> None:
        """Write the recorded plan; secrets are encrypted, those of the configuration too."""
        manifest = Manifest.now()
        hidden = set(secret_keys)
        shown = {
            key: {"secure": encrypt(text)} if key in hidden and encrypt else text
            for key, text in sorted(config.items())
            if encrypt or key not in hidden
        }
        plans = {urn: _entry_to_json(self._entries[urn], encrypt) for urn in sorted(self._entries)}
        content: dict[str, Any] = {
            "manifest": {"time": manifest.time, "magic": manifest.magic, "version": manifest.version},
            **({"config": shown} if shown else {}),
            **({"resourcePlans": plans} if plans else {}),
        }
        try:
            Path(path).write_text(dumps(content, indent=4) + "\n")
        except OSError as error:
            raise EngineError(f"writing the plan {path}: {error.strerror}") from error

    def changed_config(self, config: Mapping[str, str]) -> list[str]:
        """The keys that have another value than when the plan was made, new and removed ones too.

        The official CLI runs with the stack's configuration and refuses only what comes of it, so this is no error.
        """
        if not self._holds:
            return []
        keys = sorted({*self._config, *config})
        return [key for key in keys if not _is_same_value(self._config.get(key), config.get(key))]

    def seed(self, urn: str) -> bytes:
        """What a provider's Check is to draw its random names from, so that the update has those of the preview."""
        if not (self._holds or self._records):
            return b""
        entry = self._entries.setdefault(urn, _Entry()) if self._records else self._entries.get(urn, _Entry())
        if self._records and not entry.seed:
            entry.seed = secrets.token_bytes(32)
        return entry.seed

    def register(self, urn: str, goal: Goal, old: Resource | None, inputs: Properties) -> None:
        """Record a registration with its checked inputs, or hold it to the plan.

        Raises:
            EngineError: It is not what was planned.
        """
        olds = old.inputs if old is not None else {}
        if self._records:
            self._entries.setdefault(urn, _Entry()).goal = GoalPlan.of(goal, PlanDiff.of(olds, inputs))
        if not self._holds:
            return
        entry = self._entries.get(urn)
        if entry is None and old is None:
            return  # The create that follows is refused.
        planned = entry.goal if entry is not None else GoalPlan.of_state(old) if old is not None else None
        # Without a goal the resource was to be deleted.
        text = planned.violation(goal, olds, inputs) if planned is not None else "resource unexpectedly not deleted"
        if text:
            raise EngineError(f"resource {urn} violates plan: {text}")

    def register_outputs(self, urn: str, olds: Properties, outputs: Properties) -> None:
        """Record the outputs of a component or the stack, or hold them to the plan.

        Raises:
            EngineError: They are not what was planned.
        """
        entry = self._entries.get(urn)
        if self._records and entry is not None and entry.goal is not None:
            entry.goal.output_diff = PlanDiff.of(olds, outputs)
        if not self._holds:
            return
        if entry is None or entry.goal is None:
            raise EngineError(f"no plan for resource {urn}")
        if text := entry.goal.output_diff.violations(olds, outputs):
            raise EngineError(f"resource violates plan: {text}")

    def take(self, steps: Iterable[Step], aliased: Mapping[str, str]) -> None:
        """Record steps, or hold them to the plan; `aliased` gives the new URN of one that was taken over.

        Raises:
            EngineError: A step is not in the plan.
        """
        for step in steps:
            urn = aliased.get(step.urn, step.urn)
            if self._holds:
                self._check(step.op, urn)
            elif self._records:
                entry = self._entries.setdefault(urn, _Entry())
                entry.steps.append(step.op)
                entry.resource = step.new or entry.resource

    def check_done(self, known: Iterable[str]) -> None:
        """Refuse an update that left planned operations out; a delete of what is gone already is none.

        Args:
            known: The URNs that were in the state before.

        Raises:
            EngineError: Something planned was not attempted.
        """
        present = set(known)
        for urn, entry in self._entries.items() if self._holds else ():
            if entry.steps and not (entry.steps == ["delete"] and urn not in present):
                raise EngineError(f"expected resource operations for {urn} but none were seen")

    def _check(self, op: str, urn: str) -> None:
        entry = self._entries.get(urn)
        if entry is None:
            if op != "same":
                raise EngineError(f"{op} is not allowed by the plan: no steps were expected for this resource")
            return
        if not entry.steps:
            raise EngineError(f"{op} is not allowed by the plan: no more steps were expected for this resource")
        planned = entry.steps.pop(0)
        if op != planned and op not in _MAY_BECOME.get(planned, ()):
            raise EngineError(f"{op} is not allowed by the plan: this resource is constrained to {planned}")
        if op in ("same", "update") and planned != op:
            # One step in the place of a replacement's.
            entry.steps = [left for left in entry.steps if left not in _MAY_BECOME]


def _opened(value: Any, decrypt: Callable[[str], str] | None) -> Any:
    """A configuration value of a plan with its secrets decrypted."""
    if isinstance(value, list):
        return [_opened(item, decrypt) for item in value]
    if not isinstance(value, dict):
        return value
    if set(value) == {"secure"} and isinstance(value["secure"], str) and decrypt is not None:
        return decrypt(value["secure"])
    return {key: _opened(item, decrypt) for key, item in value.items()}


def _is_same_value(planned: Any, text: str | None) -> bool:
    """Whether a value of the plan (objects may be written out) is the configuration's text."""
    if planned is None or text is None or isinstance(planned, str):
        return planned == text
    try:
        return json.dumps(planned, sort_keys=True) == json.dumps(json.loads(text), sort_keys=True)
    except ValueError:
        return False


def _entry_to_json(entry: _Entry, encrypt: Encrypt) -> dict[str, Any]:
    outputs = entry.resource.outputs if entry.resource is not None and entry.goal is not None else None
    return {
        **({"goal": entry.goal.to_json(encrypt)} if entry.goal is not None else {}),
        **({"steps": entry.steps} if entry.steps else {}),
        "state": properties_to_json(outputs, encrypt) if outputs is not None else None,
        **({"seed": base64.b64encode(entry.seed).decode()} if entry.seed else {}),
    }
