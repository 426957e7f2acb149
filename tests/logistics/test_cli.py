from __future__ import annotations

import sys

import pytest
from click.testing import CliRunner

from logistics import errors
from logistics.cli import commands, main


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (errors.LogisticsError("x"), 1),
        (errors.UsageError("x"), 2),
        (errors.SettingsError("x"), 2),
        (errors.ContractError("f", 3, "x"), 2),
        (errors.SqlFileError("f", None, "x"), 2),
        (errors.ConnectionFailed("x"), 3),
        (errors.Locked("x"), 4),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else str(value),
)
def test_each_error_has_its_exit_code(monkeypatch, capsys, error, code):
    def fail(**_):
        raise error

    monkeypatch.setattr("logistics.cli.commands", fail)
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == code
    assert capsys.readouterr().err == f"error: {error}\n"


@pytest.fixture
def run(project, monkeypatch, capsys):
    monkeypatch.setenv("LOGISTICS_ROOT", str(project))

    def command(*arguments):
        monkeypatch.setattr(sys, "argv", ["logistics", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        said = capsys.readouterr()
        return ended.value.code, said.out, said.err

    return command


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["settings", "--stack", "nowhere"], 2, "there is no stack 'nowhere'"),
        (["data", "generate", "--scale", "-1"], 2, "'-1' is no scale factor"),
        (["data", "generate", "--scale", "much"], 2, "'much' is no scale factor"),
        (["local", "start", "--port", "99999"], 2, "99999"),
        (["up", "--engine", "other"], 2, "'other' is not one of"),
        (["env"], 3, "the local Snowflake does not run"),
        (["tasks", "run"], 3, "the local Snowflake does not run"),
        (["frobnicate"], 2, "No such command"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_wrong_use_is_one_clear_error(run, arguments, code, words):
    ended, out, err = run(*arguments)
    assert ended == code
    assert words in err
    assert "Traceback" not in out + err


def test_settings_are_shown(run):
    code, out, _ = run("settings", "--stack", "prod")
    assert code == 0
    assert "logistics:warehouseSize = MEDIUM" in out


def test_a_broken_contract_stops_up_before_anything_starts(run, edit, project):
    edit("sql/models/marts/dimensions/tbl_dim_customer.yaml", "type: varchar(10)", "type: wrong")
    code, _, err = run("up")
    assert code == 2
    assert err.startswith("error: sql/models/marts/dimensions/tbl_dim_customer.yaml:")
    assert not (project / ".local").exists()


def test_outside_of_a_project_is_told(run, monkeypatch, tmp_path_factory):
    monkeypatch.setenv("LOGISTICS_ROOT", str(tmp_path_factory.mktemp("elsewhere")))
    code, _, err = run("settings")
    assert code == 2
    assert "lies in no project" in err


def _commands(group, path=()):
    for name, command in group.commands.items():
        yield (*path, name)
        yield from _commands(command, (*path, name)) if hasattr(command, "commands") else ()


@pytest.mark.parametrize("path", list(_commands(commands)), ids=" ".join)
def test_every_command_explains_itself(path):
    said = CliRunner().invoke(commands, [*path, "--help"])
    assert said.exit_code == 0
    assert len(said.output.splitlines()) > 3
