"""The checks on an account with everything that is declared, and one fault at a time."""

from __future__ import annotations

import base64
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import yaml
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from local_server import LocalServer, local_server

from logistics.connection import connect
from logistics.deployment.backup import Backups
from logistics.deployment.state import Checkpoint
from logistics.errors import Locked, UsageError
from logistics.orchestration.checks import Site, run_checks
from logistics.orchestration.checks.run import CHECKS, chosen
from logistics.orchestration.findings import Finding, by_value
from logistics.orchestration.jobs import Job
from logistics.orchestration.ledger import Ledger, kept_lease
from logistics.orchestration.reading import Verdict
from logistics.orchestration.records import Run, new_run
from logistics.orchestration.report import build, recorded_job
from logistics.orchestration.scheduler import Outcome
from logistics.settings import load_stack

ROOT = Path(__file__).parents[3]
FAULTS = yaml.safe_load(Path(__file__).with_name("faults.yaml").read_text(encoding="utf-8"))
CHECKED = [name for name in CHECKS if name != "backups"]


@pytest.fixture(scope="module")
def server() -> Iterator[LocalServer]:
    with local_server() as made:
        yield made


@pytest.fixture(scope="module")
def site(server: LocalServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """An account that has what is declared: objects in name and shape, tables without rows."""
    folder = tmp_path_factory.mktemp("project")
    for name in ("Pulumi.yaml", "Pulumi.dev.yaml"):
        lines = (ROOT / name).read_text(encoding="utf-8").splitlines(keepends=True)
        (folder / name).write_text("".join(line for line in lines if not line.startswith("encryptionsalt:")))
    (folder / "sql").symlink_to(ROOT / "sql")
    server.connect("LOCAL-DEV").close()
    settings = load_stack(folder, "dev")
    variables = {**server.environment(), "PULUMI_CONFIG_PASSPHRASE": "a-passphrase"}
    with connect(settings, variables) as connection:
        cursor = connection.cursor()
        made = Site(root=folder, settings=settings, variables=variables, admin=cursor, now=datetime.now(UTC))
        made.__dict__["engineer"] = connection.cursor()
        for text in declared_objects(made):
            cursor.execute(text)
        yield made


def declared_objects(site: Site) -> Iterator[str]:
    declared, platform = site.declared, site.settings.platform
    yield (
        "create resource monitor DAILY_COST_MONITOR with credit_quota = 100 frequency = daily start_timestamp = immediately "
        "triggers on 80 percent do notify on 90 percent do suspend"
    )
    yield "create warehouse COMPUTE_WH_DEV auto_suspend = 60 resource_monitor = DAILY_COST_MONITOR"
    yield "create warehouse COMPUTE_WH_XS auto_suspend = 60"
    yield "create warehouse COMPUTE_WH_MULTI auto_suspend = 60 warehouse_size = MEDIUM max_cluster_count = 10"
    yield "create database LOGISTICS"
    for name, role in declared.access.roles.items():
        yield f"create role {name}"
        yield from (f"grant {privilege} on account to role {name}" for privilege in role.account_privileges)
    for schema in declared.access.schemas:
        yield f"create schema LOGISTICS.{schema}"
    for name, contract in declared.tables.items():
        columns = ", ".join(f'"{column.name.upper()}" {column.type}' for column in contract.columns)
        yield f"create table if not exists LOGISTICS.{name} ({columns})"
    for name, stream in declared.sql.streams.items():
        yield f"create stream LOGISTICS.{name} on table LOGISTICS.{stream.table}"
    for name, task in declared.sql.tasks.items():
        when = f" when {task.when}" if task.when else " schedule = '600 minutes'"
        yield f"create task LOGISTICS.{name} warehouse = COMPUTE_WH_XS{when} as select 1"
        yield f"alter task LOGISTICS.{name} resume"
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048).public_key()
    text = base64.b64encode(
        key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    ).decode()
    for user in platform.users:
        yield f"create user {user.name} rsa_public_key = '{text}'"


