"""The SQL of each step of a plan, as the embedded provider would send it; the official plugin is not asked, it cannot say."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Sequence
from pathlib import Path

from logistics.deployment.steps import Step
from logistics.errors import LogisticsError

_TIMEOUT_SECONDS = 120
_OPS = {"create": ("create",), "update": ("update",), "delete": ("delete",), "replace": ("delete", "create")}


def statements_of(root: Path, steps: Sequence[Step]) -> dict[str, list[str]]:
    """Returns the statements of each step by its URN, in their order; none where they depend on what the account says.

    Args:
        root: the project's folder.
        steps: of a preview; secrets in them are masked, and so they are in the statements.

    Raises:
        LogisticsError: the provider cannot be run.
    """
    asked = [
        {"op": op, "type": step.type, "id": step.id, "state": step.state, "old": step.old, "new": step.new}
        for step in steps
        for op in _OPS.get(step.op, ())
    ]
    command = [str(root / "embedded" / "bin" / "pulumi-resource-snowflake"), "statements"]
    done = subprocess.run(
        command, input=json.dumps(asked), capture_output=True, text=True, timeout=_TIMEOUT_SECONDS, check=False
    )
    if done.returncode:
        raise LogisticsError(f"the provider cannot tell its statements: {done.stderr.strip()[-500:]}")
    answers = iter(json.loads(done.stdout))
    return {step.urn: [sql for _ in _OPS.get(step.op, ()) for sql in next(answers)] for step in steps}
