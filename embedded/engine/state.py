"""The state of a stack: its resources and pending operations, and their JSON in the official field order.

Source: sdk/go/common/apitype (core.go) of Pulumi and checkpoints of the official CLI 3.260.0.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, replace
from datetime import UTC, datetime
from typing import Any

from embedded.engine import values
from embedded.engine.errors import EngineError
from embedded.engine.urn import is_provider_type
from embedded.engine.values import Properties, Value

VERSION = "3.260.0"
"""The version of the official CLI whose behaviour and files this engine follows."""

SCHEMA_VERSION = 3
FEATURES_SCHEMA_VERSION = 4
_ZERO_TIME = "0001-01-01T00:00:00Z"

Decrypt = Callable[[str], str]
Encrypt = Callable[[str], str]


@dataclass(eq=False)
class Resource:
    """One resource as the state holds it; `inputs` and `outputs` are property values, timeouts are seconds.

    Equality is identity: two copies of one URN (one to be deleted, one live) are two resources.
    """

    urn: str
    type: str
    custom: bool = False
    delete: bool = False
    id: str = ""
    inputs: Properties = field(default_factory=dict)
    outputs: Properties = field(default_factory=dict)
    parent: str = ""
    protect: bool = False
    taint: bool = False
    external: bool = False
    dependencies: list[str] = field(default_factory=list)
    init_errors: list[str] = field(default_factory=list)
    provider: str = ""
    property_dependencies: dict[str, list[str]] = field(default_factory=dict)
    pending_replacement: bool = False
    additional_secret_outputs: list[str] = field(default_factory=list)
    aliases: list[str] = field(default_factory=list)
    custom_timeouts: dict[str, float] = field(default_factory=dict)
    import_id: str = ""
    retain_on_delete: bool = False
    deleted_with: str = ""
    replace_with: list[str] = field(default_factory=list)
    created: str = ""
    modified: str = ""
    source_position: str = ""
    stack_trace: list[dict[str, Any]] = field(default_factory=list)
    ignore_changes: list[str] = field(default_factory=list)
    hide_diff: list[str] = field(default_factory=list)
    replace_on_changes: list[str] = field(default_factory=list)
    replacement_trigger: Value = None
    refresh_before_update: bool = False
    view_of: str = ""
    resource_hooks: dict[str, list[str]] = field(default_factory=dict)
    extension_ref: Any = None
    snippet_id: str = ""

    def copy(self, **changes: Any) -> Resource:
        """A shallow copy with some fields changed."""
        return replace(self, **changes)

    @property
    def is_provider(self) -> bool:
        """Whether this is a provider resource."""
        return is_provider_type(self.type)

    def references(self) -> list[str]:
        """The URNs that must stand before this resource: parent, provider, dependencies, deletedWith, replaceWith."""
        found = [self.parent] if self.parent else []
        if self.provider:
            found.append(self.provider.rpartition("::")[0])
        found.extend(self.dependencies)
        for urns in self.property_dependencies.values():
            found.extend(urns)
        found.extend(self.replace_with)
        if self.deleted_with:
            found.append(self.deleted_with)
        return found


@dataclass(eq=False)
class PendingOperation:
    """An operation that was begun and not seen to end; `type` is creating, updating, deleting, reading or importing."""

    resource: Resource
    type: str


@dataclass
class Manifest:
    """Who wrote the state, and when (RFC 3339)."""

    time: str = _ZERO_TIME
    magic: str = ""
    version: str = ""
    plugins: list[dict[str, Any]] = field(default_factory=list)

    @staticmethod
    def now() -> Manifest:
        """A manifest of this moment and version."""
        return Manifest(timestamp(), hashlib.sha256(VERSION.encode()).hexdigest(), VERSION)


@dataclass
class Snapshot:
    """The whole state of a stack; `secrets_provider` is its JSON, {type, state}."""

    manifest: Manifest = field(default_factory=Manifest.now)
    secrets_provider: dict[str, Any] | None = None
    resources: list[Resource] = field(default_factory=list)
    pending_operations: list[PendingOperation] = field(default_factory=list)
    metadata: dict[str, Any] = field(default_factory=dict)


def timestamp(moment: datetime | None = None) -> str:
    """A moment (now, unless given) in UTC as Go prints it: RFC 3339, fraction without trailing zeros."""
    moment = (moment or datetime.now(UTC)).astimezone(UTC)
    fraction = f".{moment.microsecond:06d}".rstrip("0").rstrip(".")
    return f"{moment:%Y-%m-%dT%H:%M:%S}{fraction}Z"


# Official JSON keys in official order; each is a field of Resource in snake case.
_FIELD_ORDER = (
    "urn", "custom", "delete", "id", "type", "inputs", "outputs", "parent", "protect", "taint", "external",
    "dependencies", "initErrors", "provider", "propertyDependencies", "pendingReplacement", "additionalSecretOutputs",
    "aliases", "customTimeouts", "importID", "retainOnDelete", "deletedWith", "replaceWith", "created", "modified",
    "sourcePosition", "stackTrace", "ignoreChanges", "hideDiff", "replaceOnChanges", "replacementTrigger",
    "refreshBeforeUpdate", "viewOf", "resourceHooks", "extensionRef", "snippetID",
)  # fmt: skip
_ALWAYS_WRITTEN = frozenset({"urn", "custom", "type"})
_PROPERTY_BAGS = frozenset({"inputs", "outputs"})


def _snake(key: str) -> str:
    special = {"importID": "import_id", "snippetID": "snippet_id"}
    return special.get(key) or "".join(f"_{char.lower()}" if char.isupper() else char for char in key)


_ATTRIBUTES = {key: _snake(key) for key in _FIELD_ORDER}
assert set(_ATTRIBUTES.values()) == {item.name for item in fields(Resource)}


def resource_to_json(resource: Resource, encrypt: Encrypt | None, show_secrets: bool = False) -> dict[str, Any]:
    """The resource's JSON: official keys in official order, empty fields left out, secrets as `values.to_json` says."""
    result: dict[str, Any] = {}
    for key, attribute in _ATTRIBUTES.items():
        value: Any = getattr(resource, attribute)
        if key == "replacementTrigger":
            # Any value but none is one, false and empty text too.
            if value is not None:
                result[key] = values.to_json(value, encrypt, show_secrets)
            continue
        if key in _PROPERTY_BAGS:
            value = values.properties_to_json(value, encrypt, show_secrets)
        elif key == "propertyDependencies":
            value = {name: list(urns) for name, urns in sorted(value.items())}
        if key in _ALWAYS_WRITTEN or not _is_empty(value):
            result[key] = value
    return result


