"""One run: the lock and the lease are taken, the jobs are run, the report is made and recorded."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from logistics.errors import Locked
from logistics.local.environment import environment, pulumi_variables
from logistics.orchestration.jobs import Job
from logistics.orchestration.ledger import Ledger, kept_lease, open_ledger
from logistics.orchestration.processes import Attempt, Processes
from logistics.orchestration.progress import Progress
from logistics.orchestration.reading import judge
from logistics.orchestration.records import Records, Run, new_run
from logistics.orchestration.report import assemble, build, recorded_job
from logistics.orchestration.scheduler import Outcome, Scheduler, Stop
from logistics.project import ROOT_VARIABLE
from logistics.settings import StackSettings, load_stack


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What is to be run.

    Attributes:
        jobs: in an order in which each comes after those that it needs.
        parallel: so many at the same time at most.
        in_account: whether the run is recorded in the account, and held there against other machines.
    """

    root: Path
    environment: str
    action: str
    jobs: Sequence[Job]
    parallel: int
    started_by: str = "command"
    in_account: bool = True
    variables: Mapping[str, str] = field(default_factory=lambda: dict(os.environ))


def run_jobs(wanted: Wanted, stop: Stop, progress: Progress | None = None) -> dict[str, Any]:
    """Runs jobs and returns the report; a job that fails stops no other.

    Raises:
        SettingsError: the stack file is wrong.
        Locked: another run holds the environment, here or on another machine.
    """
    settings = load_stack(wanted.root, wanted.environment)
    records = Records(wanted.root, wanted.environment)
    shown = progress or Progress(wanted.jobs)
    run = new_run(wanted.environment, wanted.action, wanted.started_by)
    with ExitStack() as held:
        held.enter_context(records.lock(run))
        killed = records.close_killed()
        ledger = _open_account(held, wanted, settings, run, [each.run_id for each in killed], stop, shown)
        records.save(run)
        try:
            outcomes = _scheduled(wanted, settings, records, run, stop, shown)
        except BaseException:
            run.notes.append("the orchestrator itself failed")
            records.end(run, "failed", {})
            raise
        run.result = _result(outcomes, stop)
        report = build(run, settings.account.account, outcomes)
        if ledger:
            _record(ledger, run, report)
            report["notes"] = list(run.notes)
        records.end(run, run.result, report)
    return report


def past_report(root: Path, stack: str) -> dict[str, Any]:
    """Returns a report over the newest record of each job, without running any.

    Raises:
        ConnectionFailed: the account cannot be reached.
        LogisticsError: the account has no records.
    """
    settings = load_stack(root, stack)
    with open_ledger(settings, os.environ | environment(root, settings)) as ledger:
        jobs = [recorded_job(row) for row in ledger.newest_jobs()]
    run = new_run(stack, "report", "command")
    run.result = "succeeded"
    if not jobs:
        run.notes.append(f"nothing is recorded yet: logistics orchestrate --action all --environment {stack}")
    return assemble(run, settings.account.account, jobs)


def _scheduled(
    wanted: Wanted, settings: StackSettings, records: Records, run: Run, stop: Stop, progress: Progress
) -> list[Outcome]:
    """Runs the jobs; the record names the processes that run, so that the next run can end what a kill leaves."""
    processes = Processes(wanted.root, _job_variables(wanted))

    def attempt(job: Job) -> Attempt:
        return processes.run(job.arguments(settings.stack), job.timeout_seconds, started)

    def started() -> None:
        run.processes = processes.running()
        records.save(run)

    scheduler = Scheduler(
        wanted.jobs,
        attempt,
        judge,
        parallel=wanted.parallel,
        stop=stop,
        end_all=processes.end_all,
        changed=progress.changed,
    )
    with progress.shown():
        return scheduler.run()


def _job_variables(wanted: Wanted) -> dict[str, str]:
    """Returns the environment of jobs: the same project, Pulumi's own variables, and no terminal's colours."""
    own = pulumi_variables(wanted.root, wanted.variables)
    return {**wanted.variables, **own, ROOT_VARIABLE: str(wanted.root), "NO_COLOR": "1", "PYTHONUNBUFFERED": "1"}


def _open_account(
    held: ExitStack,
    wanted: Wanted,
    settings: StackSettings,
    run: Run,
    dead: Sequence[str],
    stop: Stop,
    progress: Progress,
) -> Ledger | None:
    """Takes the account's lease and records the start; an account that cannot be asked is noted, and the run goes on.

    Raises:
        Locked: a run on another machine holds the lease.
    """
    if not wanted.in_account:
        return None

    def lost(why: str) -> None:
        run.notes.append(f"the run was stopped: {why}")
        progress.say(f"stopping: {why}")
        stop.ask()

    try:
        ledger = held.enter_context(open_ledger(settings, {**wanted.variables, **environment(wanted.root, settings)}))
        ledger.take_lease(run, dead)
        held.enter_context(kept_lease(ledger, run, lost))
        ledger.start(run, len(wanted.jobs))
    except Locked:
        raise
    except Exception as error:
        _not_recorded(run, error)
        return None
    return ledger


def _record(ledger: Ledger, run: Run, report: dict[str, Any]) -> None:
    try:
        ledger.end(run, report)
    except Exception as error:
        _not_recorded(run, error)


def _not_recorded(run: Run, error: Exception) -> None:
    said = " ".join(str(error).split())[:300]
    run.notes.append(f"not recorded in the account, and not held against other machines: {said}")


def _result(outcomes: Sequence[Outcome], stop: Stop) -> str:
    if stop.asked and any(outcome.state == "stopped" for outcome in outcomes):
        return "stopped"
    return "succeeded" if all(outcome.state == "succeeded" for outcome in outcomes) else "failed"
