"""How good predictions are: metrics, losses a row, calibration."""

# pandas says of most of its results that they may be anything.
# pyright: reportArgumentType=false, reportAttributeAccessIssue=false, reportCallIssue=false, reportGeneralTypeIssues=false, reportReturnType=false
from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .use_cases import Kind

DIGITS = 10
"""Decimals of a stored metric: the last bits differ between machines."""

_LEAST_PROBABILITY = 1e-6


def rounded(value: float) -> float:
    """Returns a metric as it is stored."""
    return round(float(value), DIGITS)


def measure(
    kind: Kind, truth: Sequence[str] | np.ndarray, predicted: np.ndarray, classes: Sequence[str]
) -> dict[str, float]:
    """Returns the metrics of predictions by name.

    Args:
        kind: of the use case.
        truth: the outcomes: class names, or numbers.
        predicted: probabilities, one column a class, in the order of `classes`; or numbers.
        classes: the classes' names; of a binary model "0", "1".
    """
    found = (
        _regression(np.asarray(truth, float), predicted)
        if kind == "regression"
        else _classes(np.asarray(truth), predicted, classes)
    )
    return {name: rounded(value) for name, value in found.items()}


def _regression(truth: np.ndarray, predicted: np.ndarray) -> dict[str, float]:
    errors = truth - predicted
    spread = float(((truth - truth.mean()) ** 2).sum())
    return {
        "mae": float(np.abs(errors).mean()),
        "rmse": float(np.sqrt((errors**2).mean())),
        "r2": 1 - float((errors**2).sum()) / spread if spread else 0.0,
        "bias": float(-errors.mean()),
    }


def _classes(truth: np.ndarray, predicted: np.ndarray, classes: Sequence[str]) -> dict[str, float]:
    from sklearn.metrics import f1_score

    positions = np.array([list(classes).index(value) if value in classes else -1 for value in truth])
    names = np.asarray(classes)[predicted.argmax(axis=1)]
    return {
        "log_loss": log_loss(positions, predicted),
        "brier": float(((predicted - (positions[:, None] == np.arange(len(classes)))) ** 2).sum(axis=1).mean() / 2),
        "accuracy": float((names == truth).mean()),
        "f1_macro": float(f1_score(truth, names, average="macro", zero_division=0.0)),
        "auc": mean_auc(positions, predicted),
        "calibration_error": calibration_error(positions, predicted),
    }


def log_loss(positions: np.ndarray, predicted: np.ndarray) -> float:
    """Returns the mean logarithmic loss; an outcome that no class stands for costs as much as the surest error."""
    chosen = np.where(positions >= 0, predicted[np.arange(len(positions)), np.maximum(positions, 0)], 0.0)
    return float(-np.log(np.clip(chosen, _LEAST_PROBABILITY, 1)).mean())


def mean_auc(positions: np.ndarray, predicted: np.ndarray) -> float:
    """Returns the area under the curve, averaged over the classes that are there; 0.5 where there is but one."""
    from scipy.stats import rankdata

    areas = []
    for place in range(predicted.shape[1]):
        positive = positions == place
        count, rest = int(positive.sum()), int((~positive).sum())
        if count and rest:
            ranks = rankdata(predicted[:, place])
            areas.append((ranks[positive].sum() - count * (count + 1) / 2) / (count * rest))
    return float(np.mean(areas)) if areas else 0.5


def calibration(positions: np.ndarray, predicted: np.ndarray, bins: int = 10) -> list[tuple[float, float, int]]:
    """Returns mean prediction, share that came true and rows, for each tenth of the probability scale that has rows.

    A binary model is judged by its second class, others by the class that they find most probable.
    """
    if predicted.shape[1] == 2:
        sure, true = predicted[:, 1], positions == 1
    else:
        sure, true = predicted.max(axis=1), positions == predicted.argmax(axis=1)
    places = np.minimum((sure * bins).astype(int), bins - 1)
    return [
        (float(sure[places == place].mean()), float(true[places == place].mean()), int((places == place).sum()))
        for place in range(bins)
        if (places == place).any()
    ]


def calibration_error(positions: np.ndarray, predicted: np.ndarray) -> float:
    """Returns the mean distance between what was predicted and what came true, by tenths of the scale."""
    points = calibration(positions, predicted)
    total = sum(rows for _, _, rows in points)
    return sum(abs(sure - true) * rows for sure, true, rows in points) / total if total else 0.0


def losses(
    kind: Kind, truth: Sequence[str | float], scores: Sequence[float], labels: Sequence[str | None]
) -> np.ndarray:
    """Returns the loss of each row that was served: squared error of a probability, absolute error of a value, 0 or 1 of a class."""
    if kind == "regression":
        return np.abs(np.asarray(truth, float) - np.asarray(scores, float))
    if kind == "binary":
        return (np.asarray([float(value) for value in truth]) - np.asarray(scores, float)) ** 2
    return np.asarray([float(value != label) for value, label in zip(truth, labels, strict=True)])
