"""Commands that only Pulumi Cloud can carry out: they say so."""

from __future__ import annotations

from embedded.engine.cli.command import STACK_FLAG, YES_FLAG, Call, command
from embedded.engine.cli.flags import Flag
from embedded.engine.cli.stack import backend_name
from embedded.engine.errors import EngineError


@command("[arguments]", maximum=None)
def organizations(call: Call) -> None:
    """Manage organizations; a file backend has none"""
    _ = call.session.backend
    raise EngineError(f'backends of this type "{backend_name()}" do not support organizations')


@command("[arguments]", maximum=None, flags=(STACK_FLAG, YES_FLAG, Flag("json", "Emit output as JSON", short="j")))
def config_env(call: Call) -> None:
    """Manage a stack's environments; a file backend has none"""
    _ = call.session.backend
    raise EngineError(f"backend {backend_name()} does not support environments")
