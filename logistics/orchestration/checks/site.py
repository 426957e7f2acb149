"""What the checks look at: one environment's files, settings and account, at one instant."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any

from logistics.connection import connect, shown
from logistics.declarations import Declarations, load_declarations
from logistics.local.environment import environment
from logistics.settings import StackSettings, load_stack

ENGINEER = "DATA_ENGINEER"
"""The role that sees every row, and owns the platform's tasks."""


@dataclass(kw_only=True)
class Site:
    """One environment.

    Attributes:
        variables: the environment in which its commands run.
        admin: a session of the deploying role; None where a check needs no account.
        now: the account's time, with its zone.
    """

    root: Path
    settings: StackSettings
    variables: Mapping[str, str]
    admin: Any
    now: datetime
    _open: ExitStack = field(default_factory=ExitStack, repr=False)

    @cached_property
    def declared(self) -> Declarations:
        """What sql/ declares."""
        return load_declarations(self.root, self.settings)

    @cached_property
    def engineer(self) -> Any:
        """A session as DATA_ENGINEER."""
        connection = self._open.enter_context(connect(self.settings, self.variables, role=ENGINEER))
        return connection.cursor()

    @property
    def database(self) -> str:
        """The platform's database."""
        return self.settings.platform.database

    def rows(self, text: str) -> list[dict[str, Any]]:
        """Runs a statement as the deploying role; returns its rows by lower-case column name."""
        return shown(self.admin, text)

    def has_table(self, schema: str, table: str) -> bool:
        """Returns whether the engineer finds a table in the account."""
        self.engineer.execute(
            f"SELECT COUNT(*) FROM {self.database}.INFORMATION_SCHEMA.TABLES WHERE TABLE_SCHEMA = %s AND TABLE_NAME = %s",
            (schema.upper(), table.upper()),
        )
        return bool(self.engineer.fetchone()[0])


@contextmanager
def open_site(root: Path, stack: str) -> Iterator[Site]:
    """Opens an environment for a `with` block.

    Raises:
        SettingsError: the stack file is wrong.
        ConnectionFailed: the account cannot be reached or refuses the login.
    """
    settings = load_stack(root, stack)
    variables = os.environ | environment(root, settings)
    with ExitStack() as opened:
        cursor = opened.enter_context(connect(settings, variables)).cursor()
        now = cursor.execute("SELECT CURRENT_TIMESTAMP()").fetchone()[0].astimezone(UTC)
        site = Site(root=root, settings=settings, variables=variables, admin=cursor, now=now)
        opened.enter_context(site._open)
        yield site
