"""What holds for every test."""

import fcntl
import hashlib
import os
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests.support import environments

# The connector would ask the clouds' metadata addresses where it runs; a test sends nothing off the machine.
os.environ.setdefault("SNOWFLAKE_DISABLE_PLATFORM_DETECTION", "true")

# How long a loaded machine takes for an example, or to think of one, decides no test.
settings.register_profile("project", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("project")

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def policy_environment() -> Path:
    """A virtual environment with pulumi-policy, whose protobuf the project's own environment cannot have.

    Made once from requirements/policy.txt, inside the project's environment; without an answer of the package index the tests that
    need it are skipped.
    """
    pins = ROOT / "requirements" / "policy.txt"
    folder = Path(sys.prefix) / f"policy-{hashlib.sha256(pins.read_bytes()).hexdigest()[:12]}"
    folder.parent.mkdir(exist_ok=True)
    with (folder.with_suffix(".lock")).open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "complete").is_file():
            environments.make(folder, "-r", str(pins))
            (folder / "complete").touch()
    return folder
