"""`pulumi new`: a new, empty Python project."""

from __future__ import annotations

import re
from pathlib import Path

from embedded.engine.cli import terminal
from embedded.engine.cli.command import YES_FLAG, Call, command
from embedded.engine.cli.flags import Flag
from embedded.engine.errors import EngineError

_TEMPLATES = ("", "python")
_PROGRAM = '"""A Python Pulumi program."""\n\nimport pulumi\n'


@command(
    "[template|url]",
    maximum=1,
    flags=(
        YES_FLAG,
        Flag("name", "The project name; if not specified, the folder's", "string", "n", ""),
        Flag("description", "The project description; if not specified, a short one", "string", "d", ""),
        Flag(
            "dir",
            "The location to place the generated project; if not specified, the current directory is used",
            "string",
            default="",
        ),
        Flag("stack", "The stack name; if not specified, no stack is made by this engine", "string", "s", ""),
        Flag("force", "Forces content to be generated even if it would change existing files", short="f"),
        Flag("generate-only", "Generate the project only; do not create a stack or install dependencies", short="g"),
        Flag("list-templates", "List the templates that this engine has", short="l"),
    ),
)
def new(call: Call) -> None:
    """Create a new Pulumi project

    This engine has one template of its own, `python`: an empty program.
    """
    flags = call.flags
    if flags["list_templates"]:
        terminal.out("Available Templates:\n  python    A minimal Python Pulumi program")
        return
    if call.argument(0) not in _TEMPLATES:
        raise EngineError(f"template '{call.argument(0)}' not found (this engine has: python)")
    folder = Path(flags["dir"]).absolute() if flags["dir"] else Path.cwd()
    name = flags["name"] or re.sub(r"[^A-Za-z0-9_.-]", "-", folder.name)
    files = {
        "Pulumi.yaml": f"name: {name}\ndescription: {flags['description'] or 'A minimal Python Pulumi program'}\nruntime: python\n",
        "__main__.py": _PROGRAM,
        "requirements.txt": "pulumi>=3.0.0,<4.0.0\n",
    }
    existing = [file for file in files if (folder / file).exists()]
    if existing and not flags["force"]:
        raise EngineError(
            f"{folder} is not empty: it has {', '.join(existing)}; rerun in an empty directory or with --force"
        )
    folder.mkdir(parents=True, exist_ok=True)
    for file, content in files.items():
        (folder / file).write_text(content, encoding="utf-8")
    terminal.out(f"Created project '{name}'")
    if flags["stack"] and not flags["generate_only"]:
        _make_stack(call, folder, flags["stack"])


def _make_stack(call: Call, folder: Path, stack: str) -> None:
    import os

    from embedded.engine.backend.login import select_stack
    from embedded.engine.cli.stack import create_stack

    os.chdir(folder)
    reference = call.session.backend.parse(stack)
    create_stack(call, reference)
    select_stack(call.session.backend, call.session.project, reference)
