"""What a check yields while it looks; the runner adds the check's name and weight."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong.

    Attributes:
        status: warning, critical or unknown.
        value: what mending it is worth, 0 to 100; the check's own value where it is None.
    """

    status: str
    subject: str = ""
    evidence: str = ""
    recommendation: str = ""
    value: float | None = None


Looked = Generator[Problem, None, str]
"""A check yields what is wrong, and returns what it saw when nothing is."""
