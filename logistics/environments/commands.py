"""`logistics env clone`, `list` and `remove`."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import click

from logistics.project import project_root

_UNITS = {"m": "minutes", "h": "hours", "d": "days"}


class _Lifetime(click.ParamType):
    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> timedelta:
        if isinstance(value, timedelta):
            return value
        found = re.fullmatch(r"(\d{1,4})([mhd])", str(value))
        if not found or not int(found[1]):
            self.fail(
                f"{value!r} is no time to live: allowed: a number above 0 with m, h or d, such as 24h", param, ctx
            )
        return timedelta(**{_UNITS[found[2]]: int(found[1])})


@click.command("clone")
@click.option("--from", "source", default="staging", show_default=True, help="The stack to clone.")
@click.option("--name", required=True, help="The clone's name, such as pr-123.")
@click.option("--ttl", type=_Lifetime(), default="24h", show_default=True, help="Time to live: 90m, 24h, 7d.")
@click.option(
    "--credits", "credits_a_day", type=click.IntRange(1, 100), default=5, show_default=True, help="Credits a day."
)
def clone_command(source: str, name: str, ttl: timedelta, credits_a_day: int) -> None:
    """Clones a stack's database without copying rows: policies bound, tasks suspended, a warehouse with a cap."""
    from logistics.declarations import load_declarations
    from logistics.environments.clones import clone

    with _account(source) as (settings, cursor):
        clone(settings, load_declarations(project_root(), settings), cursor, name, ttl, credits_a_day, click.echo)


@click.command("list")
@click.option("--from", "source", default="staging", show_default=True, help="The stack whose clones are listed.")
def list_command(source: str) -> None:
    """Lists the clones of a stack, and when their time is over."""
    from logistics.environments.clones import clones

    with _account(source) as (settings, cursor):
        found, now = clones(settings, cursor), datetime.now(UTC)
    for each in found:
        state = "expired" if each.expired(now) else "until"
        click.echo(f"{each.name}  {each.database}  {state} {each.expires_at:%Y-%m-%d %H:%M} UTC")
    if not found:
        click.echo(f"no clones of {source}")


@click.command("remove")
@click.option("--from", "source", default="staging", show_default=True, help="The stack whose clone is removed.")
@click.option("--expired", is_flag=True, help="Remove every clone whose time is over.")
@click.argument("name", required=False)
def remove_command(source: str, expired: bool, name: str | None) -> None:
    """Removes the clone NAME, or all whose time is over, with warehouse and monitor."""
    from logistics.environments.clones import clones, remove

    if bool(name) == expired:
        raise click.UsageError("give the NAME of a clone, or --expired")
    with _account(source) as (settings, cursor):
        now = datetime.now(UTC)
        due = [name] if name else [each.name for each in clones(settings, cursor) if each.expired(now)]
        for each in due:
            click.echo(f"{remove(settings, cursor, str(each)).database}: removed")
    if not due:
        click.echo("nothing to remove")


@contextmanager
def _account(stack: str) -> Iterator[tuple[Any, Any]]:
    """Opens a session of the deploying role on a stack's account."""
    from logistics.connection import connect
    from logistics.local.environment import environment
    from logistics.settings import load_stack

    root = project_root()
    settings = load_stack(root, stack)
    with connect(settings, os.environ | environment(root, settings)) as connection:
        yield settings, connection.cursor()


COMMANDS = (clone_command, list_command, remove_command)