def at(site: Site, now: datetime) -> Site:
    """The same account at another time."""
    other = Site(root=site.root, settings=site.settings, variables=site.variables, admin=site.admin, now=now)
    other.__dict__["engineer"] = site.engineer
    return other


def found(site: Site, *checks: str) -> list[tuple[str, str, str, str]]:
    findings = by_value(run_checks(site, checks))
    return [(each.check, each.status, each.subject, each.evidence) for each in findings if each.status != "ok"]


NASTY = 'it\'s "so" \\ %s'
TASK = "LOGISTICS.marts.update_customer_segments"


def test_an_account_as_declared_is_well(site):
    assert found(site, *CHECKED) == []


@pytest.mark.parametrize("fault", FAULTS, ids=[fault["name"] for fault in FAULTS])
def test_a_fault_is_found_where_it_is_and_nowhere_else(site, fault):
    for text in fault["plant"]:
        site.admin.execute(text)
    try:
        problems = found(site, *CHECKED)
    finally:
        for text in fault["mend"]:
            site.admin.execute(text)
    *where, words = fault["finding"]
    assert [list(problem[:3]) for problem in problems] == [where]
    assert words in problems[0][3]


def test_a_dropped_stream_and_task_are_critical_and_come_by_value(site):
    site.admin.execute("drop stream LOGISTICS.marts.vehicle_stream")
    site.admin.execute(f"alter task {TASK} suspend")
    try:
        problems = found(site, "tasks", "streams", "freshness")
    finally:
        site.admin.execute("create stream LOGISTICS.marts.vehicle_stream on table LOGISTICS.marts.tbl_dim_vehicle")
        site.admin.execute(f"alter task {TASK} resume")
    assert [problem[:3] for problem in problems] == [
        ("streams", "critical", "marts.vehicle_stream"),
        ("tasks", "critical", "marts.update_customer_segments"),
    ]


def test_what_is_told_by_the_clock(site):
    later = at(site, site.now + timedelta(days=12))
    assert {problem[:2] for problem in found(later, "streams")} == {("streams", "warning")}
    later.now = site.now + timedelta(days=400)
    assert {problem[:2] for problem in found(later, "streams", "keys")} == {
        ("streams", "critical"),
        ("keys", "critical"),
    }
    ages = [evidence for check, _, _, evidence in found(later, "keys") if check == "keys"]
    assert all(evidence.startswith("RSA_PUBLIC_KEY was set ") for evidence in ages)


def test_rows_that_wait_too_long_are_told_with_the_task_that_should_take_them(site):
    site.admin.execute("alter task LOGISTICS.marts.refresh_snap_dim_vehicle suspend")
    site.admin.execute("insert into LOGISTICS.marts.tbl_dim_vehicle (vehicle_id) values ('V1')")
    later = at(site, datetime.now(UTC) + timedelta(hours=2))
    try:
        assert found(site, "freshness") == []
        ((check, status, subject, evidence),) = found(later, "freshness")
        later.now += timedelta(days=1)
        assert found(later, "freshness")[0][1] == "critical"
    finally:
        site.admin.execute(
            "create or replace stream LOGISTICS.marts.vehicle_stream on table LOGISTICS.marts.tbl_dim_vehicle"
        )
        site.admin.execute("alter task LOGISTICS.marts.refresh_snap_dim_vehicle resume")
    assert (check, status, subject) == ("freshness", "warning", "marts.vehicle_stream")
    assert "2.0 hours that marts.refresh_snap_dim_vehicle has not taken up" in evidence


def test_backups_are_missing_then_there_then_old_then_damaged(site):
    assert found(site, "backups")[0][1:2] == ("warning",)
    made = Backups(site.root, "dev", site.variables).write(Checkpoint.of({"resources": []}))
    assert found(site, "backups") == []
    later = at(site, site.now + timedelta(days=40))
    assert found(later, "backups")[0][1] == "critical"
    made.file.write_bytes(b"nothing")
    assert "cannot be read" in found(site, "backups")[0][3]


