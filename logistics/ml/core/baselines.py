"""What a model has to beat: predictions that need no model."""

# pandas says of most of its results that they may be anything.
# pyright: reportArgumentType=false, reportAttributeAccessIssue=false, reportCallIssue=false, reportGeneralTypeIssues=false, reportReturnType=false
from __future__ import annotations

import re

import numpy as np
import pandas as pd

from .errors import ModelError
from .use_cases import UseCase

_RULE = re.compile(r"rule:(\w+)>=([0-9.]+)\Z")
_SMOOTHING = 1.0
"""Rows of the overall shares that each group is mixed with, so that no outcome is ever held impossible."""


def baseline_predictions(case: UseCase, train: pd.DataFrame, test: pd.DataFrame, classes: list[str]) -> np.ndarray:
    """Returns what the use case's baseline says of the test rows, having seen the training rows.

    Returns:
        Probabilities, one column a class; of a regression, numbers.

    Raises:
        ModelError: the use case names no baseline that is known.
    """
    if case.baseline == "median":
        return np.full(len(test), float(np.median(train[case.target].to_numpy(float))))
    before, now = _groups(case, train), _groups(case, test)
    overall = _shares(train[case.target], classes)
    by_group = {
        group: (_shares(rows, classes) * len(rows) + overall * _SMOOTHING) / (len(rows) + _SMOOTHING)
        for group, rows in train[case.target].groupby(before)
    }
    return np.stack([by_group.get(group, overall) for group in now]) if len(test) else np.empty((0, len(classes)))


def _shares(outcomes: pd.Series, classes: list[str]) -> np.ndarray:
    return np.array([float((outcomes == name).mean()) for name in classes])


def _groups(case: UseCase, frame: pd.DataFrame) -> np.ndarray:
    """Returns the group of each row, within which the baseline tells the outcomes' shares."""
    if case.baseline == "prior":
        return np.full(len(frame), "", dtype=object)
    if case.baseline.startswith("same:"):
        return frame[case.baseline.removeprefix("same:")].fillna("").to_numpy(object)
    rule = _RULE.match(case.baseline)
    if rule is None:
        raise ModelError(f"{case.name}: unknown baseline {case.baseline}")
    return np.where(frame[rule[1]].to_numpy(float) >= float(rule[2]), "yes", "no").astype(object)
