"""Which version a rollback goes back to."""

from __future__ import annotations

import pytest

from logistics.ml.core.registry import served_before


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        ([], None),
        ([("promoted", 1)], None),
        ([("promoted", 1), ("promoted", 2)], 1),
        ([("promoted", 1), ("promoted", 2), ("rolled_back", 1)], None),
        ([("promoted", 1), ("promoted", 2), ("promoted", 3), ("rolled_back", 2)], 1),
        ([("promoted", 1), ("promoted", 2), ("rolled_back", 1), ("promoted", 3)], 1),
        ([("promoted", 1), ("promoted", 2), ("promoted", 1)], 2),
    ],
    ids=[
        "nothing",
        "the first",
        "the one before",
        "rolled back",
        "twice back",
        "on after a rollback",
        "promoted again",
    ],
)
def test_what_served_before(events, expected):
    assert served_before(events) == expected
