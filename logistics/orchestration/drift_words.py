"""The drift of a model in one sentence: what has drifted furthest, and how much more there is."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import groupby
from typing import Any

_NAMED = 3
"""Features that are named; the rest are counted."""


def in_words(readings: Iterable[Mapping[str, Any]]) -> str:
    """Returns what has drifted of one version, such as `data drift of distance (psi 0.4, allowed 0.2), and 2 more`.

    Args:
        readings: its drifted ones, with kind, feature, statistic, value and threshold; no value is one that cannot be told.
    """
    by_kind = groupby(sorted(readings, key=_kind), key=_kind)
    return "; ".join(f"{kind} drift of {_features(list(found))}" for kind, found in by_kind)


def _kind(reading: Mapping[str, Any]) -> str:
    return str(reading["kind"])


def _features(readings: list[Mapping[str, Any]]) -> str:
    by_feature: dict[str, list[Mapping[str, Any]]] = {}
    for reading in sorted(readings, key=_excess, reverse=True):
        by_feature.setdefault(str(reading["feature"]), []).append(reading)
    said = [f"{name} ({'; '.join(map(_measure, found))})" for name, found in by_feature.items()]
    rest = len(said) - _NAMED
    return ", ".join(said[:_NAMED]) + (f", and {rest} more" if rest > 0 else "")


def _excess(reading: Mapping[str, Any]) -> float:
    """Returns how many times its threshold a reading is; what cannot be told counts as most."""
    value, threshold = reading.get("value"), reading.get("threshold")
    return float("inf") if value is None or not threshold else float(value) / float(threshold)


def _measure(reading: Mapping[str, Any]) -> str:
    value = reading.get("value")
    said = "unknown" if value is None else f"{float(value):.3g}"
    return f"{reading['statistic']} {said}, allowed {float(reading['threshold']):.3g}"
