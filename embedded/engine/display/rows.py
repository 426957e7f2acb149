"""The rows of the progress display: what is known of each resource, and its columns.

Source: pkg/backend/display/rows.go and progress.go of Pulumi.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Container
from dataclasses import dataclass, field

from embedded.engine import urn as urns
from embedded.engine.display import colors
from embedded.engine.display.operations import (
    STEP_TEXTS,
    display_type,
    is_root_stack,
    prefix_of,
    retain_flag,
    safe_text,
)
from embedded.engine.display.options import DisplayOptions
from embedded.engine.display.property_diff import ObjectDiff, ValueDiff, diff_objects, translate_detailed_diff
from embedded.engine.events import DiagnosticEvent, PolicyEvent, PolicyRemediationEvent, StepMetadata

_COUNTED = (("error", colors.ERROR), ("warning", colors.WARNING), ("info", colors.INFO), ("debug", colors.DEBUG))
_COUNT_WORDS = {"error": "error", "warning": "warning", "info": "message", "debug": "debug"}
_NO_OUTPUTS_EXPECTED = frozenset({"same", "remove-pending-replace"})


@dataclass
class RunState:
    """What all rows of a display share."""

    project: str
    stack: str
    is_preview: bool
    options: DisplayOptions
    is_terminal: bool = False
    done: bool = False
    failed: bool = False
    clock: Callable[[], float] = time.monotonic

    @property
    def default_stack_urn(self) -> str:
        """The URN that the Stack resource has or will have."""
        return urns.make(self.stack, self.project, "", urns.ROOT_STACK_TYPE, f"{self.project}-{self.stack}")


@dataclass
class Row:
    """One resource: its current step, the steps whose outputs came, its diagnostics and times."""

    run: RunState
    step: StepMetadata
    hidden: bool = True
    failed: bool = False
    order: int = 0
    output_steps: list[StepMetadata] = field(default_factory=list)
    diagnostics: list[DiagnosticEvent] = field(default_factory=list)
    policies: list[PolicyEvent] = field(default_factory=list)
    remediations: list[PolicyRemediationEvent] = field(default_factory=list)
    started: float | None = None
    ended: float | None = None

    @property
    def urn(self) -> str:
        """The resource's URN; the Stack's where none is known yet."""
        return self.step.urn or self.run.default_stack_urn

    @property
    def parent(self) -> str:
        """The parent's URN, or empty."""
        resource = self.step.new or self.step.old
        return resource.parent if resource else ""

    @property
    def errors(self) -> int:
        """How many lasting errors were reported for the resource."""
        return sum(1 for item in self.diagnostics if item.severity == "error" and not item.ephemeral)

    @property
    def is_done(self) -> bool:
        """Whether nothing more is expected; the Stack is done when the run is."""
        if self.failed or self.run.done:
            return True
        return not is_root_stack(self.step) and self._has_outputs(self.step.op)

    def _has_outputs(self, op: str) -> bool:
        return any(step.op == op for step in self.output_steps)

    def shown_op(self) -> str:
        """The step to show: on a terminal the steps of a replacement are one, before and after they are made."""
        op = self.step.op
        run = self.run
        replacing = op in ("create-replacement", "delete-replaced", "discard-replaced")
        if run.is_terminal and not run.failed and (run.is_preview or run.done) and replacing:
            return "replace"
        return op

    # --- columns -----------------------------------------------------------------------------------------------------

    def columns(self) -> list[str]:
        """Sign, type, name, status and info, with colour tags; with --urns the URN in place of type and name."""
        urn = urns.parse(self.urn)
        sign = prefix_of(self.shown_op(), self.is_done) + colors.RESET
        status = self._status() + retain_flag(self.step)
        if self.run.options.show_urns:
            return [sign, safe_text(self.urn), status, self.info()]
        return [sign, display_type(urn.type), safe_text(urn.name), status, self.info()]

    def _status(self) -> str:
        if not self.is_done:
            return self._doing()
        if self._is_interrupted():
            return f"{colors.WARNING}{STEP_TEXTS[self.shown_op()].doing} (interrupted){colors.RESET}"
        return self._done()

    def _is_interrupted(self) -> bool:
        resource = self.step.new or self.step.old
        expects = bool(resource and resource.custom) and self.step.op not in _NO_OUTPUTS_EXPECTED
        failed = self.failed or self.errors
        # A refresh answers with the step that it found, not with a refresh.
        answered = self._has_outputs(self.step.op) or (self.step.op == "refresh" and bool(self.output_steps))
        return self.run.done and not failed and expects and not self.run.is_preview and not answered

    def _doing(self) -> str:
        op = self.shown_op()
        if is_root_stack(self.step) and op == "same":
            return "running"
        text = STEP_TEXTS[op].planned if self.run.is_preview else STEP_TEXTS[op].doing
        if not self.run.is_preview and op != "same" and self.started is not None:
            text += f" ({int(self.run.clock() - self.started)}s)"
        return f"{colors.BOLD}{STEP_TEXTS[op].color}{text}{colors.RESET}"

    def _done(self) -> str:
        op = self.shown_op()
        texts = STEP_TEXTS[op]
        if self.run.is_preview:
            return f"{texts.color}{texts.planned}{colors.RESET}"
        failed = self.failed or self.errors > 0
        text = texts.failed if failed else texts.done
        if op != "same" and self.started is not None and self.ended is not None:
            seconds = self.ended - self.started
            text += f" ({seconds:.2f}s)" if seconds < 1 else f" ({int(seconds)}s)"
        return f"{colors.ERROR}**{text}**{colors.RESET}" if failed else f"{texts.color}{text}{colors.RESET}"

    def info(self) -> str:
        """What changed, and the last diagnostic (while running) or their counts (at the end)."""
        parts = []
        changes = short_diff(self._step_with_diff())
        if changes:
            parts.append(f"[{changes}{colors.RESET}]")
        if self.run.done:
            parts.extend(self._counts())
        elif last := self._last_diagnostic():
            parts.append((last.prefix + last.message).rstrip())
        return "; ".join(parts).split("\n")[0]

    def _step_with_diff(self) -> StepMetadata:
        if self.step.op in ("create-replacement", "delete-replaced"):
            return next((step for step in self.output_steps if step.op == "replace"), self.step)
        if self.step.op in ("import", "import-replacement"):
            return next((step for step in self.output_steps if step.op == self.step.op), self.step)
        return self.step

    def _last_diagnostic(self) -> DiagnosticEvent | None:
        if self.run.is_terminal and (errors := [item for item in self.diagnostics if item.severity == "error"]):
            return errors[-1]
        return self.diagnostics[-1] if self.diagnostics else None

    def _counts(self) -> list[str]:
        parts = []
        for severity, color in _COUNTED:
            count = sum(
                1 for item in self.diagnostics if item.severity.partition("#")[0] == severity and not item.ephemeral
            )
            if count:
                plural = "s" if count > 1 else ""
                parts.append(f"{count} {color}{_COUNT_WORDS[severity]}{plural}{colors.RESET}")
        return parts


