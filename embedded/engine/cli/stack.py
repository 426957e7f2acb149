"""`pulumi stack`: show, init, ls, select, unselect, rename, rm; and `pulumi cancel`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from embedded.engine import urn as urns
from embedded.engine.backend import login
from embedded.engine.backend.recovery import current_checkpoint, recover
from embedded.engine.backend.references import StackReference
from embedded.engine.cli import terminal
from embedded.engine.cli.command import SHOW_SECRETS_FLAG, STACK_FLAG, YES_FLAG, Call, command
from embedded.engine.cli.deployments import outputs_of, text_of_output
from embedded.engine.cli.flags import Flag
from embedded.engine.errors import ConfigurationError, EngineError, NoStackSelectedError

_BACKEND_NAME_HELP = "Managed by"


def name_argument(call: Call) -> str:
    """The stack named by --stack or by the first argument.

    Raises:
        EngineError: Both are given.
    """
    if call.flags["stack"] and call.arguments:
        raise EngineError("only one of --stack or argument stack name may be specified, not both")
    return call.flags["stack"] or call.argument(0)


# --- show ------------------------------------------------------------------------------------------------------------


@command(
    flags=(
        STACK_FLAG,
        Flag("show-ids", "Display each resource's provider-assigned unique ID", short="i"),
        Flag("show-urns", "Display each resource's Pulumi-assigned globally unique URN", short="u"),
        SHOW_SECRETS_FLAG,
        Flag("show-name", "Display only the stack name"),
    ),
)
def show(call: Call) -> None:
    """Manage stacks and view stack state

    A stack is a named update target, and a single project may have many of them. Each stack has a configuration and update
    history associated with it, in addition to a full checkpoint of the last known good update.
    """
    session = call.session
    reference = session.require_stack(call.flags["stack"])
    if call.flags["show_name"]:
        terminal.out(reference.qualified_name if session.qualify_names else reference.name)
        return
    checkpoint = current_checkpoint(session.backend, reference)
    terminal.out(f"Current stack is {session.show_name(reference)}:")
    terminal.out(f"    {_BACKEND_NAME_HELP} {backend_name()}")
    manifest = (checkpoint.deployment or {}).get("manifest") or {}
    moment = terminal.parse_time(manifest.get("time") or "")
    if moment:
        terminal.out(f"    Last updated: {terminal.ago(moment)} ({_go_time(manifest['time'])})")
    if manifest.get("version"):
        terminal.out(f"    Pulumi version used: {manifest['version']}")
    if checkpoint.deployment is None:
        terminal.out("    No updates yet; run `pulumi up`")
    _show_resources(checkpoint.resources, call)
    if checkpoint.resources:
        manager = session.state_manager(checkpoint) if call.flags["show_secrets"] else None
        terminal.out()
        print_outputs(outputs_of(checkpoint, manager))
    terminal.out()
    terminal.out("Use `pulumi stack select` to change stack; `pulumi stack ls` lists known ones")


def backend_name() -> str:
    """The name of the backend as listings show it: this host's."""
    import socket

    return socket.gethostname()


def _go_time(text: str) -> str:
    """A UTC time as Go prints it in the local zone of a machine set to UTC."""
    moment = terminal.parse_time(text)
    assert moment is not None
    fraction = f".{text.rstrip('Z').partition('.')[2]}" if "." in text else ""
    local = moment.astimezone()
    return f"{local:%Y-%m-%d %H:%M:%S}{fraction} {local:%z} {local:%Z}"


def _show_resources(resources: list[dict[str, Any]], call: Call) -> None:
    terminal.out(f"Current stack resources ({len(resources)}):")
    if not resources:
        terminal.out("    No resources currently in this stack")
        return
    rows: list[tuple[str, str]] = []
    extra: list[str] = []
    for resource, branch, info in _tree(resources):
        rows.append((branch + resource["type"], urns.name_of(resource["urn"])))
        lines = []
        if call.flags["show_urns"]:
            lines.append(f"    {info}URN: {resource['urn']}")
        if call.flags["show_ids"] and resource.get("id"):
            lines.append(f"    {info}ID: {resource['id']}")
        extra.append("\n".join(lines))
    terminal.out(terminal.table(("TYPE", "NAME"), rows, "    ", extra))


