"""The command line under test, and a place for each scenario."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
EMBEDDED = str(ROOT / "embedded" / "bin" / "pulumi")
_HERE = "tests/conformance/engine"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--cli", default="", help="the pulumi command line to run the scenarios on (the embedded one)")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run each scenario on the embedded command line, and on the official one where it is on PATH; or on that of --cli."""
    if "cli" not in metafunc.fixturenames:
        return
    given = metafunc.config.getoption("--cli", default="")
    found = {"cli": given} if given else {"embedded": EMBEDDED}
    official = shutil.which("pulumi")
    if not given and official and not _is_embedded(official):
        found["official"] = official
    metafunc.parametrize("cli", list(found.values()), ids=list(found), scope="session")


def _is_embedded(path: str) -> bool:
    ran = subprocess.run([path, "version"], capture_output=True, text=True, check=False)
    return ran.returncode != 0 or "+embedded" in ran.stdout


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print what was otherwise than recorded, with those differences that are known and explained."""
    found: list[str] = []
    for reports in terminalreporter.stats.values():
        for report in reports:
            properties = getattr(report, "user_properties", ())
            found.extend(str(text) for name, text in properties if name == "difference" and report.when == "call")
    if not any(
        getattr(report, "nodeid", "").startswith(_HERE) for items in terminalreporter.stats.values() for report in items
    ):
        return
    terminalreporter.section("differences from the recordings of the official CLI")
    for line in sorted(found) or ["none"]:
        terminalreporter.write_line(line)


@pytest.fixture
def scenario_environment(tmp_path: Path) -> dict[str, str]:
    """A backend, a fake cloud and a home of its own for one scenario."""
    for name in ("project", "backend", "home"):
        (tmp_path / name).mkdir()
    environment = {key: value for key, value in os.environ.items() if not key.startswith("PULUMI_")}
    environment.pop("VIRTUAL_ENV", None)
    environment.update(
        PATH=os.pathsep.join([str(Path(sys.executable).parent), environment.get("PATH", "")]),
        PULUMI_HOME=str(tmp_path / "home"),
        PULUMI_CONFIG_PASSPHRASE="x",
        PULUMI_SKIP_UPDATE_CHECK="1",
        PULUMI_DEBUG_COMMANDS="true",
        PULUMI_BACKEND_URL=f"file://{tmp_path / 'backend'}",
        PYTHONPATH=str(tmp_path / "project"),
        TST_CLOUD=str(tmp_path / "cloud.json"),
        TST_LOG=str(tmp_path / "calls.log"),
    )
    return environment
