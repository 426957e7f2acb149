"""`logistics dashboard`."""

from __future__ import annotations

from pathlib import Path

import click

from logistics.errors import UsageError
from logistics.project import project_root


@click.command()
@click.option("--environment", "-e", default="dev", show_default=True, help="The stack: dev, staging or prod.")
@click.option("--port", type=click.IntRange(1, 65535), default=5000, show_default=True, help="Where it listens.")
@click.option("--address", default="127.0.0.1", show_default=True, help="The address that it listens on.")
@click.option("--role", help="The role that it asks with; else the user's of the stack file, else DATA_ENGINEER.")
@click.option("--user", "name", help="A user of `logistics:users` to ask as; else the deploying user.")
@click.option(
    "--sign-in", type=click.Path(path_type=Path, dir_okay=False), help="A TOML file with [auth]: everybody signs in."
)
@click.option(
    "--refresh-seconds",
    type=click.IntRange(2, 86400),
    default=300,
    show_default=True,
    help="How often a page asks anew.",
)
@click.option("--publish", is_flag=True, help="Put the files on the stage for the app in Snowflake, and end.")
def dashboard(
    environment: str,
    port: int,
    address: str,
    role: str | None,
    name: str | None,
    sign_in: Path | None,
    refresh_seconds: int,
    publish: bool,
) -> None:
    """Shows health, quality, performance, cost, models, deployments, security and lineage in a browser.

    \b
    logistics dashboard --environment dev --port 5000
    logistics dashboard --environment prod --user ANALYST_ANNA
    logistics dashboard --environment prod --address 0.0.0.0 --sign-in secrets.toml
    logistics dashboard --environment prod --publish
    """
    import os

    from logistics.connection import connect
    from logistics.dashboard import run
    from logistics.local import server
    from logistics.local.environment import environment as environment_of
    from logistics.settings import load_stack

    root = project_root()
    settings = load_stack(root, environment)
    if settings.account.is_local:
        server.start(root, None)
    variables = os.environ | environment_of(root, settings)
    if publish:
        click.echo(_published(root, settings, variables))
        return
    user, role = _who(settings, name, role)
    start = run.Start(
        address=address, port=port, user=user, role=role, sign_in=sign_in, refresh_seconds=refresh_seconds
    )
    run.check(start)
    with connect(settings, variables):
        pass  # a wrong login is told here, not on each page
    who = "everybody signs in" if sign_in else f"as {user} with role {role}"
    click.echo(f"dashboard of {environment} on http://{address}:{port}, {who} (Ctrl+C ends it)")
    run.run(root, settings, start)


def _who(settings, name: str | None, role: str | None) -> tuple[str, str]:
    """Returns the user and the role to ask with; the user is the deploying one unless one of the stack file is named."""
    from logistics.summary import ENGINEER

    if name is None:
        return settings.account.user, (role or ENGINEER).upper()
    known = {user.name.upper(): user for user in settings.platform.users}
    if name.upper() not in known:
        allowed = ", ".join(known) or "none"
        raise UsageError(f"{name} is no user of {settings.stack}: allowed: {allowed}")
    user = known[name.upper()]
    return settings.platform.named(user.name), (role or user.role).upper()


def _published(root: Path, settings, variables) -> str:
    from logistics.connection import connect
    from logistics.dashboard.bundle import bundle
    from logistics.dashboard.publish import publish

    with connect(settings, variables) as connection:
        return publish(connection.cursor(), settings, bundle(root, settings))


COMMANDS = (dashboard,)
