"""`pulumi state`: delete, protect, unprotect, taint, untaint and rename, straight in the state; no provider is asked."""

from __future__ import annotations

import json
from collections.abc import Callable

from embedded.engine import snapshot as snapshots
from embedded.engine import state as states
from embedded.engine import urn as urns
from embedded.engine.backend.recovery import recover
from embedded.engine.backend.renames import rewrite_urns
from embedded.engine.cli import terminal
from embedded.engine.cli.command import STACK_FLAG, YES_FLAG, Call, command
from embedded.engine.cli.flags import Flag
from embedded.engine.errors import EngineError
from embedded.engine.state import Resource, Snapshot

_FLAGS = (STACK_FLAG, YES_FLAG)
Edit = Callable[[Snapshot], Snapshot | None]


def _edit(call: Call, edit: Edit) -> None:
    """Change the state of a command line's stack: read, confirmed, changed, checked, written under the lock.

    Raises:
        EngineError: The change is not possible, or would leave the state invalid.
    """
    session = call.session
    reference = session.require_stack(call.flags["stack"])
    if session.interactive and not call.flags["yes"]:
        question = "This command will edit your stack's state directly. Confirm?"
        if terminal.choose(question, ("yes", "no"), "no", session.color) == "no":
            terminal.out("confirmation declined")
            raise terminal.ConfirmationDeclined
    with session.backend.lock(reference):
        checkpoint = recover(session.backend, reference)
        snapshot = states.deployment_from_json(checkpoint.deployment or {}, None)
        snapshot = edit(snapshot) or snapshot
        found = snapshots.problems(snapshot)
        if found:
            raise EngineError(f"the edit would make the state invalid: {found[0]}")
        snapshot.manifest = states.Manifest.now()
        deployment = states.deployment_to_json(snapshot, None)
        session.backend.save(reference, deployment, states.features_of(snapshot))


def _locate(snapshot: Snapshot, urn: str) -> Resource:
    """The one resource of a URN.

    Raises:
        EngineError: There is none, or there are several.
    """
    if not urns.is_valid(urn):
        raise EngineError(
            f'"{urn}" is not a valid resource URN\nTo see the list of URNs in a stack, use `pulumi stack --show-urns`.'
        )
    found = [item for item in snapshot.resources if item.urn == urn]
    live = [item for item in found if not item.delete] or found
    if not live:
        raise EngineError(
            f'No such resource "{urn}" exists in the current state\n'
            "To see the list of URNs in a stack, use `pulumi stack --show-urns`."
        )
    if len(live) > 1:
        raise EngineError(f"Resource URN ambiguously referred to multiple resources: {urn}")
    return live[0]


# --- delete ----------------------------------------------------------------------------------------------------------


@command(
    "[resource-urn]...",
    maximum=None,
    flags=(
        *_FLAGS,
        Flag("force", "Force deletion of protected resources"),
        Flag("all", "Delete all resources in the stack"),
        Flag("target-dependents", "Delete the URN and all its dependents"),
    ),
)
def delete(call: Call) -> None:
    """Deletes a resource from a stack's state

    This command deletes a resource from a stack's state, as long as it is safe to do so. The resource itself is not touched.
    Resources can't be deleted if other resources depend on it or are parented to it. Protected resources will not be deleted
    unless --force is given.
    """
    everything = call.flags["all"]
    if everything and call.arguments:
        raise EngineError("cannot specify a resource URN when deleting all resources")
    if not everything and not call.arguments:
        raise EngineError("Must supply <resource URN> unless pulumi is run interactively")
    count = 0

    def edit(snapshot: Snapshot) -> None:
        nonlocal count
        targets = (
            list(reversed(snapshot.resources)) if everything else [_locate(snapshot, urn) for urn in call.arguments]
        )
        for target in sorted(targets, key=snapshot.resources.index, reverse=True):
            if target in snapshot.resources:
                _delete_one(snapshot, target, targets, call)
                count += 1

    _edit(call, edit)
    terminal.out(
        "Resources deleted" if everything else "Resource deleted" if count == 1 else f"{count} resources deleted"
    )


