"""The handler of the function ML.SCORE: batches of inputs, each with the model to ask."""

# pandas says of most of its results that they may be anything.
# pyright: reportArgumentType=false, reportAttributeAccessIssue=false, reportCallIssue=false, reportGeneralTypeIssues=false, reportReturnType=false
from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import pandas as pd

from . import artifacts
from .errors import ModelError
from .prediction import classes_of, predict
from .use_cases import UseCase, use_case


@lru_cache(maxsize=8)
def _model(artifact: str, sha256: str) -> Any:
    return artifacts.load(artifacts.from_text(artifact), sha256)


def score_batch(batch: pd.DataFrame) -> list[dict[str, Any] | None]:
    """Returns an answer a row: `score`, and of classes `label` and `probabilities`; None where no version serves.

    Args:
        batch: columns name of the model, artifact, its SHA-256, and inputs by name; inputs that are absent count as missing.

    Raises:
        ModelError: an input is none of the model's, or there is no such model.
        UnsafeArtifact: a stored model is not the registered one.
    """
    batch = batch.set_axis(["name", "artifact", "sha256", "inputs"], axis=1).reset_index(drop=True)
    found: list[dict[str, Any] | None] = [None] * len(batch)
    served = batch[batch["artifact"].notna() & batch["inputs"].notna()]
    for (name, artifact, sha256), rows in served.groupby(["name", "artifact", "sha256"], sort=False):
        case = use_case(str(name))
        model = _model(str(artifact), str(sha256))
        answers = predict(model, case, _frame(case, list(rows["inputs"])))
        for place, answer in zip(rows.index, answers, strict=True):
            found[int(place)] = _answer(case, classes_of(model, case), answer)
    return found


def _frame(case: UseCase, inputs: list[Mapping[str, Any]]) -> pd.DataFrame:
    lowered = [{key.lower(): value for key, value in each.items()} for each in inputs]
    unknown = sorted({key for each in lowered for key in each} - set(case.inputs))
    if unknown:
        raise ModelError(f"{case.name} has no input {unknown[0]}: allowed: {', '.join(case.inputs)}")
    return pd.DataFrame([{name: each.get(name) for name in case.inputs} for each in lowered], columns=list(case.inputs))


def _answer(case: UseCase, classes: list[str], answer: Any) -> dict[str, Any]:
    if case.kind == "regression":
        return {"score": round(float(answer), 10)}
    probabilities = {name: round(float(value), 10) for name, value in zip(classes, answer, strict=True)}
    label = max(probabilities, key=lambda name: probabilities[name])
    return {
        "score": probabilities["1"] if case.kind == "binary" else probabilities[label],
        "label": label,
        "probabilities": probabilities,
    }
