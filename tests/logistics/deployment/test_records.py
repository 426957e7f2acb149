"""Backups, the records of runs, and the versions of a stack."""

from __future__ import annotations

import gzip
import json
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest

from logistics.deployment.backup import KEEP_DAYS, KEEP_NEWEST, Backups
from logistics.deployment.context import Context
from logistics.deployment.history import list_versions
from logistics.deployment.notify import notify
from logistics.deployment.runs import Runs
from logistics.deployment.state import Checkpoint
from logistics.deployment.versions import pick
from logistics.errors import Locked, LogisticsError, UsageError
from logistics.settings import load_stack

STATE = Checkpoint.of({"resources": [{"urn": "urn:pulumi:dev::p::t::name", "type": "t", "custom": True}]})


@pytest.fixture
def backups(tmp_path):
    return Backups(tmp_path, "dev", {"PULUMI_CONFIG_PASSPHRASE": "one"})


def test_a_backup_reads_back_and_hides_what_it_holds(backups):
    made = backups.write(STATE)
    assert b"urn:pulumi" not in made.file.read_bytes()
    assert backups.read()[1] == STATE


def test_a_damaged_backup_gives_way_to_the_one_before(backups):
    good = backups.write(STATE)
    bad = backups.write(STATE)
    bad.file.write_bytes(bad.file.read_bytes()[:-40])
    assert backups.read()[0] == good
    with pytest.raises(LogisticsError, match="damaged"):
        backups.read(bad.name)


def test_another_passphrase_opens_nothing(backups, tmp_path):
    backups.write(STATE)
    with pytest.raises(LogisticsError, match="another passphrase"):
        Backups(tmp_path, "dev", {"PULUMI_CONFIG_PASSPHRASE": "two"}).read()
    with pytest.raises(UsageError, match="PULUMI_CONFIG_PASSPHRASE"):
        Backups(tmp_path, "dev", {})


def test_old_backups_go_beyond_the_newest(backups):
    old = datetime.now(UTC) - timedelta(days=KEEP_DAYS + 1)
    names = [f"{old + timedelta(seconds=second):%Y%m%dT%H%M%S%f}.backup" for second in range(KEEP_NEWEST + 3)]
    for name in names:
        (backups.folder / name).write_bytes(b"")
    backups.write(STATE)
    assert len(backups.all()) == KEEP_NEWEST
    assert names[0].removesuffix(".backup") not in {backup.name for backup in backups.all()}


def test_a_run_that_was_killed_is_found_and_one_that_ended_is_not(tmp_path):
    runs = Runs(tmp_path, "dev")
    run = runs.start("deploy")
    runs.phase(run, "update")
    found = Runs(tmp_path, "dev").unfinished()
    assert found is not None and (found.run_id, found.phase, found.touched) == (run.run_id, "update", True)
    runs.end(run, "failed")
    assert Runs(tmp_path, "dev").unfinished() is None


def test_the_second_command_is_told_who_holds_the_stack(tmp_path):
    with (
        Runs(tmp_path, "dev").lock("deploy"),
        pytest.raises(Locked, match=r"dev is held by deploy, process \d+"),
        Runs(tmp_path, "dev").lock("rollback"),
    ):
        pass
    with Runs(tmp_path, "dev").lock("rollback"):
        pass


def no_command(arguments):
    raise AssertionError(f"a file backend is not asked: {arguments}")


def history(folder, *entries, compressed=False):
    folder = folder / ".pulumi/history/p/dev"
    folder.mkdir(parents=True)
    for number, entry in enumerate(entries):
        told = {"kind": "update", "result": "succeeded", "startTime": number, "endTime": number, **entry}
        checkpoint = {"version": 3, "checkpoint": {"latest": {"resources": [{"urn": f"u{number}", "type": "t"}]}}}
        for suffix, content in (("history", told), ("checkpoint", checkpoint)):
            data, name = json.dumps(content).encode(), f"dev-{1000 + number}.{suffix}.json"
            (folder / (name + ".gz" * compressed)).write_bytes(gzip.compress(data) if compressed else data)


@pytest.mark.parametrize("compressed", [False, True])
def test_versions_are_read_with_their_checkpoints(tmp_path, compressed):
    history(
        tmp_path, {"message": "first"}, {"environment": {"git.head": "abc", "git.dirty": "true"}}, compressed=compressed
    )
    first, second = list_versions(f"file://{tmp_path}", "p", "dev", no_command)
    assert (first.number, first.message, second.git_revision, second.git_dirty) == (1, "first", "abc", True)
    assert [resource.urn for resource in second.checkpoint().resources] == ["u1"]


def test_the_last_good_version_is_the_one_before_the_latest_that_succeeded(tmp_path):
    history(tmp_path, {}, {"result": "failed"}, {"kind": "destroy"}, {})
    versions = list_versions(f"file://{tmp_path}", "p", "dev", no_command)
    assert pick(versions, None).number == 1
    assert pick(versions, 3).kind == "destroy"
    with pytest.raises(UsageError, match="no version 9: the history holds 1 to 4"):
        pick(versions, 9)
    with pytest.raises(UsageError, match="no good version"):
        pick(versions[:1], None)


def test_a_backend_that_keeps_no_files_is_refused():
    with pytest.raises(UsageError, match="allowed: file://"):
        list_versions("ftp://host.example", "p", "dev", no_command)


def test_notices_go_where_the_stack_file_says(project, edit, tmp_path):
    edit(
        "Pulumi.dev.yaml",
        "logistics:environment: dev",
        "logistics:environment: dev\n  logistics:deployEmailIntegration: MAILS\n  logistics:deployEmailTo: [ops@logistics.example]",
    )
    settings = load_stack(project, "dev")
    context = Context(
        root=project,
        settings=settings,
        variables={"LOGISTICS_WEBHOOK_URL": ""},
        engine=cast(Any, None),
        runs=Runs(tmp_path, "dev"),
        backups=cast(Any, None),
    )
    run = context.runs.start("deploy")
    context.runs.end(run, "failed")
    sent = []
    assert notify(run, context.channels, sent.append) == []
    assert sent[0].startswith("CALL SYSTEM$SEND_EMAIL('MAILS', 'ops@logistics.example', 'deploy of dev failed")
    assert "deploy of dev failed" in context.channels.log.read_text()
