"""What the doctor sees of a machine, and what completion offers."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from logistics import doctor
from logistics.cli import commands
from logistics.doctor import FAILED, OK, WARNING, Machine, examine, exit_code


@pytest.fixture
def machine(project: Path, root: Path):
    """A project with nothing set up, on this machine."""
    shutil.copytree(root / "requirements", project / "requirements")
    (project / "embedded").symlink_to(root / "embedded")
    (project / "Pulumi.yaml").write_text((root / "Pulumi.yaml").read_text())
    return Machine(root=project, variables={"LOCAL_SNOWFLAKE_PORT": "0"}, stack="dev")


LOOKS = {"Stack": "Stack files", "Port": "Local Snowflake", "Passphrase": "Secrets", "Credentials": "Secrets"}


def look(machine, name):
    """One kind of look, and of that what bears the name."""
    found = doctor._LOOKS[LOOKS.get(name.split()[0], name)](machine)
    return [each for each in found if each.name == name or each.name.startswith(f"{name} ")]


@pytest.fixture(autouse=True)
def no_engine(monkeypatch):
    """The engine is asked in its own test only."""
    monkeypatch.setitem(doctor._LOOKS, "Pulumi engine", lambda _: iter(()))


def test_a_machine_that_is_set_up_has_no_failure(machine):
    found = list(examine(machine))
    assert [each for each in found if each.status == FAILED] == []
    assert exit_code(found) == 0
    assert all(bool(each.mend) == (each.status != OK) for each in found)
    assert not (machine.root / ".local").exists()


def test_the_engine_is_asked(machine, monkeypatch):
    monkeypatch.setitem(doctor._LOOKS, "Pulumi engine", doctor._engine)
    assert look(machine, "Pulumi engine")[0].status == OK


@pytest.mark.parametrize(("version", "status"), [((3, 10), FAILED), ((3, 11), OK), ((3, 14), OK), ((3, 15), FAILED)])
def test_only_some_pythons_will_do(machine, monkeypatch, version, status):
    monkeypatch.setattr(sys, "version_info", (*version, 0))
    assert look(machine, "Python")[0].status == status


@pytest.mark.parametrize(
    ("pin", "status", "words"),
    [
        ("no-such-package==1.0", FAILED, "not installed: no-such-package"),
        ("click==0.1", WARNING, "not the pinned versions: click"),
        ("no-such-package==1.0 ; sys_platform == 'amiga'", OK, "1 as pinned"),
    ],
    ids=["missing", "other version", "not for this system"],
)
def test_packages_are_compared_with_the_pins(machine, pin, status, words):
    (machine.root / "requirements" / "run.txt").write_text(f"pytest\n{pin}\n")
    found = look(machine, "Packages")[0]
    assert (found.status, words in found.seen) == (status, True)
    assert exit_code([found]) == int(status == FAILED)


def test_a_port_that_was_asked_for_and_is_taken(machine):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        asked = Machine(root=machine.root, variables={"LOCAL_SNOWFLAKE_PORT": str(taken.getsockname()[1])}, stack="dev")
        assert look(asked, "Port")[0].status == FAILED
    assert (
        look(Machine(root=machine.root, variables={"LOCAL_SNOWFLAKE_PORT": "tea"}, stack="dev"), "Port")[0].status
        == FAILED
    )


def test_a_wrong_stack_file_is_named_with_its_place(machine, edit):
    edit("Pulumi.prod.yaml", "logistics:warehouseSize: MEDIUM", "logistics:warehouseSize: HUGE")
    (found,) = look(machine, "Stack prod")
    assert found.status == FAILED
    assert "Pulumi.prod.yaml" in found.seen
    assert "HUGE" in found.seen
    assert look(machine, "Stack dev")[0].status == OK


def test_secrets_that_others_may_read(machine):
    local = machine.root / ".local"
    local.mkdir(mode=0o700)
    assert look(machine, "Secrets")[0].status == OK
    (local / "passphrase").write_text("quite secret")
    (local / "passphrase").chmod(0o644)
    (found,) = look(machine, "Secrets")
    assert found.status == WARNING
    assert "chmod go=" in found.mend
    assert "quite secret" not in found.seen


def test_a_salt_without_its_passphrase(machine):
    file = machine.root / "Pulumi.dev.yaml"
    file.write_text(file.read_text() + "encryptionsalt: v1:abc\n")
    assert "Pulumi.dev.yaml" in look(machine, "Passphrase")[0].seen


def test_a_real_account_needs_credentials(machine, edit, tmp_path):
    edit("Pulumi.dev.yaml", "snowflake:organizationName: LOCAL", "snowflake:organizationName: ACME")
    assert look(machine, "Credentials")[0].status == FAILED
    key = tmp_path / "key.p8"
    variables = {"SNOWFLAKE_PRIVATE_KEY_PATH": str(key)}
    assert look(Machine(root=machine.root, variables=variables, stack="dev"), "Credentials")[0].status == FAILED
    key.touch(mode=0o600)
    assert look(Machine(root=machine.root, variables=variables, stack="dev"), "Credentials")[0].status == OK
    key.chmod(0o640)
    assert look(Machine(root=machine.root, variables=variables, stack="dev"), "Credentials")[0].status == WARNING


def test_a_look_that_fails_stops_no_other(machine):
    (machine.root / "requirements" / "run.txt").unlink()
    found = list(examine(machine))
    assert next(each for each in found if each.name == "Packages").status == FAILED
    assert found[-1].name == "Secrets"


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_is_a_script_of_the_shell(shell):
    if shell == "bash" and not shutil.which("bash"):
        pytest.skip("bash is not installed")
    done = CliRunner().invoke(commands, ["completion", shell])
    assert done.exit_code == 0
    assert "_LOGISTICS_COMPLETE" in done.output
    if program := shutil.which(shell):
        assert not subprocess.run(
            [program, "-n"], input=done.output, text=True, capture_output=True, check=False
        ).returncode


def test_completion_offers_commands_and_options():
    asked = {"_LOGISTICS_COMPLETE": "bash_complete", "COMP_WORDS": "logistics orch", "COMP_CWORD": "1"}
    script = Path(sys.executable).with_name("logistics")
    done = subprocess.run([str(script)], env={**os.environ, **asked}, capture_output=True, text=True, check=False)
    assert done.stdout.split() == ["plain,orchestrate"]
