"""The live tree on a terminal: the resources below their parents, drawn anew as they change.

Source: pkg/backend/display/tree.go and jsonmessage.go of Pulumi.
"""

from __future__ import annotations

import shutil
import sys
from dataclasses import dataclass, field
from threading import Event, RLock, Thread
from typing import TYPE_CHECKING

from embedded.engine.display import colors
from embedded.engine.display.operations import is_root_stack
from embedded.engine.display.rows import Row, RunState

if TYPE_CHECKING:
    from embedded.engine.display.progress import ProgressDisplay

_SECONDS_BETWEEN_FRAMES = 0.125
_DOTS = ("", ".", "..", "...")
_FRAMES_PER_DOT = 4


@dataclass
class _Node:
    row: Row
    children: list[_Node] = field(default_factory=list)


class TreeRenderer:
    """Draws the tree over its last drawing; lines that are no rows are written below it for good."""

    def __init__(self, run: RunState) -> None:
        self._run = run
        self._display: ProgressDisplay | None = None
        self._lock = RLock()
        self._stop = Event()
        self._drawn_lines = 0
        self._frame = 0
        self._changed = False
        self._next_order = 1
        self._thread = Thread(target=self._animate, daemon=True)

    def follow(self, display: ProgressDisplay) -> None:
        """Begin to draw the rows of a display."""
        self._display = display
        self._thread.start()

    def row_updated(self, row: Row) -> None:
        """Note that something changed; the next frame shows it."""
        del row
        self._changed = True

    def line(self, text: str) -> None:
        """Write a line that stays, below the tree."""
        with self._lock:
            if not self._run.done:
                self._erase()
            sys.stdout.write(f"{colors.colorize(text, self._run.options.color)}\n")
            sys.stdout.flush()

    def finish(self) -> None:
        """Draw the tree a last time, in full."""
        self._stop.set()
        with self._lock:
            self._draw(whole=True)
            sys.stdout.write("\n")
            sys.stdout.flush()
            self._drawn_lines = 0

    def close(self) -> None:
        """Draw no more."""
        self._stop.set()

    def _animate(self) -> None:
        while not self._stop.wait(_SECONDS_BETWEEN_FRAMES):
            with self._lock:
                if not self._stop.is_set():
                    self._frame += 1
                    self._draw(whole=False)

    def _erase(self) -> None:
        if self._drawn_lines:
            sys.stdout.write(f"\x1b[{self._drawn_lines}A\x1b[J")
            self._drawn_lines = 0

    def _draw(self, whole: bool) -> None:
        if self._display is None or not self._display.rows:
            return
        size = shutil.get_terminal_size()
        lines = self.lines(size.columns)
        if len(lines) == 1:
            return
        room = max(size.lines - 2, 1)
        if not whole and len(lines) > room:
            # The end of the tree is what moves; the whole of it is drawn at the end.
            lines = lines[:1] + lines[len(lines) - room + 1 :]
        self._erase()
        text = "".join(f"{line}\n" for line in lines)
        sys.stdout.write(colors.colorize(text, self._run.options.color))
        sys.stdout.flush()
        self._drawn_lines = len(lines)

    # --- the table ---------------------------------------------------------------------------------------------------

    def lines(self, terminal_width: int) -> list[str]:
        """The tree's lines with their header, columns aligned, cut to the terminal's width; with colour tags."""
        table = [self._header()]
        with self._lock:
            for root in self._roots():
                self._add(root, "", "", table)
        if not any(row[-1] for row in table[1:]):
            table[0][-1] = ""
        widths = [max(colors.width(row[column]) for row in table) for column in range(len(table[0]))]
        return [_joined(row, widths, terminal_width) for row in table]

    def _header(self) -> list[str]:
        status = "Plan" if self._run.is_preview else "Status"
        names = ["URN"] if self._run.options.show_urns else ["Type", "Name"]
        return [
            "",
            *(f"{colors.UNDERLINE}{colors.BRIGHT_BLUE}{name}{colors.RESET}" for name in (*names, status, "Info")),
        ]

    def _roots(self) -> list[_Node]:
        assert self._display is not None
        rows = dict(self._display.rows)
        stack_urn = self._display.stack_urn
        nodes = {urn: _Node(row) for urn, row in rows.items()}
        roots = []
        for urn, node in nodes.items():
            if urn in ("", stack_urn):
                roots.append(node)
                continue
            parent = nodes.get(node.row.parent) or nodes.get(stack_urn)
            (parent.children if parent and parent is not node else roots).append(node)
        return self._shown(roots)

    def _shown(self, nodes: list[_Node]) -> list[_Node]:
        """The nodes that are not hidden or have something shown below them, in the order in which they first were."""
        result = []
        for node in nodes:
            node.children = self._shown(node.children)
            if node.row.hidden and not node.children and not is_root_stack(node.row.step):
                continue
            if not node.row.order:
                node.row.order = self._next_order
                self._next_order += 1
            result.append(node)
        return sorted(result, key=lambda node: node.row.order)

    def _add(self, node: _Node, indent: str, branch: str, table: list[list[str]]) -> None:
        columns = node.row.columns()
        columns[1] = indent + branch + columns[1]
        columns[-2] += self._dots(node.row)
        table.append(columns)
        inner = indent + {"": "", "├─ ": "│  ", "└─ ": "   "}[branch]
        for index, child in enumerate(node.children):
            self._add(child, inner, "└─ " if index == len(node.children) - 1 else "├─ ", table)

    def _dots(self, row: Row) -> str:
        if row.is_done or (row.step.op == "same" and not is_root_stack(row.step)):
            return ""
        return _DOTS[self._frame // _FRAMES_PER_DOT % len(_DOTS)]


def _joined(columns: list[str], widths: list[int], terminal_width: int) -> str:
    parts = [" " + columns[0] + " " * (widths[0] - colors.width(columns[0]))]
    parts.extend(
        f"{column}{' ' * (width - colors.width(column))}" for column, width in zip(columns[1:], widths[1:], strict=True)
    )
    text = parts[0] + " " + "  ".join(parts[1:])
    return colors.trim(text.rstrip(), max(terminal_width - 1, 1))
