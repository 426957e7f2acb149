from __future__ import annotations

from typing import Any

import pytest

from embedded.engine.assets import Archive, Asset
from embedded.engine.display import colors
from embedded.engine.display.printer import Printer, number_text, quote, truncated
from embedded.engine.display.property_diff import (
    ObjectDiff,
    diff_objects,
    diff_values,
    take_hidden,
    translate_detailed_diff,
)
from embedded.engine.display.rows import short_diff
from embedded.engine.display.summary import render_summary
from embedded.engine.events import PropertyDiff, StepMetadata, SummaryEvent
from embedded.engine.state import Resource
from embedded.engine.values import UNKNOWN, ResourceReference, Secret


def _object(properties: dict[str, Any], **options: Any) -> str:
    printer = Printer([], 1, "create", **options)
    printer.print_object(properties)
    return colors.strip(printer.text)


def _diff(old: dict[str, Any], new: dict[str, Any], **options: Any) -> str:
    printer = Printer([], 1, "update", prefix=True, **options)
    diff = diff_objects(old, new)
    assert diff is not None
    printer.print_object_diff(diff)
    return colors.strip(printer.text)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "<null>"),
        (True, "true"),
        (1.0, "1"),
        (1e21, "1000000000000000000000"),
        (2.5, "2.5"),
        ('a"b\n', '"a\\"b\\n"'),
        ("\x01", '"\\x01"'),
        (Secret("x"), "[secret]"),
        (UNKNOWN, "[unknown]"),
        ([], "[]"),
        ({}, "{}"),
        (Asset("0123456789", None, "f.txt", None), "asset(file:0123456) { f.txt }"),
        (Archive("0123456789", None, None, "http://x"), "archive(uri:0123456) { http://x }"),
    ],
)
def test_values_on_one_line(value: Any, text: str) -> None:
    assert _object({"k": value}) == f"    k: {text}\n"


def test_nested_values_and_internal_keys() -> None:
    text = _object({"b": {"x": [1, {"y": "z"}]}, "__hidden": 1, "long": "v"})
    assert text == (
        '    b       : {\n        x: [\n            [0]: 1\n            [1]: {\n                y: "z"\n            }\n        ]\n'
        '    }\n    long    : "v"\n'
    )


def test_json_text_is_shown_as_what_it_holds() -> None:
    assert (
        _object({"policy": '{"a": [1]}'})
        == "    policy: (json) {\n        a: [\n            [0]: 1\n        ]\n    }\n\n"
    )


def test_secrets_show_only_when_asked() -> None:
    assert "hush" not in _object({"k": Secret({"a": "hush"})})
    assert "hush" in _object({"k": Secret({"a": "hush"})}, show_secrets=True)


def test_resource_reference() -> None:
    assert 'URN: "urn:x"' in _object({"r": ResourceReference("urn:x", "i", "")})


@pytest.mark.parametrize(
    ("old", "new", "text"),
    [
        ({"a": 1}, {"a": 2}, "  ~ a: 1 => 2\n"),
        ({}, {"a": 1}, "  + a: 1\n"),
        ({"a": 1}, {}, "  - a: 1\n"),
        ({"a": "red"}, {"a": "rod"}, '  ~ a: "red" => "rod"\n'),
        ({"a": 1, "b": "same"}, {"a": 2, "b": "same"}, '  ~ a: 1 => 2\n    b: "same"\n'),
        ({"a": {"x": 1}}, {"a": {"x": 2}}, "  ~ a: {\n      ~ x: 1 => 2\n    }\n"),
        ({"a": [1, 2]}, {"a": [1, 3, 4]}, "  ~ a: [\n        [0]: 1\n      ~ [1]: 2 => 3\n      + [2]: 4\n    ]\n"),
        ({"a": 1}, {"a": [1]}, "  - a: 1\n  + a: [\n  +     [0]: 1\n    ]\n"),
        ({"a": Secret("x")}, {"a": Secret("y")}, "  ~ a: [secret] => [secret]\n"),
        ({"a": "x"}, {"a": UNKNOWN}, '  ~ a: "x" => [unknown]\n'),
        ({"a": '{"k":1}'}, {"a": '{"k":2}'}, "  ~ a: (json) {\n      ~ k: 1 => 2\n    }\n"),
    ],
)
def test_differences(old: dict[str, Any], new: dict[str, Any], text: str) -> None:
    assert _diff(old, new) == text


