"""The event log: each event as a JSON object, to a file (one a line) or to a gRPC server (the Automation API's).

Source: the event log of the official CLI 3.260.0, and sdk/go/common/apitype/events.go of Pulumi.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from queue import SimpleQueue
from threading import Lock
from typing import Any, Protocol

from embedded.engine import events, values
from embedded.engine.errors import EngineError
from embedded.engine.events import StepMetadata
from embedded.engine.state import Resource

_CONNECT_TIMEOUT_SECONDS = 10


def resource_json(resource: Resource | None, is_root_hidden: bool = False) -> dict[str, Any] | None:
    """A step's old or new state as the log shows it, secrets masked."""
    if resource is None:
        return None
    fields: dict[str, Any] = {"type": resource.type, "urn": resource.urn}
    for name, value in (("custom", resource.custom), ("delete", resource.delete)):
        if value:
            fields[name] = True
    fields["id"] = resource.id
    fields["parent"] = resource.parent
    optional = {
        "protect": resource.protect,
        "taint": resource.taint,
        "external": resource.external,
        "retainOnDelete": resource.retain_on_delete,
    }
    fields |= {name: True for name, value in optional.items() if value}
    fields["inputs"] = {} if is_root_hidden else masked(resource.inputs)
    fields["outputs"] = {} if is_root_hidden else masked(resource.outputs)
    fields["provider"] = resource.provider
    if resource.init_errors:
        fields["initErrors"] = list(resource.init_errors)
    if resource.hide_diff:
        fields["hideDiffs"] = list(resource.hide_diff)
    return fields


def masked(properties: values.Properties) -> dict[str, Any]:
    """Properties as JSON, each secret as an envelope that holds `[secret]`."""
    return values.properties_to_json(_without_sealed(properties), None)


def _without_sealed(value: Any) -> Any:
    if isinstance(value, values.SealedSecret):
        return values.Secret(None)
    if isinstance(value, dict):
        return {key: _without_sealed(item) for key, item in value.items()}
    return [_without_sealed(item) for item in value] if isinstance(value, list) else value


def _metadata(step: StepMetadata) -> dict[str, Any]:
    fields: dict[str, Any] = {
        "op": step.op,
        "urn": step.urn,
        "type": step.type,
        "old": resource_json(step.old),
        "new": resource_json(step.new),
    }
    if step.keys:
        fields["keys"] = list(step.keys)
    if step.diffs:
        fields["diffs"] = list(step.diffs)
    fields["detailedDiff"] = None
    if step.detailed_diff is not None:
        fields["detailedDiff"] = {
            path: {"diffKind": diff.kind, "inputDiff": diff.input_diff}
            for path, diff in sorted(step.detailed_diff.items())
        }
    if step.logical:
        fields["logical"] = True
    fields["provider"] = step.provider
    return fields


def _step(event: events.ResourcePreEvent | events.ResourceOutputsEvent) -> dict[str, Any]:
    fields: dict[str, Any] = {"metadata": _metadata(event.metadata)}
    if event.planning:
        fields["planning"] = True
    return fields


def _failed(event: events.ResourceOperationFailedEvent) -> dict[str, Any]:
    return {"metadata": _metadata(event.metadata), "status": event.status, "steps": event.steps}


def _diagnostic(event: events.DiagnosticEvent) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    if event.urn:
        fields["urn"] = event.urn
    if event.prefix:
        fields["prefix"] = event.prefix
    fields |= {"message": event.message, "color": event.color, "severity": event.severity}
    if event.stream_id:
        fields["streamID"] = event.stream_id
    if event.ephemeral:
        fields["ephemeral"] = True
    return fields


def _policy_pack(
    event: events.PolicyEvent | events.PolicyRemediationEvent | events.PolicySummaryEvent,
) -> dict[str, Any]:
    return {
        "policyPackName": event.policy_pack_name,
        "policyPackVersion": event.policy_pack_version,
        "policyPackVersionTag": event.policy_pack_version,
    }


def _policy(event: events.PolicyEvent) -> dict[str, Any]:
    fields: dict[str, Any] = {"resourceUrn": event.resource_urn} if event.resource_urn else {}
    fields |= {
        # The message carries the colours that the official one has.
        "message": f"<{{%reset%}}>{event.message}<{{%reset%}}>\n",
        "color": event.color,
        "policyName": event.policy_name,
        **_policy_pack(event),
        "enforcementLevel": event.enforcement_level,
    }
    if event.severity:
        fields["severity"] = event.severity
    return fields


def _remediation(event: events.PolicyRemediationEvent) -> dict[str, Any]:
    fields = {
        "resourceUrn": event.resource_urn,
        "color": event.color,
        "policyName": event.policy_name,
        **_policy_pack(event),
    }
    for name, properties in (("before", event.before), ("after", event.after)):
        if properties:
            fields[name] = masked(properties)
    return fields


_SUMMARY_KINDS = {
    "analyze": "policyAnalyzeSummaryEvent",
    "remediate": "policyRemediateSummaryEvent",
    "analyze-stack": "policyAnalyzeStackSummaryEvent",
}