def resource_from_json(obj: Mapping[str, Any], decrypt: Decrypt | None) -> Resource:
    """The resource that its JSON describes.

    Raises:
        EngineError: The JSON has a field that this version does not know, or lacks URN or type.
    """
    unknown = sorted(set(obj) - set(_ATTRIBUTES))
    if unknown:
        raise EngineError(f"resource {obj.get('urn', '?')} in the state has unsupported fields: {', '.join(unknown)}")
    if not obj.get("urn") or not obj.get("type"):
        raise EngineError(f"resource {obj.get('urn', '?')} in the state has no URN or no type")
    attributes: dict[str, Any] = {}
    value: Any
    for key, value in obj.items():
        if value is None:
            continue
        if key in _PROPERTY_BAGS:
            value = values.properties_from_json(value, decrypt)
        elif key == "replacementTrigger":
            value = values.from_json(value, decrypt)
        elif key == "propertyDependencies":
            value = {name: list(urns or ()) for name, urns in value.items()}
        attributes[_ATTRIBUTES[key]] = value
    return Resource(**attributes)


def _is_empty(value: Any) -> bool:
    return value is None or value is False or value in ("", [], {})


# --- deployments -----------------------------------------------------------------------------------------------------

_FEATURES: dict[str, Callable[[Resource], bool]] = {
    "refreshBeforeUpdate": lambda resource: resource.refresh_before_update,
    "views": lambda resource: bool(resource.view_of),
    "hooks": lambda resource: bool(resource.resource_hooks),
    "taint": lambda resource: resource.taint,
    "replaceWith": lambda resource: bool(resource.replace_with),
    "snippets-prototype": lambda resource: bool(resource.snippet_id),
    "extensionParameterization": lambda resource: resource.extension_ref is not None,
    "byteString": lambda resource: any(
        isinstance(item, bytes) for bag in (resource.inputs, resource.outputs) for item in values.walk(bag)
    ),
}


