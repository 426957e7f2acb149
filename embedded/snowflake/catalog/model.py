"""What the catalog holds: objects, each in a container, and where their names live."""

from __future__ import annotations

import copy
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any

# Kinds that share one set of names within a schema; every other kind has its own.
RELATIONS = ("TABLE", "VIEW", "MATERIALIZED VIEW", "DYNAMIC TABLE", "EXTERNAL TABLE", "EVENT TABLE")
# The same of integrations.
INTEGRATIONS = ("NOTIFICATION INTEGRATION", "STORAGE INTEGRATION", "API INTEGRATION", "EXTERNAL ACCESS INTEGRATION")
_NAMESPACES = {**dict.fromkeys(RELATIONS, "RELATION"), **dict.fromkeys(INTEGRATIONS, "INTEGRATION")}

# The container of objects that belong to the account itself.
ACCOUNT = 0


def namespace(kind: str) -> str:
    """The set of names that a kind's names live in."""
    return _NAMESPACES.get(kind, kind)


@dataclass
class CatalogObject:
    """An object of the account: database, schema, table, role, user, warehouse, task ….

    Attributes:
        oid: identity for life; names change, this does not.
        kind: Snowflake's word for it, upper case: `TABLE`, `RESOURCE MONITOR`, `ROW ACCESS POLICY`.
        container: the oid of its schema or database, or ACCOUNT.
        name: canonical name.
        owner: oid of the owning role (0: none, as for a role made by the system).
        signature: argument types of a function or procedure, `(NUMBER, VARCHAR)`; part of its identity.
        body: what only this kind has, as JSON-able values.
    """

    oid: int
    kind: str
    container: int
    name: str
    owner: int = 0
    comment: str = ""
    signature: str = ""
    created_on: datetime = field(default_factory=lambda: datetime.now(UTC))
    dropped_on: datetime | None = None
    body: dict[str, Any] = field(default_factory=dict)

    @property
    def key(self) -> tuple[str, int, str]:
        """What no two living objects share."""
        return namespace(self.kind), self.container, self.name + self.signature

    def changed(self, **fields: Any) -> CatalogObject:
        """A copy with other fields and a body of its own, to change and put back."""
        other = copy.deepcopy(self)
        for name, value in fields.items():
            setattr(other, name, value)
        return other

    def to_json(self) -> dict[str, Any]:
        """The object as JSON-able values."""
        record = asdict(self)
        record["created_on"] = self.created_on.isoformat()
        record["dropped_on"] = self.dropped_on.isoformat() if self.dropped_on else None
        return record

    @classmethod
    def from_json(cls, record: dict[str, Any]) -> CatalogObject:
        """The object that `to_json` gave."""
        dropped = record["dropped_on"]
        return cls(
            **{
                **record,
                "created_on": datetime.fromisoformat(record["created_on"]),
                "dropped_on": datetime.fromisoformat(dropped) if dropped else None,
            }
        )
