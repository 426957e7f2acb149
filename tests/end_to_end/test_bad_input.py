"""Bad input gives one clear error and a non-zero exit, and nothing is changed."""

from __future__ import annotations

import socket
import subprocess
import sys

import pytest
from local_server import PROJECT, LocalServer, copy_project, pulumi_project, run

KEYS = {
    "unknown key": (
        "  logistics:environment: dev",
        "  logistics:environment: dev\n  logistics:wharehouseSize: SMALL",
        ["wharehouseSize", "warehouseSize"],
    ),
    "wrong size": ("warehouseSize: X-SMALL", "warehouseSize: GIGANTIC", ["warehouseSize", "GIGANTIC", "MEDIUM"]),
    "bad cron": ('segmentsCron: "*/5 * * * * UTC"', 'segmentsCron: "every day"', ["segmentsCron", "every day"]),
    "missing value": ("  logistics:environment: dev\n", "", ["environment"]),
    "broken YAML": ("config:", "config: [", ["Pulumi.dev.yaml"]),
}


@pytest.fixture(scope="module")
def server():
    running = LocalServer().start()
    yield running
    running.stop()


@pytest.fixture
def project(tmp_path, server):
    made = pulumi_project(copy_project(tmp_path / "project"), tmp_path, server)
    server.connect().close()
    made.pulumi("stack", "init", "dev", "--non-interactive")
    return made


def objects(server):
    with server.connect() as connection:
        return sorted(row[1] for row in connection.cursor().execute("show databases").fetchall())


@pytest.mark.parametrize("case", KEYS)
def test_a_wrong_setting_is_named_and_nothing_is_made(project, server, case):
    old, new, words = KEYS[case]
    path = project.folder / "Pulumi.dev.yaml"
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new, 1))
    before = objects(server)
    done = project.pulumi("up", "--stack", "dev", "--yes", "--skip-preview", "--non-interactive", check=False)
    assert done.returncode != 0
    said = done.stdout + done.stderr
    assert all(word in said for word in [*words, "Pulumi.dev.yaml"]), said
    assert "Traceback" not in said
    assert objects(server) == before


def test_a_broken_sql_file_is_named_with_its_line(project, server):
    path = project.folder / "sql/models/ml_features/tbl_ml_customer_behavior_segments.sql"
    path.write_text(path.read_text().replace("end as behavior_segment", "and as behavior_segment"))
    before = objects(server)
    done = project.pulumi("up", "--stack", "dev", "--yes", "--skip-preview", "--non-interactive", check=False)
    said = done.stdout + done.stderr
    assert done.returncode != 0
    assert "sql/models/ml_features/tbl_ml_customer_behavior_segments.sql:" in said
    assert "Traceback" not in said
    assert objects(server) == before


COMMANDS = {
    "missing passphrase": ({"PULUMI_CONFIG_PASSPHRASE": None}, ["passphrase"]),
    "wrong passphrase": ({"PULUMI_CONFIG_PASSPHRASE": "another"}, ["passphrase"]),
    "wrong password": ({"SNOWFLAKE_PASSWORD": "guess"}, ["Incorrect username or password"]),
}


@pytest.mark.parametrize("case", COMMANDS)
def test_wrong_credentials_are_told_without_showing_them(project, server, case):
    environment, words = COMMANDS[case]
    kept = {**project.environment, **{key: value for key, value in environment.items() if value is not None}}
    for key, value in environment.items():
        if value is None:
            kept.pop(key, None)
    done = run(
        [str(PROJECT / "embedded/bin/pulumi"), "up", "--stack", "dev", "--yes", "--skip-preview", "--non-interactive"],
        project.folder,
        kept,
        check=False,
    )
    said = done.stdout + done.stderr
    assert done.returncode != 0
    assert all(word in said for word in words), said
    assert "Traceback" not in said
    assert "guess" not in said
    assert objects(server) == ["SNOWFLAKE"]


def test_an_endpoint_that_is_down_is_one_clear_error(project):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        free = probe.getsockname()[1]
    done = project.pulumi(
        "up",
        "--stack",
        "dev",
        "--yes",
        "--skip-preview",
        "--non-interactive",
        check=False,
        environment={"SNOWFLAKE_PORT": str(free)},
    )
    said = done.stdout + done.stderr
    assert done.returncode != 0
    assert f"127.0.0.1:{free}" in said
    assert "Traceback" not in said


def test_a_port_that_is_taken_is_one_clear_line(server):
    done = subprocess.run(
        [sys.executable, "-m", "embedded.snowflake", "serve", "--port", str(server.port), "--memory"],
        cwd=PROJECT,
        env={"LOCAL_SNOWFLAKE_ADMIN_PASSWORD": "x", "PATH": ""},
        capture_output=True,
        text=True,
        timeout=900,
    )
    assert done.returncode == 1
    assert str(server.port) in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_an_unknown_stack_is_told(project):
    done = project.pulumi("up", "--stack", "nowhere", "--yes", "--non-interactive", check=False)
    assert done.returncode == 6
    assert "no stack named 'nowhere' found" in done.stderr


def test_a_locked_stack_is_told(project):
    locks = project.state / ".pulumi/locks/organization/logistics/dev"
    locks.mkdir(parents=True)
    (locks / "11111111-2222-3333-4444-555555555555.json").write_text(
        '{"pid":4242,"username":"someone","hostname":"elsewhere","timestamp":"2026-01-02T03:04:05Z"}'
    )
    done = project.pulumi("up", "--stack", "dev", "--yes", "--skip-preview", "--non-interactive", check=False)
    assert done.returncode == 1
    assert "the stack is currently locked by 1 lock(s)" in done.stderr
    assert "someone@elsewhere" in done.stderr or "someone" in done.stderr
