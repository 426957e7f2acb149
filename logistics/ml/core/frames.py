"""Training frames: only rows whose outcome was known, only inputs that were known, cut by time."""

# pandas says of most of its results that they may be anything.
# pyright: reportArgumentType=false, reportAttributeAccessIssue=false, reportCallIssue=false, reportGeneralTypeIssues=false, reportReturnType=false
from __future__ import annotations

import hashlib
import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from .errors import LeakageError, ModelError, TooFewRows
from .use_cases import UseCase

LEAST_ROWS = 60
"""With fewer rows of known outcome nothing is trained."""

TELLING_SHARE = 0.999
"""An input that alone orders or explains the outcome so well is taken for the outcome itself."""

_LEAST_TO_TELL = 30


@dataclass(frozen=True)
class Fold:
    """Positions of the rows to fit on and of those to measure on; all of the first were known before any of the second."""

    train: np.ndarray
    test: np.ndarray


def normalized(frame: pd.DataFrame, case: UseCase) -> pd.DataFrame:
    """Returns the columns of a use case in its order, with one type each, sorted by time and entity.

    Categories are text with None where absent, numbers are float64 with NaN, times are datetime64[us] without a zone.

    Raises:
        ModelError: a column is missing, or an entity's row is there twice.
    """
    frame = frame.rename(columns=str.lower)
    missing = [name for name in case.columns if name not in frame.columns]
    if missing:
        raise ModelError(f"{case.name}: {case.view} has no column {', '.join(missing)}; deploy the views of this code")
    made = {name: _typed(frame[name], name, case) for name in case.columns}
    found = pd.DataFrame(made, columns=list(case.columns))
    times = found[case.as_of].to_numpy()
    in_order = (times[1:] > times[:-1]).all()
    if not in_order:  # sorting costs as much as scoring
        found = found.sort_values([case.as_of, case.entity], kind="stable", ignore_index=True)
    twice = found[case.entity][found[case.entity].duplicated()]
    if len(twice):
        raise ModelError(f"{case.name}: {case.view} has {twice.iloc[0]} more than once; a row is one prediction")
    return found


def _typed(column: pd.Series, name: str, case: UseCase) -> Any:
    if name in (case.as_of, case.label_known_at):
        return pd.to_datetime(column).astype("datetime64[us]").to_numpy()
    if name in case.numeric or (name == case.target and case.kind == "regression"):
        numbers = pd.to_numeric(column, errors="coerce").to_numpy(dtype=float, na_value=np.nan)
        return np.where(np.isfinite(numbers), numbers, np.nan)
    if name == case.target and case.kind == "binary":
        absent = column.isna().to_numpy()
        return np.where(absent, None, np.where(column.where(~absent, 0).astype(bool), "1", "0").astype(object))
    if isinstance(column.dtype, pd.StringDtype) and column.dtype == pd.Series([""]).dtype:
        return column.array  # what pandas would make of the texts again
    if pd.api.types.infer_dtype(column, skipna=True) == "string":
        return np.where(column.isna(), None, column.to_numpy(dtype=object))
    return [None if pd.isna(value) else str(value) for value in column]


def training_frame(frame: pd.DataFrame, case: UseCase, as_of: pd.Timestamp | None = None) -> pd.DataFrame:
    """Returns what may be learned from at a moment: rows predicted and known by then, without the outcome unknown.

    Args:
        frame: rows of the use case's view, with any further columns, which are left out.
        case: the use case.
        as_of: the moment; without it every known row.

    Raises:
        LeakageError: a row's outcome is dated before its moment of prediction, or an input gives the outcome away.
        TooFewRows: fewer than LEAST_ROWS rows, or an outcome without two values.
    """
    found = normalized(frame, case)
    known = found[case.target].notna() & found[case.label_known_at].notna() & found[case.as_of].notna()
    if as_of is not None:
        known &= (found[case.as_of] <= as_of) & (found[case.label_known_at] <= as_of)
    found = found[known].reset_index(drop=True)
    before = found[case.label_known_at] < found[case.as_of]
    if before.any():
        raise LeakageError(
            f"{case.name}: the outcome of {found[case.entity][before].iloc[0]} was known before its prediction; mend {case.view}"
        )
    if len(found) < LEAST_ROWS or found[case.target].nunique() < 2:
        raise TooFewRows(
            f"{case.name}: {len(found)} rows with {found[case.target].nunique()} outcomes are known, "
            f"{LEAST_ROWS} rows and 2 outcomes are needed; wait for more data"
        )
    refuse_leaks(found, case)
    return found


def refuse_leaks(frame: pd.DataFrame, case: UseCase) -> None:
    """Refuses inputs that are the outcome under another name, or are known by their name to come later.

    Raises:
        LeakageError: names the input and how well it alone tells the outcome.
    """
    later = {case.target, case.label_known_at} & set(case.inputs)
    if later:
        raise LeakageError(f"{case.name}: {sorted(later)[0]} is known with the outcome only; it cannot be an input")
    for name in case.inputs:
        share = telling_share(frame[name], frame[case.target], case)
        if share > TELLING_SHARE:
            raise LeakageError(
                f"{case.name}: {name} alone tells the outcome ({share:.4f} of 1); it was hardly known at the moment of "
                "prediction: take it out of the inputs or mend its view"
            )


