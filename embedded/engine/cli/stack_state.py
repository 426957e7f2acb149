"""`pulumi stack output`, `export`, `import` and `graph`."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from embedded.engine import snapshot as snapshots
from embedded.engine import state, values
from embedded.engine import urn as urns
from embedded.engine.backend.files import write_atomically
from embedded.engine.backend.recovery import current_checkpoint, recover
from embedded.engine.cli import terminal
from embedded.engine.cli.command import JSON_FLAG, SHOW_SECRETS_FLAG, STACK_FLAG, Call, command
from embedded.engine.cli.deployments import outputs_of, show_secrets_in, text_of_output
from embedded.engine.cli.flags import Flag
from embedded.engine.cli.stack import print_outputs
from embedded.engine.errors import EngineError
from embedded.engine.secrets import SecretsManager, manager_of


@command(
    "[property-name]",
    maximum=1,
    flags=(STACK_FLAG, JSON_FLAG, SHOW_SECRETS_FLAG, Flag("shell", "Emit output as a shell script")),
)
def output(call: Call) -> None:
    """Show a stack's output properties

    By default, this command lists all output properties exported from a stack. If a specific property-name is supplied, just
    that property's value is shown.
    """
    session, flags = call.session, call.flags
    if flags["json"] and flags["shell"]:
        raise EngineError("only one of --json and --shell may be set")
    reference = session.require_stack(flags["stack"])
    checkpoint = current_checkpoint(session.backend, reference)
    manager = session.state_manager(checkpoint) if flags["show_secrets"] else None
    outputs = outputs_of(checkpoint, manager)
    if not call.arguments:
        _print_all(outputs, flags)
        return
    name = call.argument(0)
    if name not in outputs:
        raise EngineError(f"current stack does not have output property '{name}'")
    value = outputs[name]
    if flags["json"]:
        terminal.out_json(value, sort_keys=True)
    else:
        terminal.out(f"{name}={shell_quote(text_of_output(value))}" if flags["shell"] else text_of_output(value))


def _print_all(outputs: dict[str, Any], flags: dict[str, Any]) -> None:
    if flags["json"]:
        terminal.out_json(outputs, sort_keys=True)
    elif flags["shell"]:
        for name in sorted(outputs):
            terminal.out(f"{name}={shell_quote(text_of_output(outputs[name]))}")
    else:
        print_outputs(outputs)


_SHELL_SPECIAL = "\\'\"`${[|&;<>()*?!"


def shell_quote(text: str) -> str:
    """The text as a word of a POSIX shell: special characters behind backslashes; in quotes if it has blanks."""
    if not text:
        return "''"
    if any(char in " \t\n" for char in text):
        return "\\'".join(f"'{part}'" if part else "" for part in text.split("'"))
    escaped = "".join(f"\\{char}" if char in _SHELL_SPECIAL else char for char in text)
    return f"\\{escaped}" if escaped.startswith("~") else escaped


# --- export and import -----------------------------------------------------------------------------------------------


@command(
    flags=(
        STACK_FLAG,
        SHOW_SECRETS_FLAG,
        Flag("file", "A filename to write stack output to", "string", default=""),
        Flag("version", "Previous stack version to export; a file backend keeps no versions", "string", default=""),
    ),
)
def export(call: Call) -> None:
    """Export a stack's deployment to standard out

    The deployment can then be hand-edited and used to update the stack via `pulumi stack import`. This process may be used to
    correct inconsistencies in a stack's state due to failed deployments, manual changes to cloud resources, etc.
    """
    session = call.session
    reference = session.require_stack(call.flags["stack"])
    if call.flags["version"]:
        raise EngineError("the current backend does not provide the ability to export previous deployments")
    checkpoint = current_checkpoint(session.backend, reference)
    deployment = checkpoint.deployment
    if deployment is not None and call.flags["show_secrets"]:
        deployment = show_secrets_in(deployment, session.state_manager(checkpoint))
    whole: dict[str, Any] = {"version": state.schema_version(checkpoint.features)}
    if checkpoint.features:
        whole["features"] = checkpoint.features
    text = values.dumps({**whole, "deployment": deployment}, indent=4) + "\n"
    if call.flags["file"]:
        write_atomically(Path(call.flags["file"]), text.encode(), durable=False)
    else:
        sys.stdout.write(text)


@command(
    flags=(
        STACK_FLAG,
        Flag("file", "A filename to read stack input from", "string", default=""),
        Flag(
            "force",
            "Force the import to occur, even if apparent errors are discovered beforehand (not recommended)",
            short="f",
        ),
    ),
)
def import_(call: Call) -> None:
    """Import a deployment from standard in into an existing stack

    A deployment that was exported from a stack using `pulumi stack export` and hand-edited to correct inconsistencies due to
    failed updates, manual changes to cloud resources, etc. can be reimported to the stack using this command.
    """
    session = call.session
    reference = session.require_stack(call.flags["stack"])
    version, features, deployment = _read_export(call.flags["file"])
    state.check_schema(version, features, "could not import the deployment")
    _check_urns(deployment, reference.name, call.flags["force"])
    with session.backend.lock(reference):
        recover(session.backend, reference)
        snapshot = state.deployment_from_json(deployment, None)
        found = snapshots.problems(snapshot)
        if found and not call.flags["force"]:
            lines = "".join(f"\n  {line}" for line in found)
            raise EngineError(
                f"state file contains errors:{lines}\nimporting this file could be dangerous; rerun with --force to proceed anyway"
            )
        manager = _import_manager(call, deployment, snapshot)
        if manager is not None:
            snapshot.secrets_provider = manager.state
        snapshot.manifest = state.Manifest.now()
        written = state.deployment_to_json(snapshot, manager.encrypt if manager else None)
        session.backend.save(reference, written, state.features_of(snapshot))
    terminal.out("Import complete.")


def _read_export(path: str) -> tuple[int, list[str], dict[str, Any]]:
    where = path or "standard input"
    try:
        text = Path(path).read_text(encoding="utf-8") if path else sys.stdin.read()
        whole = json.loads(text)
        deployment = whole["deployment"] or {}
        if not isinstance(deployment, dict):
            raise TypeError("the deployment is no object")
        return whole["version"], whole.get("features") or [], deployment
    except OSError as error:
        raise EngineError(f"could not open file: {path}: {error.strerror}") from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise EngineError(f"could not deserialize deployment: {where} is no export of a stack: {error!r}") from error


def _check_urns(deployment: dict[str, Any], stack: str, force: bool) -> None:
    resources = deployment.get("resources") or []
    foreign = [item["urn"] for item in resources if urns.parse(item.get("urn", "")).stack != stack]
    if foreign and not force:
        other = urns.parse(foreign[0]).stack
        raise EngineError(
            f"resource '{foreign[0]}' is from a different stack ({other} != {stack})\n"
            "importing this file could be dangerous; rerun with --force to proceed anyway"
        )


def _import_manager(call: Call, deployment: dict[str, Any], snapshot: state.Snapshot) -> SecretsManager | None:
    """What encrypts the imported secrets: the provider that the file names, else the stack's own."""
    session = call.session
    provider = deployment.get("secrets_providers")
    if provider and provider.get("type"):
        salt = (provider.get("state") or {}).get("salt") or ""
        file = session.stack_file(session.require_stack(call.flags["stack"])) if session.optional_project else None
        if file is not None and file.encryption_salt and file.encryption_salt == salt:
            return (
                session.manager_of_salt(salt)
                if _has_plain_secrets(snapshot)
                else manager_of(provider, session.passphrase)
            )
        return manager_of(provider, session.passphrase)
    if not session.optional_project:
        return None
    return session.config_manager(session.stack_file(session.require_stack(call.flags["stack"])))


