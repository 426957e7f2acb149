"""Every command is helped with, by examples that hold; what is not there says so."""

from __future__ import annotations

import shlex
from collections.abc import Iterator

import pytest

from embedded.engine.cli import dispatch
from embedded.engine.cli import flags as flag_parser
from embedded.engine.cli.absent import _WHY
from embedded.engine.cli.examples import EXAMPLES
from embedded.engine.cli.flags import GLOBAL_FLAGS
from embedded.engine.cli.tree import ROOT, Node


def _commands(node: Node, path: tuple[str, ...] = ()) -> Iterator[str]:
    if node.target and not node.target.startswith("cloud_only"):
        yield " ".join(path)
    for name, child in node.children.items():
        yield from _commands(child, (*path, name))


def test_every_command_has_examples() -> None:
    assert set(_commands(ROOT)) == set(EXAMPLES)


@pytest.mark.parametrize("line", [line for lines in EXAMPLES.values() for _, line in lines])
def test_examples_are_command_lines(line: str) -> None:
    names, node, rest = dispatch.find(shlex.split(line))
    loaded = dispatch.load(node)
    parsed = flag_parser.parse(rest, (*loaded.flags, *GLOBAL_FLAGS))
    loaded.check_arguments(parsed.arguments)
    assert any(shown == line for _, shown in EXAMPLES[" ".join(names)])


@pytest.mark.parametrize("path", sorted(EXAMPLES))
def test_help_shows_them(path: str, pulumi) -> None:
    ran = pulumi(*path.split(), "--help")
    assert ran.code == 0 and "Examples:\n  # " in ran.out and f"pulumi {EXAMPLES[path][0][1]}" in ran.out


@pytest.mark.parametrize("path", sorted(_WHY))
def test_what_only_the_official_cli_has_says_so(path: str, pulumi) -> None:
    ran = pulumi(*path.split(), "anything")
    assert ran.code == 1 and f"`pulumi {path}`" in ran.err and "https://www.pulumi.com/docs/install/" in ran.err


def test_what_nobody_has_is_unknown(pulumi) -> None:
    assert 'unknown command "uq" for "pulumi"' in pulumi("uq").err
