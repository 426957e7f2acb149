"""The handler of the procedure ML.RUN_MODELS: what tasks start inside Snowflake."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from .comparisons import Comparisons
from .errors import ModelError
from .lifecycle import Lifecycle, Limits
from .serving import Serving, for_each
from .use_cases import USE_CASES
from .warehouse import SnowparkWarehouse

ACTIONS = ("train", "score", "drift", "compare", "watch", "retrain")
"""What the procedure does; `watch` is score, compare and drift, in this order."""


def run(session: Any, action: str, options: Mapping[str, Any] | None, code_version: str) -> list[dict[str, Any]]:
    """Does one of ACTIONS for each model and tells what came of it.

    Args:
        session: Snowpark's.
        action: of ACTIONS.
        options: `use_cases` (a list; else all), `limits`, `everything`; `retrain` takes the models from the stream of checks.
        code_version: of this code.

    Raises:
        ModelError: there is no such action.
    """
    given = dict(options or {})
    life = Lifecycle(SnowparkWarehouse(session), Limits.from_mapping(given.get("limits", {})), code_version)
    serving, comparisons = Serving(life), Comparisons(life)
    work: dict[str, Callable[[str], dict[str, Any]]] = {
        "train": lambda name: {"use_case": name, "version": life.train(name)[0].version},
        "score": lambda name: serving.score(name, everything=bool(given.get("everything"))),
        "drift": lambda name: {
            "use_case": name,
            "drifted": [each.feature for each in serving.check_drift(name) if each.is_drifted],
        },
        "compare": lambda name: _compare(comparisons, name),
        "watch": lambda name: _watch(serving, comparisons, name),
        "retrain": lambda name: life.retrain(name, "asked for by a check"),
    }
    if action not in work:
        raise ModelError(f"there is no action {action}: allowed: {', '.join(ACTIONS)}")
    names = serving.take_drifted() if action == "retrain" else list(given.get("use_cases") or USE_CASES)
    return for_each(names, work[action])


def _compare(comparisons: Comparisons, name: str) -> dict[str, Any]:
    running = comparisons.running(name)
    return {"use_case": name, "decision": comparisons.evaluate(name)["decision"] if running else None}


def _watch(serving: Serving, comparisons: Comparisons, name: str) -> dict[str, Any]:
    scored = serving.score(name)
    compared = _compare(comparisons, name)
    drifted = [each.feature for each in serving.check_drift(name) if each.is_drifted]
    return {**scored, **compared, "drifted": drifted}
