"""What the program wants a resource to be."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from embedded.engine.values import Properties, Value


@dataclass(frozen=True)
class AliasSpec:
    """Another name that the resource had: a URN, or the parts in which it differed."""

    urn: str = ""
    name: str = ""
    type: str = ""
    project: str = ""
    stack: str = ""
    parent: str = ""
    no_parent: bool = False


@dataclass
class Goal:
    """One registration; None for protect, retain_on_delete and delete_before_replace means that nothing was said."""

    type: str
    name: str
    custom: bool
    inputs: Properties = field(default_factory=dict)
    parent: str = ""
    protect: bool | None = None
    dependencies: list[str] = field(default_factory=list)
    provider: str = ""
    property_dependencies: dict[str, list[str]] = field(default_factory=dict)
    delete_before_replace: bool | None = None
    ignore_changes: list[str] = field(default_factory=list)
    additional_secret_outputs: list[str] = field(default_factory=list)
    aliases: list[AliasSpec] = field(default_factory=list)
    import_id: str = ""
    custom_timeouts: dict[str, float] = field(default_factory=dict)
    replace_on_changes: list[str] = field(default_factory=list)
    replacement_trigger: Value = None
    retain_on_delete: bool | None = None
    deleted_with: str = ""
    replace_with: list[str] = field(default_factory=list)
    source_position: str = ""
    stack_trace: list[dict[str, Any]] = field(default_factory=list)
    hooks: dict[str, list[str]] = field(default_factory=dict)
    hide_diffs: list[str] = field(default_factory=list)
    remote: bool = False
    snippet_id: str = ""


@dataclass
class ReadGoal:
    """One read of an existing resource that Pulumi does not own."""

    type: str
    name: str
    id: str
    inputs: Properties = field(default_factory=dict)
    parent: str = ""
    dependencies: list[str] = field(default_factory=list)
    provider: str = ""
    additional_secret_outputs: list[str] = field(default_factory=list)
    source_position: str = ""
    stack_trace: list[dict[str, Any]] = field(default_factory=list)
