"""A change of columns is made in place with the rows kept, or refused by name before anything is deployed."""

from __future__ import annotations

import pytest

from logistics.contracts import TableContract, is_wider, refusals

BEFORE = [("id", "VARCHAR(20)"), ("name", "VARCHAR(40)"), ("amount", "NUMBER(10,2)")]


def columns(*pairs, **nullable):
    return [{"name": name.upper(), "type": kind, "nullable": nullable.get(name, True)} for name, kind in pairs]


def refused(after, nullable=None, renamed=None, **allow):
    contract = TableContract.model_validate(
        {
            "table": "t",
            "schema": "s",
            "comment": "c",
            "allow": allow,
            "columns": [
                {"name": name, "type": kind, "renamed_from": (renamed or {}).get(name)} for name, kind in after
            ],
        }
    )
    return refusals(contract, columns(*BEFORE), columns(*after, **(nullable or {})))


@pytest.mark.parametrize(
    "after",
    [
        BEFORE,
        [*BEFORE, ("more", "DATE")],
        [BEFORE[0], ("name", "VARCHAR(41)"), BEFORE[2]],
        [BEFORE[0], ("name", "VARCHAR"), BEFORE[2]],
        [*BEFORE[:2], ("amount", "NUMBER(12,2)")],
        [*BEFORE[:2], ("amount", "number(10,2)")],
    ],
    ids=["nothing", "added", "longer", "without bound", "more digits", "other case"],
)
def test_a_change_in_place_is_let_through(after):
    assert refused(after) == []


@pytest.mark.parametrize(
    ("after", "told"),
    [
        (BEFORE[:2], "s.t.amount and its values would be dropped"),
        ([BEFORE[0], ("name", "VARCHAR(39)"), BEFORE[2]], "s.t.name cannot become VARCHAR(39) from VARCHAR(40)"),
        ([*BEFORE[:2], ("amount", "NUMBER(12,3)")], "s.t.amount cannot become NUMBER(12,3)"),
        ([*BEFORE[:2], ("amount", "VARCHAR(40)")], "s.t.amount cannot become VARCHAR(40)"),
        ([BEFORE[0], ("more", "DATE"), *BEFORE[1:]], "new ones come last: id, name, amount, more"),
        ([BEFORE[1], BEFORE[0], BEFORE[2]], "columns keep their order"),
    ],
    ids=["dropped", "shorter", "other scale", "other type", "in the middle", "other order"],
)
def test_what_loses_values_or_cannot_be_done_is_refused(after, told):
    assert told in refused(after)[0]


def test_what_is_allowed_by_name_is_let_through():
    assert refused(BEFORE[:2], drop=["amount"]) == []
    assert refused([*BEFORE[:2], ("amount", "NUMBER(9,2)")], change_type=["amount"]) == []
    assert refused(BEFORE[:1], drop=["amount"]) != []


def test_a_new_column_must_be_nullable():
    assert "let it be nullable" in refused([*BEFORE, ("more", "DATE")], nullable={"more": False})[0]


def test_a_renamed_column_is_sent_to_the_command_that_keeps_its_values():
    after = [BEFORE[0], ("title", "VARCHAR(40)"), BEFORE[2]]
    [told] = refused(after, renamed={"title": "name"})
    assert "s.t.name is renamed to title: run `logistics columns` first" in told
    assert "would be dropped" in refused(after)[0]


@pytest.mark.parametrize(
    ("wide", "narrow", "answer"),
    [
        ("VARCHAR", "VARCHAR(10)", True),
        ("VARCHAR(10)", "VARCHAR", False),
        ("NUMBER(38,2)", "NUMBER(10,2)", True),
        ("NUMBER(10)", "NUMBER(9,0)", True),
        ("FLOAT", "NUMBER(10,2)", False),
        ("BINARY(9)", "VARCHAR(8)", False),
        ("TIMESTAMP_TZ(9)", "TIMESTAMP_NTZ(9)", False),
    ],
)
def test_wider_types(wide, narrow, answer):
    assert is_wider(wide, narrow) is answer
