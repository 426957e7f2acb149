"""Runs jobs in parallel, each after those that it needs; retries, limits and a stop that leaves nothing running.

One loop decides, in one thread; each attempt waits for its process in a thread of its own and reports through a queue.
"""

from __future__ import annotations

import queue
import random
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Protocol

from logistics.orchestration.jobs import Job
from logistics.orchestration.processes import Attempt
from logistics.orchestration.reading import Verdict

MAX_BACKOFF_SECONDS = 300.0


class Runner(Protocol):
    """Runs one attempt of a job."""

    def __call__(self, job: Job) -> Attempt:
        """Returns how it ended; does not raise."""
        ...


@dataclass(kw_only=True)
class Outcome:
    """What became of a job.

    Attributes:
        state: waiting, running, then succeeded, failed, timed_out, skipped or stopped.
        verdict: what it found; None unless it succeeded.
        reason: why it did not succeed.
        attempts: how often it was started.
        seconds: from the first start to the last end, pauses included.
    """

    job: Job
    state: str = "waiting"
    verdict: Verdict | None = None
    reason: str = ""
    attempts: int = 0
    exit_code: int | None = None
    started_at: datetime | None = None
    ended_at: datetime | None = None
    seconds: float = 0.0
    _began: float = field(default=0.0, repr=False)

    @property
    def ended(self) -> bool:
        """Whether nothing more happens to it."""
        return self.state not in ("waiting", "running")


class Stop:
    """Asks a run to end: softly, so that running jobs have time to finish, or at once."""

    def __init__(self, grace_seconds: float = 30.0) -> None:
        self.grace_seconds = grace_seconds
        self.signal_number: int | None = None
        self.deadline: float | None = None
        self.event = threading.Event()
        self.wake: Callable[[], None] = lambda: None

    def ask(self, signal_number: int | None = None) -> None:
        """Asks to stop; the second time there is no grace. May be called by a signal's handler."""
        now = time.monotonic()
        self.deadline = now + self.grace_seconds if self.deadline is None else now
        self.signal_number = self.signal_number or signal_number
        self.event.set()
        self.wake()

    @property
    def asked(self) -> bool:
        """Whether the run is to end."""
        return self.deadline is not None


@dataclass(frozen=True)
class _Ended:
    name: str
    attempt: Attempt


def backoff_seconds(job: Job, retry: int, chance: Callable[[], float] = random.random) -> float:
    """Returns the pause before a retry: doubled each time, at most five minutes, and up to half of it left to chance.

    Args:
        job: its first pause.
        retry: 1 for the first retry.
        chance: gives a number from 0 up to 1; keeps jobs that failed together from coming back together.
    """
    whole = min(job.backoff_seconds * 2.0 ** (retry - 1), MAX_BACKOFF_SECONDS)
    return whole * (1 - chance() / 2)


