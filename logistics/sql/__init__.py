"""The SQL files of the platform: read, filled, parsed and checked before anything is deployed."""

from __future__ import annotations

from logistics.sql.names import full_name, identifier, literal, quoted
from logistics.sql.objects import PolicyFile, SqlFiles, SqlObject, StreamFile, TaskFile, ViewFile
from logistics.sql.placeholders import Identifier, Literal, Values

__all__ = [
    "Identifier",
    "Literal",
    "PolicyFile",
    "SqlFiles",
    "SqlObject",
    "StreamFile",
    "TaskFile",
    "Values",
    "ViewFile",
    "full_name",
    "identifier",
    "literal",
    "quoted",
]
