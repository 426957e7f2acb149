"""What was changed in the account outside of the stack: by whom, when, with which statement; adopted or reverted.

The recorded inputs are replayed in a preview that reads the account first: each step it would take is a drift. Grants are
compared apart, since Pulumi knows only those it made: one that is on no record was given outside.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from logistics.connection import QUERY_TAG, shown
from logistics.dashboard.publish import HISTORY_READERS
from logistics.deployment.context import Context
from logistics.deployment.replay import program_of
from logistics.deployment.safety import SCHEMA
from logistics.deployment.state import Checkpoint
from logistics.deployment.steps import Step, changing
from logistics.errors import SettingsError, UsageError
from logistics.settings import load_stack
from logistics.sql import literal, quoted

_SETTINGS = {
    ("Warehouse", "warehouseSize", "environment"): "warehouseSize",
    ("Warehouse", "warehouseSize", "multi"): "multiClusterSize",
    ("Warehouse", "autoSuspend", "environment"): "warehouseAutoSuspendSeconds",
    ("Warehouse", "autoSuspend", "xs"): "xsAutoSuspendSeconds",
    ("Warehouse", "autoSuspend", "multi"): "multiClusterAutoSuspendSeconds",
    ("Warehouse", "maxClusterCount", "environment"): "warehouseMaxClusters",
    ("Warehouse", "maxClusterCount", "multi"): "multiClusterMaxClusters",
    ("ResourceMonitor", "creditQuota", "daily_cost_monitor"): "dailyCreditQuota",
}
"""Which key of the stack file says a property of one object and of no other: by kind, property and which of the objects.

A key that several objects follow (autoSuspendSeconds, statementTimeoutSeconds) is none: one object's value would change the others.
"""
_OWNER = "OWNERSHIP"
_HISTORY_ROWS = 10_000
_Grant = tuple[str, str, str]
"""A role, a privilege and the object, plain names."""
_ACCOUNT = ""
"""The name by which grants on the account itself are compared."""


@dataclass(frozen=True, kw_only=True)
class Author:
    """Who changed an object, as the query history knows; the newest statement that names it."""

    user: str
    role: str
    at: datetime
    statement: str


@dataclass(frozen=True, kw_only=True)
class Drift:
    """One difference between the account and what was deployed.

    Attributes:
        what: `changed`, `gone` or `granted`.
        kind: the resource's kind; Grant for an outside grant.
        name: the resource's name in the program, or the grant in words.
        values: property to what it is and what was deployed.
        author: who did it; None where the history does not tell.
        step: the engine's step that would mend it; None for a grant.
        revoke: the statement that would mend an outside grant.
    """

    what: str
    kind: str
    name: str
    values: dict[str, tuple[Any, Any]]
    author: Author | None
    step: Step | None = None
    revoke: str = ""


def find_drift(context: Context) -> list[Drift]:
    """Returns every difference; changes nothing.

    Raises:
        LogisticsError: the account cannot be read.
    """
    deployed = context.engine.checkpoint()
    steps = changing(context.engine.preview(program_of(context.engine.plain_checkpoint()), refresh=True))
    versions = context.versions()
    since = versions[-1].ended_at if versions else datetime.fromtimestamp(0, UTC)
    with context.cursor() as cursor:
        history = _history(cursor, since)
        found = [_of_step(step, history) for step in steps]
        recorded = _recorded(deployed) | _of_the_record(context)
        found += _outside_grants(cursor, deployed, recorded, history)
        if next(deployed.of_kind("Database"), None):
            found += _foreign_grants(cursor, context.database, deployed, recorded, history)
        return found


def revert(context: Context, drifts: Sequence[Drift]) -> None:
    """Brings the account back to what was deployed, outside grants included."""
    with context.cursor() as cursor:
        for drift in drifts:
            if drift.revoke:
                cursor.execute(drift.revoke)
    if any(drift.step for drift in drifts):
        program = program_of(context.engine.plain_checkpoint())
        context.engine.up(program, message="revert what changed outside of the stack", refresh=True)


def adopt(context: Context, drifts: Iterable[Drift]) -> list[str]:
    """Writes what the account has into the stack file; returns a line for each key that was changed.

    Raises:
        UsageError: no setting says one of the values of this object alone, or none may have that value; nothing was written.
    """
    environment = context.settings.platform.environment
    wanted: dict[str, Any] = {}
    for drift in drifts:
        for name, (is_now, _) in drift.values.items():
            key = setting_of(drift.kind, name, drift.name, environment)
            if key is None:
                raise UsageError(
                    f"no setting of the stack file says {name} of {drift.kind} {drift.name} alone: "
                    "change it in sql/ or components/, or revert it"
                )
            wanted[key] = is_now
        if not drift.values:
            raise UsageError(f"{drift.kind} {drift.name} ({drift.what}) cannot be adopted: revert it, or declare it")
    file = context.root / context.settings.file
    before = text = file.read_text(encoding="utf-8")
    for key, value in wanted.items():
        text = with_setting(text, key, value)
    file.write_text(text, encoding="utf-8")
    try:
        load_stack(context.root, context.settings.stack)
    except SettingsError as error:
        file.write_text(before, encoding="utf-8")
        raise UsageError(f"what the account has is no setting: {error}; nothing was written, revert it") from None
    return [f"{file.name}: logistics:{key} = {value}" for key, value in wanted.items()]


def setting_of(kind: str, name: str, resource: str, environment: str) -> str | None:
    """Returns the key of the stack file for a property of one resource; None where none is for it alone."""
    which = {f"compute_wh_{environment}": "environment"}.get(resource, resource.removeprefix("compute_wh_"))
    return _SETTINGS.get((kind, name, which))


def with_setting(text: str, key: str, value: Any) -> str:
    """Returns a stack file's text with another value of one key, everything else left as it is written."""
    written = re.compile(rf"^(\s*logistics:{key}:[ \t]*)[^\s#]+", re.MULTILINE)
    if written.search(text):
        return written.sub(lambda found: f"{found.group(1)}{value}", text)
    return re.sub(
        r"^(config:\s*\n)", lambda found: f"{found.group(1)}  logistics:{key}: {value}\n", text, flags=re.MULTILINE
    )