def _policy_summary(event: events.PolicySummaryEvent) -> dict[str, Any]:
    fields: dict[str, Any] = {} if event.kind == "analyze-stack" else {"resourceUrn": event.resource_urn}
    fields |= _policy_pack(event)
    if event.passed:
        fields["passed"] = event.passed
    if event.failed:
        fields["failed"] = event.failed
    return fields


def _summary(event: events.SummaryEvent) -> dict[str, Any]:
    return {
        "maybeCorrupt": event.maybe_corrupt,
        "durationSeconds": max(round(event.duration_seconds), 0),
        "resourceChanges": dict(sorted(event.resource_changes.items())),
        "PolicyPacks": dict(event.policy_packs),
        "isPreview": event.is_preview,
        "result": event.result,
    }


_KINDS: dict[type, tuple[str, Callable[[Any], dict[str, Any]]]] = {
    events.PreludeEvent: ("preludeEvent", lambda event: {"config": dict(sorted(event.config.items()))}),
    events.DiagnosticEvent: ("diagnosticEvent", _diagnostic),
    events.ResourcePreEvent: ("resourcePreEvent", _step),
    events.ResourceOutputsEvent: ("resOutputsEvent", _step),
    events.ResourceOperationFailedEvent: ("resOpFailedEvent", _failed),
    events.PolicyEvent: ("policyEvent", _policy),
    events.PolicyRemediationEvent: ("policyRemediationEvent", _remediation),
    events.PolicySummaryEvent: ("", _policy_summary),
    events.PolicyLoadEvent: ("policyLoadEvent", lambda event: {}),  # noqa: ARG005
    events.SummaryEvent: ("summaryEvent", _summary),
    events.StdoutEvent: ("stdoutEvent", lambda event: {"message": event.message, "color": event.color}),
    events.CancelEvent: ("cancelEvent", lambda event: {}),  # noqa: ARG005
}


def event_json(event: events.Event, sequence: int, timestamp: int) -> dict[str, Any]:
    """The event as the log's JSON object; `timestamp` in seconds since 1970."""
    name, encode = _KINDS[type(event)]
    if isinstance(event, events.PolicySummaryEvent):
        name = _SUMMARY_KINDS[event.kind]
    return {"sequence": sequence, "timestamp": timestamp, name: encode(event)}


class _Sink(Protocol):
    def write(self, line: str) -> None: ...

    def close(self) -> None: ...


class _FileSink:
    def __init__(self, path: Path) -> None:
        try:
            self._file = path.open("a", encoding="utf-8")
        except OSError as error:
            raise EngineError(f"could not open the event log '{path}': {error.strerror}") from error

    def write(self, line: str) -> None:
        self._file.write(f"{line}\n")
        self._file.flush()

    def close(self) -> None:
        self._file.close()


class _GrpcSink:
    """Streams the events to `pulumirpc.Events/StreamEvents`."""

    def __init__(self, address: str) -> None:
        import grpc
        from pulumi.runtime.proto import events_pb2, events_pb2_grpc

        self._request = events_pb2.EventRequest
        self._queue: SimpleQueue[str | None] = SimpleQueue()
        self._channel = grpc.insecure_channel(address, options=[("grpc.max_send_message_length", -1)])
        try:
            grpc.channel_ready_future(self._channel).result(timeout=_CONNECT_TIMEOUT_SECONDS)
        except grpc.FutureTimeoutError as error:
            raise EngineError(f"could not open the event log: nothing answers at {address}") from error
        stub = events_pb2_grpc.EventsStub(self._channel)
        self._call = stub.StreamEvents.future(iter(self._requests()))

    def _requests(self) -> Any:
        while (line := self._queue.get()) is not None:
            yield self._request(event=line)

    def write(self, line: str) -> None:
        self._queue.put(line)

    def close(self) -> None:
        import grpc

        self._queue.put(None)
        try:
            self._call.result(timeout=_CONNECT_TIMEOUT_SECONDS)
        except (grpc.RpcError, grpc.FutureTimeoutError):
            # The reader went away; the deployment itself is not affected.
            pass
        finally:
            self._channel.close()


class EventLog:
    """Writes events to the target of --event-log: a path, or `tcp://HOST:PORT`."""

    def __init__(self, target: str, clock: Callable[[], float] = time.time) -> None:
        """Open the log.

        Raises:
            EngineError: The file cannot be opened, or nothing answers at the address.
        """
        self._clock = clock
        self._sequence = 0
        self._lock = Lock()
        address = target.removeprefix("tcp://")
        self._sink: _Sink = _GrpcSink(address) if target.startswith("tcp://") else _FileSink(Path(target))

    def write(self, event: events.Event) -> None:
        """Add an event."""
        with self._lock:
            line = values.dumps(event_json(event, self._sequence, int(self._clock())))
            self._sequence += 1
            self._sink.write(line)

    def close(self) -> None:
        """Make sure that all events have arrived."""
        self._sink.close()
