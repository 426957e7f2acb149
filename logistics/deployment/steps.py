"""The steps of a preview or an update, and how far each can be taken back."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from pulumi import automation

from logistics.deployment.state import Named

_QUIET = frozenset({"same", "read", "refresh", "read-discard", "discard-replaced", "remove-pending-replace"})
HOLDS_ROWS = frozenset({"Table", "DynamicTable", "Database", "Schema", "StageInternal", "Stage"})
"""Kinds whose loss is a loss of rows or files."""
_PROTECTS = frozenset({"RowAccessPolicy", "MaskingPolicy", "TableColumnMaskingPolicyApplication", "TagAssociation"})


class Label(StrEnum):
    """What a step means for who applies it."""

    SAFE = "safe"
    COSTLY = "costly"
    DESTRUCTIVE = "destructive"
    WEAKENING = "weakens protection"


@dataclass(frozen=True, kw_only=True)
class Step(Named):
    """One step of the engine.

    Attributes:
        op: the engine's word: create, update, replace, create-replacement, delete-replaced, delete, same, read, refresh.
        urn: the resource.
        type: its type's token.
        diffs: the properties that differ.
        old, new: the recorded inputs before and after, secrets masked; empty where there is none.
        state: the recorded outputs before the step.
        id: the resource's id before the step.
    """

    op: str
    urn: str
    type: str
    diffs: tuple[str, ...] = ()
    old: Mapping[str, Any] = field(default_factory=dict)
    new: Mapping[str, Any] = field(default_factory=dict)
    state: Mapping[str, Any] = field(default_factory=dict)
    id: str = ""

    @property
    def changes(self) -> bool:
        """Whether anything is done to the account."""
        return self.op not in _QUIET and self.type.startswith("snowflake:")

    @property
    def only_reorders(self) -> bool:
        """Whether a table's columns are the same in another order, as after a column was added in place; DDL cannot mend it."""
        if self.kind != "Table" or self.op != "update" or any(not diff.startswith("columns") for diff in self.diffs):
            return False
        before, after = (sorted(map(_column, inputs.get("columns") or ())) for inputs in (self.old, self.new))
        return bool(before) and before == after

    @property
    def deletes(self) -> bool:
        """Whether an object goes, for good or to be replaced."""
        return self.op in ("delete", "delete-replaced", "replace")

    @property
    def dropped_columns(self) -> tuple[str, ...]:
        """The columns that an update of a table takes away."""
        if self.kind != "Table" or self.op != "update":
            return ()
        after = {column["name"] for column in self.new.get("columns") or ()}
        return tuple(
            column["name"] for column in self.old.get("columns") or () if after and column["name"] not in after
        )


def steps_of(events: Iterable[automation.EngineEvent]) -> list[Step]:
    """Returns the steps that a run's events tell of, in their order."""
    return [_step(event.resource_pre_event.metadata) for event in events if event.resource_pre_event]


def _step(metadata: Any) -> Step:
    old, new = metadata.old, metadata.new
    return Step(
        op=str(getattr(metadata.op, "value", metadata.op)),
        urn=metadata.urn,
        type=metadata.type,
        diffs=tuple(metadata.diffs or ()),
        old=(old.inputs or {}) if old else {},
        new=(new.inputs or {}) if new else {},
        state=(old.outputs or {}) if old else {},
        id=(old.id or "") if old else "",
    )


def _column(column: Mapping[str, Any]) -> str:
    told = {key: value for key, value in column.items() if not key.startswith("__") and value not in ("", None)}
    return json.dumps(told, sort_keys=True)


def changing(steps: Iterable[Step]) -> list[Step]:
    """Returns the steps that do something, a replacement told once."""
    parts = ("create-replacement", "delete-replaced")
    return [step for step in steps if step.changes and step.op not in parts and not step.only_reorders]


def label_of(step: Step) -> Label:
    """Returns what a step means, the gravest first."""
    if (step.deletes and step.kind in HOLDS_ROWS) or step.dropped_columns:
        return Label.DESTRUCTIVE
    if (step.kind in _PROTECTS and (step.deletes or step.op == "update")) or _detaches(step):
        return Label.WEAKENING
    return Label.COSTLY if _costs_more(step) else Label.SAFE


def _detaches(step: Step) -> bool:
    """Returns whether a statement of protection is taken back, or a mask taken off a column."""
    if step.kind == "Execute":
        return step.deletes and "POLICY" in str(step.old.get("execute", "")).upper()
    if step.kind != "Table" or step.op != "update":
        return False
    after = {column["name"]: column.get("maskingPolicy") for column in step.new.get("columns") or ()}
    return any(
        column.get("maskingPolicy") and column["name"] in after and after[column["name"]] != column["maskingPolicy"]
        for column in step.old.get("columns") or ()
    )


_SIZES = ("XSMALL", "SMALL", "MEDIUM", "LARGE", "XLARGE", "XXLARGE", "XXXLARGE", "X4LARGE", "X5LARGE", "X6LARGE")


def _costs_more(step: Step) -> bool:
    if step.kind != "Warehouse" or step.op == "delete":
        return False
    if step.op == "create":
        return _size(step.new) > _size({})
    return _size(step.new) > _size(step.old) or _clusters(step.new) > _clusters(step.old)


def _size(inputs: Mapping[str, Any]) -> int:
    text = str(inputs.get("warehouseSize") or "X-SMALL").upper().replace("-", "")
    aliases = {"2XLARGE": "XXLARGE", "3XLARGE": "XXXLARGE", "4XLARGE": "X4LARGE", "5XLARGE": "X5LARGE"}
    text = aliases.get(text, "X6LARGE" if text == "6XLARGE" else text)
    return _SIZES.index(text) if text in _SIZES else 0


def _clusters(inputs: Mapping[str, Any]) -> int:
    return int(inputs.get("maxClusterCount") or 1)
