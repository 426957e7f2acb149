"""What a check found: a status with evidence and a recommendation, and their order of value."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

OK, UNKNOWN, WARNING, CRITICAL = "ok", "unknown", "warning", "critical"
STATUSES = (OK, UNKNOWN, WARNING, CRITICAL)
"""From the best to the worst."""
EXIT_CODES = {OK: 0, UNKNOWN: 6, WARNING: 5, CRITICAL: 1}
"""What a command ends with for the worst status that it found."""


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One thing that was looked at.

    Attributes:
        check: the check's name.
        status: ok, unknown (it could not be looked at), warning or critical.
        subject: the object; empty for the account or the environment as a whole.
        evidence: what was seen, in one line.
        recommendation: what to do; empty where there is nothing to do.
        value: what following the recommendation is worth, 0 to 100, within its status.
    """

    check: str
    status: str
    subject: str = ""
    evidence: str = ""
    recommendation: str = ""
    value: float = 50.0

    def as_json(self) -> dict[str, Any]:
        """Returns the finding for a report."""
        return asdict(self)


def finding_of(said: Mapping[str, Any]) -> Finding:
    """Returns the finding that `as_json` wrote.

    Raises:
        ValueError: it is none; names what is wrong.
    """
    if said.get("status") not in STATUSES:
        raise ValueError(f"{said.get('status')!r} is no status")
    texts = {key: str(said.get(key) or "") for key in ("check", "subject", "evidence", "recommendation")}
    return Finding(status=said["status"], value=float(said.get("value", 50.0)), **texts)


def worst(statuses: Iterable[str]) -> str:
    """Returns the worst of some statuses; ok where there is none."""
    return max(statuses, key=STATUSES.index, default=OK)


def by_value(findings: Iterable[Finding]) -> list[Finding]:
    """Returns findings by what they are worth: the worst status first, then the highest value, then by name."""
    return sorted(findings, key=lambda each: (-STATUSES.index(each.status), -each.value, each.check, each.subject))
