"""The file of `pulumi import --file`: read, checked as a whole, its parents resolved and put before their children.

Source: pkg/cmd/pulumi/operations/import.go (parseImportFile) of Pulumi 3.260.0.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from embedded.engine import urn as urns
from embedded.engine.cli import terminal
from embedded.engine.deployment.operation import ImportSpec
from embedded.engine.errors import EngineError

_KEYS = frozenset(
    {
        "type",
        "name",
        "id",
        "parent",
        "provider",
        "version",
        "pluginDownloadUrl",
        "properties",
        "component",
        "remote",
        "logicalName",
        "inputs",
    }
)

# As tolerant as the official CLI is: `v1.2` is a version too.
_VERSION = re.compile(r"v?\d+(\.\d+){0,2}(-[0-9A-Za-z.-]+)?(\+[0-9A-Za-z.-]+)?")


@dataclass
class _File:
    """The entries, each with its name and logical name, the name table, what is wrong, and at the end all URNs by name."""

    entries: list[dict[str, Any]]
    table: Mapping[str, str]
    errors: list[str] = field(default_factory=list)
    urns: Mapping[str, str] = field(default_factory=dict)

    def is_ambiguous(self, name: str) -> bool:
        """Whether several entries have the name, which is wrong only where something refers to it."""
        return sum(entry["name"] == name for entry in self.entries) > 1

    def raise_errors(self) -> None:
        """Tell all that is wrong at once, as the official CLI does."""
        if self.errors:
            count = "1 error" if len(self.errors) == 1 else f"{len(self.errors)} errors"
            lines = "".join(f"\t* {error}\n" for error in self.errors)
            raise EngineError(f"{count} occurred:\n{lines}")


def read_import_file(path: Path, stack: str, project: str) -> list[ImportSpec]:
    """The resources of an import file, parents and providers before those that name them, else in the file's order.

    The inputs of providers are as the file has them: secrets in them are encrypted. Keys that mean nothing are warned of.

    Raises:
        EngineError: The file cannot be read, or something in it is wrong: all of it is told.
    """
    file = _read(path)
    for index, entry in enumerate(file.entries):
        _check(file, index, entry)
    file.raise_errors()
    found = _resolve(file, stack, project)
    file.raise_errors()
    specs = [_spec(file, entry, parent) for entry, parent in found]
    file.raise_errors()
    return specs


def _read(path: Path) -> _File:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        file = _File([dict(entry) for entry in content["resources"]], dict(content.get("nameTable") or {}))
    except OSError as error:
        raise EngineError(f"could not read import file: {path}: {error.strerror}") from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise EngineError(f"could not read import file: {path}: {error!r}") from error
    for entry in file.entries:
        entry["name"], entry["logicalName"] = (
            entry.get("name") or entry.get("logicalName") or "",
            entry.get("logicalName") or entry.get("name") or "",
        )
    return file


def _check(file: _File, index: int, entry: Mapping[str, Any]) -> None:
    name = entry["name"] or entry.get("id")
    described = f"resource '{name}'" if name else f"resource {index}"
    if entry.get("type"):
        described += f" of type '{entry['type']}'"
    component, has_id = bool(entry.get("component")), bool(entry.get("id"))
    provider = urns.is_provider_type(entry.get("type") or "")
    for key in sorted(set(entry) - _KEYS):
        terminal.warn(f"{described} has the key '{key}', which import files do not have: it is ignored")
    wrong = {
        "has no type": not entry.get("type"),
        "has no name": not entry["name"],
        "has no ID": not component and not has_id and not provider,
        "has an ID, but is marked as a component": component and has_id,
        "is marked as remote, but not as a component": bool(entry.get("remote")) and not component,
        "has inputs, which only providers may have": bool(entry.get("inputs")) and not provider,
        "is a provider with an ID: providers are made, not imported": provider and has_id,
    }
    file.errors.extend(f"{described} {text}" for text, holds in wrong.items() if holds)


def _described(entry: Mapping[str, Any]) -> str:
    return f"resource '{entry['name']}' of type '{entry['type']}'"


def _resolve(file: _File, stack: str, project: str) -> list[tuple[dict[str, Any], str]]:
    """The entries with their parents' URNs, each when its parent is known."""
    names = {entry["name"] for entry in file.entries}
    known, taken = dict(file.table), set(file.table.values())
    found: list[tuple[dict[str, Any], str]] = []
    waiting = []
    for entry in file.entries:
        parent = entry.get("parent") or ""
        if parent and file.is_ambiguous(parent):
            file.errors.append(f"{_described(entry)} has an ambiguous parent")
        elif parent and parent not in known and parent not in names:
            file.errors.append(f"the parent '{parent}' for {_described(entry)} has no entry in 'nameTable'")
        else:
            waiting.append(entry)
    while not file.errors and waiting:
        later = []
        for entry in waiting:
            parent, provider = entry.get("parent") or "", entry.get("provider") or ""
            if (parent and parent not in known) or (provider in names and provider not in known):
                later.append(entry)
                continue
            parent_urn = known[parent] if parent else ""
            urn = urns.child(stack, project, parent_urn, entry["type"], entry["logicalName"])
            if urn in taken:
                text = "has an ambiguous URN, set name (or logical name) to be unique"
                file.errors.append(f"{_described(entry)} {text}")
            taken.add(urn)
            known.setdefault(entry["name"], urn)
            found.append((entry, parent_urn))
        if len(later) == len(waiting):
            stuck = ", ".join(f"'{entry['name']}'" for entry in later)
            text = "are parents or providers of each other: none of them can be imported first"
            file.errors.append(f"the resources {stuck} {text}")
        waiting = later
    file.urns = known
    return found


def _spec(file: _File, entry: dict[str, Any], parent: str) -> ImportSpec:
    provider, version = entry.get("provider") or "", entry.get("version") or ""
    if provider and file.is_ambiguous(provider):
        file.errors.append(f"{_described(entry)} has an ambiguous provider")
    elif provider and provider not in file.urns:
        file.errors.append(f"the provider '{provider}' for {_described(entry)} has no entry in 'nameTable'")
    if version and not _VERSION.fullmatch(version):
        file.errors.append(f"could not parse version '{version}' for {_described(entry)}")
    return ImportSpec(
        type=entry["type"],
        name=entry["logicalName"],
        id=entry.get("id") or "",
        parent=parent,
        provider=file.urns.get(provider, ""),
        version=version,
        plugin_download_url=entry.get("pluginDownloadUrl") or "",
        properties=tuple(entry.get("properties") or ()),
        component=bool(entry.get("component")),
        remote=bool(entry.get("remote")),
        inputs=dict(entry.get("inputs") or {}),
    )
