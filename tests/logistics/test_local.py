from __future__ import annotations

import os
import stat
import subprocess

import pytest

from logistics.errors import ConnectionFailed, LogisticsError
from logistics.local import server
from logistics.local.environment import environment, shell_lines
from logistics.local.secrets import admin_password, passphrase_file, user_key_file, user_public_key
from logistics.settings import load_stack


def test_secrets_are_made_once_and_for_their_owner_alone(project):
    password = admin_password(project)
    files = [project / ".local/admin-password", passphrase_file(project), user_key_file(project)]
    assert admin_password(project) == password
    assert len(password) >= 32
    assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o600}
    assert stat.S_IMODE((project / ".local").stat().st_mode) == 0o700


def test_the_public_key_is_the_keys(project):
    made = subprocess.run(
        ["openssl", "rsa", "-in", user_key_file(project), "-pubout"], capture_output=True, text=True, check=True
    ).stdout.splitlines()
    assert user_public_key(project) == "".join(made[1:-1])


def test_a_new_passphrase_forgets_the_salt_of_the_old(project):
    path = project / "Pulumi.dev.yaml"
    before = path.read_text()
    path.write_text("encryptionsalt: v1:abc\n" + before)
    passphrase_file(project)
    assert path.read_text() == before


def test_a_lost_passphrase_with_secrets_is_told(project):
    path = project / "Pulumi.dev.yaml"
    path.write_text("encryptionsalt: v1:abc\n" + path.read_text() + "  snowflake:password:\n    secure: v1:xyz\n")
    with pytest.raises(
        LogisticsError, match=r"Pulumi\.dev\.yaml holds secrets whose passphrase is not on this machine"
    ):
        passphrase_file(project)


@pytest.fixture
def running(project, monkeypatch):
    monkeypatch.setattr(server, "find", lambda _: server.Server(pid=1, started=0.0, port=8085))
    return project


def test_the_environment_leads_to_the_local_snowflake(running):
    variables = environment(running, load_stack(running, "dev"), {})
    assert {key: variables[key] for key in ("SNOWFLAKE_HOST", "SNOWFLAKE_PORT", "SNOWFLAKE_PROTOCOL")} == {
        "SNOWFLAKE_HOST": "127.0.0.1",
        "SNOWFLAKE_PORT": "8085",
        "SNOWFLAKE_PROTOCOL": "http",
    }
    assert variables["PULUMI_BACKEND_URL"] == f"file://{running}/.local/state"
    assert variables["PULUMI_CONFIG_PASSPHRASE_FILE"] == f"{running}/.local/passphrase"


def test_what_is_given_is_left_alone(running):
    given = {"PULUMI_BACKEND_URL": "s3://x", "PULUMI_HOME": "/h", "PULUMI_CONFIG_PASSPHRASE": "p"}
    assert not {"PULUMI_BACKEND_URL", "PULUMI_HOME", "PULUMI_CONFIG_PASSPHRASE_FILE"} & set(
        environment(running, load_stack(running, "dev"), given)
    )


def test_a_real_account_gets_nothing_of_the_local_one(running, edit):
    edit("Pulumi.dev.yaml", "snowflake:organizationName: LOCAL", "snowflake:organizationName: ACME")
    assert not [key for key in environment(running, load_stack(running, "dev"), {}) if key.startswith("SNOWFLAKE")]


def test_the_password_is_never_printed(running):
    lines = shell_lines(running, environment(running, load_stack(running, "dev"), {}))
    assert admin_password(running) not in "\n".join(lines)
    shell = subprocess.run(
        ["sh", "-c", "\n".join([*lines, 'printf %s "$SNOWFLAKE_PASSWORD"'])], capture_output=True, text=True, check=True
    )
    assert shell.stdout == admin_password(running)


@pytest.mark.parametrize(("engine", "found"), [("embedded", "embedded/bin/pulumi"), ("pulumi", "official/pulumi")])
def test_pulumi_is_the_engine_that_was_asked_for(running, engine, found):
    official = running / "official" / "pulumi"
    official.parent.mkdir()
    official.write_text("#!/bin/sh\n")
    official.chmod(0o755)
    (running / "embedded/bin").mkdir(parents=True, exist_ok=True)
    embedded = running / "embedded/bin/pulumi"
    if not embedded.exists():
        embedded.write_text("#!/bin/sh\n")
    embedded.chmod(0o755)
    lines = shell_lines(running, environment(running, load_stack(running, "dev"), {}), engine)
    path = f"{official.parent}{os.pathsep}{os.environ['PATH']}"
    shell = subprocess.run(
        ["sh", "-c", "\n".join([*lines, "command -v pulumi"])],
        capture_output=True, text=True, check=True, env={"PATH": path},
    )  # fmt: skip
    assert shell.stdout.strip() == str(running / found)


def test_a_local_stack_without_server_is_told(project):
    with pytest.raises(ConnectionFailed, match="the local Snowflake does not run"):
        environment(project, load_stack(project, "dev"), {})
