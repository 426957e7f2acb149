"""`pulumi state repair` and `edit`: for states that no deployment would take."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import tempfile
from pathlib import Path

from embedded.engine import snapshot as snapshots
from embedded.engine import state as states
from embedded.engine import urn as urns
from embedded.engine import values
from embedded.engine.backend.recovery import recover
from embedded.engine.cli import terminal
from embedded.engine.cli.command import STACK_FLAG, YES_FLAG, Call, command
from embedded.engine.errors import EngineError
from embedded.engine.state import Resource, Snapshot


@command(flags=(STACK_FLAG, YES_FLAG))
def repair(call: Call) -> None:
    """Repair an invalid state

    This command can be used to repair an invalid state file: resources are put after what they depend on, and references to what
    is not there are removed. No resource is removed or touched.
    """
    session = call.session
    reference = session.require_stack(call.flags["stack"])
    with session.backend.lock(reference):
        checkpoint = recover(session.backend, reference)
        snapshot = states.deployment_from_json(checkpoint.deployment or {}, None)
        repaired = repaired_snapshot(snapshot)
        changes = _changes(snapshot, repaired)
        if not changes:
            terminal.out("No state repair is necessary")
            return
        for change in changes:
            terminal.out(f"  - {change}")
        if found := snapshots.problems(repaired):
            raise EngineError(
                f"the state cannot be repaired: {found[0]}; `pulumi stack export` and `import` let you edit it"
            )
        if not call.flags["yes"]:
            _confirm(call)
        repaired.manifest = states.Manifest.now()
        session.backend.save(reference, states.deployment_to_json(repaired, None), states.features_of(repaired))
    terminal.out("State repaired successfully")


def _confirm(call: Call) -> None:
    if not call.session.interactive:
        raise EngineError("--yes must be passed in to proceed when running in non-interactive mode")
    question = "This will edit your stack's state directly. Confirm?"
    if terminal.choose(question, ("yes", "no"), "no", call.session.color) == "no":
        raise terminal.ConfirmationDeclined


def repaired_snapshot(snapshot: Snapshot) -> Snapshot:
    """The snapshot without dangling references, each resource after what it refers to; otherwise in its order."""
    live = {resource.urn for resource in snapshot.resources}
    providers = {urns.provider_reference(item.urn, item.id) for item in snapshot.resources if item.is_provider}
    resources = [_without_dangling(resource, live, providers) for resource in snapshot.resources]
    by_urn: dict[str, Resource] = {}
    for resource in resources:
        if not resource.delete or resource.urn not in by_urn:
            by_urn[resource.urn] = resource
    ordered: dict[int, Resource] = {}
    for resource in resources:
        _place(resource, by_urn, ordered, ())
    return Snapshot(
        manifest=snapshot.manifest,
        secrets_provider=snapshot.secrets_provider,
        resources=list(ordered.values()),
        pending_operations=snapshot.pending_operations,
        metadata=snapshot.metadata,
    )


def _without_dangling(resource: Resource, live: set[str], providers: set[str]) -> Resource:
    return resource.copy(
        parent=resource.parent if resource.parent in live else "",
        provider=resource.provider if resource.provider in providers else "",
        dependencies=[urn for urn in resource.dependencies if urn in live],
        property_dependencies={
            key: [urn for urn in found if urn in live] for key, found in resource.property_dependencies.items()
        },
        deleted_with=resource.deleted_with if resource.deleted_with in live else "",
        replace_with=[urn for urn in resource.replace_with if urn in live],
    )


def _place(
    resource: Resource, by_urn: dict[str, Resource], ordered: dict[int, Resource], above: tuple[int, ...]
) -> None:
    if id(resource) in ordered:
        return
    if id(resource) in above:
        raise EngineError(f"the state cannot be repaired: {resource.urn} depends on itself")
    for urn in resource.references():
        if urn in by_urn and by_urn[urn] is not resource:
            _place(by_urn[urn], by_urn, ordered, (*above, id(resource)))
    ordered[id(resource)] = resource


def _changes(before: Snapshot, after: Snapshot) -> list[str]:
    olds = {(item.urn, item.id, item.delete): item for item in before.resources}
    found = []
    for new in after.resources:
        old = olds[new.urn, new.id, new.delete]
        lost = sorted(set(old.references()) - set(new.references()))
        if old.provider != new.provider:
            lost.append(f"provider {old.provider}")
        found.extend(f"{new.urn}: removed the reference to {urn}" for urn in lost)
    if [item.urn for item in before.resources] != [item.urn for item in after.resources]:
        found.append("resources reordered: each after what it depends on")
    return found


@command(flags=(STACK_FLAG,))
def edit(call: Call) -> None:
    """Edit the current stack's state in your EDITOR

    The state is opened as JSON in the editor of $EDITOR, secrets encrypted. What is saved is checked and written back; an invalid
    state is refused and nothing changes.
    """
    editor = os.environ.get("VISUAL") or os.environ.get("EDITOR")
    if not editor:
        raise EngineError("no EDITOR environment variable set")
    session = call.session
    reference = session.require_stack(call.flags["stack"])
    with session.backend.lock(reference):
        checkpoint = recover(session.backend, reference)
        before = values.dumps(checkpoint.deployment or {}, indent=4) + "\n"
        after = _edited(editor, before)
        if after == before:
            terminal.out("No changes made")
            return
        try:
            snapshot = states.deployment_from_json(json.loads(after), None)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise EngineError(f"the edited text is no state: {error!r}; nothing was changed") from error
        if found := snapshots.problems(snapshot):
            raise EngineError(f"the edited state is invalid: {found[0]}; nothing was changed")
        session.backend.save(reference, states.deployment_to_json(snapshot, None), states.features_of(snapshot))
    terminal.out("State edited")


def _edited(editor: str, text: str) -> str:
    with tempfile.TemporaryDirectory(prefix="pulumi-state-") as folder:
        path = Path(folder) / "state.json"
        path.write_text(text)
        ran = subprocess.run([*shlex.split(editor), str(path)], check=False)
        if ran.returncode:
            raise EngineError(f"the editor `{editor}` ended with {ran.returncode}; nothing was changed")
        return path.read_text()
