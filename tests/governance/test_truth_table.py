"""Every role sees of every table, view, stream and column what docs/who_sees_what.yaml says; a weakened policy is found."""

from __future__ import annotations

import pytest

from logistics.proving.mutations import try_all


@pytest.mark.slow
def test_everyone_sees_what_the_truth_table_says_and_any_weakening_is_found(truth_table):
    assert list(truth_table.differences()) == []
    assert all(answer.holds for answer in truth_table.answers())
    verdicts = list(try_all(truth_table))
    assert [verdict.mutation.name for verdict in verdicts if not verdict.caught] == []
    kinds = {verdict.mutation.name.split()[0] for verdict in verdicts}
    assert kinds >= {"body", "rows", "mask", "pii_mask", "grant"}
    assert list(truth_table.differences()) == []
