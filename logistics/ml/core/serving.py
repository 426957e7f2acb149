"""Production: predictions written for new rows, outcomes brought home, drift watched."""

# pandas says of most of its results that they may be anything.
# pyright: reportArgumentType=false, reportAttributeAccessIssue=false, reportCallIssue=false, reportGeneralTypeIssues=false, reportReturnType=false
from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pandas as pd

from . import comparison, drift
from .errors import ModelError
from .frames import normalized
from .lifecycle import Lifecycle
from .prediction import classes_of, predict
from .registry import NOW, Version
from .use_cases import USE_CASES, UseCase, use_case
from .warehouse import Warehouse, transaction

_STEP = 100_000
_WINDOW_DAYS = 30
_READING_COLUMNS = (
    "use_case, version, kind, feature, statistic, value, threshold, p_value, is_drifted, rows_compared, window_start, window_end, "
    "checked_at"
)
_READING = "?, ?::number, ?, ?, ?, ?::float, ?::float, ?::float, ?::boolean, ?, ?::timestamp_ntz, ?::timestamp_ntz"


class Serving:
    """What the tasks do, through one lifecycle."""

    def __init__(self, lifecycle: Lifecycle) -> None:
        self._life = lifecycle
        self._warehouse = lifecycle.warehouse
        self._registry = lifecycle.registry

    def score(self, name: str, *, everything: bool = False) -> dict[str, Any]:
        """Writes predictions of the rows that have none, by the version that serves each, and brings home known outcomes.

        Args:
            name: of the use case.
            everything: also rows whose outcome is known already; else only those that are still open, and once a comparison runs
                what is shadowed.
        """
        case = use_case(name)
        production = self._registry.production(name)
        if production is None:
            return {"use_case": name, "scored": 0, "detail": "no version serves"}
        test = running_test(self._warehouse, name)
        scored = 0
        for version, arm in self._arms(production, test):
            frame = self._open_rows(case, version, test, everything)
            if test and test["mode"] == "split":
                mine = (
                    frame[case.key]
                    .map(lambda key: comparison.meets_challenger(test["test_name"], str(key), test["challenger_share"]))
                    .astype(bool)
                )
                frame = frame[mine if arm == "challenger" else ~mine]
            scored += self._write(case, version, arm, frame)
        return {
            "use_case": name,
            "scored": scored,
            "outcomes": self.bring_outcomes(case),
            "detail": f"version {production.version}",
        }

    def _arms(self, production: Version, test: dict[str, Any] | None) -> list[tuple[Version, str]]:
        arms = [(production, "champion")]
        if test:
            challenger = self._registry.version(production.use_case, int(test["challenger_version"]))
            arms.append((challenger, "challenger" if test["mode"] == "split" else "shadow"))
        return arms

    def _open_rows(
        self, case: UseCase, version: Version, test: dict[str, Any] | None, everything: bool
    ) -> pd.DataFrame:
        """Returns the rows that a version has not scored; without `everything` only those whose outcome it has not learned from.

        While a comparison runs, rows that the champion scored before it are none of the challenger's: both meet the same.
        """
        text = (
            f"select {', '.join(f'v.{name}' for name in case.columns)} from {case.view} as v "
            f"left join ml.{case.predictions} as p on p.use_case = '{case.name}' and p.entity_id = v.{case.entity} "
            f"and p.as_of = v.{case.as_of} and (p.version = {version.version}"
        )
        if test and version.version != int(test["champion_version"]):
            text += f" or p.version = {int(test['champion_version'])} and p.scored_at < '{test['started_at']}'::timestamp_ntz"
        text += ") where p.entity_id is null"
        if not everything:
            known = f"v.{case.label_known_at}"
            text += f" and ({known} is null or {known} > '{version.trained_to}'::timestamp_ntz)"
        return normalized(self._warehouse.frame(text), case)

    def _write(self, case: UseCase, version: Version, arm: str, frame: pd.DataFrame) -> int:
        if frame.empty:
            return 0
        model = self._registry.load(version)
        now = self._now()
        for start in range(0, len(frame), _STEP):
            part = frame.iloc[start : start + _STEP]
            self._warehouse.append(f"ml.{case.predictions}", _predictions(case, version, arm, model, part, now))
        return len(frame)

    def _now(self) -> pd.Timestamp:
        """Returns the account's time, UTC."""
        [row] = self._warehouse.rows(f"select to_char({NOW}, 'YYYY-MM-DD HH24:MI:SS.FF6') as moment")
        return pd.Timestamp(row["moment"])

    def bring_outcomes(self, case: UseCase) -> int:
        """Fills in what came true of predictions whose outcome is known by now, with the loss; returns how many."""
        truth = f"v.{case.target}"
        if case.kind == "binary":
            outcome, loss = f"iff({truth}, '1', '0')", f"power(iff({truth}, 1, 0) - p.score, 2)"
        elif case.kind == "regression":
            outcome, loss = f"{truth}::varchar", f"abs({truth} - p.score)"
        else:
            outcome, loss = f"{truth}::varchar", f"iff({truth} = p.label, 0, 1)"
        [row] = self._warehouse.rows(
            f"update ml.{case.predictions} as p set outcome = {outcome}, loss = {loss} from {case.view} as v "
            f"where p.use_case = ? and p.outcome is null and {truth} is not null and v.{case.label_known_at} is not null "
            f"and v.{case.entity} = p.entity_id and v.{case.as_of} = p.as_of",
            [case.name],
        )
        return int(next(iter(row.values())))

    # -- drift

    def check_drift(self, name: str) -> list[drift.Reading]:
        """Reads drift of the serving version's inputs, performance and age, stores it, and notes an alert where there is some.

        A model that no version serves counts as drifted by age, so that its training is asked for.
        """
        case, limits = use_case(name), self._life.limits.drift
        production = self._registry.production(name)
        frame = normalized(self._life.frame(case)[0], case)
        if frame.empty:
            return []
        newest = frame[case.as_of].max()
        if production is None:
            readings = [drift.never_trained(case, limits)]
            self._store(case, None, readings, newest, newest)
            return readings
        profile = self._registry.profile(production)
        trained_to = pd.Timestamp(production.trained_to)
        start = max(trained_to, newest - pd.Timedelta(days=_WINDOW_DAYS))
        window = frame[frame[case.as_of] > start]
        readings = [
            *drift.check_inputs(case, profile["inputs"], window, limits),
            *self._performance(case, production, profile["holdout"]),
            drift.check_age(case, pd.Timestamp(production.created_at), self._now(), limits),
        ]
        self._store(case, production.version, readings, start, newest)
        return readings

    def take_drifted(self) -> list[str]:
        """Takes the checks that wait in the stream, and returns the models that one of them found drifted.

        The stream moves on with the statement that writes of it, an event a model; a failure leaves it where it was.
        """
        batch = f"asked for by checks {uuid.uuid4().hex[:12]}"
        with transaction(self._warehouse):
            self._warehouse.rows(
                "insert into ml.model_events (event_id, use_case, version, event, severity, detail, happened_by, happened_at) "
                f"select uuid_string(), use_case, max(version), 'retraining', 'info', ?, current_user(), {NOW} "
                "from ml.drift_stream where is_drifted group by use_case",
                [batch],
            )
            found = self._warehouse.rows(
                "select use_case from ml.model_events where event = 'retraining' and detail = ? order by use_case",
                [batch],
            )
        return [row["use_case"] for row in found if row["use_case"] in USE_CASES]

    def _performance(self, case: UseCase, version: Version, holdout: dict[str, float]) -> list[drift.Reading]:
        found = self._warehouse.frame(
            f"select loss from ml.{case.predictions} where use_case = '{case.name}' and version = {version.version} and loss is not null "
            f"and as_of > (select dateadd(day, -{_WINDOW_DAYS}, max(as_of)) from ml.{case.predictions} "
            f"where use_case = '{case.name}' and version = {version.version} and loss is not null)"
        )
        served = found["loss"].to_numpy(float) if len(found) else np.array([])
        return drift.check_performance(case, holdout["mean"], list(served), holdout["error"], self._life.limits.drift)

    def _store(
        self, case: UseCase, version: int | None, readings: Sequence[drift.Reading], start: Any, end: Any
    ) -> None:
        """Stores a check in one transaction, its alert with it: a consumer of the table's changes never sees half of it."""
        selects = " union all ".join(f"select {_READING}, {NOW}" for _ in readings)
        binds = [bind for each in readings for bind in _reading_binds(case, version, each, start, end)]
        drifted = [each for each in readings if each.is_drifted]
        with transaction(self._warehouse):
            self._warehouse.rows(f"insert into ml.drift_results ({_READING_COLUMNS}) {selects}", binds)
            if drifted:
                told = ", ".join(
                    f"{each.feature} {each.statistic} {each.value:g} over {each.threshold:g}" for each in drifted
                )
                severity = "critical" if any(each.kind == "concept" for each in drifted) else "warning"
                self._registry.note(case.name, version, "drift_alert", told, severity)


