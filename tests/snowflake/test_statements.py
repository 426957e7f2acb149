"""The statements that a platform uses, in order in one session, each with what Snowflake gives for it.

The list is `statements.sql`: `-- @ id | group | check`, where the check is `ok`, `err` or a Python expression over the rows `r`, the
column names `c` and the row count `rc`. Some statements that others need are not in the list; they are run before those.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from embedded.snowflake.account import Account
from embedded.snowflake.catalog.model import ACCOUNT
from embedded.snowflake.errors import SnowflakeError
from embedded.snowflake.security.bootstrap import bootstrap
from embedded.snowflake.session.session import Session
from embedded.snowflake.storage.stages import location

_HERE = Path(__file__).parent
# What the list leaves out, by the statement that needs it.
NEEDED = {
    "U001": [
        "create warehouse if not exists COMPUTE_WH_XS",
        "grant usage on warehouse COMPUTE_WH_XS to role PUBLIC",
        "use warehouse COMPUTE_WH_XS",
    ],
    "U095": ["use schema LOGI.ANALYTICS"],
    "U116": ["values (1), (2)"],
    "U105": ["alter table audit_log swap with user_customer_access"],
}
LATER = {}


class Case(NamedTuple):
    id: str
    group: str
    check: str
    text: str


def cases() -> list[Case]:
    source = (_HERE / "statements.sql").read_text()
    found = re.findall(r"^-- @ (\w+) \| ([\w-]+) \| (.*)\n((?:(?!-- @ ).*\n?)*)", source, re.MULTILINE)
    texts = [
        (*head, "\n".join(line for line in text.split("\n") if not line.startswith("-- NOTE")).strip())
        for *head, text in found
    ]
    return [Case(*entry) for entry in texts]


class Outcome(NamedTuple):
    rows: list[tuple[Any, ...]]
    columns: list[str]
    error: SnowflakeError | None


def upload(session: Session, text: str, answer: dict[str, Any]) -> Outcome:
    """What a client does with the answer of a PUT."""
    place = location(session, re.search(r"@\S+", text)[0], write=True)
    names = [Path(source).name for source in answer["src_locations"]]
    for name in names:
        place.target(name).write_bytes(Path(name).read_bytes())
    return Outcome([(name, "UPLOADED") for name in names], ["source", "status"], None)


def run(session: Session, text: str) -> Outcome:
    try:
        result = session.execute(text)
    except SnowflakeError as error:
        return Outcome([], [], error)
    if result.wire_data:
        return upload(session, text, result.wire_data)
    arrow = result.arrow
    rows = (
        list(zip(*(column.to_pylist() for column in arrow.columns), strict=True))
        if arrow is not None
        else list(result.rows or [])
    )
    return Outcome(rows, [column.name for column in result.columns], None)


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Outcome]]:
    """All statements, run in order once, from a folder that has the file to load."""
    folder = tmp_path_factory.mktemp("load")
    (folder / "cust.csv").write_bytes((_HERE / "cust.csv").read_bytes())
    account = Account("TEST-STATEMENTS", None)
    bootstrap(account.catalog, "a-test-password")
    setup = Session(
        account,
        *(
            account.catalog.find(kind, ACCOUNT, name).oid
            for kind, name in (("USER", "ADMIN"), ("ROLE", "ACCOUNTADMIN"))
        ),
    )
    for text in ("create user FAKE", "grant role ACCOUNTADMIN to user FAKE"):
        setup.execute(text)
    session = Session(account, account.catalog.find("USER", ACCOUNT, "FAKE").oid, setup.role)
    session.secondary_roles = False
    found: dict[str, Outcome] = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        for case in cases():
            for text in NEEDED.get(case.id, []):
                assert run(session, text).error is None, text
            if case.id == "U098":
                account.clock.advance(10)
            found[case.id] = run(session, case.text)
    yield found
    account.close()


def _parameters() -> list[Any]:
    return [
        pytest.param(
            case, id=case.id, marks=[pytest.mark.xfail(reason=LATER[case.id], strict=True)] if case.id in LATER else []
        )
        for case in cases()
    ]


@pytest.mark.parametrize("case", _parameters())
def test_statement(outcomes: dict[str, Outcome], case: Case) -> None:
    rows, columns, error = outcomes[case.id]
    if case.check == "err":
        assert error is not None
        return
    assert error is None, f"{case.text}\n{error}"
    if case.check != "ok":
        counted = bool(rows) and bool(columns) and columns[0].startswith("number of")
        count = sum(int(value) for value in rows[0]) if counted else len(rows)
        assert eval(case.check, {}, {"r": rows, "c": columns, "rc": count}), (case.text, columns, rows[:5])
