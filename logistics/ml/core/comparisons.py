"""Comparisons of two versions on live rows: started, looked at, ended by themselves."""

# pandas says of most of its results that they may be anything.
# pyright: reportArgumentType=false, reportAttributeAccessIssue=false, reportCallIssue=false, reportGeneralTypeIssues=false, reportReturnType=false
from __future__ import annotations

from typing import Any

import numpy as np

from . import comparison
from .errors import ModelError
from .lifecycle import Lifecycle
from .metrics import rounded
from .registry import NOW
from .serving import running_test
from .use_cases import UseCase, use_case
from .warehouse import transaction


class Comparisons:
    """The A/B tests and shadows of all models, through one lifecycle."""

    def __init__(self, lifecycle: Lifecycle) -> None:
        self._warehouse = lifecycle.warehouse
        self._registry = lifecycle.registry

    def running(self, name: str) -> dict[str, Any] | None:
        """Returns the comparison that runs for a model, or None."""
        return running_test(self._warehouse, name)

    def start(
        self,
        name: str,
        challenger: int | None,
        *,
        mode: str = "split",
        share: float = 0.5,
        alpha: float = 0.05,
        power: float = 0.8,
        minimum_effect: float | None = None,
    ) -> dict[str, Any]:
        """Starts a comparison of a version with the one that serves.

        Args:
            name: of the use case.
            challenger: the version, without a number the newest that waits; it must have passed its gates.
            mode: split, or shadow.
            share: of the keys that meet the challenger.
            alpha, power: the stated error rates.
            minimum_effect: the difference of mean losses that matters; without it a tenth of the champion's in its holdout.

        Raises:
            ModelError: nothing serves, a comparison runs already, or the challenger is not fit.
        """
        production = self._registry.production(name)
        if production is None:
            raise ModelError(f"{name}: no version serves; promote one before comparing")
        if self.running(name):
            raise ModelError(f"{name}: a comparison runs already; end it first: logistics models ab stop {name}")
        found = self._registry.version(name, challenger) if challenger else self._registry.newest(name, ("staging",))
        if found.stage != "staging":
            raise ModelError(
                f"{name} {found.version} is {found.stage}, not staging; evaluate it first: logistics models evaluate {name}"
            )
        holdout = self._registry.profile(production)["holdout"]
        effect = minimum_effect if minimum_effect is not None else holdout["mean"] / 10
        plan = comparison.design(
            deviation=holdout["deviation"],
            minimum_effect=effect,
            alpha=alpha,
            power=power,
            challenger_share=share,
            paired=mode == "shadow",
        )
        test_name = f"{name}-{production.version}-{found.version}-{len(self.all_of(name)) + 1}"
        with transaction(self._warehouse):
            # The row is written where no other test of the model runs, so that two that start at once give one.
            self._warehouse.rows(
                "merge into ml.ab_tests as tests using (select ? as test_name, ? as use_case) as wanted "
                "on tests.use_case = wanted.use_case and (tests.status = 'running' or tests.test_name = wanted.test_name) "
                "when not matched then insert (test_name, use_case, mode, champion_version, challenger_version, challenger_share, alpha, "
                "power, minimum_effect, maximum_rows, status, p_value, started_at) "
                f"values (wanted.test_name, wanted.use_case, ?, ?, ?, ?, ?, ?, ?, ?, 'running', 1, {NOW})",
                [
                    test_name,
                    name,
                    mode,
                    production.version,
                    found.version,
                    share,
                    alpha,
                    power,
                    effect,
                    plan.maximum_rows,
                ],
            )
            started = self.running(name)
            if started is None or started["test_name"] != test_name:
                raise ModelError(f"{name}: {test_name} was compared already, or another comparison has just begun")
            self._registry.note(name, found.version, "ab_started", f"{test_name}, {mode}")
        return started

    def evaluate(self, name: str, *, promote: bool = True) -> dict[str, Any]:
        """Looks at the comparison that runs; one that has come to its end is stopped, and a better challenger promoted.

        Raises:
            ModelError: none runs.
        """
        test = self.running(name)
        if test is None:
            raise ModelError(f"{name}: no comparison runs; start one: logistics models ab start {name}")
        case = use_case(name)
        plan = comparison.Design(
            alpha=test["alpha"],
            power=test["power"],
            minimum_effect=test["minimum_effect"],
            maximum_rows=int(test["maximum_rows"]),
        )
        paired = test["mode"] == "shadow"
        champion, challenger = self._losses(case, test, paired)
        standing = comparison.judge(champion, challenger, plan, float(test["p_value"] or 1), paired=paired)
        self._keep(test, standing, standing.decision)
        if standing.decision == "challenger" and promote:
            version = self._registry.version(name, int(test["challenger_version"]))
            self._registry.promote(
                version,
                int(test["champion_version"]),
                reason=f"better in {test['test_name']}, p {standing.p_value:.2g}",
            )
        return self.named(test["test_name"])

    def _losses(self, case: UseCase, test: dict[str, Any], paired: bool) -> tuple[np.ndarray, np.ndarray]:
        """Returns the losses of rows predicted since the comparison began; of the same rows in the same order where paired."""
        found = self._warehouse.frame(
            f"select version, entity_id, as_of, loss from ml.{case.predictions} where use_case = '{case.name}' and loss is not null "
            f"and version in ({int(test['champion_version'])}, {int(test['challenger_version'])}) "
            f"and scored_at >= '{test['started_at']}'::timestamp_ntz order by as_of, entity_id"
        )
        if found.empty:
            return np.array([]), np.array([])
        sides = [
            found[found["version"].astype(int) == int(test[f"{side}_version"])] for side in ("champion", "challenger")
        ]
        if paired:
            both = sides[0].merge(sides[1], on=["entity_id", "as_of"], suffixes=("_champion", "_challenger"))
            return both["loss_champion"].to_numpy(float), both["loss_challenger"].to_numpy(float)
        return sides[0]["loss"].to_numpy(float), sides[1]["loss"].to_numpy(float)

    def _keep(self, test: dict[str, Any], standing: comparison.Standing, decision: str | None) -> None:
        status = "stopped" if decision else "running"
        numbers = [
            standing.champion_loss,
            standing.challenger_loss,
            min(standing.likelihood_ratio, 1e300),
            standing.p_value,
        ]
        values = [None if np.isnan(each) else rounded(each) for each in numbers]
        with transaction(self._warehouse):
            self._warehouse.rows(
                "update ml.ab_tests set champion_rows = ?, challenger_rows = ?, champion_loss = ?::float, challenger_loss = ?::float, "
                f"likelihood_ratio = ?::float, p_value = ?::float, evaluated_at = {NOW}, status = ?, decision = ?, "
                f"stopped_at = iff(? = 'stopped', {NOW}, null) where test_name = ? and status = 'running'",
                [
                    standing.champion_rows,
                    standing.challenger_rows,
                    *values,
                    status,
                    decision,
                    status,
                    test["test_name"],
                ],
            )
            if decision:
                told = f"{test['test_name']}: {decision}, p {standing.p_value:.3g}"
                self._registry.note(test["use_case"], int(test["challenger_version"]), "ab_stopped", told)

    def stop(self, name: str) -> dict[str, Any]:
        """Ends the comparison that runs without a decision.

        Raises:
            ModelError: none runs.
        """
        test = self.running(name)
        if test is None:
            raise ModelError(f"{name}: no comparison runs")
        with transaction(self._warehouse):
            self._warehouse.rows(
                f"update ml.ab_tests set status = 'stopped', decision = 'cancelled', stopped_at = {NOW} "
                "where test_name = ? and status = 'running'",
                [test["test_name"]],
            )
            self._registry.note(name, int(test["challenger_version"]), "ab_stopped", f"{test['test_name']}: cancelled")
        return self.named(test["test_name"])

    def named(self, test_name: str) -> dict[str, Any]:
        """Returns one comparison as it is stored."""
        return self._warehouse.rows("select * from ml.ab_tests where test_name = ?", [test_name])[0]

    def all_of(self, name: str) -> list[dict[str, Any]]:
        """Returns a model's comparisons, newest first."""
        return self._warehouse.rows("select * from ml.ab_tests where use_case = ? order by started_at desc", [name])
