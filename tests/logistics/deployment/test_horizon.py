"""Until when a version comes back with its rows."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from logistics.deployment.horizon import Removal, in_words, kept_until
from logistics.deployment.safety import KEEP_DAYS
from logistics.deployment.state import Checkpoint
from logistics.deployment.versions import Version

NOW = datetime(2026, 6, 1, tzinfo=UTC)


def version(number):
    return Version(
        number=number, kind="update", result="succeeded", message="", author="", git_revision="", git_dirty=False,
        ended_at=NOW, _load=lambda: Checkpoint.of({"resources": []}),
    )  # fmt: skip


def days_ago(days):
    return NOW - timedelta(days=days)


@pytest.mark.parametrize(
    ("removals", "words"),
    [
        ([], ["always"] * 4),
        ([(2, 3)], ["2026-06-12 00:00", "2026-06-12 00:00", "always", "always"]),
        ([(2, 3), (3, 10)], ["2026-06-05 00:00"] * 3 + ["always"]),
        ([(1, 20), (3, 1)], ["without rows", "2026-06-14 00:00", "2026-06-14 00:00", "always"]),
        ([(3, 14)], ["without rows"] * 3 + ["always"]),
    ],
    ids=["nothing taken away", "once", "the first expiry counts", "expired for the oldest", "expires now"],
)
def test_the_first_expiry_since_a_version_counts(removals, words):
    versions = [version(number) for number in (1, 2, 3, 4)]
    known = [Removal(version=number, at=days_ago(days)) for number, days in removals]
    assert KEEP_DAYS == 14
    assert [in_words(until, NOW) for until in kept_until(versions, known).values()] == words
