"""Training: one pipeline a kind of outcome, measured in time against the baseline; the same seed gives the same numbers."""

# pandas says of most of its results that they may be anything.
# pyright: reportArgumentType=false, reportAttributeAccessIssue=false, reportCallIssue=false, reportGeneralTypeIssues=false, reportReturnType=false
from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from .baselines import baseline_predictions
from .errors import ModelError, TooFewRows
from .estimators import ESTIMATORS, pipeline
from .frames import Fold, frame_sha256, time_folds, time_split, training_frame
from .metrics import measure, rounded
from .prediction import classes_of, inputs_of, predict
from .use_cases import UseCase

SEED = 20260101
FOLDS = 4
HOLDOUT_SHARE = 0.2
_REPEATS = 3
_IMPORTANCE_ROWS = 5000


@dataclass(frozen=True, kw_only=True)
class Measured:
    """Metrics of the model and of its baseline on the same rows."""

    rows: int
    model: Mapping[str, float]
    baseline: Mapping[str, float]


@dataclass(frozen=True, kw_only=True)
class Trained:
    """A fitted model with all that is recorded of it.

    Attributes:
        model: the fitted pipeline, on all rows known before the holdout.
        classes: names of the columns of its probabilities; empty for a regression.
        frame: the training frame, and `holdout` the rows of it that were held out.
        folds: what each fold of the cross-validation gave, in time order.
        estimators: the metric of each kind of estimator in the cross-validation, by which one was chosen.
        importance: by input, how much the metric suffers on the holdout when it is shuffled, the most important first.
    """

    case: UseCase
    model: Any
    classes: list[str]
    seed: int
    frame: pd.DataFrame
    holdout: Fold
    folds: list[Measured]
    estimators: dict[str, float]
    on_holdout: Measured
    importance: dict[str, float]
    frame_sha256: str

    @property
    def holdout_rows(self) -> pd.DataFrame:
        """The rows that the model has not seen, oldest first."""
        return self.frame.iloc[self.holdout.test].reset_index(drop=True)

    @property
    def trained_rows(self) -> pd.DataFrame:
        """The rows that it was fitted on."""
        return self.frame.iloc[self.holdout.train].reset_index(drop=True)

    @property
    def trained_to(self) -> pd.Timestamp:
        """The newest outcome that it was fitted on."""
        return self.trained_rows[self.case.label_known_at].max()

    @property
    def algorithm(self) -> str:
        """The estimator's class, and its inputs' count."""
        return f"{type(self.model.steps[-1][1]).__name__}, {len(self.case.inputs)} inputs"


def train(case: UseCase, frame: pd.DataFrame, *, seed: int = SEED, as_of: pd.Timestamp | None = None) -> Trained:
    """Trains a use case's model on what was known at a moment, and measures it on later rows than it saw.

    Args:
        case: what is predicted.
        frame: rows of its view.
        seed: of everything random.
        as_of: the moment; without it everything known counts.

    Raises:
        LeakageError, TooFewRows: see `training_frame`.
    """
    rows = training_frame(frame, case, as_of)
    holdout = time_split(rows, case, HOLDOUT_SHARE)
    earlier = rows.iloc[: int(holdout.test.min())]
    with _one_thread():
        by_estimator = {name: _cross_validate(case, earlier, name, seed) for name in ESTIMATORS}
        chosen = min(by_estimator, key=lambda name: _mean_metric(by_estimator[name], case))
        fitted = _fit(case, rows.iloc[holdout.train], chosen, seed)
        on_holdout = _measured(case, fitted, rows.iloc[holdout.train], rows.iloc[holdout.test])
        importance = _importance(case, fitted, rows.iloc[holdout.test], seed)
    return Trained(
        case=case,
        model=fitted,
        classes=classes_of(fitted, case),
        seed=seed,
        frame=rows,
        holdout=holdout,
        folds=by_estimator[chosen],
        estimators={name: rounded(_mean_metric(folds, case)) for name, folds in by_estimator.items() if folds},
        on_holdout=on_holdout,
        importance=importance,
        frame_sha256=frame_sha256(rows),
    )