def _tree(resources: list[dict[str, Any]]) -> list[tuple[dict[str, Any], str, str]]:
    """Each resource with the branches before it and before the lines about it; flat if there is no Stack resource."""
    children: dict[str, list[dict[str, Any]]] = {}
    known = {resource["urn"] for resource in resources}
    root = next((item for item in resources if item["type"] == urns.ROOT_STACK_TYPE and not item.get("parent")), None)
    if root is None or any(item.get("parent") and item["parent"] not in known for item in resources):
        return [(item, "", "    ") for item in resources]
    orphans = [item for item in resources if not item.get("parent") and item is not root]
    for item in resources:
        if item.get("parent"):
            children.setdefault(item["parent"], []).append(item)
    children.setdefault(root["urn"], []).extend(orphans)
    result: list[tuple[dict[str, Any], str, str]] = []
    stack: list[tuple[dict[str, Any], str, str]] = [(root, "", "")]
    while stack:
        item, padding, branch = stack.pop()
        below = children.pop(item["urn"], [])
        inner = padding + {"├─ ": "│  ", "└─ ": "   "}.get(branch, "")
        result.append((item, padding + branch, inner + ("│  " if below else "   ")))
        last = len(below) - 1
        stack.extend(
            (child, inner, "└─ " if index == last else "├─ ") for index, child in reversed(list(enumerate(below)))
        )
    return result


def print_outputs(outputs: dict[str, Any]) -> None:
    """Print the table of a stack's outputs."""
    terminal.out(f"Current stack outputs ({len(outputs)}):")
    if not outputs:
        terminal.out("    No output values currently in this stack")
        return
    rows = [(name, text_of_output(outputs[name])) for name in sorted(outputs)]
    terminal.out(terminal.table(("OUTPUT", "VALUE"), rows, "    "))


# --- init, select, unselect ------------------------------------------------------------------------------------------


@command(
    "[<org-name>/]<stack-name>",
    maximum=1,
    flags=(
        Flag("stack", "The name of the stack to create", "string", "s", ""),
        Flag(
            "secrets-provider",
            "The type of the provider that encrypts and decrypts secrets: default, passphrase",
            "string",
            default="",
        ),
        Flag("copy-config-from", "The name of the stack to copy existing config from", "string", default=""),
        Flag("no-select", "Do not select the stack"),
        Flag("teams", "Pulumi Cloud only", "strings", hidden=True),
        YES_FLAG,
    ),
)
def init(call: Call) -> None:
    """Create an empty stack with the given name, ready for updates

    The new stack becomes the current one unless --no-select is given. Its secrets are encrypted under the passphrase of
    PULUMI_CONFIG_PASSPHRASE or PULUMI_CONFIG_PASSPHRASE_FILE.
    """
    session = call.session
    name = name_argument(call)
    if not name and session.interactive:
        name = input("Please enter your desired stack name.\nstack name: ").strip()
    if not name:
        raise EngineError("missing stack name")
    reference = session.backend.parse(name)
    create_stack(call, reference, call.flags["secrets_provider"])
    if call.flags["copy_config_from"]:
        _copy_config(call, session.existing_stack(call.flags["copy_config_from"]), reference)
    if not call.flags["no_select"]:
        login.select_stack(session.backend, session.project, reference)


def create_stack(call: Call, reference: StackReference, secrets_provider: str = "") -> None:
    """Make a stack with its configuration file, and say so.

    Raises:
        EngineError: It exists already, there is no passphrase, or the secrets provider is not supported.
    """
    session = call.session
    if secrets_provider not in ("", "default", "passphrase"):
        raise EngineError(f"unsupported secrets provider '{secrets_provider}' (supported: default, passphrase)")
    if session.backend.exists(reference):
        raise EngineError(f"stack '{reference.qualified_name}' already exists")
    file = session.stack_file(reference)
    manager = session.config_manager(file)
    # A file that is there already may be locked by another passphrase: better known now than at the first update.
    manager.verify()
    session.backend.create(reference, manager.state)
    terminal.note(f"Created stack '{session.show_name(reference)}'")


