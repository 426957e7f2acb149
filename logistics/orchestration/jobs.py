"""The table of jobs: what is run, in which order, for how long and how often; read from YAML and checked."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from logistics.errors import FileError, UsageError
from logistics.yaml_files import line_of, load_yaml, plain

OWN_TABLE = Path(__file__).with_name("jobs.yaml")
"""The platform's own jobs."""

MAX_SECONDS = 24 * 3600
_OWN_COMMAND = "logistics"

Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
Reader = Literal["exit_code", "report", "drift", "optimize", "results", "model_drift"]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Job(_Part):
    """A command that is run in a process of its own.

    Attributes:
        name: names it in the report, in metrics and in other jobs' needs.
        about: what it does, in a few words.
        command: program and arguments; `{environment}` stands for the environment, `logistics` for this very program.
        needs: jobs that have to succeed first; when one does not, this one is skipped.
        alone_in: a word; jobs with the same one never run at the same time.
        reads: how what it prints becomes findings (see `reading.py`).
        found_codes: exit codes beside 0 by which it says that it found something; what it printed still counts.
        timeout_seconds: of one attempt; then its process and every process that it started are ended.
        retries: how often it is started again after a failure that may pass.
        backoff_seconds: pause before the first retry; doubled before each further one.
    """

    name: Name
    about: str = ""
    command: list[str] = Field(min_length=1)
    needs: list[Name] = []
    alone_in: Name | None = None
    reads: Reader = "exit_code"
    found_codes: list[int] = []
    timeout_seconds: float = Field(600, gt=0, le=MAX_SECONDS)
    retries: int = Field(0, ge=0, le=20)
    backoff_seconds: float = Field(1, ge=0, le=600)

    def arguments(self, environment: str) -> list[str]:
        """Returns program and arguments for an environment."""
        filled = [word.replace("{environment}", environment) for word in self.command]
        return [*_own_program(), *filled[1:]] if filled[0] == _OWN_COMMAND else filled


class JobTable(_Part):
    """Jobs, and for each action of the command those that it runs, beside what they need."""

    jobs: list[Job]
    actions: dict[Name, list[Name]]

    @model_validator(mode="after")
    def _fits(self) -> JobTable:
        names = [job.name for job in self.jobs]
        for name in names:
            if names.count(name) > 1:
                raise ValueError(f"job {name} is declared twice")
        for job in self.jobs:
            _refuse_unknown(f"job {job.name} needs", job.needs, names)
        for action, wanted in self.actions.items():
            _refuse_unknown(f"action {action} runs", wanted, names)
        try:
            TopologicalSorter({job.name: job.needs for job in self.jobs}).prepare()
        except CycleError as error:
            raise ValueError(f"jobs need each other in a circle: {' needs '.join(reversed(error.args[1]))}") from None
        return self

    def of_action(self, action: str) -> list[Job]:
        """Returns the jobs of an action and all that they need, each after those that it needs.

        Raises:
            UsageError: the table has no such action.
        """
        if action not in self.actions:
            raise UsageError(f"there is no action {action}: allowed: {', '.join(self.actions)}")
        return in_order(self.jobs, self.actions[action])


def in_order(jobs: Iterable[Job], wanted: Iterable[str]) -> list[Job]:
    """Returns the wanted jobs and all that they need, each after those that it needs."""
    by_name = {job.name: job for job in jobs}
    graph: dict[str, list[str]] = {}
    left = list(wanted)
    while left:
        name = left.pop()
        if name not in graph:
            graph[name] = by_name[name].needs
            left += graph[name]
    place = {name: number for number, name in enumerate(by_name)}
    sorter = TopologicalSorter(graph)
    sorter.prepare()
    found: list[Job] = []
    while sorter.is_active():
        ready = sorted(sorter.get_ready(), key=place.__getitem__)
        found += [by_name[name] for name in ready]
        sorter.done(*ready)
    return found


def load_jobs(file: Path = OWN_TABLE) -> JobTable:
    """Reads a table of jobs.

    Raises:
        FileError: it cannot be read, or says something impossible; names the file and what is wrong.
    """
    content = load_yaml(file)
    try:
        return JobTable.model_validate(plain(content))
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        problem = first["msg"].removeprefix("Value error, ")
        line = line_of(content, first["loc"])
        raise FileError(file, line, f"{where}: {problem}" if where else problem) from None


def with_limits(jobs: Sequence[Job], timeout_seconds: float | None, retries: int | None) -> list[Job]:
    """Returns the jobs with another time limit or number of retries, where one is given."""
    changes = {"timeout_seconds": timeout_seconds, "retries": retries}
    given = {key: value for key, value in changes.items() if value is not None}
    return [job.model_copy(update=given) for job in jobs]


def _refuse_unknown(what: str, named: Iterable[str], known: Sequence[str]) -> None:
    for name in named:
        if name not in known:
            raise ValueError(f"{what} {name}, which is no job of the table")


def _own_program() -> list[str]:
    script = Path(sys.executable).with_name(_OWN_COMMAND)
    return [str(script)] if script.is_file() else [sys.executable, "-c", "from logistics.cli import main; main()"]
