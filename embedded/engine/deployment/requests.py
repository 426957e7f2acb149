"""From the protocol's registrations to goals, and back to answers.

Source: pkg/resource/deploy/source_eval.go of Pulumi 3.260.0.
"""

from __future__ import annotations

import os
import re
import urllib.parse
from collections.abc import Iterable
from functools import lru_cache
from typing import Any

from pulumi.runtime.proto import alias_pb2, resource_pb2, source_pb2

from embedded.engine.deployment.goal import AliasSpec, Goal, ReadGoal
from embedded.engine.deployment.hooks import KINDS
from embedded.engine.errors import EngineError
from embedded.engine.values import (
    Properties,
    contains_unknowns,
    downgrade_outputs,
    from_proto,
    from_struct,
    output_dependencies,
    to_struct,
)

_DURATION_UNITS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
_DURATION = re.compile(r"(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|ms|s|m|h)")
_TIMEOUT_KINDS = ("create", "update", "delete", "read")


def duration_seconds(text: str) -> float:
    """Seconds of a Go duration, such as `5m` or `1h30m`.

    Raises:
        EngineError: The text is no duration.
    """
    parts = _DURATION.findall(text)
    if not parts or "".join(number + unit for number, unit in parts) != text:
        raise EngineError(f"unable to parse customTimeout value {text!r}: expected a duration such as 5m or 1h30m")
    return sum(float(number) * _DURATION_UNITS[unit] for number, unit in parts)


def goal_of(request: resource_pb2.RegisterResourceRequest, root: str) -> Goal:
    """The goal of a registration, its provider not yet chosen; assets get their hashes, from the folder `root`."""
    raw = from_struct(request.object, root, hashes=True)
    dependencies = _unique(request.dependencies)
    properties = _property_dependencies(request, raw, dependencies)
    for urns in properties.values():
        dependencies = _unique([*dependencies, *urns])
    timeouts = request.customTimeouts
    has_trigger = request.HasField("replacement_trigger")
    return Goal(
        type=request.type,
        name=request.name,
        custom=request.custom,
        inputs=downgrade_outputs(raw) if not request.remote else raw,
        parent=request.parent,
        protect=request.protect if request.HasField("protect") else None,
        dependencies=dependencies,
        provider=request.provider,
        property_dependencies=properties,
        delete_before_replace=request.deleteBeforeReplace
        if request.deleteBeforeReplaceDefined or request.deleteBeforeReplace
        else None,
        ignore_changes=list(request.ignoreChanges),
        additional_secret_outputs=list(request.additionalSecretOutputs),
        aliases=aliases_of(request.aliases, request.aliasURNs),
        import_id=request.importId,
        custom_timeouts={
            kind: duration_seconds(getattr(timeouts, kind)) for kind in _TIMEOUT_KINDS if getattr(timeouts, kind)
        },
        replace_on_changes=list(request.replaceOnChanges),
        replacement_trigger=from_proto(request.replacement_trigger) if has_trigger else None,
        retain_on_delete=request.retainOnDelete if request.HasField("retainOnDelete") else None,
        deleted_with=request.deletedWith,
        replace_with=list(request.replace_with),
        source_position=position_text(request.sourcePosition, root) if request.HasField("sourcePosition") else "",
        stack_trace=stack_trace_of(request.stackTrace, root) if request.HasField("stackTrace") else [],
        hooks={kind: list(getattr(request.hooks, kind)) for kind in KINDS} if request.HasField("hooks") else {},
        hide_diffs=list(request.hideDiffs),
        remote=request.remote,
        snippet_id=request.snippetId,
    )


def read_goal_of(request: resource_pb2.ReadResourceRequest, root: str) -> ReadGoal:
    """The goal of a read, its provider not yet chosen."""
    return ReadGoal(
        type=request.type,
        name=request.name,
        id=request.id,
        inputs=downgrade_outputs(from_struct(request.properties, root, hashes=True)),
        parent=request.parent,
        dependencies=_unique(request.dependencies),
        provider=request.provider,
        additional_secret_outputs=list(request.additionalSecretOutputs),
        source_position=position_text(request.sourcePosition, root) if request.HasField("sourcePosition") else "",
        stack_trace=stack_trace_of(request.stackTrace, root) if request.HasField("stackTrace") else [],
    )


def _property_dependencies(
    request: resource_pb2.RegisterResourceRequest, inputs: Properties, dependencies: list[str]
) -> dict[str, list[str]]:
    if not request.propertyDependencies and not request.remote:
        # An old SDK: each property may depend on everything.
        return {key: list(dependencies) for key in inputs} if dependencies else {}
    found = {key: _unique(item.urns) for key, item in request.propertyDependencies.items()}
    for key, value in inputs.items():
        extra = output_dependencies(value)
        if extra:
            found[key] = _unique([*found.get(key, ()), *sorted(extra)])
    return found


def _unique(urns: Iterable[str]) -> list[str]:
    return sorted(set(urns))


def aliases_of(aliases: Iterable[alias_pb2.Alias], urns: Iterable[str]) -> list[AliasSpec]:
    """The aliases of a registration."""
    found = [AliasSpec(urn=urn) for urn in urns]
    for alias in aliases:
        if alias.WhichOneof("alias") == "urn":
            found.append(AliasSpec(urn=alias.urn))
        else:
            spec = alias.spec
            found.append(AliasSpec("", spec.name, spec.type, spec.project, spec.stack, spec.parentUrn, spec.noParent))
    return found


def position_text(position: source_pb2.SourcePosition, root: str) -> str:
    """A source position as the state has it: `project:///__main__.py#26`, from the project's folder."""
    where = _project_uri(position.uri, root)
    if not where:
        return ""
    column = f",{position.column}" if position.column else ""
    return f"{where}#{position.line}{column}" if position.line else where


def stack_trace_of(trace: source_pb2.StackTrace, root: str) -> list[dict[str, Any]]:
    """A stack trace as the state has it; a frame without a file is an empty object."""
    frames: list[dict[str, Any]] = []
    for frame in trace.frames:
        text = position_text(frame.pc, root) if frame.HasField("pc") else ""
        frames.append({"sourcePosition": text} if text else {})
    return frames


@lru_cache(maxsize=4096)
def _project_uri(uri: str, root: str) -> str:
    parts = urllib.parse.urlsplit(uri)
    if parts.scheme == "project":
        return uri
    if parts.scheme != "file":
        return ""
    path = urllib.parse.unquote(parts.path)
    if not os.path.isabs(path) or not root:
        return ""
    relative = os.path.relpath(path, root).replace(os.sep, "/")
    return "project:///" + urllib.parse.quote(relative)


def outputs_message(outputs: Properties, request: Any, supports_partial_values: bool = True) -> Any:
    """The outputs as the answer to a registration holds them."""
    if not supports_partial_values:
        outputs = {key: value for key, value in outputs.items() if not contains_unknowns(value)}
    return to_struct(outputs, keep_secrets=request.acceptSecrets, keep_resources=request.acceptResources)
