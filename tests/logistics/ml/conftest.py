"""Small frames of known truth: a binary, a regression and a three-class use case, with or without a signal."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

from logistics.ml.core.use_cases import UseCase

Frames = Callable[..., pd.DataFrame]


def make_case(kind: str = "binary", **changes: Any) -> UseCase:
    """A use case with the inputs signal, noise and colour."""
    baseline = {"binary": "prior", "multiclass": "prior", "regression": "median"}[kind]
    settings: dict[str, Any] = {
        "name": "planted",
        "title": "Planted",
        "kind": kind,
        "view": "ml_features.planted",
        "entity": "row_id",
        "key": "customer_id",
        "target": "outcome",
        "numeric": ("signal", "noise"),
        "categorical": ("colour",),
        "baseline": baseline,
        "group": "tier",
    }
    return UseCase(**(settings | changes))


def make_frame(
    rows: int = 600, strength: float = 2.0, seed: int = 0, kind: str = "binary", **columns: Any
) -> pd.DataFrame:
    """Rows, ten a day, whose outcome hangs on `signal` by `strength` and becomes known two days later."""
    random = np.random.default_rng(seed)
    signal = random.normal(size=rows)
    level = strength * signal + random.normal(size=rows)
    outcome: Any = {
        "binary": level > 0,
        "regression": 10 + level,
        "multiclass": np.select([level > 1, level > -1], ["HIGH", "MEDIUM"], "LOW"),
    }[kind]
    times = pd.Timestamp("2026-01-01") + pd.to_timedelta(np.arange(rows) * 144, unit="min")
    frame = pd.DataFrame(
        {
            "ROW_ID": [f"R{number:06d}" for number in range(rows)],
            "CUSTOMER_ID": [f"C{number % 50:09d}" for number in range(rows)],
            "AS_OF": times,
            "LABEL_KNOWN_AT": times + pd.Timedelta(days=2),
            "TIER": random.choice(["GOLD", "SILVER"], rows),
            "OUTCOME": outcome,
            "SIGNAL": signal,
            "NOISE": random.normal(size=rows),
            "COLOUR": random.choice(["red", "green", "blue"], rows),
        }
    )
    return frame.assign(**columns)


@pytest.fixture(scope="session")
def case() -> Callable[..., UseCase]:
    """Makes a use case."""
    return make_case


@pytest.fixture(scope="session")
def frame() -> Frames:
    """Makes a frame of known truth."""
    return make_frame
