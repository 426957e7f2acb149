"""The displays against what the official CLI printed for the same events."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from embedded.engine import events, values
from embedded.engine.display.factory import make_display
from embedded.engine.display.options import DisplayOptions
from embedded.engine.state import Resource

RECORDED = Path(__file__).parent / "recorded"


def _state(raw: dict[str, Any] | None) -> Resource | None:
    if raw is None:
        return None
    return Resource(
        urn=raw["urn"],
        type=raw["type"],
        custom=raw.get("custom", False),
        delete=raw.get("delete", False),
        id=raw["id"],
        parent=raw["parent"],
        protect=raw.get("protect", False),
        provider=raw["provider"],
        inputs=_values(raw["inputs"]),
        outputs=_values(raw["outputs"]),
    )


def _values(raw: dict[str, Any]) -> values.Properties:
    return values.properties_from_json(raw, lambda text: json.dumps(text))


def _step(raw: dict[str, Any]) -> events.StepMetadata:
    return events.StepMetadata(
        op=raw["op"],
        urn=raw["urn"],
        type=raw["type"],
        old=_state(raw["old"]),
        new=_state(raw["new"]),
        provider=raw["provider"],
        keys=tuple(raw["keys"]) if raw.get("keys") else None,
        diffs=tuple(raw["diffs"]) if raw.get("diffs") else None,
        logical=raw.get("logical", False),
    )


def _event(raw: dict[str, Any]) -> events.Event:
    name = next(key for key in raw if key.endswith("Event"))
    body = raw[name]
    match name:
        case "preludeEvent":
            return events.PreludeEvent(body["config"])
        case "resourcePreEvent":
            return events.ResourcePreEvent(_step(body["metadata"]), body.get("planning", False))
        case "resOutputsEvent":
            return events.ResourceOutputsEvent(_step(body["metadata"]), body.get("planning", False))
        case "diagnosticEvent":
            return events.DiagnosticEvent(
                body["message"], body["severity"], body.get("urn", ""), body.get("prefix", "")
            )
        case "summaryEvent":
            return events.SummaryEvent(
                body["resourceChanges"], body["durationSeconds"], body["isPreview"], body["result"]
            )
        case "cancelEvent":
            return events.CancelEvent()
    raise AssertionError(f"no event of kind {name}")


def recorded_events(name: str) -> list[events.Event]:
    """The events that the official CLI logged."""
    return [_event(json.loads(line)) for line in (RECORDED / f"{name}.events").read_text().splitlines()]


def _play(name: str, title: str, options: DisplayOptions, is_preview: bool = False, stack: str = "dev") -> None:
    display = make_display(f"{title} ({stack}):", title.lower(), stack, "sample", is_preview, options)
    for event in recorded_events(name):
        display.handle(event)
    display.close()


def _settled(text: str) -> list[str]:
    """The lines without what differs from run to run: times, and where the dots stand among the lines."""
    text = re.sub(r"\(\d+\.\d\ds\)", "(N.NNs)", text)
    return [line for line in text.split("\n") if not line.startswith("@ ")]


@pytest.mark.parametrize(
    ("name", "title", "is_preview", "stack"),
    [
        ("06-preview", "Previewing update", True, "dev"),
        ("07-up", "Updating", False, "dev"),
        ("08-up-update", "Updating", False, "dev"),
        ("13-refresh", "Refreshing", False, "dev"),
        ("71-fail", "Updating", False, "two"),
    ],
)
def test_progress_lines(
    name: str, title: str, is_preview: bool, stack: str, capsys: pytest.CaptureFixture[str]
) -> None:
    _play(name, title, DisplayOptions(), is_preview, stack)
    assert _settled(capsys.readouterr().out) == _settled((RECORDED / f"{name}.stdout").read_text())


def test_rich_diff(capsys: pytest.CaptureFixture[str]) -> None:
    _play("09-up-replace", "Updating", DisplayOptions(diff=True))
    assert capsys.readouterr().out == (RECORDED / "09-up-replace.stdout").read_text()


def test_dots_come_once_and_can_be_suppressed(capsys: pytest.CaptureFixture[str]) -> None:
    _play("08-up-update", "Updating", DisplayOptions())
    assert "@ updating....\n" in capsys.readouterr().out
    _play("08-up-update", "Updating", DisplayOptions(suppress_progress=True))
    assert "@" not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("options", "present", "absent"),
    [
        (DisplayOptions(suppress_outputs=True), "Resources:", "Outputs:"),
        (DisplayOptions(show_sames=True), "sample:index:Shelf shelf", "nothing of this"),
        (
            DisplayOptions(show_urns=True),
            "urn:pulumi:dev::sample::sample:index:Shelf$pulumi-python:dynamic:Resource::shelf-b",
            "Resource shelf-b",
        ),
        (DisplayOptions(color="always"), "\x1b[38;5;3m", "<{%"),
        (DisplayOptions(color="raw"), "<{%fg 3%}>", "\x1b["),
        (DisplayOptions(show_config=True), "    sample:token: [secret]", "s3cret"),
    ],
)
def test_options(options: DisplayOptions, present: str, absent: str, capsys: pytest.CaptureFixture[str]) -> None:
    _play("08-up-update", "Updating", options)
    text = capsys.readouterr().out
    assert present in text and absent not in text


def test_json_of_a_preview(capsys: pytest.CaptureFixture[str]) -> None:
    _play("06-preview", "Previewing update", DisplayOptions(json=True), is_preview=True)
    digest = json.loads(capsys.readouterr().out)
    assert digest["changeSummary"] == {"create": 5}
    assert [step["op"] for step in digest["steps"]] == ["create"] * 5
    assert list(digest["steps"][0]) == ["op", "urn", "newState", "detailedDiff"]
    assert "ciphertext" not in json.dumps(digest)


def test_event_log_repeats_the_recording(tmp_path: Path) -> None:
    from embedded.engine.event_log import EventLog

    for name in ("06-preview", "07-up", "09-up-replace", "13-refresh"):
        log = EventLog(str(tmp_path / name), clock=lambda: 0)
        for event in recorded_events(name):
            log.write(event)
        log.close()
        ours = [json.loads(line) for line in (tmp_path / name).read_text().splitlines()]
        official = [json.loads(line) for line in (RECORDED / f"{name}.events").read_text().splitlines()]
        for line in (*ours, *official):
            del line["sequence"], line["timestamp"]
        assert ours == official
