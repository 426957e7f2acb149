"""The command line under test, and a place for each scenario."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--cli", default="", help="the pulumi command line to run the scenarios on (the embedded one)")


@pytest.fixture(scope="session")
def cli(request: pytest.FixtureRequest) -> str:
    """The command line that the scenarios run on."""
    # Without this folder on the command line, pytest learns of the option too late.
    return request.config.getoption("--cli", default="") or str(ROOT / "embedded" / "bin" / "pulumi")


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
