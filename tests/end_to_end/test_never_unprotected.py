"""No moment of a deployment or of a rollback shows the least privileged reader a row or a value that it may not see.

The reader looks between every two statements; what changes in between is everything that protects something: policies, masks, the
tables they lie on, the views over them and who reads them.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from local_server import PROJECT, log_in
from small_platform import SmallPlatform
from watch import PASSWORD, READER, watched

pytestmark = pytest.mark.slow
FORBIDDEN = ("C-OTHER", "mine@", "other@")
SEEN = [("V1", "C-MINE", "***@one.example")]
REFUSED = {2003, 2037}  # what is not there at that moment, or not for the reader; a view whose columns are changing
VISIT = """\
table: tbl_visit
schema: marts
comment: Which customer came to which depot
primary_key: [visit_id]
row_access_policy: customer_data_policy
readers: [data_analyst]
columns:
  - {name: visit_id, type: varchar(10), nullable: false}
  - {name: customer_id, type: varchar(20), nullable: false}
  - {name: email, type: varchar(60), masking_policy: email_mask}
"""
DOCK = VISIT.replace("tbl_visit", "tbl_dock").replace("visit_id", "dock_id")
ROWS = "('V1', 'C-MINE', 'mine@one.example'), ('V2', 'C-OTHER', 'other@two.example')"
ARRIVING = """insert into logistics.marts.tbl_gate (visit_id, customer_id, email)
select left(uuid_string(), 10), 'C-OTHER', 'other@two.example'"""
MASK = "sql/policies/masking/email_mask.sql"
ROW_ACCESS = "sql/policies/row_access/customer_data_policy.sql"
VIEW = """\
-- comment: Visits
-- readers: [data_analyst]
create secure view marts.vw_visit as
select visit_id, customer_id, email from {{ database }}.marts.tbl_visit;
"""


@pytest.fixture
def small(tmp_path: Path) -> Iterator[SmallPlatform]:
    """A platform with two protected tables and a view, with rows, and a reader who is listed for one customer."""
    small = SmallPlatform(tmp_path)
    small.write("sql/tables/marts/tbl_visit.yaml", VISIT)
    small.write("sql/tables/marts/tbl_dock.yaml", DOCK)
    small.write("sql/views/marts/vw_visit.sql", VIEW)
    small.write(MASK, (PROJECT / MASK).read_text())
    try:
        small.start()
        small.rows(
            f"create user {READER} password = '{PASSWORD}'",
            f"grant role data_analyst to user {READER}",
            f"insert into governance.user_customer_access values ('{READER}', 'C-MINE')",
            role="ACCOUNTADMIN",
        )
        small.rows(f"insert into marts.tbl_visit values {ROWS}")
        small.rows(f"insert into marts.tbl_dock values {ROWS}")
        yield small
    finally:
        small.stop()


def second_version(small: SmallPlatform) -> None:
    """Other policies, another mask, a renamed column, another view, a table less and a table more."""
    small.edit(MASK, "else '***'", "else '****'")
    small.edit(ROW_ACCESS, "else false", "when current_role() is null then false\n    else false")
    small.edit(
        "sql/tables/marts/tbl_visit.yaml",
        "{name: email, type: varchar(60), masking_policy: email_mask}",
        "{name: mail, type: varchar(60), masking_policy: email_mask, renamed_from: email}\n"
        "  - {name: copy_to, type: varchar(60), masking_policy: email_mask}",
    )
    small.write("sql/views/marts/vw_visit.sql", VIEW.replace("customer_id, email", "upper(customer_id) as c, mail"))
    (small.root / "sql/tables/marts/tbl_dock.yaml").unlink()
    small.write("sql/tables/marts/tbl_gate.yaml", VISIT.replace("tbl_visit", "tbl_gate"))


def third_version(small: SmallPlatform) -> None:
    """Another mask in the place of the first, a table made again under its name, and more readers."""
    mask = small.root / MASK
    small.write(MASK.replace("email_mask", "mail_mask"), mask.read_text().replace("email_mask", "mail_mask"))
    mask.unlink()
    for name in ("visit", "gate"):
        small.edit(f"sql/tables/marts/tbl_{name}.yaml", "masking_policy: email_mask", "masking_policy: mail_mask")
    small.write(
        "sql/tables/marts/tbl_dock.yaml", DOCK.replace("masking_policy: email_mask", "masking_policy: mail_mask")
    )
    small.write("sql/views/marts/vw_dock.sql", VIEW.replace("visit", "dock"))


def as_reader(small: SmallPlatform) -> dict[str, list[tuple[Any, ...]]]:
    """What the reader sees of each object of the first version."""
    with log_in(
        small.port, PASSWORD, user=READER, role="DATA_ANALYST", database="LOGISTICS", warehouse="COMPUTE_WH_DEV"
    ) as session:
        cursor = session.cursor()
        cursor.execute("use secondary roles none")
        names = ("tbl_visit", "tbl_dock")
        return {name: cursor.execute(f"select * from marts.{name}").fetchall() for name in names}


def test_the_reader_never_sees_what_is_not_for_it(small: SmallPlatform) -> None:
    assert as_reader(small) == {"tbl_visit": SEEN, "tbl_dock": SEEN}
    with watched(small, "DATA_ANALYST", FORBIDDEN, ARRIVING) as watch:
        second_version(small)
        small.logistics("columns")
        small.logistics("deploy", "--yes", "--allow-destructive")
        assert "back to version 1 " in small.logistics("rollback", "--yes")
        small.logistics("columns")
        small.logistics("deploy", "--yes", "--allow-destructive")
        third_version(small)
        small.logistics("deploy", "--yes", "--allow-destructive")
        small.logistics("rollback", "--to", "1", "--yes")
    assert watch.leaks == []
    assert watch.looks > 100 and watch.arrived > 10 and watch.refusals <= REFUSED
    assert as_reader(small) == {"tbl_visit": SEEN, "tbl_dock": SEEN}


def test_the_watch_finds_a_moment_without_protection(small: SmallPlatform) -> None:
    with watched(small, "DATA_ANALYST", FORBIDDEN) as watch:
        off = "alter table logistics.marts.tbl_visit drop row access policy logistics.governance.customer_data_policy"
        on = "alter table logistics.marts.tbl_visit add row access policy logistics.governance.customer_data_policy on (customer_id)"
        for statement in (off, on):
            small.rows(statement, role="ACCOUNTADMIN")
    assert {leak.partition(" after ")[2] for leak in watch.leaks} == {off}