def features_of(snapshot: Snapshot) -> list[str]:
    """The names of the features that a reader of the snapshot must know; empty means schema version 3."""
    every = [*snapshot.resources, *(pending.resource for pending in snapshot.pending_operations)]
    return [name for name, uses in _FEATURES.items() if any(uses(resource) for resource in every)]


def schema_version(features: list[str]) -> int:
    """The schema version of a checkpoint or export with these features."""
    return FEATURES_SCHEMA_VERSION if features else SCHEMA_VERSION


def check_schema(version: int, features: list[str], where: str) -> None:
    """Refuse a checkpoint or export that this version cannot read without loss.

    Raises:
        EngineError: The version is not 3 or 4, or a feature is unknown.
    """
    if version not in (SCHEMA_VERSION, FEATURES_SCHEMA_VERSION):
        raise EngineError(f"{where}: unsupported version {version} of the state (supported: 3, 4)")
    unknown = [feature for feature in features if feature not in _FEATURES]
    if unknown:
        raise EngineError(f"{where}: the state uses unsupported features: {', '.join(unknown)}")


def deployment_to_json(snapshot: Snapshot, encrypt: Encrypt | None, show_secrets: bool = False) -> dict[str, Any]:
    """The `latest` of a checkpoint, or the `deployment` of an export."""
    manifest: dict[str, Any] = {
        "time": snapshot.manifest.time,
        "magic": snapshot.manifest.magic,
        "version": snapshot.manifest.version,
    }
    if snapshot.manifest.plugins:
        manifest["plugins"] = snapshot.manifest.plugins
    result: dict[str, Any] = {"manifest": manifest}
    if snapshot.secrets_provider is not None:
        result["secrets_providers"] = snapshot.secrets_provider
    if snapshot.resources:
        result["resources"] = [resource_to_json(item, encrypt, show_secrets) for item in snapshot.resources]
    if snapshot.pending_operations:
        result["pending_operations"] = [
            {"resource": resource_to_json(item.resource, encrypt, show_secrets), "type": item.type}
            for item in snapshot.pending_operations
        ]
    result["metadata"] = snapshot.metadata
    return result


def deployment_from_json(obj: Mapping[str, Any], decrypt: Decrypt | None) -> Snapshot:
    """The snapshot of a checkpoint's `latest` or an export's `deployment`; see `check_schema` for its version."""
    manifest = obj.get("manifest") or {}
    return Snapshot(
        manifest=Manifest(
            time=manifest.get("time") or _ZERO_TIME,
            magic=manifest.get("magic") or "",
            version=manifest.get("version") or "",
            plugins=manifest.get("plugins") or [],
        ),
        secrets_provider=obj.get("secrets_providers"),
        resources=[resource_from_json(item, decrypt) for item in obj.get("resources") or ()],
        pending_operations=[
            PendingOperation(resource_from_json(item["resource"], decrypt), item["type"])
            for item in obj.get("pending_operations") or ()
        ],
        metadata=obj.get("metadata") or {},
    )
