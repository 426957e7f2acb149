"""The progress display: a line for each change of a resource, or, on a terminal, a tree that is drawn anew.

Source: pkg/backend/display/progress.go of Pulumi.
"""

from __future__ import annotations

from typing import Protocol

from embedded.engine import events
from embedded.engine import urn as urns
from embedded.engine.display import colors
from embedded.engine.display.filters import is_internal, should_show
from embedded.engine.display.operations import display_type
from embedded.engine.display.options import DisplayOptions
from embedded.engine.display.policies import pack_sections
from embedded.engine.display.rich_diff import render_outputs, render_prelude
from embedded.engine.display.rows import Row, RunState
from embedded.engine.display.spinner import Spinner
from embedded.engine.display.summary import render_summary
from embedded.engine.events import StepMetadata


class Renderer(Protocol):
    """Where the rows go."""

    def row_updated(self, row: Row) -> None:
        """A row changed."""
        ...

    def line(self, text: str) -> None:
        """A line that is no row."""
        ...

    def finish(self) -> None:
        """All rows are final."""
        ...

    def close(self) -> None:
        """Nothing more comes."""
        ...


class LineRenderer:
    """Writes a line for each change of a row, with dots in the silence between."""

    def __init__(self, options: DisplayOptions, doing: str) -> None:
        self._options = options
        self._spinner = Spinner(f"{'✨' if options.emoji else '@'} {doing}...", options)

    def row_updated(self, row: Row) -> None:
        """Write the row, unless it is hidden."""
        if not row.hidden:
            self.line(" " + " ".join(row.columns()))

    def line(self, text: str) -> None:
        """Write a line."""
        self._spinner.interrupt(f"{colors.colorize(text, self._options.color)}\n")

    def finish(self) -> None:
        """Stop the dots."""
        self._spinner.stop()

    def close(self) -> None:
        """Stop the dots."""
        self._spinner.stop()


