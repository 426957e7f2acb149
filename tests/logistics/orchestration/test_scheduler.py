"""Order, limits, retries and stops, for any table of jobs."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from logistics.orchestration.jobs import Job, in_order
from logistics.orchestration.processes import Attempt
from logistics.orchestration.reading import Verdict
from logistics.orchestration.scheduler import MAX_BACKOFF_SECONDS, Scheduler, Stop, backoff_seconds


@dataclass
class World:
    """Runs jobs without processes, and remembers what ran when and beside what."""

    fails: dict[str, int]
    running: set[str] = field(default_factory=set)
    most: int = 0
    began: dict[str, int] = field(default_factory=dict)
    ended: dict[str, int] = field(default_factory=dict)
    together: list[set[str]] = field(default_factory=list)
    attempts: dict[str, int] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)
    steps: int = 0

    def run(self, job: Job) -> Attempt:
        with self.lock:
            self.steps += 1
            self.running.add(job.name)
            self.most = max(self.most, len(self.running))
            self.together.append(set(self.running))
            self.began.setdefault(job.name, self.steps)
            self.attempts[job.name] = self.attempts.get(job.name, 0) + 1
        time.sleep(0)
        with self.lock:
            self.steps += 1
            self.ended[job.name] = self.steps
            self.running.discard(job.name)
            return Attempt(exit_code=int(self.attempts[job.name] <= self.fails.get(job.name, 0)))


def judge(_job: Job, attempt: Attempt) -> Verdict:
    return Verdict(understood=not attempt.exit_code, reason="it failed", may_pass=True)


@st.composite
def worlds(draw: st.DrawFn) -> tuple[list[Job], dict[str, int], int]:
    count = draw(st.integers(1, 9))
    jobs = []
    for number in range(count):
        needs = draw(st.lists(st.integers(0, number - 1), unique=True, max_size=3)) if number else []
        jobs.append(
            Job(
                name=f"j{number}",
                command=["x"],
                needs=[f"j{other}" for other in needs],
                alone_in=draw(st.sampled_from([None, "a", "b"])),
                retries=draw(st.integers(0, 2)),
                backoff_seconds=draw(st.sampled_from([0, 0.001])),
            )
        )
    fails = draw(st.dictionaries(st.sampled_from([job.name for job in jobs]), st.integers(1, 4), max_size=4))
    return draw(st.permutations(jobs)), fails, draw(st.integers(1, 4))


@settings(max_examples=120, deadline=None)
@given(worlds())
def test_order_limits_and_retries_hold_for_any_jobs(world):
    jobs, fails, parallel = world
    seen = World(fails)
    outcomes = {each.job.name: each for each in Scheduler(jobs, seen.run, judge, parallel=parallel).run()}
    by_name = {job.name: job for job in jobs}
    assert seen.most <= parallel
    for names in seen.together:
        alone = [by_name[name].alone_in for name in names if by_name[name].alone_in]
        assert len(alone) == len(set(alone))
    for job in jobs:
        good = all(outcomes[name].state == "succeeded" for name in job.needs)
        if not good:
            assert outcomes[job.name].state == "skipped"
            assert job.name not in seen.began
            continue
        assert outcomes[job.name].state == ("succeeded" if fails.get(job.name, 0) <= job.retries else "failed")
        assert seen.attempts[job.name] == outcomes[job.name].attempts == min(fails.get(job.name, 0), job.retries) + 1
        assert all(seen.ended[name] < seen.began[job.name] for name in job.needs)


@given(worlds())
def test_any_order_of_the_table_gives_an_order_by_needs(world):
    jobs, _, _ = world
    ordered = [job.name for job in in_order(jobs, [job.name for job in jobs])]
    assert sorted(ordered) == sorted(job.name for job in jobs)
    assert all(ordered.index(need) < ordered.index(job.name) for job in jobs for need in job.needs)


@given(st.floats(0, 600), st.integers(1, 20), st.floats(0, 1, exclude_max=True))
def test_pauses_grow_and_are_bounded(first, retry, chance):
    job = Job(name="j", command=["x"], backoff_seconds=first)
    whole = min(first * 2 ** (retry - 1), MAX_BACKOFF_SECONDS)
    assert whole / 2 <= backoff_seconds(job, retry, lambda: chance) <= whole


def test_a_job_that_raises_stops_no_other():
    def run(job: Job) -> Attempt:
        if job.name == "bad":
            raise RuntimeError("boom")
        return Attempt(exit_code=0)

    jobs = [Job(name="bad", command=["x"]), Job(name="good", command=["x"])]
    bad, good = Scheduler(
        jobs, run, lambda _, a: Verdict(understood=a.exit_code == 0, reason=a.errors), parallel=2
    ).run()
    assert (bad.state, bad.reason, good.state) == ("failed", "RuntimeError: boom", "succeeded")


@pytest.mark.parametrize(("grace", "state"), [(60.0, "succeeded"), (0.0, "stopped")], ids=["with grace", "at once"])
def test_a_stop_starts_nothing_more_and_lets_running_jobs_end_within_the_grace(grace, state):
    stop = Stop(grace)
    ended = threading.Event()
    jobs = [Job(name="runs", command=["x"]), Job(name="waits", command=["x"], needs=["runs"])]

    def run(_job: Job) -> Attempt:
        stop.ask(15)
        if grace:
            return Attempt(exit_code=0)
        ended.wait(30)
        return Attempt(exit_code=-15)

    scheduler = Scheduler(
        jobs,
        run,
        lambda _, a: Verdict(understood=a.exit_code == 0, may_pass=True),
        parallel=2,
        stop=stop,
        end_all=ended.set,
    )
    runs, waits = scheduler.run()
    assert (runs.state, waits.state) == (state, "stopped")
    assert "before it was started" in waits.reason


def test_a_retry_does_not_hold_the_place_of_another_job():
    order = []

    def run(job: Job) -> Attempt:
        order.append(job.name)
        return Attempt(exit_code=int(job.name == "flaky" and order.count("flaky") == 1))

    jobs = [Job(name="flaky", command=["x"], retries=1, backoff_seconds=0.2), Job(name="other", command=["x"])]
    outcomes = Scheduler(jobs, run, judge, parallel=1).run()
    assert order == ["flaky", "other", "flaky"]
    assert [outcome.state for outcome in outcomes] == ["succeeded"] * 2
