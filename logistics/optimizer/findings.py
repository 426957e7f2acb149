"""What the optimizer says: a recommendation with its evidence, saving, confidence and, where there is one, its setting."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

SEVERITIES = ("critical", "warning", "info")
"""How grave a finding is, the gravest first."""


@dataclass(frozen=True, kw_only=True)
class Change:
    """A change of one key of the stack file."""

    key: str
    before: Any
    after: Any


@dataclass(frozen=True, kw_only=True)
class Recommendation:
    """One finding.

    Attributes:
        category: query, warehouse, storage, clustering or budget.
        kind: what was found, such as slow_query.
        severity: critical, warning or info.
        object_type: QUERY, WAREHOUSE, TABLE, VIEW or MONITOR.
        object_name: full name; of a query its hash.
        title: the finding in one line.
        reason: why it is so.
        mend: what to do.
        evidence: the numbers behind it; units in the names.
        query_text: the statement without values, where there is one.
        saving_credits: expected in 30 days; negative where it costs more; None where it is not a matter of credits.
        saving_usd: the same in USD, or a saving of storage.
        saving_method: how the saving was reckoned.
        confidence: 0 to 1.
        change: the setting that does it.
        not_applied_because: why --apply leaves a change alone; empty where it would write it.
    """

    category: str
    kind: str
    severity: str
    object_type: str
    object_name: str
    title: str
    reason: str
    mend: str
    evidence: Mapping[str, Any] = field(default_factory=dict)
    query_text: str | None = None
    saving_credits: float | None = None
    saving_usd: float | None = None
    saving_method: str | None = None
    confidence: float = 0.5
    change: Change | None = None
    not_applied_because: str = ""

    @property
    def id(self) -> str:
        """The same for the same finding in every run: of kind and object."""
        said = f"{self.kind}\n{self.object_name}".encode()
        return hashlib.sha256(said).hexdigest()[:16]

    @property
    def safe_to_apply(self) -> bool:
        """Whether --apply writes it."""
        return self.change is not None and not self.not_applied_because

    @property
    def value_usd(self) -> float:
        """What it is worth: the expected saving, weighed by how sure it is."""
        return (self.saving_usd or 0.0) * self.confidence


def priced(recommendations: Iterable[Recommendation], usd_per_credit: float) -> list[Recommendation]:
    """Returns the recommendations with the price of the credits that they save."""
    return [
        replace(item, saving_usd=item.saving_credits * usd_per_credit)
        if item.saving_credits is not None and item.saving_usd is None
        else item
        for item in recommendations
    ]


def ranked(recommendations: Iterable[Recommendation]) -> list[Recommendation]:
    """Returns the recommendations in the order of what they are worth: what is critical first, then by USD."""

    def order(item: Recommendation) -> tuple[Any, ...]:
        return (
            item.severity != "critical",
            -item.value_usd,
            SEVERITIES.index(item.severity),
            item.kind,
            item.object_name,
        )

    return sorted(recommendations, key=order)
