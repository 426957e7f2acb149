"""What is done with models: train, evaluate, promote, roll back; by command and, the same, by the procedure inside Snowflake."""

# pandas says of most of its results that they may be anything.
# pyright: reportArgumentType=false, reportAttributeAccessIssue=false, reportCallIssue=false, reportGeneralTypeIssues=false, reportReturnType=false
from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import metadata
from typing import Any

import pandas as pd

from . import artifacts, drift
from .baselines import baseline_predictions
from .errors import GateFailed, ModelError
from .frames import frame_sha256, training_frame
from .gates import Gate, GateLimits, check_gates, losses_of, row_losses, signature_of
from .metrics import rounded
from .registry import Registration, Registry, Version
from .training import SEED, Trained, mean_of_folds, train
from .use_cases import UseCase, use_case
from .warehouse import Warehouse

_PACKAGES = ("scikit-learn", "skops", "numpy", "pandas", "scipy")
_LEAST_HOLDOUT = 50


@dataclass(frozen=True, kw_only=True)
class Limits:
    """All limits of the lifecycle, as the stack's settings say them."""

    gates: GateLimits = field(default_factory=GateLimits)
    drift: drift.DriftLimits = field(default_factory=drift.DriftLimits)

    @classmethod
    def from_mapping(cls, given: Mapping[str, Any]) -> Limits:
        """Reads the limits from JSON: `gates` and `drift`, each by the names of its attributes."""
        return cls(gates=GateLimits(**given.get("gates", {})), drift=drift.DriftLimits(**given.get("drift", {})))


class Lifecycle:
    """Everything that is done with models, through one warehouse session."""

    def __init__(self, warehouse: Warehouse, limits: Limits, code_version: str) -> None:
        self.warehouse = warehouse
        self.registry = Registry(warehouse)
        self.limits = limits
        self._code_version = code_version

    def frame(self, case: UseCase, at: str | None = None) -> tuple[pd.DataFrame, str]:
        """Returns the rows of a use case's view and the state of the tables that they come from, a UTC time for Time Travel."""
        if at is None:
            [row] = self.warehouse.rows("select to_char(sysdate(), 'YYYY-MM-DD HH24:MI:SS.FF6') as moment")
            return self.warehouse.frame(f"select {', '.join(case.columns)} from {case.view}"), str(row["moment"])
        moment = pd.Timestamp(at)  # refuses what is no time, so that it can stand in the text
        travelled = f"at (timestamp => '{moment.isoformat(sep=' ')} +00:00'::timestamp_tz)"
        return self.warehouse.frame(f"select {', '.join(case.columns)} from {case.view} {travelled}"), str(moment)

    def train(
        self, name: str, *, seed: int = SEED, as_of: str | None = None, at: str | None = None
    ) -> tuple[Version, Trained]:
        """Trains a model and registers it as a candidate.

        Args:
            name: of the use case.
            seed: of everything random.
            as_of: learn only from what was known at this moment of the data.
            at: read the tables as they were at this UTC time (Time Travel), to repeat a training.

        Raises:
            ModelError: the data do not allow it.
        """
        case = use_case(name)
        frame, data_as_of = self.frame(case, at)
        trained = train(case, frame, seed=seed, as_of=pd.Timestamp(as_of) if as_of else None)
        return self._register(trained, data_as_of), trained

    def _register(self, trained: Trained, data_as_of: str) -> Version:
        case, rows = trained.case, trained.trained_rows
        version = self.registry.register(
            Registration(
                case=case,
                artifact=artifacts.dump(trained.model),
                profile={
                    "inputs": drift.profile(case, rows),
                    "holdout": _holdout_losses(trained),
                    "importance": trained.importance,
                },
                signature=signature_of(case, trained.model),
                algorithm=trained.algorithm,
                seed=trained.seed,
                rows_trained=len(rows),
                trained_from=rows[case.as_of].min(),
                trained_to=trained.trained_to,
                data_as_of=data_as_of,
                frame_sha256=trained.frame_sha256,
                code_version=self._code_version,
                packages=", ".join(f"{name} {metadata.version(name)}" for name in _PACKAGES),
                model_card=model_card(trained, data_as_of, self._code_version),
            )
        )
        folds = mean_of_folds(trained)
        if folds:
            self.registry.add_metrics(version, "cv", folds)
        self.registry.add_metrics(version, "holdout", trained.on_holdout)
        return version

    def evaluate(self, name: str, version: int | None = None) -> tuple[Version, list[Gate]]:
        """Runs the gates on a version, the newest that waits if none is named; one that passes them goes to staging."""
        case = use_case(name)
        found = self.registry.version(name, version) if version else self.registry.newest(name)
        model, production = self.registry.load(found), self.registry.production(name)
        serving = production if production and production.version != found.version else None
        rows, baseline = self._unseen(case, found, serving)
        gates = check_gates(
            case=case,
            model=model,
            signature=found.signature,
            holdout=rows,
            baseline=baseline,
            production=self.registry.load(serving) if serving else None,
            limits=self.limits.gates,
        )
        self.registry.add_gates(found, gates)
        failed = [gate for gate in gates if not gate.passed]
        if failed:
            told = "; ".join(f"{gate.name}: {gate.value:g}, limit {gate.limit:g}, {gate.detail}" for gate in failed)
            self.registry.note(name, found.version, "gate_failed", told, "warning")
        else:
            self.registry.to_staging(found)
        return self.registry.version(name, found.version), gates

    def _unseen(self, case: UseCase, version: Version, serving: Version | None) -> tuple[pd.DataFrame, Any]:
        """Returns the rows that the version has not learned from, nor the one that serves where enough of those are left.

        With the baseline's loss on each of them.

        Raises:
            ModelError: no row is left.
        """
        frame, _ = self.frame(case)
        known = training_frame(frame, case)
        mine = known[known[case.as_of] > pd.Timestamp(version.trained_to)]
        both = mine[mine[case.as_of] > pd.Timestamp(serving.trained_to)] if serving else mine
        rows = both if len(both) >= _LEAST_HOLDOUT else mine
        if rows.empty:
            raise ModelError(
                f"{case.name} {version.version}: no outcome is known after {version.trained_to}; wait for more data"
            )
        rows = rows.reset_index(drop=True)
        earlier = known[known[case.label_known_at] <= pd.Timestamp(version.trained_to)]
        classes = list(version.signature["classes"])
        return rows, losses_of(case, baseline_predictions(case, earlier, rows, classes), rows, classes)

    def promote(self, name: str, version: int | None = None, reason: str = "") -> tuple[Version, list[Gate]]:
        """Runs the gates on a version and makes it serve; without a number the newest that waits.

        Raises:
            GateFailed: a gate refuses it; what serves stays.
            PromotionConflict: another was promoted meanwhile.
        """
        before = self.registry.production(name)
        found, gates = self.evaluate(name, version)
        failed = [gate for gate in gates if not gate.passed]
        if failed:
            told = "; ".join(f"{gate.name} ({gate.value:g}, limit {gate.limit:g}: {gate.detail})" for gate in failed)
            raise GateFailed(f"{name} {found.version} is not promoted: {told}")
        self.registry.promote(found, before.version if before else None, reason=reason)
        return self.registry.version(name, found.version), gates

    def rollback(self, name: str, reason: str = "") -> Version:
        """Makes the version serve that served before, without further tests: it has served already.

        Raises:
            ModelError: none served before.
        """
        use_case(name)
        serving = self.registry.production(name)
        before = self.registry.before_production(name)
        self.registry.load(before)
        self.registry.promote(before, serving.version if serving else None, "rolled_back", reason)
        return self.registry.version(name, before.version)

    def retrain(self, name: str, reason: str) -> dict[str, Any]:
        """Trains anew, runs the same gates and promotes what passes them; says what came of it, and raises nothing for data.

        Rows that the newest version was trained on already teach nothing new: then nothing is trained.
        """
        try:
            frame, data_as_of = self.frame(use_case(name))
            rows = training_frame(frame, use_case(name))
            newest = next(iter(self.registry.versions(name)), None)
            if newest and (newest.frame_sha256, newest.code_version) == (frame_sha256(rows), self._code_version):
                raise ModelError(
                    f"{name}: no row has come since version {newest.version} was trained; there is nothing to learn"
                )
            version = self._register(train(use_case(name), frame), data_as_of)
            promoted, _ = self.promote(name, version.version, reason)
        except ModelError as error:
            self.registry.note(name, None, "refused", str(error), "warning")
            return {"use_case": name, "promoted": None, "detail": str(error)}
        return {"use_case": name, "promoted": promoted.version, "detail": reason}