def _has_plain_secrets(snapshot: state.Snapshot) -> bool:
    bags = [bag for item in snapshot.resources for bag in (item.inputs, item.outputs)]
    return any(isinstance(value, values.Secret) for bag in bags for value in values.walk(bag))


# --- graph -----------------------------------------------------------------------------------------------------------


@command(
    "<filename>",
    minimum=1,
    maximum=1,
    flags=(
        STACK_FLAG,
        Flag("ignore-parent-edges", "Ignores edges introduced by parent/child resource relationships"),
        Flag("ignore-dependency-edges", "Ignores edges introduced by dependency resource relationships"),
        Flag("dependency-edge-color", "Sets the color of dependency edges in the graph", "string", default="#246C60"),
        Flag("parent-edge-color", "Sets the color of parent edges in the graph", "string", default="#AA6639"),
        Flag("short-node-name", "Sets the resource name as the node label for each node of the graph"),
        Flag(
            "dot-fragment",
            "An optional DOT fragment that will be inserted at the top of the digraph element",
            "string",
            default="",
        ),
    ),
)
def graph(call: Call) -> None:
    """Export a stack's dependency graph to a file

    This command can be used to view the dependency graph that a Pulumi program produced when it was run. This graph is output
    in the DOT format.
    """
    session = call.session
    reference = session.require_stack(call.flags["stack"])
    resources = current_checkpoint(session.backend, reference).resources
    if not resources:
        raise EngineError(f'unable to find snapshot for stack "{session.show_name(reference)}"')
    path = Path(call.argument(0))
    write_atomically(path, "\n".join((*_graph_lines(resources, call), "")).encode(), durable=False, private=False)
    terminal.note(f"Wrote stack dependency graph to `{path}`")


def _graph_lines(resources: list[dict[str, Any]], call: Call) -> Iterable[str]:
    flags = call.flags
    numbers: dict[str, str] = {}

    def node(urn: str) -> str:
        return numbers.setdefault(urn, f"Resource{len(numbers)}")

    known = {item["urn"] for item in resources}
    users = _users(resources)
    yield "strict digraph {"
    if flags["dot_fragment"]:
        yield flags["dot_fragment"]
    for item in sorted(resources, key=lambda item: item["urn"]):
        urn = item["urn"]
        label = urns.name_of(urn) if flags["short_node_name"] else urn
        yield f"    {node(urn)} [label={json.dumps(label, ensure_ascii=False)}];"
        if item.get("parent") in known and not flags["ignore_parent_edges"]:
            yield f'    {node(urn)} -> {node(item["parent"])} [color = "{flags["parent_edge_color"]}"];'
        for user, names in users.get(urn, {}).items() if not flags["ignore_dependency_edges"] else ():
            shown = f', label = "{", ".join(names)}"' if names else ""
            yield f'    {node(urn)} -> {node(user)} [color = "{flags["dependency_edge_color"]}"{shown}];'
    yield "}"


def _users(resources: list[dict[str, Any]]) -> dict[str, dict[str, list[str]]]:
    """By URN: which resources depend on it, and by which of their properties."""
    users: dict[str, dict[str, list[str]]] = {}
    for item in resources:
        for urn in item.get("dependencies") or ():
            users.setdefault(urn, {}).setdefault(item["urn"], [])
        for name, on in sorted((item.get("propertyDependencies") or {}).items()):
            for urn in on or ():
                users.setdefault(urn, {}).setdefault(item["urn"], []).append(name)
    return users