@contextmanager
def _one_thread() -> Iterator[None]:
    """Sums in one order: with several threads the last bits, and with them a split, depend on the machine."""
    from threadpoolctl import threadpool_limits

    with threadpool_limits(limits=1):
        yield


def _cross_validate(case: UseCase, rows: pd.DataFrame, estimator: str, seed: int) -> list[Measured]:
    """Returns what an estimator gives on each fold, in time order."""
    found = []
    for fold in time_folds(rows, case, FOLDS):
        train_rows, test_rows = rows.iloc[fold.train], rows.iloc[fold.test]
        found.append(_measured(case, _fit(case, train_rows, estimator, seed), train_rows, test_rows))
    return found


def _mean_metric(folds: list[Measured], case: UseCase) -> float:
    """Returns the metric over all folds; without folds nothing tells the estimators apart, and the first is taken."""
    return (
        float(np.average([fold.model[case.metric] for fold in folds], weights=[fold.rows for fold in folds]))
        if folds
        else 0.0
    )


def _fit(case: UseCase, rows: pd.DataFrame, estimator: str, seed: int) -> Any:
    target = rows[case.target].to_numpy(float) if case.kind == "regression" else rows[case.target].to_numpy(str)
    if case.kind != "regression" and len(set(target)) < 2:
        raise TooFewRows(
            f"{case.name}: all {len(rows)} rows before the holdout have the outcome {target[0]}; wait for more data"
        )
    inputs = inputs_of(case, rows)
    empty = [name for name in case.numeric if inputs[name].isna().all()]
    return pipeline(case, estimator, seed).fit(
        inputs.assign(**dict.fromkeys(empty, 0.0)), target
    )  # trees refuse no value at all


def _measured(case: UseCase, model: Any, train_rows: pd.DataFrame, test_rows: pd.DataFrame) -> Measured:
    classes = classes_of(model, case)
    baseline = baseline_predictions(case, train_rows, test_rows, classes)
    truth = test_rows[case.target].to_numpy()
    return Measured(
        rows=len(test_rows),
        model=measure(case.kind, truth, predict(model, case, test_rows), classes),
        baseline=measure(case.kind, truth, baseline, classes),
    )


def measure_model(model: Any, case: UseCase, rows: pd.DataFrame) -> dict[str, float]:
    """Returns a fitted model's metrics on rows of known outcome."""
    if rows.empty:
        raise ModelError(f"{case.name}: there is no row to measure on")
    return measure(case.kind, rows[case.target].to_numpy(), predict(model, case, rows), classes_of(model, case))


def _importance(case: UseCase, model: Any, rows: pd.DataFrame, seed: int) -> dict[str, float]:
    """Returns by input how much the metric rises when the input is shuffled, the mean of several times."""
    random = np.random.default_rng(seed)
    if len(rows) > _IMPORTANCE_ROWS:
        rows = rows.iloc[np.sort(random.choice(len(rows), _IMPORTANCE_ROWS, replace=False))]
    before = measure_model(model, case, rows)[case.metric]
    found = {}
    for name in case.inputs:
        rises = []
        for _ in range(_REPEATS):
            shuffled = rows[name].to_numpy()[random.permutation(len(rows))]
            rises.append(measure_model(model, case, rows.assign(**{name: shuffled}))[case.metric] - before)
        found[name] = rounded(float(np.mean(rises)))
    return dict(sorted(found.items(), key=lambda item: (-item[1], item[0])))


def mean_of_folds(trained: Trained) -> Measured | None:
    """Returns the folds' metrics, each fold as much as it has rows; None where no fold could be made."""
    if not trained.folds:
        return None
    weights = [fold.rows for fold in trained.folds]
    model, baseline = ([getattr(fold, side) for fold in trained.folds] for side in ("model", "baseline"))
    return replace(
        trained.on_holdout,
        rows=sum(weights),
        model={name: rounded(np.average([each[name] for each in model], weights=weights)) for name in model[0]},
        baseline={
            name: rounded(np.average([each[name] for each in baseline], weights=weights)) for name in baseline[0]
        },
    )
