"""`--diff`: each step with all its properties, as it comes.

Source: pkg/backend/display/diff.go and object_diff.go of Pulumi.
"""

from __future__ import annotations

import sys
from dataclasses import replace

from embedded.engine import events, values
from embedded.engine.display import colors
from embedded.engine.display.filters import is_internal, should_show
from embedded.engine.display.operations import color_of, is_root_stack, prefix_of, retain_flag, safe_text
from embedded.engine.display.options import DisplayOptions
from embedded.engine.display.policies import render_remediation, render_violation
from embedded.engine.display.printer import Printer, is_worth_showing, object_diff_text
from embedded.engine.display.property_diff import (
    ObjectDiff,
    diff_objects,
    diff_values,
    is_internal_property,
    take_hidden,
    translate_detailed_diff,
)
from embedded.engine.display.summary import render_summary
from embedded.engine.events import StepMetadata
from embedded.engine.urn import name_of, split_provider_reference
from embedded.engine.values import UNKNOWN, Value

_UNKNOWN_ID = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
_KEEPS_SIGN = frozenset({"create", "delete", "delete-replaced", "discard", "discard-replaced"})
_READS_STATE = frozenset({"read", "read-replacement", "import", "import-replacement"})


class RichDiffDisplay:
    """Writes the rich diff of a deployment to standard output, diagnostics to standard error."""

    def __init__(self, options: DisplayOptions) -> None:
        self._options = options
        self._seen: dict[str, StepMetadata] = {}
        self._errored = 0

    def _write(self, text: str, to_stderr: bool = False) -> None:
        stream = sys.stderr if to_stderr else sys.stdout
        stream.write(colors.colorize(text, self._options.color))
        stream.flush()

    def handle(self, event: events.Event) -> None:
        """Write what the event is worth."""
        if is_internal(event):
            return
        match event:
            case events.DiagnosticEvent():
                if event.severity != "debug" or self._options.debug:
                    self._write(event.prefix + _with_newline(event.message), to_stderr=True)
            case events.ResourcePreEvent(metadata=step):
                self._seen[step.urn] = step
                if step.op not in ("refresh", "import") and self._is_shown(step):
                    self._write(render_step(step, event.planning, False, self._seen, self._options))
            case events.ResourceOutputsEvent(metadata=step):
                if self._is_shown(step):
                    self._write(self._outputs(step, event.planning))
            case events.ResourceOperationFailedEvent():
                self._errored += 1
            case events.PolicyEvent():
                self._write(render_violation(event, self._options))
            case events.PolicyRemediationEvent():
                self._write(render_remediation(event, self._options))
            case events.StdoutEvent():
                self._write(event.message)
            case events.PreludeEvent():
                self._write(render_prelude(event, self._options))
            case events.SummaryEvent():
                self._write(render_summary(event, self._errored, True))

    def close(self) -> None:
        """End the display."""

    def _is_shown(self, step: StepMetadata) -> bool:
        return should_show(step, self._options) or is_root_stack(step)

    def _outputs(self, step: StepMetadata, planning: bool) -> str:
        seen = self._seen.get(step.urn)
        refresh = seen is not None and seen.op == "refresh"
        if step.op == "import" or (refresh and step.op == "update"):
            return render_step(step, planning, refresh, self._seen, self._options)
        indent = indent_of(step, self._seen, self._options)
        outputs = render_outputs(step, indent + 1, planning, refresh, self._options)
        text = ""
        if refresh and (step.op != "refresh" or outputs or is_root_stack(step)):
            text += _header(step, indent, self._options)
        if outputs and not self._options.suppress_outputs:
            text += f"{color_of(step.op)}{'    ' * (indent + 1)}--outputs:--{colors.RESET}\n{outputs}"
        return text


def _with_newline(text: str) -> str:
    return text if text.endswith("\n") else f"{text}\n"


def indent_of(step: StepMetadata, seen: dict[str, StepMetadata], options: DisplayOptions) -> int:
    """How deep below its shown parents a step stands."""
    indent = 0
    resource = step.new or step.old
    parent = resource.parent if resource else ""
    while parent and parent in seen:
        above = seen[parent]
        if is_root_stack(above) or should_show(above, options):
            indent += 1
        resource = above.new or above.old
        parent = resource.parent if resource else ""
    return indent


def render_step(
    step: StepMetadata, planning: bool, refresh: bool, seen: dict[str, StepMetadata], options: DisplayOptions
) -> str:
    """One step: its header, and the difference that it makes."""
    indent = indent_of(step, seen, options)
    text = _header(step, indent, options)
    if step.op != "same":
        printer = Printer(
            [], indent + 1, step.op, planning, truncate=options.truncate_output, show_secrets=options.show_secrets
        )
        if step.detailed_diff is None:
            _details(step, printer)
        else:
            _detailed_diff(step, printer, refresh)
        text += printer.text
    return text + colors.RESET


