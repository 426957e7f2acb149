"""`pulumi stack history`."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from embedded.engine import config as configuration
from embedded.engine.backend.history import UpdateInfo
from embedded.engine.cli import terminal
from embedded.engine.cli.command import JSON_FLAG, SHOW_SECRETS_FLAG, STACK_FLAG, Call, command
from embedded.engine.cli.flags import Flag
from embedded.engine.config import Secure, sorted_keys
from embedded.engine.display import colors
from embedded.engine.errors import EngineError


@command(
    flags=(
        STACK_FLAG,
        Flag("show-secrets", SHOW_SECRETS_FLAG.help),
        JSON_FLAG,
        Flag("full-dates", "Show full dates, instead of relative dates"),
        Flag("page-size", "Used with 'page' to control number of results returned", "int", default=10),
        Flag("page", "Used with 'page-size' to paginate results", "int", default=1),
    ),
)
def history(call: Call) -> None:
    """Display history for a stack

    This command displays data about previous updates for a stack.
    """
    session, flags = call.session, call.flags
    reference = session.require_stack(flags["stack"])
    updates = session.backend.history(reference, flags["page_size"], flags["page"])
    decrypt = _decrypter(call) if flags["show_secrets"] else None
    if flags["json"]:
        terminal.out_json([_entry(update, decrypt) for update in updates])
        return
    if not updates:
        terminal.out("Stack has never been updated")
        return
    for update in updates:
        _print(update, call)


def _decrypter(call: Call) -> Any:
    session = call.session
    reference = session.require_stack(call.flags["stack"])
    if session.optional_project is not None:
        file = session.stack_file(reference)
        if file.encryption_salt:
            return session.manager_of_salt(file.encryption_salt).decrypt
    manager = session.state_manager(session.backend.checkpoint(reference))
    if manager is None:
        raise EngineError("the stack has no secrets provider to decrypt its configuration with")
    return manager.decrypt


def _entry(update: UpdateInfo, decrypt: Any) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "version": update.version,
        "kind": update.kind,
        "startTime": _json_time(update.start_time),
        "message": update.message,
        "environment": update.environment,
        "config": {key: _config_entry(value, decrypt) for key, value in sorted(update.config.items())},
        "result": update.result,
    }
    if update.result != "in-progress":
        entry["endTime"] = _json_time(update.end_time)
        if update.resource_changes:
            entry["resourceChanges"] = update.resource_changes
    return entry


def _config_entry(raw: Any, decrypt: Any) -> dict[str, Any]:
    value = configuration.decode(raw)
    secret = configuration.is_secret(value)
    if secret and decrypt is None:
        return {"secret": True}
    reveal = decrypt or configuration.mask
    entry: dict[str, Any] = {"value": configuration.text_of(value, reveal)}
    if configuration.is_object(value) and not isinstance(value, Secure):
        entry["objectValue"] = sorted_keys(configuration.plain(value, reveal))
    entry["secret"] = secret
    return entry


def _json_time(seconds: int) -> str:
    return terminal.json_time(datetime.fromtimestamp(seconds, UTC))


def _print(update: UpdateInfo, call: Call) -> None:
    color = call.session.color
    terminal.out(f"Version: {update.version}")
    terminal.out(f"UpdateKind: {update.kind}")
    tag = colors.GREEN if update.result == "succeeded" else colors.RED
    terminal.out(colors.colorize(f"Status: {tag}{update.result}{colors.RESET}", color))
    terminal.out(f"Message: {update.message}")
    changes = update.resource_changes or {}
    counts = (
        f"{colors.GREEN}+{changes.get('create', 0)}{colors.RESET}{colors.RED}-{changes.get('delete', 0)}{colors.RESET}"
        f"{colors.YELLOW}~{changes.get('update', 0)}{colors.RESET} {changes.get('same', 0)}"
    )
    started = datetime.fromtimestamp(update.start_time, UTC)
    when = f"{started.astimezone():%Y-%m-%d %H:%M:%S %z %Z}" if call.flags["full_dates"] else terminal.ago(started)
    took = _took(max(update.end_time - update.start_time, 0))
    terminal.out(colors.colorize(f"{counts} Updated {when} took {took}", color))
    for key, value in sorted(update.environment.items()):
        terminal.out(f"    {key}: {value}")
    terminal.out()


def _took(seconds: int) -> str:
    minutes, rest = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours}h{minutes}m{rest}s"
    return f"{minutes}m{rest}s" if minutes else f"{rest}s"
