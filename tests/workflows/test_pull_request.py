"""Every step of the pull request's workflow is run as it stands in the file, in a checkout with a change to review."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
WORKFLOW = Path(".github/workflows/pull-request.yml")
JOBS = yaml.safe_load((ROOT / WORKFLOW).read_text(encoding="utf-8"))["jobs"]
# A change that nobody has to approve: what a description says.
CHANGED = Path("sql/models/marts/dimensions/tbl_dim_customer.yaml")
_OURS = ("LOGISTICS_", "PULUMI_", "LOCAL_SNOWFLAKE_", "PYTEST_", "SNOWFLAKE_", "VIRTUAL_ENV", "PYTHONPATH")


@pytest.fixture(scope="module")
def checkout(tmp_path_factory) -> Path:
    """What actions/checkout gives: the project with its history, and a pull request's commit on top."""
    if shutil.which("git") is None or not (ROOT / ".git").exists():
        pytest.skip("a pull request is a commit, and there is no repository here")
    folder = tmp_path_factory.mktemp("runner") / "project"
    git("clone", "--quiet", "--no-hardlinks", str(ROOT), str(folder), folder=ROOT)
    path = folder / CHANGED
    said, *rest = path.read_text(encoding="utf-8").splitlines(keepends=True)
    assert said.startswith("description: ")
    path.write_text("".join([said.rstrip() + ", as of today\n", *rest]), encoding="utf-8")
    git("commit", "--quiet", "--all", "--message", "Say more of customers", folder=folder)
    return folder


def git(*arguments: str, folder: Path) -> None:
    """Run git as somebody."""
    who = ("-c", "user.name=somebody", "-c", "user.email=somebody@example.com")
    subprocess.run(["git", *who, *arguments], cwd=folder, check=True)


@pytest.mark.slow
@pytest.mark.parametrize("job", JOBS)
def test_each_step_of_a_job_does_its_work(checkout, job):
    environment = {key: value for key, value in os.environ.items() if not key.startswith(_OURS)}
    # All tests run here already: their own step shows with a few of them that it finds and runs them.
    environment |= {"CI": "true", "PYTEST_ADDOPTS": "-k test_urn"} | dict.fromkeys(JOBS[job].get("env", {}), "HEAD~1")
    for step in JOBS[job]["steps"]:
        if "run" in step:
            done = subprocess.run(
                ["bash", "-e", "-c", step["run"]],
                cwd=checkout,
                env=environment,
                capture_output=True,
                text=True,
                check=False,
            )
            assert done.returncode == 0, f"{step['run']}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
    page = checkout / "review.md"
    if job == "review":
        text = page.read_text(encoding="utf-8")
        assert "| dev | staging | prod |" in text and "tbl_dim_customer" in text
