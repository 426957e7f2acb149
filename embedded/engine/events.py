"""Engine events: what a deployment tells while it runs; the displays and the event log read them.

One dataclass for each kind of the official event log. Values inside are the engine's own (`values.py`), so a display can
diff them; `event_log.py` turns an event to the JSON of the log, secrets masked.

Source: the event kinds and fields of the official CLI's `--event-log`, version 3.260.0.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from embedded.engine.state import Resource
    from embedded.engine.values import Properties


@dataclass(frozen=True)
class PropertyDiff:
    """One changed property path: `kind` is add, delete, update or one of those with `-replace`."""

    kind: str
    input_diff: bool = False


@dataclass(frozen=True)
class StepMetadata:
    """What a step does to one resource: operation, URN, and the state before and after."""

    op: str
    urn: str
    type: str
    old: Resource | None
    new: Resource | None
    provider: str = ""
    keys: tuple[str, ...] | None = None
    diffs: tuple[str, ...] | None = None
    detailed_diff: dict[str, PropertyDiff] | None = None
    logical: bool = False


@dataclass(frozen=True)
class PreludeEvent:
    """The run begins; `config` maps keys to values, secrets as `[secret]`."""

    config: dict[str, str]


@dataclass(frozen=True)
class DiagnosticEvent:
    """A message of the engine, a provider or the program; severity debug, info, info#err, warning or error."""

    message: str
    severity: str
    urn: str = ""
    prefix: str = ""
    color: str = "raw"
    stream_id: int = 0
    ephemeral: bool = False


@dataclass(frozen=True)
class ResourcePreEvent:
    """A step starts."""

    metadata: StepMetadata
    planning: bool = False


@dataclass(frozen=True)
class ResourceOutputsEvent:
    """A step is done (for a component and the stack: its outputs were registered)."""

    metadata: StepMetadata
    planning: bool = False


@dataclass(frozen=True)
class ResourceOperationFailedEvent:
    """A step failed; `status` is 0 for unchanged state, 1 for unknown; `steps` counts the steps made."""

    metadata: StepMetadata
    status: int = 0
    steps: int = 0


@dataclass(frozen=True)
class PolicyEvent:
    """A policy violation."""

    message: str
    policy_name: str
    policy_pack_name: str
    policy_pack_version: str
    enforcement_level: str
    resource_urn: str = ""
    color: str = "raw"
    severity: str = ""


@dataclass(frozen=True)
class PolicyRemediationEvent:
    """A policy changed a resource's inputs."""

    resource_urn: str
    policy_name: str
    policy_pack_name: str
    policy_pack_version: str
    before: Properties
    after: Properties
    color: str = "raw"


@dataclass(frozen=True)
class PolicySummaryEvent:
    """Which policies of a pack passed and failed; `kind` is analyze, remediate or analyze-stack (which has no resource)."""

    kind: str
    resource_urn: str
    policy_pack_name: str
    policy_pack_version: str
    passed: list[str]
    failed: list[str]


@dataclass(frozen=True)
class PolicyLoadEvent:
    """Policy packs are being loaded."""


@dataclass(frozen=True)
class SummaryEvent:
    """The run's counts by operation (no zero entries) and its result."""

    resource_changes: dict[str, int]
    duration_seconds: float
    is_preview: bool
    result: str
    maybe_corrupt: bool = False
    policy_packs: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class StdoutEvent:
    """Text for standard output, colour codes unresolved."""

    message: str
    color: str = "raw"


@dataclass(frozen=True)
class CancelEvent:
    """The last event of every run."""


Event = (
    PreludeEvent
    | DiagnosticEvent
    | ResourcePreEvent
    | ResourceOutputsEvent
    | ResourceOperationFailedEvent
    | PolicyEvent
    | PolicyRemediationEvent
    | PolicySummaryEvent
    | PolicyLoadEvent
    | SummaryEvent
    | StdoutEvent
    | CancelEvent
)