def _copy_config(call: Call, source: StackReference, target: StackReference) -> None:
    from embedded.engine.cli.config import copy_values

    session = call.session
    source_file, target_file = session.stack_file(source), session.stack_file(target)
    copy_values(session, source_file, target_file, list(source_file.config))
    target_file.save()


@command(
    "[stack-name]",
    maximum=1,
    flags=(
        Flag("stack", "The name of the stack to select", "string", "s", ""),
        Flag("create", "If selected stack does not exist, create it", short="c"),
        Flag("secrets-provider", "Use with --create flag: the secrets provider of the new stack", "string", default=""),
    ),
)
def select(call: Call) -> None:
    """Switch the current workspace to the given stack

    Selecting a stack allows you to use commands like `config`, `preview` and `update` without needing to type the stack name
    each time.
    """
    session = call.session
    name = name_argument(call) or _chosen_name(call)
    reference = session.backend.parse(name)
    if not session.backend.exists(reference) and call.flags["create"]:
        create_stack(call, reference, call.flags["secrets_provider"])
    reference = session.existing_stack(name)
    login.select_stack(session.backend, session.project, reference)


def _chosen_name(call: Call) -> str:
    session = call.session
    names = [session.show_name(item) for item in session.backend.list(session.project.name)]
    if not session.interactive:
        raise NoStackSelectedError
    if not names:
        raise EngineError("no stacks exist in this project; make one with `pulumi stack init`")
    terminal.out("Please choose a stack:")
    for number, name in enumerate(names, 1):
        terminal.out(f"  {number}. {name}")
    answer = input("stack: ").strip()
    return names[int(answer) - 1] if answer.isdecimal() and 0 < int(answer) <= len(names) else answer


@command()
def unselect(call: Call) -> None:
    """Reset stack selection from the current workspace"""
    session = call.session
    login.select_stack(session.backend, session.project, None)
    terminal.note("Stack was unselected")


# --- ls --------------------------------------------------------------------------------------------------------------


@command(
    flags=(
        Flag("json", "Emit output as JSON", short="j"),
        Flag("all", "List all stacks instead of just stacks for the current project", short="a"),
        Flag("organization", "Filter returned stacks to those in a specific organization", "string", "o", ""),
        Flag("project", "Filter returned stacks to those with a specific project name", "string", "p", ""),
        Flag(
            "tag",
            "Filter returned stacks to those in a specific tag (tag-name or tag-name=tag-value)",
            "string",
            "t",
            "",
        ),
    ),
)
def list_stacks(call: Call) -> None:
    """List stacks

    This command lists stacks. By default only stacks with the same project name as the current workspace will be returned.
    """
    session, flags = call.session, call.flags
    if flags["all"] and any(flags[name] for name in ("organization", "project", "tag")):
        raise EngineError("cannot specify --all together with --organization, --project, or --tag")
    project = flags["project"] or None
    if not flags["all"] and project is None:
        if session.optional_project is None:
            raise EngineError("no Pulumi.yaml found; please run this command in a project directory")
        project = session.project.name
    if flags["organization"] not in ("", "organization"):
        found = []
    else:
        found = [item for item in session.backend.list(project) if _has_tag(call, item, flags["tag"])]
    entries = [_list_entry(call, item) for item in found]
    if flags["json"]:
        terminal.out_json(entries)
        return
    rows = []
    for entry in entries:
        moment = terminal.parse_time(entry.get("lastUpdate", ""))
        count = entry.get("resourceCount")
        mark = "*" if entry["current"] else ""
        rows.append(
            (entry["name"] + mark, terminal.ago(moment) if moment else "n/a", "n/a" if count is None else str(count))
        )
    terminal.out(terminal.table(("NAME", "LAST UPDATE", "RESOURCE COUNT"), rows))


def _has_tag(call: Call, reference: StackReference, tag: str) -> bool:
    if not tag:
        return True
    name, separator, value = tag.partition("=")
    tags = call.session.backend.tags(reference)
    return tags.get(name) == value if separator else name in tags


def _list_entry(call: Call, reference: StackReference) -> dict[str, Any]:
    session = call.session
    checkpoint = session.backend.checkpoint(reference)
    entry: dict[str, Any] = {
        "name": session.show_name(reference),
        "current": reference == session.current_stack(),
    }
    moment = terminal.parse_time(checkpoint.last_update)
    if moment:
        entry["lastUpdate"] = terminal.json_time(moment)
    if checkpoint.deployment is not None:
        entry["resourceCount"] = len(checkpoint.resources)
    return entry


