"""Contracts: what each table has to be and who may read it, in YAML, checked before anything is deployed."""

from __future__ import annotations

from logistics.contracts.load import load_access, load_tables
from logistics.contracts.model import (
    POLICY_COLUMNS,
    AccessContract,
    Check,
    Column,
    ForeignKey,
    RoleContract,
    TableContract,
)

__all__ = [
    "POLICY_COLUMNS",
    "AccessContract",
    "Check",
    "Column",
    "ForeignKey",
    "RoleContract",
    "TableContract",
    "load_access",
    "load_tables",
]
