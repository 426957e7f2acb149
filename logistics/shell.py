"""`logistics doctor` and `logistics completion`."""

from __future__ import annotations

import json
import os

import click

from logistics.project import project_root

_SHAPES = {"ok": ("✓", "green"), "warning": ("▲", "yellow"), "failed": ("✗", "red")}
_SHELLS = ("bash", "zsh", "fish")
_WIDTH_OF_NAME = 22


@click.command()
@click.option(
    "--environment", "-e", default="dev", show_default=True, help="The stack whose credentials are looked for."
)
@click.option("--format", "form", type=click.Choice(["table", "json"]), default="table", show_default=True)
def doctor(environment: str, form: str) -> None:
    """Looks at this machine, one line each, and says how to mend what is missing. Exits with 1 if something failed.

    \b
    logistics doctor
    logistics doctor --environment prod --format json
    """
    from logistics.doctor import Machine, as_json, examine, exit_code

    machine = Machine(root=project_root(), variables=os.environ, stack=environment)
    found = []
    for each in examine(machine):
        found.append(each)
        if form == "table":
            shape, colour = _SHAPES[each.status]
            mend = f"\n{'':{_WIDTH_OF_NAME + 2}}→ {each.mend}" if each.mend else ""
            click.echo(f"{click.style(shape, fg=colour)} {each.name:<{_WIDTH_OF_NAME}}{each.seen}{mend}")
    if form == "json":
        click.echo(json.dumps(as_json(found), indent=2))
    raise SystemExit(exit_code(found))


@click.command()
@click.argument("shell", type=click.Choice(_SHELLS))
@click.pass_context
def completion(context: click.Context, shell: str) -> None:
    """Prints the completion of commands and options for a shell.

    \b
    eval "$(logistics completion bash)"                              # in ~/.bashrc
    eval "$(logistics completion zsh)"                               # in ~/.zshrc
    logistics completion fish > ~/.config/fish/completions/logistics.fish
    """
    from click.shell_completion import get_completion_class

    made = get_completion_class(shell)
    assert made is not None
    root = context.find_root()
    click.echo(made(root.command, {}, "logistics", "_LOGISTICS_COMPLETE").source())


COMMANDS = (doctor, completion)