# --- rename, rm, cancel ----------------------------------------------------------------------------------------------


@command("<new-stack-name>", minimum=1, maximum=1, flags=(STACK_FLAG,))
def rename(call: Call) -> None:
    """Rename an existing stack

    Its state, history, tags and configuration file get the new name; an update afterwards shows no change by the new name
    alone, but programs that use the stack's name may.
    """
    session = call.session
    old = session.require_stack(call.flags["stack"])
    new = session.backend.parse(call.argument(0))
    if new != old and session.backend.exists(new):
        raise EngineError(f"a stack named {session.show_name(new)} already exists")
    selected = session.current_stack()
    with session.backend.lock(old):
        recover(session.backend, old)
    session.backend.rename(old, new)
    old_file, new_file = _file_of(call, old), _file_of(call, new)
    if old_file and new_file and old_file.is_file():
        old_file.replace(new_file)
    if session.optional_project and selected in (old, None):
        login.select_stack(session.backend, session.project, new)
    terminal.out(f"Renamed {session.show_name(old)} to {session.show_name(new)}")


def _file_of(call: Call, reference: StackReference) -> Path | None:
    project = call.session.optional_project
    return project.stack_file(reference.name) if project and reference.project in ("", project.name) else None


@command(
    "[<stack-name>]",
    maximum=1,
    flags=(
        STACK_FLAG,
        YES_FLAG,
        Flag("force", "Forces deletion of the stack, leaving behind any resources managed by the stack", short="f"),
        Flag(
            "preserve-config",
            "Do not delete the corresponding Pulumi.<stack-name>.yaml configuration file for the stack",
        ),
        Flag("remove-backups", "Additionally remove backups of the stack, if using the DIY backend"),
    ),
)
def remove(call: Call) -> None:
    """Remove a stack and its configuration

    This command removes a stack and its configuration state. Please refer to the `destroy` command for removing a resource's
    underlying infrastructure. After this command completes, the stack will no longer be available for updates.
    """
    session = call.session
    reference = session.require_stack(name_argument(call))
    name = session.show_name(reference)
    if not call.flags["yes"]:
        if not session.interactive:
            raise ConfigurationError("--yes must be passed in to proceed when running in non-interactive mode")
        terminal.confirm_name(f"This will permanently remove the '{name}' stack!", name)
    with session.backend.lock(reference):
        checkpoint = current_checkpoint(session.backend, reference)
        if not call.flags["force"] and any(item["type"] != urns.ROOT_STACK_TYPE for item in checkpoint.resources):
            raise EngineError(
                f"'{name}' still has resources; removal rejected. Possible actions:\n"
                f"- Make sure that '{name}' is the stack that you want to destroy\n"
                "- Run `pulumi destroy` to delete the resources, then run `pulumi stack rm`\n"
                "- Run `pulumi stack rm --force` to override this error"
            )
        session.backend.remove(reference, call.flags["remove_backups"])
    was_selected = session.optional_project is not None
    file = _file_of(call, reference)
    if file and not call.flags["preserve_config"]:
        file.unlink(missing_ok=True)
    terminal.out(terminal.attention(f"Stack '{name}' has been removed!", session.color))
    if was_selected:
        login.select_stack(session.backend, session.project, None)


@command("[stack-name]", maximum=1, flags=(STACK_FLAG, YES_FLAG))
def cancel(call: Call) -> None:
    """Cancel a stack's currently running update, if any

    This removes the lock that an update holds on the stack. Do it only if the process that holds it is gone: the state would
    suffer from two updates at once.
    """
    session = call.session
    reference = session.require_stack(name_argument(call))
    if session.interactive and not call.flags["yes"]:
        question = f"This will irreversibly cancel the currently running update for '{reference.name}'!"
        terminal.confirm_name(question, reference.name)
    session.backend.cancel(reference)
    with session.backend.lock(reference):
        recover(session.backend, reference)
    message = f"The currently running update for '{reference.name}' has been canceled!"
    terminal.out(terminal.attention(message, session.color))