def _header(step: StepMetadata, indent: int, options: DisplayOptions) -> str:
    shown = safe_text(step.urn) if options.show_urns else step.type
    text = f"{'    ' * indent}{prefix_of(step.op)}{shown}: ({step.op}{retain_flag(step)}){_lock_sign(step)}\n"
    inner = "    " * (indent + 1)
    color = color_of(step.op if step.op in _KEEPS_SIGN else "same")
    if step.old and step.old.id:
        text += f"{color}{inner}[id={safe_text(step.old.id)}]\n{colors.RESET}"
    if step.urn and not options.show_urns:
        text += f"{color}{inner}[urn={safe_text(step.urn)}]\n{colors.RESET}"
    return text + _provider_line(step, inner, color)


def _lock_sign(step: StepMetadata) -> str:
    before = step.old is not None and step.old.protect
    after = step.new is not None and step.new.protect
    if step.new is not None and before and not after:
        return " 🔓"
    return " 🔒" if before or after else ""


def _provider_line(step: StepMetadata, inner: str, color: str) -> str:
    if not step.provider:
        return ""
    if step.old and step.new and step.old.provider != step.new.provider:
        new = step.new.provider
        if new.endswith(f"::{_UNKNOWN_ID}"):
            new = new.removesuffix(_UNKNOWN_ID) + "[unknown]"
        update = color_of("update")
        return (
            f"{update}{inner}[provider: {color_of('delete')}{step.old.provider}{update} => "
            f"{color_of('create')}{new}{update}]\n{colors.RESET}"
        )
    if name_of(split_provider_reference(step.provider)[0]) == "default":
        return ""
    return f"{color}{inner}[provider={step.provider}]\n{colors.RESET}"


def _details(step: StepMetadata, printer: Printer) -> None:
    old, new = step.old, step.new
    if old is None and new is not None:
        printer.print_object(new.outputs or new.inputs)
    elif new is None and old is not None:
        printer.print_object(old.inputs)
    elif old is not None and new is not None:
        outputs = bool(new.outputs) and step.op not in ("import", "import-replacement")
        before, after = (old.outputs, new.outputs) if outputs else (old.inputs, new.inputs)
        before, after, hidden = take_hidden(before, after, list(new.hide_diff))
        printer.print_hidden(hidden)
        include = None if outputs or not step.diffs else step.diffs
        if hidden and diff_objects(before, after) is None:
            return
        object_diff_text(before, after, printer, include)


def _detailed_diff(step: StepMetadata, printer: Printer, refresh: bool) -> None:
    diff, hidden = translate_detailed_diff(step, refresh)
    if diff is None and not hidden:
        replace(printer, op="same", prefix=True).print_object(step.old.inputs if step.old else {})
        return
    inner = replace(printer, op="same", prefix=True)
    inner.print_hidden(hidden)
    inner.print_object_diff(diff or ObjectDiff())


# --- outputs ---------------------------------------------------------------------------------------------------------


def render_outputs(step: StepMetadata, indent: int, planning: bool, refresh: bool, options: DisplayOptions) -> str:
    """The outputs of a step that are worth showing: those that differ from inputs and from the old outputs.

    A real run shows all outputs of the stack, a plan only what is known to be right.
    """
    root = is_root_stack(step)
    show_sames = options.show_sames or (root and not planning)
    if planning and not (refresh or root or step.op in _READS_STATE):
        return ""
    if step.old and step.old.init_errors:
        return ""
    inputs = step.new.inputs if step.new else {}
    outputs = step.new.outputs if step.new else {}
    diff: ObjectDiff | None = None
    hidden: list[str] = []
    if step.old is not None:
        hides = list((step.new or step.old).hide_diff)
        before, after, hidden = take_hidden(step.old.outputs, outputs, hides)
        diff = diff_objects(before, after) or (ObjectDiff() if hidden else None)
        if planning and root and diff is not None:
            _drop_unknown_outputs(diff)
        if diff is None and not show_sames:
            return ""
    printer = Printer(
        [], indent, step.op, planning, truncate=options.truncate_output, show_secrets=options.show_secrets
    )
    printer.print_hidden(hidden)
    keys = diff.all_keys() if diff is not None else sorted(outputs)
    align = max((len(key) for key in keys), default=0)
    for key in keys:
        value = outputs.get(key)
        if diff is None and (is_internal_property(key) or not is_worth_showing(value, True)):
            continue
        if key in inputs and not refresh and diff_values(value, inputs[key]) is None:
            continue
        if diff is None:
            printer.print_property(key, value, align)
        elif show_sames or key not in diff.sames:
            printer.print_property_diff(key, align, diff)
    return printer.text


def _drop_unknown_outputs(diff: ObjectDiff) -> None:
    """Take away updates that are only not known yet, so that a plan does not show every computed output as changed."""
    for key, update in list(diff.updates.items()):
        if update.object is not None:
            _drop_unknown_outputs(update.object)
            settled = not update.object.any_changes()
        else:
            settled = False
        if settled or _is_unknown(update.new):
            del diff.updates[key]


def _is_unknown(value: Value) -> bool:
    return value is UNKNOWN or (isinstance(value, values.OutputValue) and not value.known)


# --- other events ----------------------------------------------------------------------------------------------------


def render_prelude(event: events.PreludeEvent, options: DisplayOptions) -> str:
    """The configuration, if asked for."""
    if not options.show_config:
        return ""
    lines = "".join(f"    {key}: {value}\n" for key, value in sorted(event.config.items()))
    return f"{colors.RESET}Configuration:{colors.RESET}\n{lines}"
