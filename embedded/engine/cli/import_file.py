"""`preview --import-file`: the resources that a preview would create, as a file for `pulumi import --file`.

Source: pkg/cmd/pulumi/operations/preview.go (buildImportFile) of Pulumi 3.260.0.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from embedded.engine import urn as urns
from embedded.engine import values
from embedded.engine.backend.files import write_atomically
from embedded.engine.events import Event, ResourcePreEvent
from embedded.engine.state import Resource

_PLACEHOLDER = "<PLACEHOLDER>"


def write_import_file(path: str, events: Sequence[Event], encrypt: Callable[[str], str]) -> None:
    """Write the file for the events of a preview; ids are placeholders to be filled in.

    Raises:
        EngineError: The file cannot be written.
    """
    steps = [event.metadata for event in events if isinstance(event, ResourcePreEvent)]
    resources = {step.urn: step.new or step.old for step in steps}
    created = [step.new for step in steps if step.op == "create" and step.new and _is_wanted(step.new)]
    names = _unique_names(list(resources))
    table: dict[str, str] = {}
    importing = {resource.urn for resource in created}

    def named(urn: str) -> str:
        name = names.setdefault(urn, urns.name_of(urn))
        if urn not in importing:
            table[name] = urn
        return name

    entries = [_entry(resource, names, named, resources, encrypt) for resource in created]
    content = {"nameTable": table, "resources": entries} if table else {"resources": entries}
    write_atomically(Path(path), (values.dumps(content, indent=4) + "\n").encode(), durable=False, private=False)


def _is_wanted(resource: Resource) -> bool:
    return resource.type != urns.ROOT_STACK_TYPE and not urns.is_default_provider(resource.urn)


def _unique_names(found: Sequence[str]) -> dict[str, str]:
    """A name for each URN: its own, or with its type (and a number) after it where the name is taken."""
    names: dict[str, str] = {}
    taken: set[str] = set()
    for urn in found:
        name = urns.name_of(urn)
        if name in taken:
            word = urns.type_of(urn).rpartition(":")[2]
            base = f"{name}{word[:1].upper()}{word[1:]}"
            name = next(item for item in _numbered(base) if item not in taken)
        taken.add(name)
        names[urn] = name
    return names


def _numbered(base: str) -> Any:
    yield base
    number = 2
    while True:
        yield f"{base}{number}"
        number += 1


def _entry(
    resource: Resource,
    names: dict[str, str],
    named: Callable[[str], str],
    resources: dict[str, Resource | None],
    encrypt: Callable[[str], str],
) -> dict[str, Any]:
    entry: dict[str, Any] = {"type": resource.type, "name": names[resource.urn]}
    if not resource.custom:
        entry["component"] = True
    elif resource.is_provider:
        known = {key: value for key, value in resource.inputs.items() if not values.contains_unknowns(value)}
        if known:
            entry["inputs"] = values.properties_to_json(known, encrypt)
    else:
        entry["id"] = _PLACEHOLDER
    if resource.parent and urns.type_of(resource.parent) != urns.ROOT_STACK_TYPE:
        entry["parent"] = named(resource.parent)
    if resource.provider:
        provider_urn, _ = urns.split_provider_reference(resource.provider)
        if not urns.is_default_provider(provider_urn):
            entry["provider"] = named(provider_urn)
        provider = resources.get(provider_urn)
        inputs = provider.inputs if provider else {}
        for key, name in (("version", "version"), ("pluginDownloadURL", "pluginDownloadUrl")):
            if isinstance(inputs.get(key), str):
                entry[name] = inputs[key]
    own = urns.name_of(resource.urn)
    if own != entry["name"]:
        entry["logicalName"] = own
    return entry
