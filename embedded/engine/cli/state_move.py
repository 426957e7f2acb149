"""`pulumi state move`: resources, with their children and copies of their providers, from one stack to another.

Source: pkg/cmd/pulumi/state/state_move.go of Pulumi 3.260.0.
"""

from __future__ import annotations

from collections.abc import Collection
from contextlib import ExitStack
from dataclasses import dataclass, field

from embedded.engine import snapshot as snapshots
from embedded.engine import state as states
from embedded.engine import urn as urns
from embedded.engine.backend.recovery import recover
from embedded.engine.backend.references import StackReference
from embedded.engine.cli import terminal
from embedded.engine.cli.command import YES_FLAG, Call, command
from embedded.engine.cli.flags import Flag
from embedded.engine.errors import EngineError
from embedded.engine.secrets import SecretsManager
from embedded.engine.state import Resource, Snapshot
from embedded.engine.values import equal


@dataclass
class _Side:
    """One of the two stacks."""

    reference: StackReference
    snapshot: Snapshot
    manager: SecretsManager | None
    broken: list[str] = field(default_factory=list)


@command(
    "<urn>...",
    minimum=1,
    maximum=None,
    flags=(
        YES_FLAG,
        Flag("source", "The name of the stack to move resources from", "string", default=""),
        Flag("dest", "The name of the stack to move resources to", "string", default=""),
        Flag("include-parents", "Include all the parents of the moved resources as well"),
    ),
)
def move(call: Call) -> None:
    """Move resources from one stack to another

    This command can be used to move resources from one stack to another. Children go with their parents, providers are copied;
    dependencies between what goes and what stays are dropped and told. Nothing is changed but the two states.
    """
    session, flags = call.session, call.flags
    if not flags["source"] and not flags["dest"]:
        raise EngineError("at least one of --source or --dest must be provided")
    source = session.require_stack(flags["source"])
    dest = session.require_stack(flags["dest"])
    if source == dest:
        raise EngineError("source and destination are the same stack")
    with ExitStack() as locks:
        for reference in sorted((source, dest)):
            locks.enter_context(session.backend.lock(reference))
        here, there = _open(call, source), _open(call, dest)
        moved = _move(here, there, set(call.arguments), flags["include_parents"])
        _tell(here, there, moved)
        if not flags["yes"]:
            _confirm(call)
        # The destination first: whatever happens, each resource is in one of the states at least.
        for side in (there, here):
            _save(call, side)
    terminal.out(f"Successfully moved resources from {source.qualified_name} to {dest.qualified_name}")


def _open(call: Call, reference: StackReference) -> _Side:
    session = call.session
    checkpoint = recover(session.backend, reference)
    manager = session.state_manager(checkpoint)
    snapshot = states.deployment_from_json(checkpoint.deployment or {}, manager.decrypt if manager else None)
    if found := snapshots.problems(snapshot):
        raise EngineError(
            f"the state of {reference.qualified_name} is invalid: {found[0]} (`pulumi state repair` may help)"
        )
    return _Side(reference, snapshot, manager)


def _save(call: Call, side: _Side) -> None:
    if found := snapshots.problems(side.snapshot):
        raise EngineError(f"the move would make the state of {side.reference.qualified_name} invalid: {found[0]}")
    side.snapshot.manifest = states.Manifest.now()
    deployment = states.deployment_to_json(side.snapshot, side.manager.encrypt if side.manager else None)
    call.session.backend.save(side.reference, deployment, states.features_of(side.snapshot))


def _confirm(call: Call) -> None:
    if not call.session.interactive:
        raise EngineError("--yes must be passed in to proceed when running in non-interactive mode")
    question = "Do you want to perform this move?"
    if terminal.choose(question, ("yes", "no"), "no", call.session.color) == "no":
        terminal.out("Confirmation denied, not proceeding with the state move")
        raise terminal.ConfirmationDeclined


def _tell(here: _Side, there: _Side, moved: list[Resource]) -> None:
    source, dest = here.reference.qualified_name, there.reference.qualified_name
    terminal.out(f"Planning to move the following resources from {source} to {dest}:\n")
    for resource in moved:
        terminal.out(f"  - {resource.urn}")
    terminal.out()
    texts = (
        (here, f"The following resources remaining in {source} have dependencies on resources moved to {dest}:\n"),
        (there, f"The following resources being moved to {dest} have dependencies on resources in {source}:\n"),
    )
    for side, text in texts:
        if side.broken:
            terminal.out(text + "".join(f"\n  - {line}" for line in side.broken) + "\n")


# --- the move --------------------------------------------------------------------------------------------------------