def test_a_check_that_cannot_look_is_unknown_and_stops_no_other(site):
    def refuse(_text: str) -> None:
        raise RuntimeError("not authorized")

    blind = at(site, site.now)
    blind.rows = refuse  # type: ignore[method-assign]
    assert [problem[:2] for problem in found(blind, "tasks", "certificates", "monitors")] == [
        ("monitors", "unknown"),
        ("tasks", "unknown"),
    ]


def test_names_of_checks_are_checked():
    assert chosen([], ["connection"]) == [name for name in CHECKS if name != "connection"]
    with pytest.raises(UsageError, match="there is no check tea"):
        chosen(["tea"])


@pytest.fixture
def ledgers(site: Site, server: LocalServer) -> Iterator[list[Ledger]]:
    """Eight sessions' views of the account's records."""
    site.admin.execute("delete from LOGISTICS.monitoring.orchestrator_leases")
    sessions = [server.connect("LOCAL-DEV", role="ACCOUNTADMIN", warehouse="COMPUTE_WH_XS") for _ in range(8)]
    yield [Ledger(session.cursor(), "LOGISTICS", "dev") for session in sessions]
    for session in sessions:
        session.close()


def run_named(name: str) -> Run:
    made = new_run("dev", "all", "command")
    made.run_id = name
    return made


def test_of_many_at_once_one_gets_the_lease(ledgers):
    got: list[str] = []
    gate = threading.Barrier(len(ledgers))

    def take(number: int, ledger: Ledger) -> None:
        gate.wait()
        try:
            ledger.take_lease(run_named(f"r{number}"))
        except Locked:
            return
        got.append(f"r{number}")

    threads = [threading.Thread(target=take, args=each) for each in enumerate(ledgers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(got) == 1


def test_a_lease_is_refused_renewed_released_taken_over_and_lost(ledgers):
    first, second = ledgers[:2]
    a, b = run_named("a"), run_named("b")
    first.take_lease(a)
    with pytest.raises(Locked, match=f"dev is orchestrated by all, process {a.process_id}"):
        second.take_lease(b)
    assert first.renew(a)
    second.take_lease(b, dead=["a"])
    assert not first.renew(a)
    first.release(a)
    with pytest.raises(Locked):
        first.take_lease(a)
    second.renew(b, seconds=-1)
    first.take_lease(a)
    assert not second.renew(b)
    first.release(a)
    second.take_lease(b)


def test_the_holder_is_told_when_its_lease_is_lost(ledgers):
    first, second = ledgers[:2]
    first.take_lease(run_named("a"))
    lost, told = threading.Event(), []
    with kept_lease(first, run_named("a"), lambda why: (told.append(why), lost.set()), every_seconds=0.05):
        second.take_lease(run_named("b"), dead=["a"])
        assert lost.wait(30)
    assert told == ["another run has taken the lease"]
    assert second.renew(run_named("b"))


def test_runs_and_jobs_are_recorded_and_a_dead_run_is_closed(ledgers, site):
    ledger = ledgers[0]
    dead, run = run_named("dead"), run_named("alive")
    ledger.start(dead, 1)
    ledger.take_lease(run)
    ledger.start(run, 2)
    run.result = "failed"
    good = Outcome(
        job=Job(name="good", command=["x"]), state="succeeded", attempts=1, started_at=datetime.now(UTC), exit_code=0
    )
    good.verdict = Verdict(
        understood=True, status="warning", findings=(Finding(check="c", status="warning", evidence=NASTY),)
    )
    skipped = Outcome(job=Job(name="skipped", command=["x"]), state="skipped", reason="needs good")
    report = build(run, "LOCAL-DEV", [good, skipped])
    ledger.end(run, report)
    rows = site.rows(
        "select run_id, result, status, jobs_total, jobs_failed, jobs_skipped, report:status::varchar as said "
        "from LOGISTICS.monitoring.orchestrator_runs order by run_id"
    )
    assert [tuple(row.values()) for row in rows] == [
        ("alive", "failed", "warning", 2, 0, 1, "warning"),
        ("dead", "stopped", None, 1, None, None, None),
    ]
    (row,) = ledger.newest_jobs()
    assert {**recorded_job(row), "about": ""} == report["jobs"][0]