def _holdout_losses(trained: Trained) -> dict[str, float]:
    """Returns the mean loss in the holdout and its standard error, in the unit of the losses of served rows."""
    rows = trained.holdout_rows
    if trained.case.kind == "multiclass":
        from .prediction import predict

        names = [trained.classes[place] for place in predict(trained.model, trained.case, rows).argmax(axis=1)]
        losses = pd.Series([float(name != truth) for name, truth in zip(names, rows[trained.case.target], strict=True)])
    else:
        losses = pd.Series(row_losses(trained.case, trained.model, rows))
    spread = float(losses.std(ddof=1)) if len(losses) > 1 else 0.0
    error = rounded(spread / len(losses) ** 0.5)
    return {"mean": rounded(losses.mean()), "error": error, "deviation": rounded(spread), "rows": len(losses)}


def model_card(trained: Trained, data_as_of: str, code_version: str) -> str:
    """Returns the model card: what it is for, what it learned from, how good it is, and where not to use it."""
    case, rows, metric = trained.case, trained.trained_rows, trained.case.metric
    folds = mean_of_folds(trained)
    lines = [
        f"# {case.name}",
        "",
        f"{case.title}. {trained.algorithm}; chosen among {json.dumps(trained.estimators)} by {metric} in cross-validation.",
        "",
        f"- Learned from {len(rows):,} rows of {case.view}, {rows[case.as_of].min()} to {trained.trained_to}, "
        f"tables as of {data_as_of} UTC.",
        f"- Holdout: {trained.on_holdout.rows:,} later rows; {metric} {trained.on_holdout.model[metric]:.4f}, "
        f"baseline ({case.baseline}) {trained.on_holdout.baseline[metric]:.4f}.",
        f"- Cross-validation in time: {metric} {folds.model[metric]:.4f}, baseline {folds.baseline[metric]:.4f} "
        f"over {len(trained.folds)} folds."
        if folds
        else "- Cross-validation in time: too few moments for a fold.",
        f"- Most important inputs: {', '.join(list(trained.importance)[:3])}.",
        f"- Code {code_version}, seed {trained.seed}, frame {trained.frame_sha256[:16]}.",
        f"- {_fairness_line(case)}",
        f"- Not for moments of which an input was not known, nor outside of {rows[case.as_of].min():%Y-%m-%d} and later.",
    ]
    return "\n".join(lines)


def _fairness_line(case: UseCase) -> str:
    return (
        f"Compared by {case.group}, which is no input."
        if case.group
        else "Tells of vehicles; no group of people is compared."
    )
