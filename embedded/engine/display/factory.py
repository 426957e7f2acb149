"""The display that the options ask for."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from embedded.engine.display import colors
from embedded.engine.display.options import DisplayOptions

if TYPE_CHECKING:
    from embedded.engine.display.preview_json import JsonEventsDisplay, PreviewJsonDisplay
    from embedded.engine.display.progress import ProgressDisplay
    from embedded.engine.display.rich_diff import RichDiffDisplay


def make_display(
    title: str, doing: str, stack: str, project: str, is_preview: bool, options: DisplayOptions
) -> RichDiffDisplay | ProgressDisplay | PreviewJsonDisplay | JsonEventsDisplay:
    """A display.

    Args:
        title: The line that it begins with: `Updating (dev):`.
        doing: What the dots are about: `updating`.
        stack: The stack's bare name.
        project: The project's name.
        is_preview: Whether the run only plans.
        options: What the flags say.
    """
    if options.json:
        from embedded.engine.display.preview_json import JsonEventsDisplay, PreviewJsonDisplay

        return PreviewJsonDisplay(options) if is_preview else JsonEventsDisplay()
    title = f"{colors.HEADLINE}{title}{colors.RESET}\n"
    sys.stdout.write(colors.colorize(title if options.diff else f"{title}\n", options.color))
    sys.stdout.flush()
    if options.diff:
        from embedded.engine.display.rich_diff import RichDiffDisplay

        return RichDiffDisplay(options)
    from embedded.engine.display.progress import LineRenderer, ProgressDisplay
    from embedded.engine.display.rows import RunState

    run = RunState(project, stack, is_preview, options, is_terminal=options.interactive)
    if options.interactive:
        from embedded.engine.display.tree import TreeRenderer

        renderer = TreeRenderer(run)
        display = ProgressDisplay(renderer, run)
        renderer.follow(display)
        return display
    return ProgressDisplay(LineRenderer(options, doing), run)
