"""The steps of `make up` and `make down` for a stack, each shown as it is done."""

from __future__ import annotations

import os
from decimal import Decimal
from pathlib import Path

from logistics.connection import connect
from logistics.console import Steps
from logistics.dashboard.bundle import bundle
from logistics.dashboard.publish import publish
from logistics.data.generate import generate
from logistics.data.load import load
from logistics.declarations import load_declarations
from logistics.deployment.policies import prepare_pack
from logistics.errors import LogisticsError
from logistics.local import server
from logistics.local.environment import environment, pulumi_variables
from logistics.modelling.renames import rename_columns
from logistics.project import local_folder
from logistics.pulumi_command import PulumiCommand
from logistics.settings import StackSettings, load_stack, stacks
from logistics.summary import ENGINEER, Summary, summarize
from logistics.tasks import run_segments_task


def bring_up(root: Path, stack: str, engine: str, scale: Decimal, port: int | None, steps: Steps) -> Summary:
    """Checks the files, starts the local Snowflake if the stack lives there, deploys, loads, runs the tasks.

    A real account gets no generated data.

    Raises:
        LogisticsError: a step fails; the earlier ones stay done, and the same command goes on from there.
    """
    settings = load_stack(root, stack)
    with steps.step("Settings and SQL") as said:
        said.append(_checked(root, settings))
    if settings.account.is_local:
        with steps.step("Local Snowflake") as said:
            running, started = server.start(root, port)
            said.append(f"{'started' if started else 'running'} on {server.HOST}:{running.port}")
    pulumi = prepared_pulumi(root, settings, engine)
    for rename in rename_columns(root, settings, pulumi, os.environ | environment(root, settings)):
        steps.announce("Column", f"{rename.table}: {rename.old} is now {rename.new}")
    steps.announce("Deployment", f"pulumi up --stack {stack} --yes")
    if code := pulumi.run("up", "--yes", "--skip-preview", "--suppress-outputs"):
        raise LogisticsError(
            f"pulumi up ended with exit code {code}: mend what it says above and run the same command again"
        )
    with steps.step("Dashboard") as said:
        said.append(_published(root, settings))
    if settings.account.is_local:
        load_and_run(root, settings, scale, steps)
    return summarize(root, settings, os.environ | environment(root, settings), pulumi.resource_counts())


def _published(root: Path, settings: StackSettings) -> str:
    with connect(settings, os.environ | environment(root, settings)) as connection:
        return publish(connection.cursor(), settings, bundle(root, settings))


def prepared_pulumi(root: Path, settings: StackSettings, engine: str) -> PulumiCommand:
    """Returns the stack's `pulumi`, the stack made if need be."""
    pulumi = PulumiCommand(root, settings.stack, engine, environment(root, settings))
    pulumi.ensure_stack()
    return pulumi


def load_and_run(root: Path, settings: StackSettings, scale: Decimal, steps: Steps) -> None:
    """Generates and loads the data, and runs the tasks on what changed."""
    with steps.step("Data") as said:
        data, made = generate(root, scale)
        said.append(
            f"TPC-H scale {data.scale}, {sum(data.rows.values()):,} rows {'generated' if made else 'unchanged'}"
        )
    variables = os.environ | environment(root, settings)
    with connect(settings, variables, role=ENGINEER) as connection:
        with steps.step("Load") as said:
            loaded = load(root, settings, connection, data)
            said.append(f"{loaded.rows:,} rows {'loaded' if loaded.changed else 'unchanged'}")
        with steps.step("Tasks") as said:
            run = run_segments_task(settings, connection)
            said.append("update_customer_segments done" if run.had_changes or loaded.changed else "nothing pending")


def _checked(root: Path, settings: StackSettings) -> str:
    declared = load_declarations(root, settings)
    objects = sum(
        len(kind) for kind in (declared.sql.views, declared.sql.masking_policies, declared.sql.row_access_policies)
    )
    objects += len(declared.sql.streams) + len(declared.sql.tasks)
    return f"{len(declared.tables)} tables, {objects} SQL objects, {len(declared.access.roles)} roles"


def preview(root: Path, stack: str, engine: str, port: int | None, arguments: list[str]) -> int:
    """Shows what `up` would change and what the policy pack objects to; returns Pulumi's exit code."""
    settings = load_stack(root, stack)
    load_declarations(root, settings)
    if settings.account.is_local:
        server.start(root, port)
    pulumi = prepared_pulumi(root, settings, engine)
    pack = prepare_pack(root, settings, pulumi.deployment())
    return pulumi.run("preview", *arguments, *(pack.arguments if pack else []))


def bring_down(root: Path, engine: str, steps: Steps) -> None:
    """Destroys every deployed stack of the local Snowflake and stops it; stacks of real accounts are left alone.

    Raises:
        LogisticsError: a stack cannot be destroyed; the server then keeps running.
    """
    local = [settings for settings in (load_stack(root, stack) for stack in stacks(root)) if settings.account.is_local]
    deployed = _deployed(root, local, engine)
    if deployed:
        server.start(root)
    for settings in deployed:
        pulumi = PulumiCommand(root, settings.stack, engine, environment(root, settings))
        if settings.platform.protect_stateful:
            pulumi.unprotect(local_folder(root))
        steps.announce("Destroy", f"pulumi destroy --stack {settings.stack} --yes")
        if code := pulumi.run("destroy", "--yes", "--skip-preview"):
            raise LogisticsError(
                f"pulumi destroy ended with exit code {code}: mend what it says above and run the same command again"
            )
    with steps.step("Local Snowflake") as said:
        stopped = server.stop(root)
        said.append(f"stopped (port {stopped.port})" if stopped else "was not running")


def _deployed(root: Path, local: list[StackSettings], engine: str) -> list[StackSettings]:
    """Returns the stacks that the backend knows and that hold resources."""
    if not local:
        return []
    known = PulumiCommand(root, local[0].stack, engine, pulumi_variables(root, os.environ)).known_stacks()
    return [settings for settings in local if known.get(settings.stack, 0) > 0]
