"""The account's own record of runs, and the lease that keeps two machines from orchestrating one environment at once."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from logistics.connection import connect
from logistics.errors import Locked
from logistics.orchestration.records import Run
from logistics.settings import StackSettings
from logistics.sql import full_name

LEASE_SECONDS = 120
"""After so long without renewal a lease is free."""
ENGINEER = "DATA_ENGINEER"
_SCHEMA = "MONITORING"


class Ledger:
    """The tables ORCHESTRATOR_RUNS, ORCHESTRATOR_JOBS and ORCHESTRATOR_LEASES of one environment, over one session."""

    def __init__(self, cursor: Any, database: str, environment: str) -> None:
        self._cursor = cursor
        self._environment = environment
        self._runs, self._jobs, self._leases = (
            full_name(database, _SCHEMA, f"ORCHESTRATOR_{name}") for name in ("RUNS", "JOBS", "LEASES")
        )
        self._lock = threading.Lock()

    def take_lease(self, run: Run, dead: Iterable[str] = (), seconds: int = LEASE_SECONDS) -> None:
        """Takes the environment's lease for a run, and closes the record of runs that held it and are dead.

        One UPDATE decides, since Snowflake lets only one change a row at a time; what it left is read back.

        Args:
            run: who takes it.
            dead: runs of this machine that are known to be dead; their lease is free.
            seconds: it is free after so long unless it is renewed.

        Raises:
            Locked: another run holds it; says who, and until when.
        """
        self._do(
            f"INSERT INTO {self._leases} (ENVIRONMENT) SELECT %s "
            f"WHERE NOT EXISTS (SELECT 1 FROM {self._leases} WHERE ENVIRONMENT = %s)",
            (self._environment, self._environment),
        )
        gone = [*dead, ""]
        self._do(
            f"UPDATE {self._leases} SET RUN_ID = %s, HOLDER = %s, HELD_UNTIL = DATEADD(SECOND, {seconds}, CURRENT_TIMESTAMP()) "
            "WHERE ENVIRONMENT = %s AND (RUN_ID IS NULL OR HELD_UNTIL < CURRENT_TIMESTAMP() OR RUN_ID IN "
            f"({', '.join(['%s'] * len(gone))}))",
            (run.run_id, run.holder, self._environment, *gone),
        )
        held = self._rows(
            f"SELECT RUN_ID, HOLDER, HELD_UNTIL FROM {self._leases} WHERE ENVIRONMENT = %s", self._environment
        )
        if any(row["run_id"] != run.run_id for row in held):
            row = next(row for row in held if row["run_id"] != run.run_id)
            raise Locked(
                f"{self._environment} is orchestrated by {row['holder']}; its lease ends at {row['held_until']:%H:%M:%S %Z} "
                "unless it renews it: wait until then"
            )
        self._do(
            f"UPDATE {self._runs} SET RESULT = 'stopped', ENDED_AT = CURRENT_TIMESTAMP() "
            "WHERE ENVIRONMENT = %s AND RESULT = 'running' AND RUN_ID <> %s",
            (self._environment, run.run_id),
        )

    def renew(self, run: Run, seconds: int = LEASE_SECONDS) -> bool:
        """Holds the lease for longer; returns whether the run still had it."""
        changed = self._do(
            f"UPDATE {self._leases} SET HELD_UNTIL = DATEADD(SECOND, {seconds}, CURRENT_TIMESTAMP()) "
            "WHERE ENVIRONMENT = %s AND RUN_ID = %s",
            (self._environment, run.run_id),
        )
        return bool(changed)

    def release(self, run: Run) -> None:
        """Lets go of the lease, if the run still has it."""
        self._do(
            f"UPDATE {self._leases} SET RUN_ID = NULL, HOLDER = NULL, HELD_UNTIL = NULL WHERE ENVIRONMENT = %s AND RUN_ID = %s",
            (self._environment, run.run_id),
        )

    def start(self, run: Run, jobs_total: int) -> None:
        """Records that a run began."""
        values = {
            "RUN_ID": run.run_id, "ENVIRONMENT": run.environment, "ACTION": run.action, "STARTED_BY": run.started_by,
            "USER_NAME": run.user_name, "HOST": run.host, "PROCESS_ID": run.process_id, "RESULT": run.result,
            "JOBS_TOTAL": jobs_total,
        }  # fmt: skip
        self._do(
            f"INSERT INTO {self._runs} ({', '.join(values)}, STARTED_AT) "
            f"SELECT {', '.join(['%s'] * len(values))}, %s::TIMESTAMP_TZ",
            (*values.values(), run.started_at),
        )

    def end(self, run: Run, report: Mapping[str, Any]) -> None:
        """Records how a run and its jobs ended."""
        jobs = report["jobs"]
        failed = sum(job["state"] in ("failed", "timed_out") for job in jobs)
        skipped = sum(job["state"] == "skipped" for job in jobs)
        self._do(
            f"UPDATE {self._runs} SET RESULT = %s, STATUS = %s, JOBS_FAILED = %s, JOBS_SKIPPED = %s, "
            "ENDED_AT = %s::TIMESTAMP_TZ, REPORT = PARSE_JSON(%s) WHERE RUN_ID = %s",
            (run.result, report["status"], failed, skipped, report["ended_at"], json.dumps(report), run.run_id),
        )
        self._insert_jobs(run, jobs)

    def newest_jobs(self) -> list[dict[str, Any]]:
        """Returns the newest record of each job that was started, by lower-case column name; findings as JSON text."""
        return self._rows(
            f"SELECT JOB, STATE, STATUS, REASON, ATTEMPTS, EXIT_CODE, STARTED_AT, ENDED_AT, DURATION_SECONDS, FINDINGS "
            f"FROM {self._jobs} WHERE ENVIRONMENT = %s AND STARTED_AT IS NOT NULL "
            "QUALIFY ROW_NUMBER() OVER (PARTITION BY JOB ORDER BY STARTED_AT DESC) = 1 ORDER BY JOB",
            self._environment,
        )

    def _insert_jobs(self, run: Run, jobs: Sequence[Mapping[str, Any]]) -> None:
        marks = ", ".join([*["%s"] * 8, "%s::TIMESTAMP_TZ", "%s::TIMESTAMP_TZ", "%s", "PARSE_JSON(%s)"])
        for job in jobs:
            self._do(
                f"INSERT INTO {self._jobs} (RUN_ID, ENVIRONMENT, JOB, STATE, STATUS, REASON, ATTEMPTS, EXIT_CODE, "
                f"STARTED_AT, ENDED_AT, DURATION_SECONDS, FINDINGS) SELECT {marks}",
                (
                    run.run_id, run.environment, job["job"], job["state"], job["status"], job["reason"] or None,
                    job["attempts"], job["exit_code"], job["started_at"], job["ended_at"], job["seconds"],
                    json.dumps(job["findings"]),
                ),
            )  # fmt: skip

    def _do(self, text: str, values: Sequence[Any]) -> int:
        with self._lock:
            self._cursor.execute(text, tuple(values))
            return int(self._cursor.rowcount or 0)

    def _rows(self, text: str, *values: Any) -> list[dict[str, Any]]:
        with self._lock:
            self._cursor.execute(text, values)
            names = [column[0].lower() for column in self._cursor.description]
            return [dict(zip(names, row, strict=True)) for row in self._cursor.fetchall()]


@contextmanager
def open_ledger(settings: StackSettings, variables: Mapping[str, str]) -> Iterator[Ledger]:
    """Opens an environment's ledger as DATA_ENGINEER for a `with` block.

    Raises:
        ConnectionFailed: the account cannot be reached or refuses the login.
    """
    with connect(settings, variables, role=ENGINEER) as connection:
        yield Ledger(connection.cursor(), settings.platform.database, settings.stack)


@contextmanager
def kept_lease(
    ledger: Ledger, run: Run, lost: Callable[[str], Any], every_seconds: float = LEASE_SECONDS / 3
) -> Iterator[None]:
    """Renews a run's lease for the length of a `with` block, then lets go of it.

    Args:
        ledger: the account's tables.
        run: who holds it.
        lost: told in words when another run has taken it, or when it ran out since the account did not answer.
        every_seconds: between two renewals.
    """
    over = threading.Event()

    def renew() -> None:
        renewed_at = time.monotonic()
        while not over.wait(every_seconds):
            try:
                if not ledger.renew(run):
                    lost("another run has taken the lease")
                    return
                renewed_at = time.monotonic()
            except Exception as error:
                if time.monotonic() - renewed_at > LEASE_SECONDS:
                    lost(f"the lease could not be renewed: {' '.join(str(error).split())[:200]}")
                    return

    thread = threading.Thread(target=renew, name="lease", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
        ledger.release(run)
