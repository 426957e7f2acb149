"""How each kind of step is named and coloured.

Source: pkg/resource/deploy/step.go and pkg/backend/display/progress.go of Pulumi.
"""

from __future__ import annotations

from dataclasses import dataclass

from embedded.engine.display import colors
from embedded.engine.events import StepMetadata
from embedded.engine.urn import ROOT_STACK_TYPE, qualified_type_of


@dataclass(frozen=True)
class StepText:
    """The words for one kind of step; `prefix` takes two columns."""

    prefix: str
    color: str
    doing: str
    done: str
    failed: str
    planned: str
    past: str


_RESET, _RED, _GREEN, _YELLOW = colors.RESET, colors.RED, colors.GREEN, colors.YELLOW
_REPLACE, _CREATED, _READ = colors.BRIGHT_MAGENTA, colors.BRIGHT_GREEN, colors.CYAN

STEP_TEXTS: dict[str, StepText] = {
    "same": StepText("  ", _RESET, "", "", "failed", "", "samed"),
    "create": StepText("+ ", _GREEN, "creating", "created", "creating failed", "create", "created"),
    "update": StepText("~ ", _YELLOW, "updating", "updated", "updating failed", "update", "updated"),
    "delete": StepText("- ", _RED, "deleting", "deleted", "deleting failed", "delete", "deleted"),
    "replace": StepText("+-", _REPLACE, "replacing", "replaced", "replacing failed", "replace", "replaced"),
    "create-replacement": StepText(
        "++",
        _CREATED,
        "creating replacement",
        "created replacement",
        "creating failed",
        "create replacement",
        "create-replacementd",
    ),
    "delete-replaced": StepText(
        "--",
        colors.BRIGHT_RED,
        "deleting original",
        "deleted original",
        "deleting failed",
        "delete original",
        "deleted",
    ),
    "read": StepText("> ", _READ, "reading", "read", "reading failed", "read", "read"),
    "read-replacement": StepText(
        ">>",
        _REPLACE,
        "reading for replacement",
        "read for replacement",
        "reading failed",
        "read for replacement",
        "read-replacementd",
    ),
    "refresh": StepText("~ ", _YELLOW, "refreshing", "refresh", "refreshing failed", "refreshing", "refreshed"),
    "discard": StepText("< ", _RED, "discarding", "discarded", "discarding failed", "discard", "discarded"),
    "discard-replaced": StepText(
        "<<", _RED, "discarding original", "discarded original", "discarding failed", "discard original", "discarded"
    ),
    "remove-pending-replace": StepText("~ ", _RESET, "", "", "", "", "remove-pending-replaced"),
    "import": StepText("= ", _GREEN, "importing", "imported", "importing failed", "import", "imported"),
    "import-replacement": StepText(
        "=>",
        _REPLACE,
        "importing replacement",
        "imported replacement",
        "importing failed",
        "import replacement",
        "imported",
    ),
}
"""In the order of the official summaries."""

REPLACEMENT_STEPS = frozenset(
    {"replace", "create-replacement", "delete-replaced", "read-replacement", "discard-replaced", "import-replacement"}
)
READ_STEPS = frozenset({"read", "read-replacement", "discard"})
_RETAINED = frozenset({"delete", "replace", "create-replacement", "delete-replaced"})


def color_of(op: str) -> str:
    """The colour tag of a kind of step."""
    return STEP_TEXTS[op].color


def prefix_of(op: str, done: bool = True) -> str:
    """The two-column sign of a kind of step, in its colour; bold while it runs."""
    return ("" if done else colors.BOLD) + STEP_TEXTS[op].color + STEP_TEXTS[op].prefix


def retain_flag(step: StepMetadata) -> str:
    """`[retain]` for a step that lets go of a resource without deleting it."""
    return "[retain]" if step.old and step.old.retain_on_delete and step.op in _RETAINED else ""


def is_root_stack(step: StepMetadata) -> bool:
    """Whether the step is about the Stack resource."""
    return bool(step.urn) and qualified_type_of(step.urn) == ROOT_STACK_TYPE


def display_type(type_: str) -> str:
    """A type token as lists show it: `pkg:module/file:Type` as `pkg:module:Type`."""
    parts = type_.split(":")
    if len(parts) != 3:
        return type_
    module, _, file = parts[1].partition("/")
    same_name = file.lower() == parts[2].lower() and file != ""
    return f"{parts[0]}:{module}:{parts[2]}" if same_name else type_


def safe_text(text: str) -> str:
    """A URN or name with characters that cannot be shown as escapes."""
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)
