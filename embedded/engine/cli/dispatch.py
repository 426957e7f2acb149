"""From a command line to the command's code: the command is found first, then all flags are parsed by it, as cobra does."""

from __future__ import annotations

import importlib
import sys

from embedded.engine.cli import flags as flag_parser
from embedded.engine.cli.command import Call, Command
from embedded.engine.cli.flags import GLOBAL_FLAGS, Flag
from embedded.engine.cli.tree import ROOT, Node
from embedded.engine.errors import EngineError

_HELP_FLAG = Flag("help", "help for this command", short="h")
_LEADING_FLAGS = {key: flag for flag in (*GLOBAL_FLAGS, _HELP_FLAG) for key in (flag.name, flag.short) if key}


def run(arguments: list[str]) -> int | None:
    """Run a command line; returns its exit code, None for success.

    Raises:
        EngineError: The command line is wrong, or the command failed.
    """
    if arguments[:1] == ["help"]:
        arguments = [*arguments[1:], "--help"]
    names, node, rest = find(arguments)
    path = " ".join(("pulumi", *names))
    if not node.target:
        return _run_group(path, node, rest)
    loaded = load(node)
    parsed = flag_parser.parse(rest, (*GLOBAL_FLAGS, _HELP_FLAG, *loaded.flags))
    if parsed.values.pop("help"):
        return _print_help(path, node, loaded)
    if node.children and parsed.arguments:
        raise _unknown(parsed.arguments[0], path)
    from embedded.engine.cli.session import Session

    session = Session.start(parsed.values)
    loaded.check_arguments(parsed.arguments)
    return loaded.run(Call(session, parsed.values, parsed.arguments, parsed.given, path, parsed.after_dashes))


def find(arguments: list[str]) -> tuple[list[str], Node, list[str]]:
    """The command that a command line names, and the rest of the line with the flags that stood before the name."""
    names: list[str] = []
    node = ROOT
    rest = list(arguments)
    index = 0
    while index < len(rest) and node.children:
        token = rest[index]
        if token == "--":
            break
        if token.startswith("-") and token != "-":
            index += flag_parser.skip_flag(token, _LEADING_FLAGS)
            continue
        found = node.child(token)
        if found is None:
            if not node.target:
                raise _unknown(token, " ".join(("pulumi", *names)))
            break
        names.append(found[0])
        node = found[1]
        del rest[index]
    return names, node, rest


def load(node: Node) -> Command:
    """The code of a command."""
    module, _, function = node.target.partition(":")
    return getattr(importlib.import_module(f"embedded.engine.cli.{module}"), function)


def _run_group(path: str, node: Node, rest: list[str]) -> int | None:
    flag_parser.parse(rest, (*GLOBAL_FLAGS, _HELP_FLAG))
    return _print_help(path, node, None)


def _print_help(path: str, node: Node, loaded: Command | None) -> int:
    from embedded.engine.cli.help import help_text

    sys.stdout.write(help_text(path, node, loaded))
    return 0


def _unknown(name: str, path: str) -> EngineError:
    from embedded.engine.cli.absent import absent_command

    absent = absent_command(f"{path} {name}".removeprefix("pulumi "))
    if absent is not None:
        return absent
    return EngineError(f'unknown command "{name}" for "{path}"\nRun \'{path} --help\' for usage.')
