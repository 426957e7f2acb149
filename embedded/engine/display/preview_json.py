"""`preview --json`: one JSON object with the configuration, the steps, the diagnostics and the counts.

Source: pkg/backend/display/json.go of Pulumi.
"""

from __future__ import annotations

import sys
import time
from dataclasses import replace
from typing import Any

from embedded.engine import events, values
from embedded.engine.config import MASK
from embedded.engine.display import colors
from embedded.engine.display.filters import is_internal, should_show
from embedded.engine.display.operations import is_root_stack
from embedded.engine.display.options import DisplayOptions
from embedded.engine.event_log import event_json
from embedded.engine.events import StepMetadata
from embedded.engine.jsontext import escaped_dumps
from embedded.engine.state import Resource, resource_to_json

_NANOSECONDS = 1_000_000_000


class PreviewJsonDisplay:
    """Collects a preview's events and prints one object at the end."""

    def __init__(self, options: DisplayOptions) -> None:
        self._options = replace(options, json=True)
        self._config: dict[str, str] = {}
        self._steps: list[dict[str, Any]] = []
        self._diagnostics: list[dict[str, Any]] = []
        self._summary: events.SummaryEvent | None = None
        self._refreshing: set[str] = set()
        self._printed = False

    def handle(self, event: events.Event) -> None:
        """Take in an event; the last one prints."""
        if is_internal(event):
            return
        match event:
            case events.PreludeEvent():
                self._config = event.config
            case events.DiagnosticEvent():
                self._diagnostic(event)
            case events.StdoutEvent():
                self._diagnostics.append({"message": colors.strip(event.message), "severity": "info"})
            case events.ResourcePreEvent(metadata=step):
                if self._is_shown(step):
                    self._steps.append(_step_json(step, self._options))
                    if step.op == "refresh":
                        self._refreshing.add(step.urn)
            case events.ResourceOutputsEvent(metadata=step):
                self._refreshed(step)
            case events.SummaryEvent():
                self._summary = event
            case events.CancelEvent():
                self._print()

    def close(self) -> None:
        """Print what was collected, also when the run broke off."""
        self._print()

    def _is_shown(self, step: StepMetadata) -> bool:
        return should_show(step, self._options) or is_root_stack(step)

    def _diagnostic(self, event: events.DiagnosticEvent) -> None:
        if event.ephemeral or event.severity == "debug":
            return
        fields: dict[str, Any] = {"urn": event.urn} if event.urn else {}
        text = colors.strip(event.prefix + event.message)
        self._diagnostics.append({**fields, "message": text, "severity": event.severity})

    def _refreshed(self, step: StepMetadata) -> None:
        found_change = (step.op == "update" and step.detailed_diff is not None) or step.op == "delete"
        if step.urn in self._refreshing and found_change and self._is_shown(step):
            new = _step_json(step, self._options)
            self._steps = [new if old["urn"] == step.urn else old for old in self._steps]

    def _print(self) -> None:
        if self._printed:
            return
        self._printed = True
        digest: dict[str, Any] = {}
        if self._config:
            digest["config"] = dict(sorted(self._config.items()))
        if self._steps:
            digest["steps"] = self._steps
        if self._diagnostics:
            digest["diagnostics"] = self._diagnostics
        if self._summary is not None:
            digest["duration"] = int(self._summary.duration_seconds * _NANOSECONDS)
            digest["changeSummary"] = dict(sorted(self._summary.resource_changes.items()))
            if self._summary.maybe_corrupt:
                digest["maybeCorrupt"] = True
        sys.stdout.write(f"{escaped_dumps(digest, indent=4, sort_keys=False)}\n")
        sys.stdout.flush()


class JsonEventsDisplay:
    """`up --json`: each event as a line of JSON, as it comes."""

    def __init__(self) -> None:
        self._sequence = 0

    def handle(self, event: events.Event) -> None:
        """Print the event."""
        if is_internal(event):
            return
        sys.stdout.write(f"{values.dumps(event_json(event, self._sequence, int(time.time())))}\n")
        sys.stdout.flush()
        self._sequence += 1

    def close(self) -> None:
        """End the display."""


def _step_json(step: StepMetadata, options: DisplayOptions) -> dict[str, Any]:
    fields: dict[str, Any] = {"op": step.op, "urn": step.urn}
    if step.provider:
        fields["provider"] = step.provider
    for name, state in (("oldState", step.old), ("newState", step.new)):
        if state is not None:
            fields[name] = _state_json(state, options, is_root_stack(step))
    if step.diffs:
        fields["diffReasons"] = list(step.diffs)
    if step.keys:
        fields["replaceReasons"] = list(step.keys)
    fields["detailedDiff"] = None
    if step.detailed_diff is not None:
        fields["detailedDiff"] = {
            path: {"kind": diff.kind, "inputDiff": diff.input_diff} for path, diff in sorted(step.detailed_diff.items())
        }
    return fields


def _state_json(state: Resource, options: DisplayOptions, is_root: bool) -> dict[str, Any]:
    if is_root and options.suppress_outputs:
        state = state.copy(inputs={}, outputs={})
    return resource_to_json(state.copy(inputs=_masked(state.inputs), outputs=_masked(state.outputs)), None)


def _masked(value: Any) -> Any:
    if isinstance(value, values.Secret | values.SealedSecret):
        return MASK
    if isinstance(value, dict):
        return {key: _masked(item) for key, item in value.items()}
    return [_masked(item) for item in value] if isinstance(value, list) else value
