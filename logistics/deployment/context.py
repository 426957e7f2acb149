"""What a deployment and a rollback work on: the stack's files, engine, backend, account and records."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from logistics.connection import connect
from logistics.deployment.backup import Backups
from logistics.deployment.columns import GONE
from logistics.deployment.engine import Engine
from logistics.deployment.history import list_versions
from logistics.deployment.notify import Channels
from logistics.deployment.runs import Runs
from logistics.deployment.safety import Safety
from logistics.deployment.versions import Version
from logistics.local import server
from logistics.local.environment import environment
from logistics.project import local_folder
from logistics.settings import StackSettings, load_stack

WEBHOOK_VARIABLE = "LOGISTICS_WEBHOOK_URL"
"""Where notices go by POST; a secret, so it is no setting of the stack file."""


@dataclass(frozen=True, kw_only=True)
class Context:
    """Everything for one environment; made by `open_context`."""

    root: Path
    settings: StackSettings
    variables: Mapping[str, str]
    engine: Engine
    runs: Runs
    backups: Backups

    @property
    def database(self) -> str:
        """The platform's database."""
        return self.settings.platform.database

    @property
    def channels(self) -> Channels:
        """Where notices go."""
        platform = self.settings.platform
        return Channels(
            log=self.runs.folder / "notices.log",
            webhook_url=self.variables.get(WEBHOOK_VARIABLE, ""),
            email_integration=platform.deploy_email_integration,
            email_to=tuple(platform.deploy_email_to),
        )

    def versions(self) -> list[Version]:
        """Returns the stack's versions, oldest first."""
        backend = self.variables["PULUMI_BACKEND_URL"]
        return list_versions(backend, self.engine.project, self.settings.stack, self.engine.ask)

    def in_between(self) -> set[int]:
        """Returns the numbers of the versions that stood only between `logistics columns` and the deployment that follows it.

        In them a column has its new name and the views over it still read it by the old one, so they cannot be made again.
        """
        with self.cursor() as cursor:
            changes = Safety(cursor, self.database).column_changes()
        renamed = {change.version + 1 for change in changes if change.after != GONE}
        return {version.number for version in self.versions() if version.kind == "refresh"} & renamed

    @contextmanager
    def cursor(self, role: str | None = None) -> Iterator[Any]:
        """Opens a session for a `with` block, as the deploying role or as `role`, without the stack's suffix."""
        with connect(self.settings, self.variables, role=role) as connection:
            yield connection.cursor()


def open_context(root: Path, stack: str, engine: str) -> Context:
    """Returns the context of an environment; the local Snowflake is started if the stack lives there.

    Raises:
        LogisticsError: the stack file is wrong, or the stack cannot be opened.
    """
    settings = load_stack(root, stack)
    if settings.account.is_local:
        server.start(root, None)
    variables = os.environ | environment(root, settings)
    return Context(
        root=root,
        settings=settings,
        variables=variables,
        engine=Engine(root, stack, engine, variables),
        runs=Runs(root, stack),
        backups=Backups(root, stack, variables),
    )


def evidence_folder(context: Context, run_id: str) -> Path:
    """Returns the folder of a run's evidence, made if need be."""
    folder = local_folder(context.root) / "deployments" / context.settings.stack / run_id
    folder.mkdir(mode=0o700, exist_ok=True)
    return folder
