"""`pulumi logs`: the logs that resources keep themselves."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from embedded.engine.backend.recovery import current_checkpoint
from embedded.engine.cli import terminal
from embedded.engine.cli.command import CONFIG_FILE_FLAG, JSON_FLAG, STACK_FLAG, Call, command
from embedded.engine.cli.flags import Flag
from embedded.engine.errors import EngineError

_UNIT_SECONDS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1, "m": 60, "h": 3600}
_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ns|us|µs|ms|s|m|h)")
_WITH_LOGS = re.compile(r"(aws|gcp|cloud):")


@command(
    flags=(
        STACK_FLAG,
        CONFIG_FILE_FLAG,
        JSON_FLAG,
        Flag("follow", "Follow the log stream in real time (like tail -f)", short="f"),
        Flag(
            "resource",
            "Only return logs for the requested resource ('name', 'type::name' or full URN)",
            "string",
            "r",
            "",
        ),
        Flag(
            "since",
            "Only return logs newer than a relative duration ('5s', '2m', '3h') or timestamp",
            "string",
            default="1h",
        ),
    )
)
def logs(call: Call) -> None:
    """Show aggregated resource logs for a stack

    Logs are known of resources of AWS and Google Cloud functions only, and those the official CLI reads. Other resources, those of
    Snowflake among them, keep none that Pulumi knows; their history is in Snowflake's own views.
    """
    session, flags = call.session, call.flags
    reference = session.require_stack(flags["stack"])
    since = _moment(flags["since"])
    checkpoint = current_checkpoint(session.backend, reference)
    foreign = sorted({item["type"] for item in checkpoint.resources if _WITH_LOGS.match(item["type"])})
    if foreign:
        raise EngineError(
            f"the logs of {', '.join(foreign)} are not read by this engine; the official CLI's `pulumi logs` does"
        )
    if flags["json"]:
        terminal.out_json([])
        return
    terminal.out(f"Collecting logs for stack {session.show_name(reference)} since {since:%Y-%m-%dT%H:%M:%S.000Z}.\n")
    terminal.note("no resource of this stack keeps logs that Pulumi reads")


def _moment(text: str) -> datetime:
    if _DURATION.sub("", text) == "" and text:
        seconds = sum(float(number) * _UNIT_SECONDS[unit] for number, unit in _DURATION.findall(text))
        return datetime.now(UTC) - timedelta(seconds=seconds)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise EngineError(f'failed to parse argument to "--since" as a duration or timestamp: {text}') from error
    return moment.astimezone(UTC)
