"""What the flags say to the displays."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class DisplayOptions:
    """How a deployment is shown; each field is the flag of the same name, `color` is always, never or raw."""

    color: str = "never"
    diff: bool = False
    json: bool = False
    show_config: bool = False
    show_sames: bool = False
    show_reads: bool = False
    show_replacement_steps: bool = False
    show_secrets: bool = False
    show_urns: bool = False
    show_policy_remediations: bool = False
    suppress_outputs: bool = False
    suppress_progress: bool = False
    truncate_output: bool = True
    debug: bool = False
    interactive: bool = False
    emoji: bool = False
