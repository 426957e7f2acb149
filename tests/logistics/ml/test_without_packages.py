"""`make up` installs no packages for models: each command of models says so in a line, and how to get them."""

from __future__ import annotations

import json
import subprocess
import sys

import click

from logistics.cli import commands

PROGRAM = """
import json, sys
from importlib.machinery import PathFinder
from click.testing import CliRunner

class Hiding:
    @staticmethod
    def find_spec(name, path=None, target=None):
        hidden = name.partition(".")[0] in ("numpy", "pandas", "scipy", "sklearn", "skops", "threadpoolctl")
        return None if hidden else PathFinder.find_spec(name, path, target)

sys.meta_path[sys.meta_path.index(PathFinder)] = Hiding
from logistics.cli import commands
for arguments in json.loads(sys.argv[1]):
    error = CliRunner().invoke(commands, arguments).exception
    print(" ".join(arguments), type(error).__name__, error, sep="|")
"""


def _leaves(command: click.Command, path: list[str]) -> list[list[str]]:
    """Each command below one, with a word for each argument that it needs."""
    if isinstance(command, click.Group):
        return [leaf for name, each in command.commands.items() for leaf in _leaves(each, [*path, name])]
    needed = [item for item in command.params if isinstance(item, click.Argument) and item.required]
    return [[*path, *("late_delivery" for _ in needed)]]


def test_every_command_says_what_is_missing():
    group = commands.commands["models"]
    leaves = _leaves(group, ["models"])
    assert len(leaves) > 10
    program = [sys.executable, "-c", PROGRAM, json.dumps(leaves)]
    done = subprocess.run(program, capture_output=True, text=True, check=True)
    told = [line.split("|") for line in done.stdout.splitlines()]
    assert [each[0].split() for each in told] == leaves
    for command, kind, error in told:
        assert kind == "LogisticsError" and "install them with `make analysis`" in error, command
