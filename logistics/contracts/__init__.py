"""Contracts: what each table has to be and who may read it, in YAML, checked before anything is deployed."""

from __future__ import annotations

from logistics.contracts.changes import is_wider, refusals
from logistics.contracts.load import LAYERS, ModelFile, load_access, load_models, load_tables, tables_of
from logistics.contracts.model import (
    ACCESS_LEVELS,
    POLICY_COLUMNS,
    AccessContract,
    Check,
    Column,
    ForeignKey,
    RoleContract,
    TableContract,
)
from logistics.contracts.models import VALID_FROM, VALID_TO, Materialization, ModelContract

__all__ = [
    "ACCESS_LEVELS",
    "LAYERS",
    "POLICY_COLUMNS",
    "VALID_FROM",
    "VALID_TO",
    "AccessContract",
    "Check",
    "Column",
    "ForeignKey",
    "Materialization",
    "ModelContract",
    "ModelFile",
    "RoleContract",
    "TableContract",
    "is_wider",
    "load_access",
    "load_models",
    "load_tables",
    "refusals",
    "tables_of",
]
