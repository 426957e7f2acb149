"""The pack as the engine runs it: all three stacks keep to it, a weakened deployment is refused by name."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from local_server import copy_project

pytestmark = pytest.mark.slow


class Bench:
    """A copy of the project, worked on by the `logistics` command."""

    def __init__(self, folder: Path) -> None:
        self.root = copy_project(folder)
        kept = {key: value for key, value in os.environ.items() if not key.startswith(("PULUMI", "SNOWFLAKE"))}
        self.environment = kept | {"LOGISTICS_ROOT": str(self.root)}

    def logistics(self, *arguments: str, code: int = 0) -> str:
        """Run a command that ends with `code`; returns what it printed."""
        command = [str(Path(sys.prefix) / "bin/logistics"), *arguments]
        done = subprocess.run(
            command, cwd=self.root, env=self.environment, capture_output=True, text=True, timeout=600, check=False
        )
        assert done.returncode == code, done.stdout[-3000:] + done.stderr[-3000:]
        return done.stdout + done.stderr


@pytest.fixture(scope="module")
def bench(tmp_path_factory):
    if not (Path(sys.prefix) / "policy" / "bin" / "python").exists():
        pytest.skip("the policy pack has no environment: make policy")
    made = Bench(tmp_path_factory.mktemp("policy") / "project")
    made.logistics("local", "start", "--port", "0")
    yield made
    made.logistics("local", "stop")


@pytest.mark.parametrize("stack", ["dev", "staging", "prod"])
def test_a_stack_keeps_to_the_pack(bench, stack):
    told = bench.logistics("preview", "--stack", stack)
    assert "✅ logistics@v1.0.0" in told or "⚠️" in told, told
    assert "[mandatory]" not in told


def test_a_change_that_breaks_rules_is_refused_by_preview(bench):
    stack_file = bench.root / "Pulumi.staging.yaml"
    text = stack_file.read_text()
    try:
        stack_file.write_text(text.replace("warehouseSize: SMALL", "warehouseSize: LARGE"))
        assert "COMPUTE_WH_STAGING is LARGE, allowed is MEDIUM (2 times" in bench.logistics(
            "preview", "--stack", "staging", code=1
        )
    finally:
        stack_file.write_text(text)


def test_a_loosened_mask_is_refused_until_it_is_approved(bench):
    bench.logistics("deploy", "--environment", "dev", "--yes")
    mask = next(bench.root.glob("sql/policies/**/email_mask.sql"))
    stack_file = bench.root / "Pulumi.dev.yaml"
    mask.write_text(mask.read_text().replace("else '***'", "else email"))
    told = bench.logistics("deploy", "--environment", "dev", "--dry-run", code=1)
    assert "the policy pack refuses this change" in told
    assert "approve it by its name: email_mask" in told
    approved = "config:\n  logistics:approvedWeakenings: [email_mask]\n"
    stack_file.write_text(stack_file.read_text().replace("config:\n", approved, 1))
    assert "MaskingPolicy email_mask" in bench.logistics("deploy", "--environment", "dev", "--dry-run")