def short_diff(step: StepMetadata) -> str:
    """The names of the properties that a step changes: `diff: +a-b~c`."""
    if step.old is None or step.new is None:
        return ""
    diff: ObjectDiff | None = None
    if step.op != "same":
        if step.detailed_diff is not None:
            diff = translate_detailed_diff(step, False)[0]
        else:
            diff = diff_objects(step.old.inputs, step.new.inputs)
    for name, old, new in (
        ("provider", step.old.provider, step.new.provider),
        ("protect", step.old.protect, step.new.protect),
        (f"{colors.RED}taint{colors.RESET}", step.old.taint, step.new.taint),
    ):
        if old != new:
            diff = diff or ObjectDiff()
            diff.updates[name] = ValueDiff(old, new)
    if diff is None:
        return ""
    return f"diff: {names_of_changes(diff, set(step.diffs or ()))}"


def names_of_changes(diff: ObjectDiff, include: Container[str] = ()) -> str:
    """The names of the changed properties by the kind of change: `+a-b~c`; `include` limits them."""
    parts = []
    for op, found in (("create", diff.adds), ("delete", diff.deletes), ("update", diff.updates)):
        names = sorted(name for name in found if not include or name in include)
        if names:
            texts = STEP_TEXTS[op]
            parts.append(f"{texts.color}{texts.prefix.strip()}{','.join(names)}")
    return "".join(parts)
