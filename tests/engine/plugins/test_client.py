"""What a plugin loses of a secret is marked again."""

from __future__ import annotations

from typing import Any

import pytest

from embedded.engine.plugins.client import with_secrets_of
from embedded.engine.values import Secret


@pytest.mark.parametrize(
    ("answer", "asked", "wanted"),
    [
        pytest.param({"a": "x", "b": "y"}, {"a": Secret("x"), "b": "y"}, {"a": Secret("x"), "b": "y"}, id="top"),
        pytest.param(
            {"o": {"k": "x", "l": 1}}, {"o": {"k": Secret("x")}}, {"o": {"k": Secret("x"), "l": 1}}, id="object"
        ),
        pytest.param({"o": {"p": {"k": 1}}}, {"o": {"p": {"k": Secret(1)}}}, {"o": {"p": {"k": Secret(1)}}}, id="deep"),
        pytest.param({"l": [1, 2]}, {"l": [1, Secret(2)]}, {"l": Secret([1, 2])}, id="list-as-a-whole"),
        pytest.param({"l": [{"k": 1}]}, {"l": [{"k": Secret(1)}]}, {"l": Secret([{"k": 1}])}, id="object-in-a-list"),
        pytest.param({"o": {"k": 1}}, {"o": Secret({"k": 1})}, {"o": Secret({"k": 1})}, id="secret-object"),
        pytest.param({"a": Secret("x")}, {"a": Secret("x")}, {"a": Secret("x")}, id="marked-already"),
        pytest.param({"out": 1}, {"a": Secret("x")}, {"out": 1}, id="other-names-stay-plain"),
    ],
)
def test_secrets_come_back(answer: dict[str, Any], asked: dict[str, Any], wanted: dict[str, Any]) -> None:
    assert with_secrets_of(answer, asked) == wanted
