"""The state of a stack while a deployment changes it: every change is a journal entry, applied in memory by the same code.

The manager holds two lists: the base (the state before the run) and the current one (what the run has made or seen so far). The
snapshot is the current list, then what is left of the base. An entry is a list of small changes, so that appending costs the
same however large the stack is, and a killed run is recovered from the last checkpoint and the journal.

Changes in an entry, each a JSON list:
    ["begin", key, type, resource]   an operation on the resource begins (creating, updating, deleting, reading, importing)
    ["end", key]                     it ended
    ["put", key, resource]           the resource is added to the current list, or takes the place of that key
    ["keep", key, index]             the base's resource of that index moves to the current list unchanged
    ["done", index]                  the base's resource of that index is gone
    ["base", index, resource]        the base's resource of that index is now so
    ["drop", key]                    the current list's resource of that key is gone
    ["forget"]                       pending operations of the base are settled
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from embedded.engine.errors import InternalError
from embedded.engine.state import (
    Manifest,
    PendingOperation,
    Resource,
    Snapshot,
    resource_from_json,
    resource_to_json,
)


class Journal(Protocol):
    """Where the entries of a run are kept until the checkpoint is written."""

    def append(self, entry: dict[str, Any]) -> None:
        """Keep one entry so that it outlives this process."""
        ...


Change = tuple[Any, ...]


@dataclass
class _Lists:
    """The two lists and the pending operations; `apply` is the only code that changes them."""

    base: list[Resource | None]
    inherited: list[PendingOperation]
    current: dict[int, Resource] = field(default_factory=dict)
    pending: dict[int, PendingOperation] = field(default_factory=dict)

    def apply(self, change: Change) -> None:
        verb, arguments = change[0], change[1:]
        apply = _CHANGES.get(verb)
        if apply is None:
            raise InternalError(f"unknown journal change {verb!r}")
        apply(self, *arguments)

    def begin(self, key: int, type_: str, resource: Resource) -> None:
        self.pending[key] = PendingOperation(resource, type_)

    def end(self, key: int) -> None:
        self.pending.pop(key, None)

    def put(self, key: int, resource: Resource) -> None:
        self.current[key] = resource

    def keep(self, key: int, index: int) -> None:
        resource = self.base[index]
        if resource is not None:
            self.current[key] = resource
            self.base[index] = None

    def done(self, index: int) -> None:
        self.base[index] = None

    def change_base(self, index: int, resource: Resource) -> None:
        if self.base[index] is not None:
            self.base[index] = resource

    def drop(self, key: int) -> None:
        self.current.pop(key, None)

    def forget(self) -> None:
        self.inherited = []

    def snapshot(self, template: Snapshot) -> Snapshot:
        resources = [*self.current.values(), *(resource for resource in self.base if resource is not None)]
        return Snapshot(
            manifest=Manifest.now(),
            secrets_provider=template.secrets_provider,
            resources=in_dependency_order(normalized(resources)),
            pending_operations=[*self.pending.values(), *self.inherited],
            metadata=dict(template.metadata),
        )


_CHANGES: dict[str, Callable[..., None]] = {
    "begin": _Lists.begin,
    "end": _Lists.end,
    "put": _Lists.put,
    "keep": _Lists.keep,
    "done": _Lists.done,
    "base": _Lists.change_base,
    "drop": _Lists.drop,
    "forget": _Lists.forget,
}


def _inherited(base: Snapshot) -> list[PendingOperation]:
    # An interrupted create may have made something that nobody knows of, so only the user can settle it.
    return [operation for operation in base.pending_operations if operation.type == "creating"]


class SnapshotManager:
    """Changes a snapshot step by step, journalling each change before it counts.

    Args:
        base: The state before the run; its resources are those that the steps are given as `old`.
        journal: Takes each entry; None keeps nothing (a preview).
        encrypt: Turns the JSON text of a secret to ciphertext.
    """

    def __init__(self, base: Snapshot, journal: Journal | None, encrypt: Callable[[str], str] | None = None) -> None:
        self._template = base
        self._journal = journal
        self._encrypt = encrypt
        self._lists = _Lists(list(base.resources), _inherited(base))
        self._indices = {id(resource): index for index, resource in enumerate(base.resources)}
        self._keys: dict[int, int] = {}
        # Keys by identity hold only while these objects live.
        self._owned = list(base.resources)
        self._next_key = 1
        self.changed = any(operation.type != "creating" for operation in base.pending_operations)
        # URNs that a killed run was making: whether they came to be is not known.
        self.interrupted_creates = frozenset(operation.resource.urn for operation in _inherited(base))

    def begin(self, type_: str, resource: Resource) -> int:
        """Record that an operation begins; the key ends it."""
        key = self._new_key()
        # Only what is written down may begin.
        self._write([("begin", key, type_, resource)])
        self.changed = True
        self._lists.begin(key, type_, resource)
        return key

    def finish(
        self,
        key: int | None = None,
        *,
        gone: Iterable[Resource] = (),
        changed: Iterable[Resource] = (),
        new: Resource | None = None,
    ) -> None:
        """Record a step's result as one entry: all of it survives a kill, or none.

        Args:
            key: What `begin` gave, if it was called.
            gone: Resources of the base (or made in this run) that are no longer in the state.
            changed: Resources of the base that stay there, changed in place (marked for deletion, say).
            new: The resource that is now in the state.
        """
        changes: list[Change] = [] if key is None else [("end", key)]
        for resource in gone:
            changes.extend(self._gone(resource))
        for resource in changed:
            changes.extend(self._changed(resource))
        if new is not None:
            changes.append(("put", self._key_of(new), new))
        self._record(*changes)

    def keep(self, old: Resource, new: Resource) -> None:
        """Record that a resource stayed exactly as it was; `new` is the object that later changes refer to."""
        index = self._indices.get(id(old))
        if index is None:
            self.finish(new=new, gone=[old])
            return
        key = self._key_of(new)
        self._write([("keep", key, index)])
        self._lists.keep(key, index)
        self._lists.put(key, new)

    def update(self, resource: Resource) -> None:
        """Record that a resource made or seen in this run changed (its outputs were registered)."""
        self.finish(new=resource)

    def settle_create(self, resource: Resource) -> None:
        """Record that an interrupted create did come to be, as the resource given; the other ones stay open."""
        others = [item for item in self._lists.inherited if item.resource.urn != resource.urn]
        settled: list[Change] = [("forget",), ("put", self._key_of(resource), resource)]
        again: list[Change] = [("begin", self._new_key(), item.type, item.resource) for item in others]
        self._record(*settled, *again)

    def settle_pending(self) -> None:
        """Forget the interrupted creates of earlier runs."""
        if self._lists.inherited:
            self._record(("forget",))

    def replace(self, pairs: Iterable[tuple[Resource, Resource | None]]) -> None:
        """Record, as one entry, what resources have become (or None: that they are gone), in the places they have."""
        changes: list[Change] = []
        for old, new in pairs:
            if new is None:
                changes.extend(self._gone(old))
            elif id(old) in self._keys:
                self._keys[id(new)] = key = self._keys[id(old)]
                self._owned.append(new)
                changes.append(("put", key, new))
            else:
                self._indices[id(new)] = index = self._indices.pop(id(old))
                self._owned.append(new)
                changes.append(("base", index, new))
        self._record(*changes)

    def base_resources(self) -> list[Resource]:
        """What is left of the base, in order."""
        return [resource for resource in self._lists.base if resource is not None]

    def live_resources(self) -> list[Resource]:
        """The resources as they are now, the very objects: the current ones, then what is left of the base."""
        return [*self._lists.current.values(), *self.base_resources()]

    def snapshot(self) -> Snapshot:
        """The state as it is now: valid at every moment."""
        return self._lists.snapshot(self._template)

    def _new_key(self) -> int:
        self._next_key += 1
        return self._next_key

    def _key_of(self, resource: Resource) -> int:
        key = self._keys.get(id(resource))
        if key is None:
            key = self._keys[id(resource)] = self._new_key()
            self._owned.append(resource)
        return key

    def _gone(self, resource: Resource) -> list[Change]:
        if id(resource) in self._indices:
            return [("done", self._indices[id(resource)])]
        if id(resource) in self._keys:
            return [("drop", self._keys[id(resource)])]
        return []

    def _changed(self, resource: Resource) -> list[Change]:
        if id(resource) in self._indices:
            return [("base", self._indices[id(resource)], resource)]
        return [("put", self._key_of(resource), resource)] if id(resource) in self._keys else []

    def _record(self, *changes: Change) -> None:
        if not changes:
            return
        self.changed = True
        try:
            self._write(changes)
        finally:
            # It happened, written down or not: the checkpoint at the run's end tells of it.
            for change in changes:
                self._lists.apply(change)

    def _write(self, changes: Iterable[Change]) -> None:
        if self._journal is not None:
            self._journal.append({"changes": [self._encoded(change) for change in changes]})

    def _encoded(self, change: Change) -> list[Any]:
        return [resource_to_json(part, self._encrypt) if isinstance(part, Resource) else part for part in change]


def replay(
    base: Snapshot, entries: Iterable[Mapping[str, Any]], decrypt: Callable[[str], str] | None = None
) -> Snapshot:
    """The snapshot that a killed run left: its base with its journal applied.

    Args:
        base: The checkpoint that the journal was begun on.
        entries: The journal's entries in order; the reader leaves out a torn last line.
        decrypt: Reads secrets; None leaves them sealed, so that no passphrase is needed.
    """
    lists = _Lists(list(base.resources), _inherited(base))
    for entry in entries:
        for change in entry["changes"]:
            parts = [resource_from_json(part, decrypt) if isinstance(part, Mapping) else part for part in change]
            lists.apply(tuple(parts))
    return lists.snapshot(base)


def normalized(resources: list[Resource]) -> list[Resource]:
    """The resources with every reference to an alias rewritten to the URN that took its place, aliases dropped."""
    renamed = {alias: resource.urn for resource in resources for alias in resource.aliases if not resource.delete}
    if not renamed and not any(resource.aliases for resource in resources):
        return resources
    return [_renamed(resource, renamed) for resource in resources]


def _renamed(resource: Resource, renamed: dict[str, str]) -> Resource:
    def new(urn: str) -> str:
        return renamed.get(urn, urn)

    touched = resource.aliases or any(reference in renamed for reference in resource.references())
    if not touched:
        return resource
    provider_urn, separator, provider_id = resource.provider.rpartition("::")
    return resource.copy(
        aliases=[],
        parent=new(resource.parent),
        provider=f"{new(provider_urn)}{separator}{provider_id}",
        dependencies=[new(urn) for urn in resource.dependencies],
        property_dependencies={
            name: [new(urn) for urn in urns] for name, urns in resource.property_dependencies.items()
        },
        deleted_with=new(resource.deleted_with),
        replace_with=[new(urn) for urn in resource.replace_with],
    )


def in_dependency_order(resources: list[Resource]) -> list[Resource]:
    """The same resources with each behind all it refers to; the given order is kept wherever it can be."""
    seen: set[str] = set()
    live = {resource.urn for resource in resources}
    # A provider is meant with its id: an old copy that still serves something must stand before that, too.
    live.update(f"{resource.urn}::{resource.id}" for resource in resources if resource.is_provider)
    for resource in resources:
        if any(urn in live and urn not in seen and urn != resource.urn for urn in _needs(resource)):
            return _sorted_by_dependencies(resources)
        seen.add(resource.urn)
        if resource.is_provider:
            seen.add(f"{resource.urn}::{resource.id}")
    return resources


def _sorted_by_dependencies(resources: list[Resource]) -> list[Resource]:
    # Of several copies of a URN the live one is meant: an old copy may refer to what refers to the live one.
    named: dict[str, Resource] = {}
    for resource in resources:
        if not resource.delete or resource.urn not in named:
            named[resource.urn] = resource
        if resource.is_provider:
            named[f"{resource.urn}::{resource.id}"] = resource
    result: list[Resource] = []
    visited: set[int] = set()
    for root in resources:
        stack = [(root, False)]
        while stack:
            resource, expanded = stack.pop()
            if expanded:
                result.append(resource)
            elif id(resource) not in visited:
                visited.add(id(resource))
                stack.append((resource, True))
                needed = [named[name] for name in _needs(resource) if name in named]
                stack.extend((item, False) for item in reversed(needed) if id(item) not in visited)
    return result


def _needs(resource: Resource) -> list[str]:
    """What must stand before a resource: URNs, and its provider with its id."""
    return [*resource.references(), *([resource.provider] if resource.provider else [])]


def with_references(resources: Sequence[Resource], kept: Iterable[str]) -> set[str]:
    """URNs and all that they need, directly or not: parents, providers, dependencies.

    Args:
        resources: All resources, each after what it refers to.
        kept: The URNs to start from.
    """
    found = set(kept)
    for resource in reversed(resources):
        if resource.urn in found:
            found.update(resource.references())
    return found


def problems(snapshot: Snapshot) -> list[str]:
    """What makes a snapshot invalid, one line each; empty if it is valid.

    Checked: no two live resources of one URN; parents, providers and dependencies stand before their users.
    """
    found: list[str] = []
    seen: set[str] = set()
    live: set[str] = set()
    providers: set[str] = set()
    for resource in snapshot.resources:
        if resource.provider and resource.provider not in providers:
            found.append(f"resource {resource.urn} refers to the missing provider {resource.provider}")
        found.extend(
            f"resource {resource.urn} refers to {urn}, which does not stand before it"
            for urn in resource.references()
            if urn not in seen and not (resource.provider and urn == resource.provider.rpartition("::")[0])
        )
        if not resource.delete and resource.urn in live:
            found.append(f"duplicate resource {resource.urn}")
        seen.add(resource.urn)
        if not resource.delete:
            live.add(resource.urn)
        if resource.is_provider:
            providers.add(f"{resource.urn}::{resource.id}")
    return found
