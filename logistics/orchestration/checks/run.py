"""The table of checks, and a run of some of them: one that fails is told as unknown and stops no other."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from logistics.errors import ConnectionFailed, UsageError
from logistics.orchestration.checks import account, keys, pipelines, state
from logistics.orchestration.checks.problems import Looked
from logistics.orchestration.checks.site import Site
from logistics.orchestration.findings import OK, UNKNOWN, Finding


@dataclass(frozen=True)
class Check:
    """A check.

    Attributes:
        look: yields problems; returns what it saw.
        value: what mending a problem is worth, where the problem says nothing else: protection and rows that would be
            lost for good first, then what stands still, then what only costs.
    """

    look: Callable[[Site], Looked]
    value: float

    @property
    def about(self) -> str:
        """The question that it answers."""
        return (self.look.__doc__ or "").splitlines()[0]


CHECKS: dict[str, Check] = {
    "connection": Check(account.connection, 100),
    "privileges": Check(account.privileges, 90),
    "streams": Check(pipelines.streams, 95),
    "tasks": Check(pipelines.tasks, 80),
    "freshness": Check(pipelines.freshness, 65),
    "monitors": Check(account.monitors, 75),
    "warehouses": Check(account.warehouses, 50),
    "models": Check(state.models, 45),
    "backups": Check(state.backups, 70),
    "certificates": Check(keys.certificates, 60),
    "keys": Check(keys.keys, 40),
}


def chosen(names: Iterable[str] = (), without: Iterable[str] = ()) -> list[str]:
    """Returns the checks of some names, all if there is none, but for those left out.

    Raises:
        UsageError: a name is no check.
    """
    wanted, left_out = list(names), set(without)
    for name in [*wanted, *left_out]:
        if name not in CHECKS:
            raise UsageError(f"there is no check {name}: allowed: {', '.join(CHECKS)}")
    return [name for name in (wanted or CHECKS) if name not in left_out]


def run_checks(site: Site, names: Iterable[str]) -> Iterator[Finding]:
    """Runs checks; yields each problem as a finding, or one finding that says that there is none.

    Raises:
        ConnectionFailed: the account is lost: no later check could look at it.
    """
    for name in names:
        check = CHECKS[name]
        try:
            yield from _looked(name, check, site)
        except ConnectionFailed:
            raise
        except Exception as error:
            yield Finding(
                check=name,
                status=UNKNOWN,
                evidence=f"could not look: {' '.join(str(error).split())[:300] or type(error).__name__}",
                recommendation="see whether the deploying role may look at it",
                value=10,
            )


def _looked(name: str, check: Check, site: Site) -> Iterator[Finding]:
    problems = 0
    looking = check.look(site)
    while True:
        try:
            problem = next(looking)
        except StopIteration as ended:
            if not problems:
                yield Finding(check=name, status=OK, evidence=ended.value or "", value=check.value)
            return
        problems += 1
        yield Finding(
            check=name,
            status=problem.status,
            subject=problem.subject,
            evidence=problem.evidence,
            recommendation=problem.recommendation,
            value=check.value if problem.value is None else problem.value,
        )
