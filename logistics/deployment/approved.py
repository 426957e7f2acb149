"""A plan that was shown to somebody and agreed to: kept in a file, and held to when it is applied.

Two things hold it: the steps are planned anew and have to be the same, with labels and SQL; and the engine's own plan in the
file keeps the update to the inputs that were planned, should the code or the state change in between.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from logistics.errors import LogisticsError, UsageError

_FORM = 1
_SHOWN_DIFFERENCES = 5


@dataclass(frozen=True, kw_only=True)
class ApprovedPlan:
    """What was agreed to.

    Attributes:
        form: of the file.
        environment, account: what it is for.
        engine: whose own plan is in it: embedded or pulumi.
        git_revision: the commit that it was made from; empty outside of a repository.
        steps: as `DeployPlan.as_json` tells them.
        engine_plan: the text of the engine's own plan file, secrets encrypted by the stack's passphrase.
    """

    environment: str
    account: str
    engine: str
    git_revision: str
    made_at: str
    steps: list[dict[str, Any]]
    engine_plan: str
    form: int = _FORM

    def save(self, file: Path) -> None:
        """Writes the plan whole, for its owner alone: it holds the statements of the deployment.

        Raises:
            UsageError: the file cannot be written.
        """
        made = file.with_name(f".{file.name}.{os.getpid()}.tmp")
        try:
            descriptor = os.open(made, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(descriptor, "w", encoding="utf-8") as opened:
                json.dump(asdict(self), opened, indent=2)
            made.replace(file)
        except OSError as error:
            made.unlink(missing_ok=True)
            raise UsageError(f"{file}: the plan cannot be written: {error.strerror}") from None

    def hold(self, environment: str, account: str, engine: str, steps: list[dict[str, Any]]) -> None:
        """Compares the plan with what a deployment would do now.

        Raises:
            UsageError: it was made for something else.
            LogisticsError: what would be done is not what was agreed to; names the steps.
        """
        for what, planned, now in (
            ("environment", self.environment, environment),
            ("account", self.account, account),
            ("engine", self.engine, engine),
        ):
            if planned != now:
                raise UsageError(f"the plan was made for {what} {planned}, not {now}: make one with --save-plan")
        found = list(differences(self.steps, steps))
        if found:
            more = f"; and {len(found) - _SHOWN_DIFFERENCES} more" if len(found) > _SHOWN_DIFFERENCES else ""
            raise LogisticsError(
                f"what would be done is not what was approved on {self.made_at[:16]} UTC: "
                f"{'; '.join(found[:_SHOWN_DIFFERENCES])}{more}. Nothing was changed; make and approve a new plan"
            )

    @contextmanager
    def engine_file(self) -> Iterator[Path]:
        """Gives the engine's own plan as a file for a `with` block."""
        with TemporaryDirectory(prefix="logistics-") as folder:
            file = Path(folder) / "plan.json"
            file.write_text(self.engine_plan, encoding="utf-8")
            yield file


def approved(
    environment: str, account: str, engine: str, git_revision: str, steps: list[dict[str, Any]], engine_plan: str
) -> ApprovedPlan:
    """Returns a plan that was made now."""
    return ApprovedPlan(
        environment=environment,
        account=account,
        engine=engine,
        git_revision=git_revision,
        made_at=datetime.now(UTC).isoformat(timespec="seconds"),
        steps=steps,
        engine_plan=engine_plan,
    )


def load_plan(file: Path) -> ApprovedPlan:
    """Reads a plan.

    Raises:
        UsageError: there is none, or it is no plan of this version.
    """
    try:
        said = json.loads(file.read_text(encoding="utf-8"))
        plan = ApprovedPlan(**said)
    except OSError as error:
        raise UsageError(f"{file}: the plan cannot be read: {error.strerror}") from None
    except (ValueError, TypeError):
        raise UsageError(f"{file} is no plan: `logistics deploy --dry-run --save-plan FILE` makes one") from None
    if plan.form != _FORM:
        raise UsageError(f"{file} was made by another version of this program: make a new plan")
    return plan


def differences(planned: list[dict[str, Any]], now: list[dict[str, Any]]) -> Iterator[str]:
    """Yields in words how the steps of now differ from the planned ones; their order is the engine's own and no difference."""
    before, after = _by_resource(planned), _by_resource(now)
    for key in sorted(set(before) | set(after)):
        what = f"{key[0]} {_name(key[1])}"
        if key not in before:
            yield f"{what} was not planned"
        elif key not in after:
            yield f"{what} would not be done"
        else:
            changed = [
                part for part in ("label", "diffs", "statements") if before[key].get(part) != after[key].get(part)
            ]
            if changed:
                yield f"{what} has other {' and '.join(changed)}"


def _by_resource(steps: list[dict[str, Any]]) -> dict[tuple[str, str], Mapping[str, Any]]:
    return {(step["op"], step["urn"]): step for step in steps}


def _name(urn: str) -> str:
    """Returns kind and name of a resource."""
    *_, kind, name = urn.split("::")
    return f"{kind.rsplit(':', 1)[-1]} {name}"