def _of_step(step: Step, history: Sequence[Author]) -> Drift:
    values = {} if step.op == "create" else {name: (step.old.get(name), step.new.get(name)) for name in step.diffs}
    names = [str(step.new.get("name") or step.old.get("name") or step.name)]
    return Drift(
        what="gone" if step.op == "create" else "changed",
        kind=step.kind,
        name=step.name,
        values=values,
        author=_author(history, names),
        step=step,
    )


def _history(cursor: Any, since: datetime) -> list[Author]:
    """Returns the account's changing statements since a time that are not this platform's own, newest first."""
    cursor.execute(
        "SELECT USER_NAME, ROLE_NAME, START_TIME, QUERY_TEXT FROM SNOWFLAKE.ACCOUNT_USAGE.QUERY_HISTORY "
        f"WHERE START_TIME > {literal(since.isoformat())}::TIMESTAMP_TZ AND EXECUTION_STATUS = 'SUCCESS' "
        f"AND COALESCE(QUERY_TAG, '') <> {literal(QUERY_TAG)} "
        "AND REGEXP_LIKE(UPPER(LTRIM(QUERY_TEXT)), '(CREATE|ALTER|DROP|GRANT|REVOKE|UNDROP)\\\\s.*', 's') "
        f"ORDER BY START_TIME DESC LIMIT {_HISTORY_ROWS}"
    )
    return [Author(user=row[0], role=row[1], at=row[2], statement=row[3]) for row in cursor.fetchall()]


def _author(history: Sequence[Author], words: Iterable[str]) -> Author | None:
    """Returns the newest statement that has all the words."""
    sought = [re.compile(rf"(?<![A-Z0-9_$]){re.escape(word.upper())}(?![A-Z0-9_$])") for word in words]
    return next((item for item in history if all(word.search(item.statement.upper()) for word in sought)), None)


def _outside_grants(
    cursor: Any, deployed: Checkpoint, recorded: set[_Grant], history: Sequence[Author]
) -> Iterable[Drift]:
    """Yields the privileges and roles that the deployed roles hold and no record of the stack gives."""
    for role in deployed.of_kind("AccountRole"):
        name = str(role.inputs.get("name"))
        for grant in shown(cursor, f"SHOW GRANTS TO ROLE {quoted(name)}"):
            privilege, on = grant["privilege"], grant["granted_on"]
            target = _ACCOUNT if on == "ACCOUNT" else _plain(grant["name"])
            if not _is_known(deployed, recorded, name, privilege, target):
                yield _outside(_words(privilege, on, target), f"ROLE {quoted(name)}", name, target, history)