def telling_share(values: pd.Series, target: pd.Series, case: UseCase) -> float:
    """Returns how well one input alone tells the outcome, 0 to 1: area under the curve, squared correlation, or purity.

    Numbers are ordered, categories are replaced by what they mean on one half of the rows, so that many categories tell nothing
    by their mere number; where values are missing, the rest counts.
    """
    if pd.api.types.is_numeric_dtype(values):
        there = values.notna()
        if there.sum() < max(_LEAST_TO_TELL, len(values) // 2):
            return 0.0
        return _told_by_numbers(values[there].to_numpy(float), target[there], case)
    half = np.arange(len(values)) % 2 == 0
    keys = values.fillna("")
    if case.kind == "regression":
        means = target[half].groupby(keys[half]).mean()
        return _told_by_numbers(keys[~half].map(means).fillna(target[half].mean()).to_numpy(float), target[~half], case)
    modes = target[half].groupby(keys[half]).agg(lambda each: each.mode().iloc[0])
    rest = target[~half]
    right = float((keys[~half].map(modes) == rest).mean())
    return right if right > rest.value_counts(normalize=True).iloc[0] + 1e-9 else 0.0


def _told_by_numbers(values: np.ndarray, target: pd.Series, case: UseCase) -> float:
    from scipy.stats import rankdata

    ranks = rankdata(values)
    if case.kind == "regression":
        numbers = target.to_numpy(float)
        return max(_correlation(values, numbers), _correlation(ranks, rankdata(numbers))) ** 2
    areas = [_area(ranks, (target == kind).to_numpy()) for kind in sorted(target.unique())]
    return min(areas) if areas else 0.0


def _correlation(values: np.ndarray, target: np.ndarray) -> float:
    if values.std() == 0 or target.std() == 0:
        return 0.0
    return abs(float(np.corrcoef(values, target)[0, 1]))


def _area(ranks: np.ndarray, positive: np.ndarray) -> float:
    """Returns the area under the curve of one class against the rest, whichever way round is better."""
    count, rest = int(positive.sum()), int((~positive).sum())
    if count == 0 or rest == 0:
        return 0.0
    area = (ranks[positive].sum() - count * (count + 1) / 2) / (count * rest)
    return float(max(area, 1 - area))


def time_split(frame: pd.DataFrame, case: UseCase, share: float = 0.2) -> Fold:
    """Returns the newest rows as holdout, and for fitting those whose outcome was known before the first of them.

    Raises:
        TooFewRows: the rows are of one moment only, so that none is known before another.
    """
    times = frame[case.as_of]
    start = times.iloc[min(int(len(frame) * (1 - share)), len(frame) - 1)]
    fold = _cut(frame, case, start, times.max())
    if len(fold.train) == 0 or len(fold.test) == 0:
        raise TooFewRows(
            f"{case.name}: no outcome was known before {start}, the begin of the holdout; wait for more data"
        )
    return fold


def time_folds(frame: pd.DataFrame, case: UseCase, folds: int = 4) -> Iterator[Fold]:
    """Yields folds in time: each is measured on a later stretch than it is fitted on, and fits on known outcomes alone.

    A fold without rows on either side, or without two outcomes to fit on, is left out.
    """
    times = frame[case.as_of]
    edges = [times.iloc[int(len(frame) * step / (folds + 1))] for step in range(1, folds + 1)] + [times.max()]
    for position, (start, end) in enumerate(itertools.pairwise(edges)):
        fold = _cut(frame, case, start, end, closed=position == folds - 1)
        if len(fold.train) and len(fold.test) and frame[case.target].iloc[fold.train].nunique() > 1:
            yield fold


def _cut(frame: pd.DataFrame, case: UseCase, start: Any, end: Any, closed: bool = True) -> Fold:
    times, known = frame[case.as_of], frame[case.label_known_at]
    within = (times >= start) & ((times <= end) if closed else (times < end))
    return Fold(np.flatnonzero((known < start) & (times < start)), np.flatnonzero(within))


def frame_sha256(frame: pd.DataFrame) -> str:
    """Returns a digest of a frame's content, the same for the same rows on every machine."""
    digest = hashlib.sha256(",".join(frame.columns).encode())
    for name in frame.columns:
        column = frame[name]
        if pd.api.types.is_numeric_dtype(column):
            digest.update(np.ascontiguousarray(column.to_numpy(float, na_value=np.nan)).tobytes())
        elif pd.api.types.is_datetime64_any_dtype(column):
            digest.update(column.to_numpy("datetime64[us]").astype("int64").tobytes())
        else:
            digest.update("\x1f".join("\x00" if pd.isna(value) else str(value) for value in column).encode())
    return digest.hexdigest()