def running_test(warehouse: Warehouse, name: str) -> dict[str, Any] | None:
    """Returns the comparison that runs for a model, or None."""
    found = warehouse.rows("select * from ml.ab_tests where use_case = ? and status = 'running'", [name])
    return found[0] if found else None


def _reading_binds(case: UseCase, version: int | None, reading: drift.Reading, start: Any, end: Any) -> list[Any]:
    value = reading.value if np.isfinite(reading.value) else None
    measured = [value, reading.threshold, reading.p_value, reading.is_drifted, reading.rows]
    return [case.name, version, reading.kind, reading.feature, reading.statistic, *measured, str(start), str(end)]


def _predictions(
    case: UseCase, version: Version, arm: str, model: Any, frame: pd.DataFrame, now: pd.Timestamp
) -> pd.DataFrame:
    answers = predict(model, case, frame)
    if case.kind == "regression":
        scores, labels = answers, [None] * len(frame)
    else:
        classes = np.asarray(classes_of(model, case))
        labels = list(classes[answers.argmax(axis=1)])
        scores = answers[:, 1] if case.kind == "binary" else answers.max(axis=1)
    return pd.DataFrame(
        {
            "use_case": case.name,
            "version": version.version,
            "entity_id": frame[case.entity].to_numpy(object),
            case.key: frame[case.key].to_numpy(object),
            "as_of": frame[case.as_of].to_numpy(),
            "score": np.round(np.asarray(scores, float), 10),
            "label": pd.Series(labels, dtype=object),
            "arm": arm,
            "scored_at": now,
        }
    )


def for_each(names: Sequence[str], work: Callable[[str], dict[str, Any]]) -> list[dict[str, Any]]:
    """Does something for each named model; one that cannot be done does not stop the others.

    Returns:
        What each gave; of one that could not be done its name and `error`.
    """
    found = []
    for name in names:
        try:
            found.append(work(name))
        except ModelError as error:
            found.append({"use_case": name, "error": str(error)})
    return found
