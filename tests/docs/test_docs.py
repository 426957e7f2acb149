"""What the documentation says can be typed, followed and found."""

from __future__ import annotations

import ast
import re
import shlex
from functools import cache
from pathlib import Path

import click
import pytest

from logistics.cli import commands
from logistics.documentation.reference import FILE, reference

ROOT = Path(__file__).parents[2]
PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").glob("*.md"), *(ROOT / "embedded").glob("*/README.md")])
_LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
_TYPED = re.compile(r"(?:^|`)(?:\.venv/bin/)?((?:logistics|make) [^`\n]*)", re.MULTILINE)


def words(page: Path) -> list[list[str]]:
    """Every command line of a page, split; words after a pipe, a comment or an ellipsis left out."""
    found = []
    for typed in _TYPED.findall(page.read_text(encoding="utf-8")):
        line = re.split(r"\s+#|[|;&]|…|\.\.\.| {2,}", typed)[0]
        try:
            found.append(shlex.split(line))
        except ValueError:
            continue
    return found


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page):
    links = [link.split("#")[0] for link in _LINK.findall(page.read_text(encoding="utf-8"))]
    relative = [link for link in links if link and "://" not in link]
    assert [link for link in relative if not (page.parent / link).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_commands_exist_with_their_options(page):
    assert [problem for line in words(page) for problem in wrong(line)] == []


def wrong(line: list[str]) -> list[str]:
    """What is wrong with a command line."""
    return wrong_target(line) if line[0] == "make" else wrong_command(line)


def wrong_target(line: list[str]) -> list[str]:
    names = [word for word in line[1:] if "=" not in word and word.isascii() and not word.startswith("-")][:1]
    return [f"make {name}" for name in names if name not in targets()]


@cache
def targets() -> set[str]:
    return set(re.findall(r"^([a-z][a-z-]*):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))


def wrong_command(line: list[str]) -> list[str]:
    command: click.Command = commands
    problems = []
    for number, word in enumerate(line[1:]):
        if word == "--":
            break
        if word.startswith("-") and word != "-":
            known = {name for each in command.params for name in (*each.opts, *each.secondary_opts)}
            if word.split("=")[0] not in known | {"-h", "--help", "--version"}:
                problems.append(f"{' '.join(line)}: {word}")
        elif isinstance(command, click.Group) and not problems:
            named = word.split("|")[0].rstrip(",.:")
            if named in command.commands:
                command = command.commands[named]
            elif number == 0 and named:
                problems.append(f"logistics {named}")
    return problems


def test_the_reference_is_what_the_command_writes():
    assert (ROOT / FILE).read_text(encoding="utf-8") == reference(ROOT, commands), "run `make reference`"


@cache
def literals() -> str:
    """Every text in the code, what is put into it left out."""
    found = []
    for folder in ("logistics", "embedded", "components", "dashboard"):
        for file in (ROOT / folder).rglob("*.py"):
            for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
                if isinstance(node, ast.JoinedStr):
                    found.append(
                        "".join(str(part.value) if isinstance(part, ast.Constant) else "\0" for part in node.values)
                    )
                elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                    found.append(node.value)
    return "\n".join(found)


def test_messages_of_the_troubleshooting_page_exist():
    page = (ROOT / "docs" / "troubleshooting.md").read_text(encoding="utf-8")
    told = re.findall(r"^\| `(.+?)` \|", page, re.MULTILINE)
    assert len(told) > 20
    assert [message for message in told if message not in literals()] == []
