"""What the parts of one deployment share."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from embedded.engine.deployment.graph import DependencyGraph
from embedded.engine.deployment.operation import Operation
from embedded.engine.deployment.plan import Plan
from embedded.engine.events import DiagnosticEvent, Event
from embedded.engine.options import Options
from embedded.engine.snapshot import SnapshotManager
from embedded.engine.state import Resource
from embedded.engine.urn import ROOT_STACK_TYPE, is_default_provider, make

if TYPE_CHECKING:
    from embedded.engine.deployment.hooks import HookRegistry
    from embedded.engine.deployment.providers import ProviderRegistry


class Bail(Exception):
    """The deployment stops; why was already said in a diagnostic."""


@dataclass
class Context:
    """One deployment: what it is asked for, the old resources, the new ones, and the counts.

    `olds` maps URNs to the live resources of the base; `news` to those of this run; `deletes` holds the URNs being deleted.
    `news_done` are the components whose outputs may still be registered.
    """

    operation: Operation
    manager: SnapshotManager
    providers: ProviderRegistry
    hooks: HookRegistry
    dry_run: bool
    olds: dict[str, Resource] = field(default_factory=dict)
    news: dict[str, Resource] = field(default_factory=dict)
    deletes: set[str] = field(default_factory=set)
    changes: dict[str, int] = field(default_factory=dict)
    saw_error: bool = False
    maybe_corrupt: bool = False
    steps: int = 0
    stack_urn: str = ""
    plan: Plan = field(default_factory=Plan)

    def __post_init__(self) -> None:
        self.rebuild()

    def rebuild(self) -> None:
        """Look at the base anew: after a refresh."""
        self.previous = self.manager.base_resources()
        self.olds = {resource.urn: resource for resource in self.previous if not resource.delete}
        self.graph = DependencyGraph(self.previous)

    @property
    def options(self) -> Options:
        """The flags of the run."""
        return self.operation.options

    @property
    def root_urn(self) -> str:
        """The URN of the stack's own resource."""
        operation = self.operation
        return make(operation.stack, operation.project, "", ROOT_STACK_TYPE, f"{operation.project}-{operation.stack}")

    def emit(self, event: Event) -> None:
        """Tell an event."""
        self.operation.emit(event)

    def diagnose(
        self, severity: str, message: str, urn: str = "", *, stream_id: int = 0, ephemeral: bool = False
    ) -> None:
        """Tell the user something: severity debug, info, info#err, warning or error."""
        if severity == "debug" and not (self.options.debug or self.options.verbose):
            return
        prefix = f"{severity}: " if severity in ("warning", "error", "debug") else ""
        self.emit(
            DiagnosticEvent(
                message=message, severity=severity, urn=urn, prefix=prefix, stream_id=stream_id, ephemeral=ephemeral
            )
        )

    def count(self, op: str, resource: Resource) -> None:
        """Count a step in the summary; default providers are the engine's own affair."""
        self.steps += 1
        if not is_default_provider(resource.urn):
            self.changes[op] = self.changes.get(op, 0) + 1
