"""Which steps are worth a line."""

from __future__ import annotations

from embedded.engine import events
from embedded.engine.display.operations import REPLACEMENT_STEPS
from embedded.engine.display.options import DisplayOptions
from embedded.engine.events import StepMetadata
from embedded.engine.urn import is_default_provider


def is_internal(event: events.Event) -> bool:
    """Whether the event is about a default provider, which users have not declared and displays leave out."""
    if isinstance(event, events.ResourcePreEvent | events.ResourceOutputsEvent | events.ResourceOperationFailedEvent):
        return is_default_provider(event.metadata.urn)
    return False


def should_show(step: StepMetadata, options: DisplayOptions) -> bool:
    """Whether the step is shown, given what the user asked to see."""
    if step.op == "same":
        changed = step.old is not None and step.new is not None and step.old.protect != step.new.protect
        return changed or options.show_sames
    hidden = (options.diff or options.json) and not options.show_replacement_steps
    return not (hidden and not step.logical and step.op in REPLACEMENT_STEPS)
