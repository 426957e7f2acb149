"""What goes wrong from outside of a deployment: one clear line, an exit code, and account and state as before."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from deployed import eventually
from small_platform import DEPOT, SmallPlatform
from snowflake.connector.errors import ProgrammingError

pytestmark = pytest.mark.slow
BROKEN_VIEW = """\
-- comment: Depots by a function that nobody made
-- readers: [data_analyst]
create secure view marts.vw_depot as
select no_such_function(depot_id) as depot from {{ database }}.marts.tbl_depot;
"""
STACK = "Pulumi.dev.yaml"


@pytest.fixture(scope="module")
def deployed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SmallPlatform]:
    """A first version with a row."""
    made = SmallPlatform(Path(tmp_path_factory.mktemp("failures")) / "project")
    try:
        made.start()
        made.rows("insert into marts.tbl_depot values ('D1', 'Lyon')")
        yield made
    finally:
        made.stop()


@pytest.fixture
def small(deployed: SmallPlatform) -> Iterator[SmallPlatform]:
    """The same, with a larger warehouse in the stack file, which is not deployed yet; held to be as before after the test."""
    deployed.edit(STACK, "warehouseSize: X-SMALL", "warehouseSize: SMALL")
    yield deployed
    deployed.logistics("local", "start")
    deployed.edit(STACK, "warehouseSize: SMALL", "warehouseSize: X-SMALL")
    found = (deployed.size, deployed.rows("select * from marts.tbl_depot"), deployed.logistics("deploy", "--yes"))
    # Only after the deployment: what one test left behind must not fail the next.
    assert found[:2] == ("X-Small", [("D1", "Lyon")]) and "nothing to change" in found[2]


def failure(told: str) -> str:
    """The last line, which is the error."""
    last = told.strip().splitlines()[-1]
    assert last.startswith("error: ")
    return last


def another_key() -> bytes:
    """A private key that no user has."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def test_a_view_that_snowflake_refuses(small):
    small.write("sql/views/marts/vw_depot.sql", BROKEN_VIEW)
    try:
        told = failure(small.logistics("deploy", "--yes", code=1))
    finally:
        (small.root / "sql/views/marts/vw_depot.sql").unlink()
    assert (
        "vw_depot: error: " in told
        and "NO_SUCH_FUNCTION" in told
        and "rolled back to version" in told
        and "verified" in told
    )


def refuses_work(small: SmallPlatform) -> bool:
    """Whether the warehouse takes no statement any more."""
    try:
        small.rows("select count(*) from marts.tbl_depot where city <> random()::varchar")
    except ProgrammingError as error:
        return "exceeded its quota" in str(error)
    return False


def test_a_quota_that_is_reached(small):
    spend = ("alter warehouse compute_wh_dev set warehouse_size = 'X6LARGE'", "create or replace table marts.t (n int)")
    small.rows(*spend, "insert into marts.t values (1)", "drop table marts.t", role="ACCOUNTADMIN")
    limit = (
        "alter resource monitor daily_cost_monitor set credit_quota = {} triggers on {} percent do suspend_immediate"
    )
    small.rows(limit.format(1, 1), role="ACCOUNTADMIN")
    try:
        assert eventually(lambda: refuses_work(small)), "the monitor has seen what was spent"
        told = failure(small.logistics("deploy", "--yes", code=1))
    finally:
        triggers = "on 80 percent do notify on 90 percent do suspend on 100 percent do suspend_immediate"
        usual = f"alter resource monitor daily_cost_monitor set credit_quota = 100 triggers {triggers}"
        small.rows(usual, "alter warehouse compute_wh_dev set warehouse_size = 'XSMALL'", role="ACCOUNTADMIN")
    assert "resource monitor 'DAILY_COST_MONITOR' has exceeded its quota" in told


def test_a_login_that_is_refused(small):
    file = small.root / ".local" / "admin-password"
    before = file.read_text()
    file.write_text("not-the-password-1")
    try:
        told = failure(small.logistics("deploy", "--yes", code=3))
    finally:
        file.write_text(before)
    assert "refuses ADMIN" in told


@pytest.mark.parametrize(
    ("write", "said"),
    [
        (lambda path: path.write_bytes(another_key()), "JWT token is invalid"),
        (lambda path: path.write_text("no key"), "Failed to login"),
        (lambda _: None, "Could not read private key file: No such file"),
    ],
    ids=["another one", "no key", "no file"],
)
def test_a_key_that_is_not_the_users(small, tmp_path, write, said):
    write(tmp_path / "key.p8")
    told = small.shell(f"SNOWFLAKE_PRIVATE_KEY_PATH={tmp_path}/key.p8 exec logistics deploy --yes", code=3)
    assert "refuses ADMIN" in failure(told) and said in failure(told)


def test_a_full_disk(small):
    blocks = "ulimit -f 32; exec "  # KiB a file: room for a record, and none for the backup of a state
    told = small.shell(f"{blocks} logistics deploy --yes", code=1)
    assert "cannot be written: File too large" in failure(told)


def test_a_connection_that_is_lost_amid_the_update(small):
    """The rollback cannot reach the account either; the next command says where it stood, and ends it."""
    small.edit(STACK, "dailyCreditQuota: 100", "dailyCreditQuota: 90")
    try:
        command = small.held_at("compute_wh_dev updating", "deploy", "--yes")
        small.kill_server()
        told, _ = command.communicate("\n")
        assert command.returncode == 1
        assert "failed too" in failure(told) and "logistics rollback" in failure(told)
        assert "verified" in small.logistics("rollback", "--yes")
    finally:
        small.edit(STACK, "dailyCreditQuota: 90", "dailyCreditQuota: 100")


def test_a_disk_that_fills_up_amid_the_update(small):
    """There is room for the backup, and none for the state with a wide table in it."""
    columns = "".join(f"  - {{name: value_{n}, type: varchar(40), comment: '{'measured ' * 8}'}}\n" for n in range(500))
    small.write("sql/tables/marts/tbl_wide.yaml", DEPOT.replace("depot", "wide") + columns)
    state = small.root / ".local/state/.pulumi/stacks/logistics/dev.json"
    blocks = state.stat().st_size * 3 // 2 // 1024  # KiB: what is encrypted is a third longer
    try:
        told = failure(small.shell(f"ulimit -f {blocks}; exec logistics deploy --yes", code=1))
        # The two steps run side by side: which of them finds no room for what it did is chance.
        assert re.search("cannot update: (tbl_wide|compute_wh_dev)", told) and "File too large" in told
        back = re.search(r"run `logistics (rollback --environment dev --to \d+)`", told)
        assert back is not None
        assert "deployed version" in small.logistics("deploy", "--yes")
        assert small.rows("select count(*) from marts.tbl_wide") == [(0,)]
        assert "verified" in small.logistics(*back[1].split(), "--yes")
    finally:
        (small.root / "sql/tables/marts/tbl_wide.yaml").unlink()
