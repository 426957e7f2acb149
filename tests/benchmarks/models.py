"""Training and batch scoring of a million rows, against plain scikit-learn on the same frame: seconds and memory."""

from __future__ import annotations

import multiprocessing
import resource
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
from rich.table import Table

from logistics.ml.core.estimators import ESTIMATORS, pipeline
from logistics.ml.core.frames import normalized
from logistics.ml.core.prediction import predict
from logistics.ml.core.training import FOLDS, HOLDOUT_SHARE, SEED, train
from logistics.ml.core.use_cases import USE_CASES

ROWS = 1_000_000
CASE = USE_CASES["late_delivery"]
_STEP = 100_000


def bench_models(table: Table) -> None:
    """Models on a million rows, each measure in a process of its own."""
    for what, ours, plain in (
        ("training: 2 estimators, 4 folds, holdout", _train, _plain_train),
        ("batch scoring by the fitted model", _score, _plain_score),
    ):
        seconds, mebibytes = _apart(ours)
        plain_seconds, plain_mebibytes = _apart(plain)
        table.add_row(
            f"{ROWS:,} rows, {what}",
            f"{seconds:.1f} s, {mebibytes:,.0f} MiB",
            f"plain scikit-learn {plain_seconds:.1f} s, {plain_mebibytes:,.0f} MiB: "
            f"{seconds / plain_seconds:.2f} x time, {mebibytes / plain_mebibytes:.2f} x memory",
        )


def shipments(rows: int = ROWS) -> pd.DataFrame:
    """Shipments of a year whose lateness hangs on what was promised, with every input of the model."""
    random = np.random.default_rng(SEED)
    shipped = pd.Timestamp("2025-01-01") + pd.to_timedelta(np.arange(rows) * (365 * 86400 / rows), unit="s")
    found: dict[str, Any] = {name: random.gamma(2.0, 10.0, rows) for name in CASE.numeric}
    found |= {name: random.choice(["AIR", "RAIL", "SHIP", "TRUCK"], rows) for name in CASE.categorical}
    late = found["promised_hours"] + random.normal(0, 10, rows) < 15
    return pd.DataFrame(
        {
            CASE.entity: np.char.add("S", np.arange(rows).astype(str)),
            CASE.key: np.char.add("C", (np.arange(rows) % 5000).astype(str)),
            CASE.as_of: shipped,
            CASE.label_known_at: shipped + pd.Timedelta(hours=60),
            str(CASE.group): random.choice(["GOLD", "SILVER"], rows),
            CASE.target: late,
            **found,
        }
    )


def _train() -> Callable[[], Any]:
    frame = shipments()
    return lambda: train(CASE, frame)


def _plain_train() -> Callable[[], Any]:
    """The same estimators, folds and holdout by scikit-learn alone: nothing checked, nothing compared, nothing explained."""
    from sklearn.model_selection import TimeSeriesSplit, cross_val_score

    frame = shipments()

    def fit() -> Any:
        inputs, target = frame[list(CASE.inputs)], frame[CASE.target].to_numpy()
        held = int(len(frame) * (1 - HOLDOUT_SHARE))
        folds = TimeSeriesSplit(FOLDS)
        scores = {
            name: cross_val_score(
                pipeline(CASE, name, SEED), inputs[:held], target[:held], cv=folds, scoring="neg_brier_score"
            ).mean()
            for name in ESTIMATORS
        }
        best = pipeline(CASE, max(scores, key=lambda name: scores[name]), SEED).fit(inputs[:held], target[:held])
        return best.predict_proba(inputs[held:])

    return fit


def _fitted(frame: pd.DataFrame) -> Any:
    first = frame[: _STEP // 2]
    return pipeline(CASE, "trees", SEED).fit(first[list(CASE.inputs)], first[CASE.target].astype(int).astype(str))


def _score() -> Callable[[], Any]:
    frame = shipments()
    model = _fitted(frame)

    def score() -> None:
        rows = normalized(frame, CASE)
        for start in range(0, len(rows), _STEP):
            predict(model, CASE, rows.iloc[start : start + _STEP])

    return score


def _plain_score() -> Callable[[], Any]:
    frame = shipments()
    model = _fitted(frame)
    return lambda: model.predict_proba(frame[list(CASE.inputs)])


def _apart(prepare: Callable[[], Callable[[], Any]]) -> tuple[float, float]:
    """Seconds of what is prepared, and the MiB that its process had at most, its frame among them."""
    context = multiprocessing.get_context("spawn")
    with context.Pool(1) as pool:
        return pool.apply(_measured, (prepare,))


def _measured(prepare: Callable[[], Callable[[], Any]]) -> tuple[float, float]:
    action = prepare()
    began = time.perf_counter()
    action()
    return time.perf_counter() - began, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
