"""What a model's contract says: a table or view whose rows come from the query beside it."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import ConfigDict, Field, model_validator

from logistics.contracts.model import Name, TableContract, refuse

Materialization = Literal["view", "secure_view", "table", "incremental", "dynamic_table", "seed", "snapshot"]
"""How a model's rows are kept.

- `view`, `secure_view`: not at all, the query runs at each read.
- `table`: brought to the whole query's rows whenever what it reads changed; rows that stay the same are not touched.
- `incremental`: only the keys that streams report are computed anew and merged by the key.
- `dynamic_table`: Snowflake keeps it within `target_lag`.
- `seed`: the rows of a small CSV file.
- `snapshot`: each version of the query's rows with `valid_from` and `valid_to`.
"""

VIEWS: tuple[Materialization, ...] = ("view", "secure_view")
REFRESHED: tuple[Materialization, ...] = ("table", "incremental", "snapshot")
"""Those whose rows a task of this platform writes."""

MERGED: tuple[Materialization, ...] = ("table", "incremental")
"""Those whose rows are merged by their key, where they have one."""

VALID_FROM, VALID_TO = "valid_from", "valid_to"

RefreshMode = Literal["auto", "full", "incremental"]

_LEAST_LAG_SECONDS = 60
_SECONDS = {"second": 1, "minute": 60, "hour": 3600, "day": 86400}

QualifiedName = Annotated[str, Field(pattern=r"^[a-z_]+\.[a-z0-9_]+$")]


class ModelContract(TableContract):
    """A model: what `TableContract` says, and how its rows come to be.

    `table` and `schema` are the file's name and folder and are not written in the file.

    Attributes:
        comment: `description` in the file.
        owner: who answers for it.
        on: for incremental models and snapshots the tables whose changed keys are computed anew; else all that it reads.
        streams: the stream that reports a table's changes to this model, where it has a name of its own in sql/streams.
        task: the name of the task that refreshes it; else `refresh_<model>`.
        warehouse: where the refresh runs: `environment`, `xs` or `multi`.
        target_lag: of a dynamic table, such as `1 minute` or `downstream`.
        refresh_mode: of a dynamic table: from changes where that can be (`auto`), always whole, or from changes or not at all.
        hard_deletes: whether a row that the query no longer gives is deleted (a snapshot closes its last version).
    """

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    comment: str = Field(alias="description", min_length=1)
    owner: str = Field(min_length=1)
    materialization: Materialization
    on: list[QualifiedName] = []
    streams: dict[QualifiedName, QualifiedName] = {}
    task: QualifiedName | None = None
    warehouse: Literal["environment", "xs", "multi"] = "environment"
    target_lag: str = Field("1 minute", pattern=r"(?i)^(\d+ (second|minute|hour|day)s?|downstream)$")
    refresh_mode: RefreshMode = "auto"
    hard_deletes: bool = True
    tags: list[Name] = []

    @property
    def is_view(self) -> bool:
        """Whether it keeps no rows."""
        return self.materialization in VIEWS

    @property
    def is_dynamic(self) -> bool:
        """Whether Snowflake itself keeps its rows."""
        return self.materialization == "dynamic_table"

    @property
    def is_refreshed(self) -> bool:
        """Whether a task of this platform writes its rows."""
        return self.materialization in REFRESHED

    @property
    def merge_key(self) -> list[str]:
        """The columns by which the query's rows are told apart; a snapshot's versions share them."""
        return [name for name in self.primary_key if self.materialization != "snapshot" or name != VALID_FROM]

    @property
    def query_columns(self) -> list[str]:
        """The columns that the query gives, in their order; the refresh fills the others."""
        managed = (VALID_FROM, VALID_TO) if self.materialization == "snapshot" else ()
        return [column.name for column in self.columns if not column.filled_at and column.name not in managed]

    @model_validator(mode="after")
    def _materialized(self) -> ModelContract:
        kind = self.materialization
        self._check_dynamic()
        keyed = kind in ("incremental", "snapshot")
        refuse([f"{kind} needs a primary_key, by which rows are merged"] if keyed and not self.merge_key else [])
        only_stored = {"cluster_by": self.cluster_by, "row_access_policy": self.row_access_policy}
        refuse([f"a {kind} has no {key}" for key, value in only_stored.items() if value and self.is_view])
        refuse(["on is for incremental models and snapshots"] if self.on and not keyed else [])
        refuse([f"a {kind} has no task of its own"] if self.task and not self.is_refreshed else [])
        managed = [column.name for column in self.columns if column.filled_at]
        refuse([f"{name}: filled_at is for what a refresh merges" for name in managed if kind not in MERGED])
        refuse([f"{name}: a key is not filled_at" for name in managed if name in self.primary_key])
        if kind == "snapshot":
            self._check_versions()
        return self

    def _check_dynamic(self) -> None:
        """A lag that Snowflake takes; nothing that only a table which is written to has, and no such words elsewhere."""
        own = [key for key in ("target_lag", "refresh_mode") if key in self.model_fields_set]
        refuse([f"{key} is for dynamic tables" for key in own if not self.is_dynamic])
        if not self.is_dynamic:
            return
        number, _, unit = self.target_lag.lower().partition(" ")
        seconds = int(number) * _SECONDS[unit.rstrip("s")] if unit else _LEAST_LAG_SECONDS
        refuse([f"target_lag is {self.target_lag}: at least 60 seconds"] if seconds < _LEAST_LAG_SECONDS else [])
        written = {"streams": self.streams, "appended_by": self.appended_by, "change_tracking": self.change_tracking}
        written |= {"engineer_reads_only": self.engineer_reads_only, "hard_deletes": not self.hard_deletes}
        refuse([f"a dynamic_table has no {key}: nobody writes to it" for key, value in written.items() if value])

    def _check_versions(self) -> None:
        """A snapshot has columns that say from when to when a version held."""
        for name in (VALID_FROM, VALID_TO):
            column = self.column(name)
            refuse([] if column else [f"a snapshot has the columns {VALID_FROM} and {VALID_TO}"])
            kind = column.type if column else ""
            refuse([] if kind.startswith("TIMESTAMP") else [f"{name} is {kind}: a timestamp is needed"])
        refuse([] if VALID_FROM in self.primary_key else [f"the primary_key of a snapshot holds {VALID_FROM}"])

    def _check_key(self) -> None:
        """The columns of a view and of a dynamic table have no constraint; the key is tested."""
        if not self.is_view and not self.is_dynamic:
            super()._check_key()

    def _check_masks(self) -> None:
        """A view shows its tables' masked values; it holds none itself."""
        if not self.is_view:
            super()._check_masks()

    def _check_row_protection(self) -> None:
        """A view's rows are filtered in the tables beneath it."""
        if not self.is_view:
            super()._check_row_protection()
