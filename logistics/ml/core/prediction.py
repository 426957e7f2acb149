"""What a fitted pipeline says of rows."""

# pandas says of most of its results that they may be anything.
# pyright: reportArgumentType=false, reportAttributeAccessIssue=false, reportCallIssue=false, reportGeneralTypeIssues=false, reportReturnType=false
from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from .use_cases import UseCase


def inputs_of(case: UseCase, frame: pd.DataFrame) -> pd.DataFrame:
    """Returns the inputs as the pipeline takes them: text categories, empty where absent, and float numbers."""
    found: dict[str, Any] = {
        name: frame[name].astype(object).where(frame[name].notna(), "").astype(str) for name in case.categorical
    }
    found |= {name: pd.to_numeric(frame[name]).astype(float) for name in case.numeric}
    return pd.DataFrame(found, columns=list(case.inputs))


def predict(model: Any, case: UseCase, frame: pd.DataFrame) -> np.ndarray:
    """Returns probabilities, one column a class; of a regression, numbers."""
    inputs = inputs_of(case, frame)
    return model.predict(inputs) if case.kind == "regression" else model.predict_proba(inputs)


def classes_of(model: Any, case: UseCase) -> list[str]:
    """Returns the names of the columns of a model's probabilities."""
    return [] if case.kind == "regression" else [str(name) for name in model.classes_]
