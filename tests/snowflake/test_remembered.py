"""What is remembered by text is asked once, and only for texts that are short."""

from __future__ import annotations

import pytest

from embedded.snowflake.remembered import by_text


@pytest.mark.parametrize(("length", "times"), [(0, 1), (4_000, 1), (4_001, 2)])
def test_short_texts_are_asked_once(length, times):
    asked = []
    function = by_text(lambda text: asked.append(text) or text.upper())
    assert [function("x" * length) for _ in range(2)] == ["X" * length] * 2
    assert len(asked) == times


def test_an_error_is_not_remembered():
    answers = iter([ValueError("not yet"), "now"])

    @by_text
    def function(_: str) -> str:
        answer = next(answers)
        if isinstance(answer, ValueError):
            raise answer
        return answer

    with pytest.raises(ValueError, match="not yet"):
        function("x")
    assert function("x") == "now"
