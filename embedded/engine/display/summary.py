"""The end of a deployment's output: `Resources:` with its counts, and `Duration:`.

Source: pkg/backend/display/diff.go of Pulumi.
"""

from __future__ import annotations

import math

from embedded.engine.display import colors
from embedded.engine.display.operations import READ_STEPS, STEP_TEXTS, prefix_of
from embedded.engine.events import SummaryEvent


def render_summary(event: SummaryEvent, errored: int, with_policies: bool) -> str:
    """The summary's text, with colour tags.

    Args:
        event: The counts.
        errored: How many resources had errors.
        with_policies: Whether the policy packs are listed (the rich diff has no other place for them).
    """
    lines = [f"{colors.HEADLINE}Resources:{colors.RESET}"]
    changed = {
        op: count
        for op in STEP_TEXTS
        if op != "same" and op not in READ_STEPS and (count := event.resource_changes.get(op, 0)) > 0
    }
    for op, count in changed.items():
        words = f"to {op}" if event.is_preview else STEP_TEXTS[op].past
        lines.append(f"    {prefix_of(op)}{count} {words}{colors.RESET}")
    pieces = []
    if len(changed) > 1:
        pieces.append(f"{colors.BOLD}{sum(changed.values())} changes{colors.RESET}")
    if event.resource_changes.get("same"):
        pieces.append(f"{event.resource_changes['same']} unchanged")
    if pieces:
        lines.append(f"    {'. '.join(pieces)}")
    if errored:
        lines.append(f"    {colors.RED}{errored} errored{colors.RESET}")
    if with_policies and event.policy_packs:
        lines.extend(_policy_lines(event.policy_packs))
    if not event.is_preview:
        lines.extend(("", f"{colors.HEADLINE}Duration:{colors.RESET} {_duration(math.ceil(event.duration_seconds))}"))
    return "\n".join(lines) + "\n"


def _policy_lines(packs: dict[str, str]) -> list[str]:
    width = max(len("Name"), *(len(name) for name in packs)) + 2
    rows = [f"    {name:<{width}}{version}" for name, version in sorted(packs.items())]
    return ["", f"{colors.HEADLINE}Policy Packs run:{colors.RESET}", f"    {'Name':<{width}}Version", *rows]


def _duration(seconds: int) -> str:
    """Whole seconds as Go prints them: `5s`, `1m5s`, `1h0m0s`."""
    hours, rest = divmod(seconds, 3600)
    minutes, seconds = divmod(rest, 60)
    if hours:
        return f"{hours}h{minutes}m{seconds}s"
    return f"{minutes}m{seconds}s" if minutes else f"{seconds}s"
