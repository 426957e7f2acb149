"""One statement a table: how many there are, what they count for any rows, and what contracts may say."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from logistics.contracts import Check
from logistics.errors import ContractError, SqlFileError
from logistics.quality.checks import Quality
from logistics.quality.declared import _OfContract
from logistics.quality.statements import by_table

A = {"name": "a", "type": "varchar(20)"}
B = {"name": "b", "type": "number(10,0)"}


def quality_of(*contracts):
    known = {contract.full_name for contract in contracts} | {"marts.u"}
    checks = [
        check for contract in contracts for check in _OfContract(contract, Path("t.yaml"), "LOGISTICS", known).checks()
    ]
    return Quality(checks=tuple(checks), tables={c.full_name: c for c in contracts}, database="LOGISTICS")


def test_every_key_of_every_contract_is_checked(declared):
    names = {check.name for check in declared.quality.checks}
    for name, contract in declared.tables.items():
        assert not contract.primary_key or f"{name}: key" in names
        references = [check for check in declared.quality.checks if check.table == name and check.kind == "reference"]
        assert len(references) == len(contract.foreign_keys)
    assert {"customer_tier_matches_lifetime_value", "fuel_efficiency_in_range", "shipment_has_customer"} <= names


def test_a_run_of_500_checks_is_one_statement_a_table(account, contract):
    rules = [{"name": f"rule {number}", "where": f"b = {number}"} for number in range(498)]
    wide = contract(A, B, primary_key=[], checks=[*rules, {"name": "r", "where": "a = 'x'"}])
    account.cursor.execute("create or replace table logistics.marts.t (a varchar(20), b number(10,0))")
    account.put("marts.t", {"a": "'x'", "b": 3}, {"a": "'y'", "b": 1000})
    quality = quality_of(wide)
    assert len(quality.checks) == 500
    assert len(by_table(quality.checks)) == 1
    run = account.run(quality)
    assert {result.check.rule for result in run.results if result.bad} == {"r", "rule 3"}
    # Two keep the registry, one measures, one samples what failed, two keep the alerts.
    assert (len(run.results), run.statements) == (500, 6)


rows = st.lists(st.tuples(st.sampled_from(["x", "y", None]), st.sampled_from([1, 2, None])), max_size=12)


@settings(max_examples=5, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=rows)
def test_counts_are_those_of_the_rows_themselves(account, contract, rows):
    made = contract(
        A, {**B, "nullable": True}, primary_key=[],
        foreign_keys=[{"columns": ["b"], "references": "marts.u", "to": ["c"]}],
        checks=[{"name": "range", "column": "b", "between": [2, None]}, {"name": "full", "column": "a", "max_null_share": 0.5}],
    )  # fmt: skip
    account.cursor.execute("create or replace table logistics.marts.t (a varchar(20), b number(10,0))")
    account.cursor.execute(
        "create or replace table logistics.marts.u as select column1 as c from values (1), (1), (null)"
    )
    if rows:
        account.cursor.executemany("insert into logistics.marts.t values (%s, %s)", rows)
    quality = quality_of(made)
    unique = _OfContract(made, Path("t.yaml"), "LOGISTICS", set())._unique("key", ["a", "b"], "")
    found = {r.check.rule: r.failures for r in account.run(replace(quality, checks=(*quality.checks, unique))).results}
    whole = Counter(row for row in rows if None not in row)
    nulls = sum(a is None for a, _ in rows)
    assert found["key"] == sum(whole.values()) - len(whole)
    assert found["b exists"] == sum(b == 2 for _, b in rows)
    assert found["range"] == sum(b == 1 for _, b in rows)
    assert found["full"] == (nulls if nulls > 0.5 * len(rows) else 0)
    assert found["volume"] == 0


@pytest.mark.parametrize(
    ("said", "problem"),
    [
        ({}, "gives nothing"),
        ({"where": "a = 1", "min_rows": 1}, "rule and volume"),
        ({"between": [1, 2]}, "range needs a column"),
        ({"where": "a = 1", "column": "a"}, "a rule has no column"),
        ({"column": "a", "between": [None, None]}, "an end of between"),
        ({"column": "a", "between": [3, 1]}, "3.0 is above 1.0"),
        ({"min_rows": 5, "max_rows": 4}, "5 is above 4"),
        ({"measure": "count(*)", "where": "true"}, "go together"),
        ({"where": "true", "severity": "bad"}, "info"),
        ({"column": "a", "max_null_share": 1.5}, "less than or equal to 1"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_check_that_cannot_be_meant_is_refused(said, problem):
    with pytest.raises(ValidationError, match=problem):
        Check.model_validate({"name": "c", **said})


def test_checks_of_a_contract_name_its_columns_once(contract):
    with pytest.raises(ValidationError, match="check c names z, which is no column"):
        contract(A, checks=[{"name": "c", "column": "z", "max_null_share": 0}])
    with pytest.raises(ValidationError, match="check c is declared twice"):
        contract(A, checks=[{"name": "c", "min_rows": 0}, {"name": "c", "max_rows": 0}])


@pytest.mark.parametrize(
    ("check", "problem"),
    [
        ({"name": "c", "where": "a = = 1"}, "check c: broken SQL"),
        ({"name": "c", "column": "a", "max_age_hours": 1}, "freshness needs a time"),
        ({"name": "c", "measure": "count(*)", "equals": {"table": "marts.nowhere", "measure": "count(*)"}}, "no table"),
    ],
    ids=["broken", "no time", "no table"],
)
def test_a_check_that_cannot_be_run_names_the_file(contract, check, problem):
    with pytest.raises((ContractError, SqlFileError), match=f"t.yaml: .*{problem}"):
        quality_of(contract(A, checks=[check]))
