"""`pulumi stack tag`: get, ls, rm and set."""

from __future__ import annotations

from embedded.engine.cli import terminal
from embedded.engine.cli.command import JSON_FLAG, STACK_FLAG, Call, command
from embedded.engine.errors import EngineError


@command("<name>", minimum=1, maximum=1, flags=(STACK_FLAG,))
def get(call: Call) -> None:
    """Get a single stack tag value"""
    reference = call.session.require_stack(call.flags["stack"])
    tags = call.session.backend.tags(reference)
    if call.argument(0) not in tags:
        raise EngineError(f"stack tag '{call.argument(0)}' not found for stack '{call.session.show_name(reference)}'")
    terminal.out(tags[call.argument(0)])


@command(flags=(STACK_FLAG, JSON_FLAG))
def list_tags(call: Call) -> None:
    """List all stack tags"""
    tags = call.session.backend.tags(call.session.require_stack(call.flags["stack"]))
    if call.flags["json"]:
        terminal.out_json(tags, sort_keys=True)
    else:
        terminal.out(terminal.table(("NAME", "VALUE"), sorted(tags.items())))


@command("<name>", minimum=1, maximum=1, flags=(STACK_FLAG,))
def remove(call: Call) -> None:
    """Remove a stack tag"""
    reference = call.session.require_stack(call.flags["stack"])
    tags = call.session.backend.tags(reference)
    tags.pop(call.argument(0), None)
    call.session.backend.set_tags(reference, tags)


@command("<name> <value>", minimum=2, maximum=2, flags=(STACK_FLAG,))
def set_tag(call: Call) -> None:
    """Set a stack tag"""
    reference = call.session.require_stack(call.flags["stack"])
    tags = call.session.backend.tags(reference)
    tags[call.argument(0)] = call.argument(1)
    call.session.backend.set_tags(reference, tags)