def _foreign_grants(
    cursor: Any, database: str, deployed: Checkpoint, recorded: set[_Grant], history: Sequence[Author]
) -> Iterable[Drift]:
    """Yields the privileges on the platform's objects of roles that the stack did not make, such as PUBLIC."""
    own = {str(role.inputs.get("name")) for role in deployed.of_kind("AccountRole")}
    held = shown(
        cursor,
        "SELECT GRANTEE, GRANTED_TO, PRIVILEGE_TYPE, OBJECT_TYPE, OBJECT_SCHEMA, OBJECT_NAME "
        f"FROM {quoted(database)}.INFORMATION_SCHEMA.OBJECT_PRIVILEGES WHERE PRIVILEGE_TYPE <> {literal(_OWNER)} "
        "ORDER BY GRANTEE, OBJECT_TYPE, OBJECT_SCHEMA, OBJECT_NAME, PRIVILEGE_TYPE",
    )
    for grant in held:
        name, kind, on = str(grant["grantee"]), str(grant["granted_to"]), str(grant["object_type"])
        parts = [grant["object_name"]] if on == "DATABASE" else [database, grant["object_schema"], grant["object_name"]]
        target = ".".join(str(part) for part in parts if part)
        if (
            name in own
            or not kind.endswith("ROLE")
            or _is_known(deployed, recorded, name, grant["privilege_type"], target)
        ):
            continue
        role = f"DATABASE ROLE {quoted(database)}.{quoted(name)}" if kind == "DATABASE_ROLE" else f"ROLE {quoted(name)}"
        yield _outside(_words(grant["privilege_type"], on, target), role, name, target, history)


def _of_the_record(context: Context) -> set[_Grant]:
    """Returns the grants on the record of deployments, which every deployment gives (see `open_history`)."""
    schema = f"{context.database}.{SCHEMA}"
    readers = [context.settings.platform.named(role) for role in HISTORY_READERS]
    return {grant for role in readers for grant in ((role, "USAGE", schema), (role, "SELECT", f"{schema}.RUNS"))}


def _is_known(deployed: Checkpoint, recorded: set[_Grant], role: str, privilege: str, target: str) -> bool:
    """Returns whether the stack gave a privilege: on this object, or on all objects of a place above it."""
    if privilege == _OWNER or (role, privilege, target) in recorded or (role, "ALL", target) in recorded:
        return True
    return any(
        owner == role and privilege in said and f"{target}.".startswith(f"{place}.")
        for owner, said, place in _wide(deployed)
    )


def _outside(words: str, grantee: str, role: str, target: str, history: Sequence[Author]) -> Drift:
    """Returns a grant that no record of the stack gives, with the statement that takes it back."""
    return Drift(
        what="granted",
        kind="Grant",
        name=f"{words} to {role}",
        values={},
        author=_author(history, ["GRANT", target.split(".")[-1], role]),
        revoke=f"REVOKE {words} FROM {grantee}",
    )


def _words(privilege: str, on: str, target: str) -> str:
    """Returns what stands between GRANT or REVOKE and the role."""
    if on == "ROLE":
        return f"ROLE {quoted(target)}"
    return f"{privilege} ON {on.replace('_', ' ')} {_quoted(target)}".rstrip()


def _recorded(deployed: Checkpoint) -> set[_Grant]:
    """Returns role, privilege and object of every grant that the stack made on one object; plain names."""
    found = set()
    for grant in deployed.of_kind("GrantPrivilegesToAccountRole"):
        inputs = grant.inputs
        role = _plain(inputs.get("accountRoleName", ""))
        target = inputs.get("onAccountObject") or inputs.get("onSchemaObject") or inputs.get("onSchema") or {}
        name = target.get("objectName") or target.get("schemaName") or ""
        privileges = ["ALL"] if inputs.get("allPrivileges") else inputs.get("privileges") or ()
        found |= {(role, str(privilege).upper(), _plain(name)) for privilege in privileges}
        if inputs.get("onAccount"):
            found |= {(role, str(privilege).upper(), _ACCOUNT) for privilege in privileges}
    for grant in deployed.of_kind("GrantAccountRole"):
        if parent := grant.inputs.get("parentRoleName"):
            found.add((_plain(parent), "USAGE", _plain(grant.inputs.get("roleName", ""))))
    return found


def _wide(deployed: Checkpoint) -> Iterable[tuple[str, tuple[str, ...], str]]:
    """Yields role, privileges and place of the stack's grants on all or future objects of a place."""
    for grant in deployed.of_kind("GrantPrivilegesToAccountRole"):
        inputs = grant.inputs
        privileges = tuple(str(privilege).upper() for privilege in inputs.get("privileges") or ())
        on = inputs.get("onSchemaObject") or inputs.get("onSchema") or {}
        for key in ("all", "future"):
            many = on.get(key)
            many = many[0] if isinstance(many, list) and many else many
            if isinstance(many, dict):
                yield (
                    _plain(inputs.get("accountRoleName", "")),
                    privileges,
                    _plain(many.get("inSchema") or many.get("inDatabase") or ""),
                )
        for key in ("allSchemasInDatabase", "futureSchemasInDatabase"):
            if on.get(key):
                yield _plain(inputs.get("accountRoleName", "")), privileges, _plain(on[key])


def _plain(name: Any) -> str:
    return str(name).replace('"', "")


def _quoted(name: str) -> str:
    return ".".join(quoted(part) for part in name.split(".")) if name else ""
