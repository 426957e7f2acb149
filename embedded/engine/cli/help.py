"""Help texts in the official layout: what the command is for, its usage, its subcommands, its flags."""

from __future__ import annotations

import textwrap

from embedded.engine.cli.command import Command
from embedded.engine.cli.examples import EXAMPLES
from embedded.engine.cli.flags import GLOBAL_FLAGS, Flag
from embedded.engine.cli.tree import Node

_WIDTH = 120


def help_text(path: str, node: Node, command: Command | None) -> str:
    """The help of a command or group."""
    text = node.long or (textwrap.dedent(command.long) if command else "") or node.short
    sections = [text.strip(), _usage(path, node, command)]
    if node.aliases:
        sections.append(f"Aliases:\n  {', '.join((path.rpartition(' ')[2], *node.aliases))}")
    if examples := EXAMPLES.get(path.removeprefix("pulumi ")):
        sections.append("Examples:\n" + "\n".join(f"  # {text}\n  pulumi {line}" for text, line in examples))
    if node.children:
        sections.append("Available Commands:\n" + _commands(node))
    own = sorted(command.flags if command else (), key=lambda flag: flag.name)
    if shown := [flag for flag in own if not flag.hidden]:
        sections.append("Flags:\n" + _flags(shown))
    sections.append("Global Flags:\n" + _flags([flag for flag in GLOBAL_FLAGS if not flag.hidden]))
    if node.children:
        sections.append(f'Use "{path} [command] --help" for more information about a command.')
    return "\n\n".join(sections) + "\n"


def _usage(path: str, node: Node, command: Command | None) -> str:
    lines = ["Usage:"]
    if command:
        arguments = f" {command.usage}" if command.usage else ""
        lines.append(f"  {path}{arguments} [flags]")
    if node.children:
        lines.append(f"  {path} [command]")
    return "\n".join(lines)


def _commands(node: Node) -> str:
    shown = {name: child for name, child in sorted(node.children.items()) if not child.hidden}
    width = max(len(name) for name in shown) + 1
    return "\n".join(f"  {name:<{width}} {child.short}" for name, child in shown.items())


_VALUE_NAMES = {"string": " string", "int": " int", "strings": " stringArray", "list": " strings", "bool": ""}


def _flags(flags: list[Flag]) -> str:
    heads = [_flag_head(flag) for flag in flags]
    width = max(len(head) for head in heads) + 3
    lines = []
    for head, flag in zip(heads, flags, strict=True):
        wrapped = textwrap.wrap(_flag_help(flag), max(_WIDTH - width, 40))
        lines.append(f"{head:<{width}}{wrapped[0]}")
        lines.extend(" " * width + line for line in wrapped[1:])
    return "\n".join(lines)


def _flag_head(flag: Flag) -> str:
    short = f"-{flag.short}, " if flag.short else "    "
    optional = f'[="{flag.bare}"]' if flag.bare is not None else ""
    return f"  {short}--{flag.name}{_VALUE_NAMES[flag.kind]}{optional}"


def _flag_help(flag: Flag) -> str:
    if flag.kind in ("string", "int") and flag.default:
        default = f'"{flag.default}"' if flag.kind == "string" else flag.default
        return f"{flag.help} (default {default})"
    return flag.help