def test_text_of_several_lines_shows_changed_lines_with_context() -> None:
    old = "\n".join(f"line {number}" for number in range(20))
    text = _diff({"sql": old}, {"sql": old.replace("line 10", "line ten")})
    assert "- line 10\n" in text and "+ line ten\n" in text and "..." in text and "line 3\n" not in text


@pytest.mark.parametrize(("value", "text"), [(3.0, "3"), (0.1, "0.1"), (-2.0, "-2")])
def test_numbers(value: float, text: str) -> None:
    assert number_text(value) == text


def test_quote_and_truncate() -> None:
    assert quote("\u200b") == '"\\u200b"'
    assert truncated("a\nb\nc\nd") == "a\nb\nc\n..."
    assert truncated("x" * 151).endswith("x...")


def test_nothing_differs_in_equal_values() -> None:
    assert diff_objects({"a": Secret(1)}, {"a": Secret(1)}) is None
    assert diff_values([1, {"a": None}], [1, {"a": None}]) is None
    assert diff_objects({"a": None}, {}) is None


# --- detailed diffs --------------------------------------------------------------------------------------------------

URN = "urn:pulumi:dev::p::t:m:T::n"


def _step(
    old: dict[str, Any], new: dict[str, Any], detailed: dict[str, PropertyDiff] | None, **fields: Any
) -> StepMetadata:
    before = Resource(URN, "t:m:T", True, inputs=old, outputs=old)
    return StepMetadata(
        "update", URN, "t:m:T", before, Resource(URN, "t:m:T", True, inputs=new, **fields), detailed_diff=detailed
    )


def test_detailed_diff_names_what_changed() -> None:
    step = _step(
        {"a": {"b": [1, 2]}, "gone": 1},
        {"a": {"b": [1, 3]}, "new": "x"},
        {"a.b[1]": PropertyDiff("update"), "gone": PropertyDiff("delete"), "new": PropertyDiff("add-replace")},
    )
    diff, hidden = translate_detailed_diff(step, refresh=False)
    assert diff is not None and not hidden
    assert diff.adds == {"new": "x"} and diff.deletes == {"gone": 1}
    inner = diff.updates["a"].object
    assert inner is not None and inner.updates["b"].array is not None and 1 in inner.updates["b"].array.updates
    assert colors.strip(short_diff(step)) == "diff: +new-gone~a"


def test_hidden_diffs() -> None:
    step = _step(
        {"a": 1, "b": 1}, {"a": 2, "b": 2}, {"a": PropertyDiff("update"), "b": PropertyDiff("update")}, hide_diff=["a"]
    )
    diff, hidden = translate_detailed_diff(step, refresh=False)
    assert isinstance(diff, ObjectDiff) and list(diff.updates) == ["b"] and hidden == ["a"]
    assert take_hidden({"a": {"x": 1}}, {"a": {"x": 2}}, ["a.x"]) == ({"a": {"x": 1}}, {"a": {"x": 1}}, ["a.x"])


def test_short_diff_shows_a_changed_protection() -> None:
    same = Resource(URN, "t:m:T", True)
    step = StepMetadata("same", URN, "t:m:T", same, same.copy(protect=True))
    assert colors.strip(short_diff(step)) == "diff: ~protect"


# --- summaries -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "preview", "seconds", "errored", "lines"),
    [
        ({"create": 2}, True, 1, 0, ["Resources:", "    + 2 to create", ""]),
        (
            {"create": 1, "replace": 2, "same": 3, "read": 4},
            False,
            61.2,
            1,
            [
                "Resources:",
                "    + 1 created",
                "    +-2 replaced",
                "    3 changes. 3 unchanged",
                "    1 errored",
                "",
                "Duration: 1m2s",
                "",
            ],
        ),
        ({}, False, 0.2, 0, ["Resources:", "", "Duration: 1s", ""]),
    ],
)
def test_summary(changes: dict[str, int], preview: bool, seconds: float, errored: int, lines: list[str]) -> None:
    event = SummaryEvent(changes, seconds, preview, "succeeded")
    assert colors.strip(render_summary(event, errored, False)).split("\n") == lines


def test_colors() -> None:
    assert colors.colorize("<{%fg 1%}>x<{%reset%}>", "always") == "\x1b[38;5;1mx\x1b[0m"
    assert colors.width("<{%bold%}>日本e\u0301") == 5
    assert colors.strip(colors.trim("<{%bold%}>abcdef", 3)) == "abc"
