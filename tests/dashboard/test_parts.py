from __future__ import annotations

import ast
import sys
from types import SimpleNamespace

import pandas as pd
import pytest
from click.testing import CliRunner
from local_server import PROJECT

from logistics.cli import commands
from logistics.dashboard.bundle import app_files, bundle, users, version
from logistics.dashboard.run import Start, check, command
from logistics.declarations import load_declarations
from logistics.errors import LogisticsError
from logistics.settings import load_stack

pytest.importorskip("streamlit")
pytest.importorskip("altair")

FILES = sorted((PROJECT / "dashboard").rglob("*.py"))


@pytest.fixture(scope="module")
def dev():
    return load_stack(PROJECT, "dev")


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(PROJECT)))
def test_files_import_what_snowflake_has(file):
    """On the stage there is nothing of the project; `logistics` is imported where the connection is a machine's."""
    allowed = {"board", "streamlit", "pandas", "altair", "snowflake", *sys.stdlib_module_names}
    tree = ast.parse(file.read_text())
    at_the_top = [node for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom)]
    names = {(node.module or "") if isinstance(node, ast.ImportFrom) else node.names[0].name for node in at_the_top}
    assert {name.split(".")[0] for name in names} <= allowed
    everywhere = {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert not any(name.startswith(("embedded", "components")) for name in everywhere)


def test_every_query_binds_its_values():
    from board.queries import QUERIES

    assert {name: query.text.count("?") for name, query in QUERIES.items()} == {
        name: len(query.parameters) for name, query in QUERIES.items()
    }
    assert all(query.reads for query in QUERIES.values())


def test_queries_are_texts_alone():
    """No query is put together from parts: values come in by binding only."""
    tree = ast.parse((PROJECT / "dashboard/board/queries.py").read_text())
    assert not [node for node in ast.walk(tree) if isinstance(node, ast.JoinedStr | ast.BinOp | ast.Mod)]


@pytest.mark.parametrize(
    ("claims", "user"),
    [
        ({"email": "Anna@Logistics.example"}, "ANALYST_ANNA"),
        ({"email": "anna@logistics.example", "email_verified": True}, "ANALYST_ANNA"),
        ({"email": "anna@logistics.example", "email_verified": False}, None),
        ({"email": "stranger@logistics.example"}, None),
        ({"email": ""}, None),
        ({}, None),
    ],
    ids=["case", "verified", "not verified", "stranger", "empty", "no address"],
)
def test_who_signs_in_is_a_user_of_the_stack_file(dev, claims, user):
    from board.viewer import platform_user

    found = platform_user(claims, [*users(dev), {"email": "", "user": "NOBODY", "role": "DATA_ENGINEER"}])
    assert (found and found["user"]) == user


@pytest.mark.parametrize(
    ("word", "text", "colour"),
    [
        ("CRITICAL", "▲ critical", "red"),
        ("warning", "◆ warning", "orange"),
        ("passed", "✔ passed", "green"),
        ("rolled back", "▲ rolled back", "red"),
        ("timed_out", "▲ timed out", "red"),
        ("something new", "? something new", "gray"),
        (None, "? unknown", "gray"),
    ],
)
def test_marks_have_shape_word_and_colour(word, text, colour):
    from board.severity import mark_of

    assert (mark_of(word).text, mark_of(word).colour) == (text, colour)


def test_the_gravest_is_first():
    from board.severity import worst

    assert worst(["info", "critical", "warning"]).word == "critical"
    assert worst([]).word == "ok"


def test_text_of_a_table_is_no_markup():
    from board.shown import plain_text

    assert plain_text("*a* <b>:red[c]") == r"\*a\* \<b\>\:red\[c\]"


NODES = {"a": ["x"], "b": ["a"], "c": ["b"], "d": ["a"], "x": [], "lonely": []}


def test_lineage_reaches_everything_above_and_below():
    from board.pages.lineage import above, below

    nodes = {name: {"reads": reads} for name, reads in NODES.items()}
    assert above(nodes, ["b"]) == {"a", "x"}
    assert below(nodes, ["a"]) == {"b", "c", "d"}
    assert above(nodes, ["lonely"]) == below(nodes, ["lonely"]) == set()


class _NoSuchTable(Exception):
    sql_error_code = 2003
    message = "Object 'ML.X' does not exist\nor not authorized."


def test_in_snowflake_the_apps_own_session_is_asked():
    from board.execution import NotReadable, snowpark_frame

    asked = []
    answer = SimpleNamespace(to_pandas=lambda: pd.DataFrame({"A_B": [None, "x"]}))
    session = SimpleNamespace(sql=lambda text, params: asked.append((text, params)) or answer)
    frame = snowpark_frame(session, "select ?", ("dev",))
    assert asked == [("select ?", ["dev"])]
    assert frame["a_b"].tolist() == [None, "x"]

    def refuse(*_, **__):
        raise _NoSuchTable

    with pytest.raises(NotReadable, match=r"^Object 'ML.X' does not exist or not authorized\.$"):
        snowpark_frame(SimpleNamespace(sql=refuse), "select 1", ())


def test_the_bundle_is_named_after_its_content(dev, tmp_path):
    declarations = load_declarations(PROJECT, dev)
    made = bundle(PROJECT, dev)
    assert made.version == version(PROJECT, dev.platform, declarations) == bundle(PROJECT, dev).version
    assert {"app.py", "environment.yml", ".streamlit/config.toml", "board/pages/overview.py", "declared.json"} <= set(
        made.files
    )
    assert b"@logistics.example" not in made.files["declared.json"]
    (tmp_path / "dashboard").mkdir()
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs/who_sees_what.yaml").write_bytes((PROJECT / "docs/who_sees_what.yaml").read_bytes())
    (tmp_path / "dashboard/app.py").write_text("changed")
    assert set(app_files(tmp_path)) == {"app.py"}
    assert version(tmp_path, dev.platform, declarations) != made.version


def test_streamlit_listens_here_alone_and_tells_nobody(tmp_path):
    line = command(Start(port=5001, user="ADMIN", role="DATA_ENGINEER"), tmp_path)
    assert {"--server.address=127.0.0.1", "--server.port=5001", "--browser.gatherUsageStats=false"} <= set(line)
    assert not any(part.startswith("--secrets") for part in line)


@pytest.mark.parametrize(
    ("changes", "text", "said"),
    [
        ({"address": "0.0.0.0"}, None, "others would see what ADMIN sees: name a file with"),
        ({}, "[auth]\nredirect_uri = 'x'", r"\[auth\] lacks cookie_secret"),
        ({}, "no toml", "cannot be read as TOML"),
        ({}, "[other]", r"\[auth\] lacks redirect_uri, cookie_secret"),
    ],
    ids=["open to others", "no secret", "no toml", "no auth"],
)
def test_what_would_be_unsafe_does_not_start(tmp_path, changes, text, said):
    pytest.importorskip("authlib")
    file = tmp_path / "secrets.toml"
    if text is not None:
        file.write_text(text)
    with pytest.raises(LogisticsError, match=said):
        check(Start(user="ADMIN", role="DATA_ENGINEER", sign_in=file if text is not None else None, **changes))


def test_a_user_that_is_none_is_told_who_there_is(monkeypatch):
    monkeypatch.setenv("LOGISTICS_ROOT", str(PROJECT))
    from logistics.dashboard.commands import _who

    settings = load_stack(PROJECT, "dev")
    assert _who(settings, "analyst_anna", None) == ("ANALYST_ANNA", "DATA_ANALYST")
    assert _who(settings, None, "finance_owner") == ("ADMIN", "FINANCE_OWNER")
    with pytest.raises(LogisticsError, match="EVE is no user of dev: allowed: ANALYST_ANNA"):
        _who(settings, "EVE", None)
    assert CliRunner().invoke(commands, ["dashboard", "--port", "0"]).exit_code == 2
