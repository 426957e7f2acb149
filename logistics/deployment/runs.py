"""The record of a deployment or a rollback: a JSON file that is true at every instant, and a row in the account.

The file is written anew at each phase, whole, so that after a kill the next command can tell where the last one stood.
"""

from __future__ import annotations

import fcntl
import getpass
import json
import os
import socket
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from logistics.deployment.safety import SCHEMA
from logistics.errors import Locked, LogisticsError
from logistics.project import local_folder
from logistics.sql import full_name

TOUCHES_NOTHING = frozenset({"checks", "preview", "backup"})
"""Phases in which nothing of the account has been changed."""


@dataclass(kw_only=True)
class Run:
    """One deployment or rollback.

    Attributes:
        run_id: names it everywhere; a file name too.
        kind: `deploy` or `rollback`.
        environment: the stack.
        phase: what it is at, or was at when it ended.
        result: running, succeeded, failed, rolled back, or stopped (killed).
        version_before, version_after: numbers of the stack's history; None where there is none.
        details: the plan, the tests, what was kept, the error.
    """

    run_id: str
    kind: str
    environment: str
    phase: str = "checks"
    result: str = "running"
    started_at: str = ""
    ended_at: str = ""
    user_name: str = ""
    git_revision: str = ""
    version_before: int | None = None
    version_after: int | None = None
    details: dict[str, Any] = field(default_factory=dict)

    @property
    def touched(self) -> bool:
        """Whether the account may have been changed."""
        return self.phase not in TOUCHES_NOTHING


class Runs:
    """The runs of one stack, kept in the project's local folder."""

    def __init__(self, root: Path, stack: str) -> None:
        self.folder = local_folder(root) / "deployments" / stack
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._stack = stack

    def start(self, kind: str, git_revision: str = "") -> Run:
        """Returns a new run, recorded."""
        now = _now()
        run_id = f"{now.replace(':', '').replace('-', '')[:15]}-{uuid.uuid4().hex[:6]}"
        user = os.environ.get("GITHUB_ACTOR") or getpass.getuser()
        run = Run(
            run_id=run_id, kind=kind, environment=self._stack, started_at=now, user_name=user, git_revision=git_revision
        )
        self.save(run)
        return run

    def phase(self, run: Run, phase: str) -> None:
        """Records that a run enters a phase, before it does anything of it."""
        run.phase = phase
        self.save(run)

    def end(self, run: Run, result: str) -> None:
        """Records how a run ended."""
        run.result, run.ended_at = result, _now()
        self.save(run)

    def save(self, run: Run) -> None:
        """Writes a run's file whole, so that a reader sees the old one or the new one.

        Raises:
            LogisticsError: the disk is full; what was recorded before stays.
        """
        target = self.file(run)
        made = target.with_suffix(".tmp")
        try:
            with made.open("w", encoding="utf-8") as file:
                json.dump(asdict(run), file, indent=2, default=str)
                file.flush()
                os.fsync(file.fileno())
            made.replace(target)
        except OSError as error:
            made.unlink(missing_ok=True)
            raise LogisticsError(f"the record {target} cannot be written: {error.strerror}") from None

    def file(self, run: Run) -> Path:
        """Returns where a run is recorded."""
        return self.folder / f"{run.run_id}.json"

    def all(self) -> list[Run]:
        """Returns the recorded runs, oldest first; a file that cannot be read is left out."""
        found = []
        for path in sorted(self.folder.glob("*.json")):
            try:
                found.append(Run(**json.loads(path.read_text(encoding="utf-8"))))
            except (ValueError, TypeError):
                continue
        return sorted(found, key=lambda run: run.started_at)  # a deployment and its rollback may start in one second

    def unfinished(self) -> Run | None:
        """Returns the last run if it was killed: it still says that it runs, though nobody holds the lock."""
        runs = self.all()
        return runs[-1] if runs and runs[-1].result == "running" else None

    @contextmanager
    def lock(self, what: str) -> Iterator[None]:
        """Holds the stack for one command; a killed process lets go of it by itself.

        Raises:
            Locked: another process holds it; names it, its user and since when.
        """
        path = self.folder / "lock"
        with path.open("a+", encoding="utf-8") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                file.seek(0)
                raise Locked(
                    f"{self._stack} is held by {file.read().strip() or 'another process'}: wait until it ends"
                ) from None
            file.truncate(0)
            file.write(f"{what}, process {os.getpid()} of {getpass.getuser()} on {socket.gethostname()} since {_now()}")
            file.flush()
            yield
            file.truncate(0)


def record(cursor: Any, database: str, run: Run) -> None:
    """Writes a run into the account's own table; the schema must be there (see `Safety.prepare`)."""
    values = (
        run.run_id, run.kind, run.environment, run.version_before, run.version_after, run.result,
        run.started_at, run.ended_at or None, run.user_name, run.git_revision, json.dumps(run.details, default=str),
    )  # fmt: skip
    marks = ", ".join(["%s"] * 6 + ["%s::TIMESTAMP_TZ"] * 2 + ["%s"] * 2 + ["PARSE_JSON(%s)"])
    cursor.execute(f"INSERT INTO {full_name(database, SCHEMA, 'RUNS')} SELECT {marks}", values)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="microseconds")