def _delete_one(snapshot: Snapshot, target: Resource, targets: list[Resource], call: Call) -> None:
    dependents = _dependents(snapshot, target)
    for item in (target, *(dependents if call.flags["target_dependents"] else ())):
        if item.protect and not call.flags["force"]:
            raise EngineError(
                f"{item.urn} can't be safely deleted because it is protected. Re-run this command with --force to force deletion"
            )
        if item.protect:
            terminal.warn(f"deleting protected resource {item.urn} due to presence of --force")
    if dependents and not call.flags["target_dependents"]:
        lines = "".join(f' * "{urns.name_of(item.urn)}" ({item.urn})\n' for item in dependents if item not in targets)
        if lines:
            raise EngineError(
                f"{target.urn} can't be safely deleted because the following resources depend on it:\n{lines}\n"
                "Delete those resources first or pass --target-dependents."
            )
    gone = [target, *dependents]
    snapshot.resources = [item for item in snapshot.resources if item not in gone]


def _dependents(snapshot: Snapshot, target: Resource) -> list[Resource]:
    """All that could not stay without the resource: while another copy of its URN stays, only what a provider's own id serves."""
    condemned = {target.urn}
    if any(item.urn == target.urn and item is not target for item in snapshot.resources):
        condemned.clear()
    providers = {urns.provider_reference(target.urn, target.id)}
    found: list[Resource] = []
    for item in snapshot.resources:
        if item is not target and (item.provider in providers or any(urn in condemned for urn in item.references())):
            found.append(item)
            condemned.add(item.urn)
            providers.add(urns.provider_reference(item.urn, item.id))
    return found


# --- protect, taint --------------------------------------------------------------------------------------------------

_ALL_FLAG = Flag("all", "All resources in the checkpoint")


def _mark(call: Call, attribute: str, value: bool, done: str) -> None:
    if not call.arguments and not call.flags.get("all"):
        raise EngineError("Must supply <resource URN> unless pulumi is run interactively")

    def edit(snapshot: Snapshot) -> None:
        chosen = snapshot.resources if call.flags.get("all") else [_locate(snapshot, urn) for urn in call.arguments]
        for resource in chosen:
            setattr(resource, attribute, value)

    _edit(call, edit)
    count = len(call.arguments)
    terminal.out(
        f"All resources {done}"
        if call.flags.get("all")
        else f"Resource {done}"
        if count == 1
        else f"{count} resources {done}"
    )


@command("[resource-urn]...", maximum=None, flags=(*_FLAGS, _ALL_FLAG))
def protect(call: Call) -> None:
    """Protect resource in a stack's state

    This command sets the 'protect' bit on one or more resources, preventing those resources from being deleted.
    """
    _mark(call, "protect", True, "protected")


@command("[resource-urn]...", maximum=None, flags=(*_FLAGS, _ALL_FLAG))
def unprotect(call: Call) -> None:
    """Unprotect resources in a stack's state

    This command clears the 'protect' bit on one or more resources, allowing those resources to be deleted.
    """
    _mark(call, "protect", False, "unprotected")


@command("[resource-urn]...", maximum=None, flags=_FLAGS)
def taint(call: Call) -> None:
    """Taint one or more resources in the stack's state

    Tainted resources are replaced by the next update.
    """
    _mark(call, "taint", True, "tainted")


@command("[resource-urn]...", maximum=None, flags=(*_FLAGS, _ALL_FLAG))
def untaint(call: Call) -> None:
    """Untaint one or more resources in the stack's state

    The next update no longer replaces them.
    """
    _mark(call, "taint", False, "untainted")


# --- rename ----------------------------------------------------------------------------------------------------------


@command("<resource-urn> <new-name>", minimum=0, maximum=2, flags=_FLAGS)
def rename(call: Call) -> None:
    """Renames a resource from a stack's state

    The resource is specified by its URN; whatever refers to it is changed with it.
    """
    if len(call.arguments) < 2:
        raise EngineError("Must supply <resource URN> and <new name> unless pulumi is run interactively")
    urn, name = call.arguments
    if not urns.is_valid(urn):
        raise EngineError("The provided input URN is not valid")
    if not urns.is_qualified_name(name):
        reason = "resource names may only contain alphanumerics, underscores, hyphens, dots, and slashes"
        raise EngineError(f"invalid name {json.dumps(name, ensure_ascii=False)}: {reason}")
    parts = urns.parse(urn)
    new = str(parts._replace(name=name))

    def edit(snapshot: Snapshot) -> Snapshot:
        _locate(snapshot, urn)
        if any(item.urn == new for item in snapshot.resources):
            raise EngineError("The chosen new urn for the state corresponds to an already existing resource")
        renamed = rewrite_urns(states.deployment_to_json(snapshot, None), lambda old: new if old == urn else old)
        return states.deployment_from_json(renamed, None)

    _edit(call, edit)
    terminal.out("Resource renamed")
