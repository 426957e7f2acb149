"""What one machine keeps of its runs: the lock of an environment, and a file a run that is true at every instant."""

from __future__ import annotations

import fcntl
import getpass
import json
import os
import socket
import threading
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from logistics.errors import Locked
from logistics.orchestration.processes import end_leftovers
from logistics.project import local_folder

KEPT_RUNS = 200
"""So many runs' files are kept."""


@dataclass(kw_only=True)
class Run:
    """One run of the orchestrator.

    Attributes:
        run_id: names it everywhere.
        started_by: `command` or `schedule`.
        result: running, succeeded, failed or stopped.
        processes: the jobs' processes that run now, so that the next command can end what a killed run left.
        notes: what went another way than it should, such as an account that took no record.
    """

    run_id: str
    environment: str
    action: str
    started_by: str
    user_name: str
    host: str
    process_id: int
    started_at: str
    ended_at: str = ""
    result: str = "running"
    processes: list[dict[str, float]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    report: dict[str, Any] = field(default_factory=dict)

    @property
    def holder(self) -> str:
        """Who holds the environment, in words."""
        return f"{self.action}, process {self.process_id} of {self.user_name} on {self.host} since {self.started_at}"


def new_run(environment: str, action: str, started_by: str) -> Run:
    """Returns a run that begins now, in this process."""
    now = datetime.now(UTC)
    return Run(
        run_id=f"{now:%Y%m%dT%H%M%S%f}-{uuid.uuid4().hex[:8]}",
        environment=environment,
        action=action,
        started_by=started_by,
        user_name=os.environ.get("GITHUB_ACTOR") or getpass.getuser(),
        host=socket.gethostname(),
        process_id=os.getpid(),
        started_at=now.isoformat(timespec="milliseconds"),
    )


class Records:
    """The runs of one environment in the project's local folder."""

    def __init__(self, root: Path, environment: str) -> None:
        self.folder = local_folder(root) / "orchestrator" / environment
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._environment = environment
        self._saving = threading.Lock()

    @contextmanager
    def lock(self, run: Run) -> Iterator[None]:
        """Holds the environment on this machine for a run; a process that is killed lets go of it by itself.

        Raises:
            Locked: another run holds it; says who, and since when.
        """
        with (self.folder / "lock").open("a+", encoding="utf-8") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                file.seek(0)
                holder = file.read().strip() or "another process"
                raise Locked(f"{self._environment} is orchestrated by {holder}: wait until it ends") from None
            file.truncate(0)
            file.write(run.holder)
            file.flush()
            yield
            file.truncate(0)

    def save(self, run: Run) -> None:
        """Writes a run's file whole, so that a reader sees the old one or the new one."""
        target = self.folder / f"{run.run_id}.json"
        made = target.with_suffix(".tmp")
        with self._saving:
            made.write_text(json.dumps(asdict(run), indent=2, default=str), encoding="utf-8")
            made.replace(target)

    def all(self) -> list[Run]:
        """Returns the recorded runs, oldest first; a file that cannot be read is left out."""
        found = []
        for path in sorted(self.folder.glob("*.json")):
            try:
                found.append(Run(**json.loads(path.read_text(encoding="utf-8"))))
            except (ValueError, TypeError):
                continue
        return found

    def close_killed(self) -> list[Run]:
        """Ends what killed runs left running and records them as stopped; to be called while the lock is held."""
        killed = [run for run in self.all() if run.result == "running"]
        for run in killed:
            ended = end_leftovers(run.processes)
            run.result, run.ended_at, run.processes = "stopped", _now(), []
            run.notes.append(f"the process was killed; {ended} of its jobs were ended by the next run")
            self.save(run)
        return killed

    def clear(self) -> None:
        """Drops the oldest files beyond those that are kept."""
        for path in sorted(self.folder.glob("*.json"))[:-KEPT_RUNS]:
            path.unlink(missing_ok=True)

    def end(self, run: Run, result: str, report: Mapping[str, Any], processes: Sequence[dict[str, float]] = ()) -> None:
        """Records how a run ended."""
        run.result, run.ended_at, run.processes, run.report = result, _now(), list(processes), dict(report)
        self.save(run)
        self.clear()


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")