def _move(here: _Side, there: _Side, named: set[str], include_parents: bool) -> list[Resource]:
    """Move the resources between the snapshots; returns them as they were, in order."""
    chosen = _chosen(here.snapshot, named, include_parents)
    moved = [item for item in here.snapshot.resources if item.urn in chosen]
    rest = [item for item in here.snapshot.resources if item.urn not in chosen]
    used = {item.provider for item in moved}
    providers = [item for item in rest if urns.provider_reference(item.urn, item.id) in used]
    root = _root(there)
    present = {item.urn: item for item in there.snapshot.resources}
    renamed: dict[str, str] = {}
    references: dict[str, str] = {}
    for provider in providers:
        copy = _transplanted(provider, there, root, chosen, renamed, references)
        same = present.get(copy.urn)
        if same is not None and same.id != copy.id and not equal(same.inputs, copy.inputs):
            raise EngineError(f"provider {copy.urn} already exists in destination stack")
        target = same or copy
        references[urns.provider_reference(provider.urn, provider.id)] = urns.provider_reference(target.urn, target.id)
        if same is None:
            there.snapshot.resources.append(copy)
    for resource in moved:
        copy = _transplanted(resource, there, root, chosen, renamed, references)
        renamed[resource.urn] = copy.urn
        if copy.urn in present:
            raise EngineError(f"resource {copy.urn} already exists in destination stack")
        there.snapshot.resources.append(copy)
    here.snapshot.resources = [_without(item, chosen, here.broken) for item in rest]
    return moved


def _chosen(snapshot: Snapshot, named: set[str], include_parents: bool) -> set[str]:
    by_urn = {item.urn: item for item in snapshot.resources}
    for urn in sorted(named - by_urn.keys()):
        terminal.warn(f"Resource {urn} not found in source stack")
    chosen = {urn for urn in named if urn in by_urn}
    if any(by_urn[urn].is_provider for urn in chosen):
        raise EngineError(
            "cannot move providers. Only resources can be moved, and providers will be included automatically"
        )
    if not chosen:
        raise EngineError(
            "no resources found to move\nTo see the list of URNs in a stack, use `pulumi stack --show-urns`."
        )
    if include_parents:
        for urn in list(chosen):
            parent = by_urn[urn].parent
            # Not the stack itself: all that it has would go along.
            while parent and by_urn[parent].type != urns.ROOT_STACK_TYPE:
                chosen.add(parent)
                parent = by_urn[parent].parent
    for item in snapshot.resources:
        if item.parent in chosen and not item.is_provider:
            chosen.add(item.urn)
    return {urn for urn in chosen if by_urn[urn].type != urns.ROOT_STACK_TYPE}


def _root(side: _Side) -> str:
    """The URN of the stack's own resource, made if there is none."""
    for item in side.snapshot.resources:
        if item.type == urns.ROOT_STACK_TYPE and not item.parent:
            return item.urn
    reference = side.reference
    name = f"{reference.project}-{reference.name}"
    urn = urns.make(reference.name, reference.project, "", urns.ROOT_STACK_TYPE, name)
    now = states.timestamp()
    root = Resource(urn=urn, type=urns.ROOT_STACK_TYPE, custom=False, created=now, modified=now)
    side.snapshot.resources.insert(0, root)
    return urn


def _transplanted(
    resource: Resource,
    there: _Side,
    root: str,
    chosen: Collection[str],
    renamed: dict[str, str],
    references: dict[str, str],
) -> Resource:
    """The resource as the other stack holds it: its URNs rewritten, nothing of what stays referred to."""
    staying = {urn for urn in resource.references() if urn not in chosen}
    provider_urn = resource.provider.rpartition("::")[0]
    copy = _without(resource, staying - {resource.parent, provider_urn}, there.broken)
    parent = renamed.get(resource.parent, root)
    reference = there.reference
    return copy.copy(
        urn=urns.child(reference.name, reference.project, parent, resource.type, urns.name_of(resource.urn)),
        parent=parent,
        provider=references.get(resource.provider, resource.provider),
        dependencies=[renamed.get(urn, urn) for urn in copy.dependencies],
        property_dependencies={
            key: [renamed.get(urn, urn) for urn in found] for key, found in copy.property_dependencies.items()
        },
        deleted_with=renamed.get(copy.deleted_with, copy.deleted_with),
        replace_with=[renamed.get(urn, urn) for urn in copy.replace_with],
    )


def _without(resource: Resource, gone: Collection[str], broken: list[str]) -> Resource:
    """The resource without its dependencies on the given URNs, each told in `broken`."""
    lost = {urn for urn in (*resource.dependencies, *resource.replace_with, resource.deleted_with) if urn in gone}
    lost |= {urn for found in resource.property_dependencies.values() for urn in found if urn in gone}
    broken.extend(f"{resource.urn} has a dependency on {urn}" for urn in sorted(lost))
    if not lost:
        return resource
    return resource.copy(
        dependencies=[urn for urn in resource.dependencies if urn not in lost],
        property_dependencies={
            key: [urn for urn in found if urn not in lost] for key, found in resource.property_dependencies.items()
        },
        deleted_with="" if resource.deleted_with in lost else resource.deleted_with,
        replace_with=[urn for urn in resource.replace_with if urn not in lost],
    )
