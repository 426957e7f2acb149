"""The reference of all commands and settings, as docs/reference.md has it; a test holds the two together."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from logistics.settings.reference import reference as settings_reference

FILE = Path("docs/reference.md")
_HEAD = """# Reference

Written by `logistics docs --reference` from the commands and the settings themselves.

## Commands

"""
_TARGET = re.compile(r"^([a-z][a-z-]*):.*?## (.*)$", re.MULTILINE)


def reference(root: Path, commands: click.Group) -> str:
    """Returns the reference as Markdown: commands with their options, targets of `make`, settings.

    Args:
        root: the project's folder, for the Makefile.
        commands: the whole command.
    """
    parts = [_HEAD + "\n\n".join(_of_group(commands, "logistics"))]
    targets = _TARGET.findall((root / "Makefile").read_text(encoding="utf-8"))
    parts.append(_table("## make", ("Target", "What it does"), [(f"`make {name}`", said) for name, said in targets]))
    parts.append("## Settings\n\n" + settings_reference())
    return "\n\n".join(parts) + "\n"


def leaves(group: click.Group, path: str) -> Iterator[tuple[str, click.Command]]:
    """Yields each command with its whole name, those of groups within groups too; a group comes before its commands."""
    for name, command in sorted(group.commands.items()):
        yield f"{path} {name}", command
        if isinstance(command, click.Group):
            yield from leaves(command, f"{path} {name}")


def _of_group(group: click.Group, path: str) -> Iterator[str]:
    for name, command in leaves(group, path):
        if command.hidden:
            continue
        arguments = " ".join(_argument(each) for each in command.params if isinstance(each, click.Argument))
        help_text = (command.help or "").replace("\b", "").strip()
        said, *more = help_text.split("\n\n")
        text = "\n\n".join(
            [f"### `{' '.join([name, arguments]).strip()}`", " ".join(said.split()), *map(_paragraph, more)]
        )
        options = [_option(each) for each in command.params if isinstance(each, click.Option) and not each.hidden]
        yield text + (("\n\n" + _table("", ("Option", "Default", "What it does"), options)) if options else "")


def _paragraph(text: str) -> str:
    """Returns a paragraph of a help text: commands as such, words as one line."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return "```sh\n" + "\n".join(lines) + "\n```" if _are_examples(lines) else " ".join(lines)


def _are_examples(lines: list[str]) -> bool:
    return all(line.startswith(("logistics ", "eval ", "#", "make ")) for line in lines)


def _argument(argument: click.Argument) -> str:
    name = (argument.metavar or argument.name or "").upper()
    many = f"{name}…" if argument.nargs == -1 else name
    return many if argument.required else f"[{many}]"


def _option(option: click.Option) -> tuple[str, str, str]:
    names = ", ".join(f"`{name}`" for name in (*option.opts, *option.secondary_opts))
    kind = "" if option.is_flag else f" {_values(option.type)}"
    default: Any = option.default
    shown = (
        ""
        if option.is_flag or default in (None, (), "") or callable(default) or "Sentinel" in repr(default)
        else f"`{default}`"
    )
    return names + kind, shown, option.help or ""


def _values(kind: click.ParamType) -> str:
    return "\\|".join(str(each) for each in kind.choices) if isinstance(kind, click.Choice) else kind.name


def _table(title: str, head: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    lines = [f"| {' | '.join(cells)} |" for cells in (head, *rows)]
    lines.insert(1, "|" + "-|" * len(head))
    return "\n".join(([title, ""] if title else []) + lines)