class Scheduler:
    """One run of jobs.

    Args:
        jobs: those to run; what they need is among them.
        run: runs one attempt.
        judge: reads what an attempt printed.
        parallel: so many at the same time at most.
        stop: asks the run to end.
        end_all: ends what runs, when the grace is over.
        changed: told of each change of a job.
        chance: see `backoff_seconds`.
    """

    def __init__(
        self,
        jobs: Sequence[Job],
        run: Runner,
        judge: Callable[[Job, Attempt], Verdict],
        *,
        parallel: int,
        stop: Stop | None = None,
        end_all: Callable[[], None] = lambda: None,
        changed: Callable[[Outcome], None] = lambda _: None,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self.outcomes = {job.name: Outcome(job=job) for job in jobs}
        self._run, self._judge, self._end_all, self._changed, self._chance = run, judge, end_all, changed, chance
        self._parallel = parallel
        self._stop = stop or Stop()
        self._events: queue.SimpleQueue[_Ended | None] = queue.SimpleQueue()
        self._running: set[str] = set()
        self._due: dict[str, float] = {}
        self._killed = False
        self._now = 0.0

    def run(self) -> list[Outcome]:
        """Runs all jobs; returns what became of each, in the order given. One that fails stops no other."""
        self._stop.wake = lambda: self._events.put(None)
        self._advance()
        while not all(outcome.ended for outcome in self.outcomes.values()):
            self._await_event()
            self._advance()
        return list(self.outcomes.values())

    def _advance(self) -> None:
        """Does what can be done now: skips, stops, starts."""
        self._now = time.monotonic()
        if self._stop.asked:
            self._stop_waiting()
            return
        while any(self._skip_or_start(outcome) for outcome in self.outcomes.values() if outcome.state == "waiting"):
            continue

    def _skip_or_start(self, outcome: Outcome) -> bool:
        """Returns whether the job changed."""
        needed = [self.outcomes[name] for name in outcome.job.needs]
        missing = next((other for other in needed if other.ended and other.state != "succeeded"), None)
        if missing:
            self._end(outcome, "skipped", f"needs {missing.job.name}, which {_WAS[missing.state]}")
        elif all(other.ended for other in needed) and self._may_start(outcome.job):
            self._start(outcome)
        return outcome.state != "waiting"

    def _may_start(self, job: Job) -> bool:
        held = {self.outcomes[name].job.alone_in for name in self._running} - {None}
        due = self._due.get(job.name, 0.0) <= self._now
        return due and len(self._running) < self._parallel and job.alone_in not in held

    def _start(self, outcome: Outcome) -> None:
        name = outcome.job.name
        self._running.add(name)
        self._due.pop(name, None)
        outcome.state = "running"
        outcome.attempts += 1
        if outcome.started_at is None:
            outcome.started_at, outcome._began = datetime.now(UTC), time.monotonic()
        self._changed(outcome)
        threading.Thread(target=self._attempt, args=(outcome.job,), name=f"job-{name}", daemon=True).start()

    def _attempt(self, job: Job) -> None:
        try:
            attempt = self._run(job)
        except Exception as error:
            attempt = Attempt(exit_code=None, errors=f"{type(error).__name__}: {error}")
        self._events.put(_Ended(job.name, attempt))

    def _await_event(self) -> None:
        try:
            event = self._events.get(timeout=self._patience())
        except queue.Empty:
            event = None
        if isinstance(event, _Ended):
            self._ended(self.outcomes[event.name], event.attempt)
        if self._stop.deadline is not None and not self._killed and time.monotonic() >= self._stop.deadline:
            self._killed = True
            threading.Thread(target=self._end_all, name="stop-jobs", daemon=True).start()

    def _patience(self) -> float | None:
        """Returns the seconds until something is due by itself; None where only an event can change anything."""
        times = [due for due in self._due.values() if due > self._now]
        if self._stop.deadline is not None and not self._killed:
            times.append(self._stop.deadline)
        return max(0.0, min(times) - time.monotonic()) if times else None

    def _ended(self, outcome: Outcome, attempt: Attempt) -> None:
        self._running.discard(outcome.job.name)
        outcome.exit_code = attempt.exit_code
        verdict = self._judge(outcome.job, attempt)
        if verdict.understood:
            outcome.verdict = verdict
            self._end(outcome, "succeeded")
        elif self._killed:
            self._end(outcome, "stopped", "it still ran when the grace of the stop was over")
        elif verdict.may_pass and outcome.attempts <= outcome.job.retries and not self._stop.asked:
            outcome.state, outcome.reason = "waiting", verdict.reason
            self._due[outcome.job.name] = time.monotonic() + backoff_seconds(
                outcome.job, outcome.attempts, self._chance
            )
            self._changed(outcome)
        else:
            self._end(outcome, "timed_out" if attempt.timed_out else "failed", verdict.reason)

    def _stop_waiting(self) -> None:
        for outcome in self.outcomes.values():
            if outcome.state == "waiting":
                self._due.pop(outcome.job.name, None)
                after = f" after a failure: {outcome.reason}" if outcome.reason else ""
                self._end(outcome, "stopped", f"the run was stopped before it was started{after}")

    def _end(self, outcome: Outcome, state: str, reason: str = "") -> None:
        outcome.state, outcome.reason = state, reason
        if outcome.started_at is not None:
            outcome.ended_at, outcome.seconds = datetime.now(UTC), time.monotonic() - outcome._began
        self._changed(outcome)


_WAS = {"failed": "failed", "timed_out": "ran out of time", "skipped": "was skipped", "stopped": "was stopped"}