class ProgressDisplay:
    """Follows a deployment and tells a renderer; the sections at the end are its own."""

    def __init__(self, renderer: Renderer, run: RunState) -> None:
        self.run = run
        self.rows: dict[str, Row] = {}
        self._renderer = renderer
        self._stack_urn = ""
        self._summary: events.SummaryEvent | None = None

    @property
    def stack_urn(self) -> str:
        """The key of the Stack's row: its URN, empty until it was seen."""
        return self._stack_urn

    def handle(self, event: events.Event) -> None:
        """Take in an event."""
        if is_internal(event):
            return
        match event:
            case events.ResourcePreEvent() | events.ResourceOutputsEvent() | events.ResourceOperationFailedEvent():
                if not self._is_hidden_read(event.metadata):
                    self._resource_event(event)
            case events.DiagnosticEvent():
                if event.message.strip() and (event.severity != "debug" or self.run.options.debug):
                    row = self._row(event.urn or self._stack_urn, None)
                    row.hidden = False
                    row.diagnostics.append(event)
                    self._renderer.row_updated(row)
            case events.PolicyEvent():
                row = self._row(event.resource_urn or self._stack_urn, None)
                row.policies.append(event)
                self._renderer.row_updated(row)
            case events.PolicyRemediationEvent():
                row = self._row(event.resource_urn, None)
                row.remediations.append(event)
                self._renderer.row_updated(row)
            case events.PreludeEvent():
                if prelude := render_prelude(event, self.run.options):
                    self._renderer.line(prelude)
            case events.StdoutEvent():
                self._renderer.line(event.message.rstrip("\n"))
            case events.SummaryEvent():
                self._summary = event
            case events.CancelEvent():
                self._end()

    def close(self) -> None:
        """End the display, also when the run broke off."""
        self._renderer.close()

    # --- rows --------------------------------------------------------------------------------------------------------

    def _is_hidden_read(self, step: StepMetadata) -> bool:
        if self.run.options.show_reads or step.op not in ("read", "read-replacement", "discard"):
            return False
        if step.op == "read":
            parts = urns.parse(step.urn)
            message = f"read {display_type(parts.type)} {parts.name}"
            self.handle(events.DiagnosticEvent(message, "info", ephemeral=True))
        return True

    def _resource_event(
        self, event: events.ResourcePreEvent | events.ResourceOutputsEvent | events.ResourceOperationFailedEvent
    ) -> None:
        step = event.metadata
        is_root = step.urn == self._stack_urn
        row = self._row(step.urn, step)
        if should_show(step, self.run.options) or is_root:
            row.hidden = False
        match event:
            case events.ResourcePreEvent():
                row.started, row.ended = self.run.clock(), None
                row.step = step
            case events.ResourceOutputsEvent():
                if not self._take_outputs(row, step):
                    return
            case events.ResourceOperationFailedEvent():
                self.run.failed = row.failed = True
        self._renderer.row_updated(row)

    def _take_outputs(self, row: Row, step: StepMetadata) -> bool:
        """Note a step's end; false if a line about it would only repeat the one before."""
        was_refresh = row.shown_op() == "refresh"
        row.ended = self.run.clock()
        row.step = step
        row.output_steps.append(step)
        resource = step.new or step.old
        done_something = resource is None or (resource.custom and step.op != "same")
        return self.run.is_terminal or was_refresh or (not self.run.is_preview and done_something)

    def _row(self, urn: str, step: StepMetadata | None) -> Row:
        if urn in self.rows:
            self._ensure_parent(step)
            return self.rows[urn]
        if urn and urns.qualified_type_of(urn) == urns.ROOT_STACK_TYPE:
            self._stack_urn = urn
            if "" in self.rows:
                row = self.rows.pop("")
                row.step = step or row.step
                self.rows[urn] = row
                return row
        initial = step or StepMetadata("same", urn, urns.type_of(urn) if urn else urns.ROOT_STACK_TYPE, None, None)
        row = self.rows[urn] = Row(self.run, initial, hidden=bool(urn))
        self._ensure_parent(step)
        self._ensure_stack_row()
        return row

    def _ensure_parent(self, step: StepMetadata | None) -> None:
        resource = (step.new or step.old) if step else None
        parent = resource.parent if resource else ""
        if parent and parent != self._stack_urn and parent not in self.rows:
            known_stack = urns.qualified_type_of(parent) == urns.ROOT_STACK_TYPE
            if not known_stack:
                self.rows[parent] = Row(self.run, StepMetadata("same", parent, urns.type_of(parent), None, None))

    def _ensure_stack_row(self) -> None:
        if self._stack_urn not in self.rows:
            step = StepMetadata("same", "", urns.ROOT_STACK_TYPE, None, None)
            self.rows[self._stack_urn] = Row(self.run, step, hidden=False)

    # --- the end -----------------------------------------------------------------------------------------------------

    def _end(self) -> None:
        unfinished = [row for row in self.rows.values() if not row.is_done]
        self.run.done = True
        if not self.run.is_terminal:
            for row in unfinished:
                self._renderer.row_updated(row)
        self._renderer.finish()
        violated = self._policies()
        self._diagnostics()
        self._outputs()
        if self._summary is not None and not violated:
            errored = sum(1 for row in self.rows.values() if row.errors)
            self._renderer.line(render_summary(self._summary, errored, False))

    def _policies(self) -> bool:
        """Write what the policy packs found; true if a mandatory policy was violated."""
        if self._summary is None or not self._summary.policy_packs:
            return False
        rows = self.rows.values()
        violated = False
        self._renderer.line(f"{colors.HEADLINE}Policies:{colors.RESET}")
        violations = [item for row in rows for item in row.policies]
        remediations = [item for row in rows for item in row.remediations]
        for section in pack_sections(self._summary.policy_packs, violations, remediations):
            violated |= section.violated
            for line in section.lines(self.run.options):
                self._renderer.line(line)
        self._renderer.line("")
        return violated

    def _diagnostics(self) -> None:
        wrote_header = False
        for row in self.rows.values():
            wrote_resource = False
            for messages in _by_stream(row.diagnostics):
                lines = _lines_of(messages)
                if not lines:
                    continue
                if not wrote_header:
                    self._renderer.line(f"{colors.HEADLINE}Diagnostics:{colors.RESET}")
                    wrote_header = True
                if not wrote_resource:
                    self._renderer.line(self._resource_header(row))
                    wrote_resource = True
                for line in lines:
                    self._renderer.line(f"    {line.rstrip()}")
                self._renderer.line("")

    def _resource_header(self, row: Row) -> str:
        columns = row.columns()
        name = columns[1] if self.run.options.show_urns else f"{columns[1]} ({columns[2]})"
        return f"  {colors.BRIGHT_BLUE}{name}:{colors.RESET}"

    def _outputs(self) -> None:
        if self.run.options.suppress_outputs or not self._stack_urn:
            return
        step = self.rows[self._stack_urn].step
        text = render_outputs(step, 1, self.run.is_preview, False, self.run.options)
        if text:
            self._renderer.line(f"{colors.HEADLINE}Outputs:{colors.RESET}")
            self._renderer.line(text)


def _by_stream(diagnostics: list[events.DiagnosticEvent]) -> list[list[events.DiagnosticEvent]]:
    """The lasting diagnostics by stream, in the order in which the streams began."""
    streams: dict[int, list[events.DiagnosticEvent]] = {}
    for item in diagnostics:
        if not item.ephemeral:
            streams.setdefault(item.stream_id, []).append(item)
    return list(streams.values())


def _lines_of(messages: list[events.DiagnosticEvent]) -> list[str]:
    """The lines of one stream; the pieces of a numbered stream are one text."""
    if messages[0].stream_id:
        text = messages[0].prefix + "".join(item.message for item in messages)
        return _trimmed(text.rstrip())
    return [line for item in messages for line in _trimmed((item.prefix + item.message).rstrip())]


def _trimmed(text: str) -> list[str]:
    """The lines of a text without empty ones at its end."""
    lines = text.replace("\r\n", "\n").split("\n")
    while lines and not lines[-1].strip():
        lines.pop()
    return lines
