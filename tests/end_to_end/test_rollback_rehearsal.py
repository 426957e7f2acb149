"""Random changes of a stack and of its data, then a random version to go back to: everything is as that version had it.

Objects, columns, clustering, grants and policies are compared with what was read right after that version's deployment. Rows and what
streams have not given yet are compared with a model, since what was written since stays: a column that went comes back with its values,
a table that went with its rows, and a stream at its offset.

LOGISTICS_REHEARSALS sets how many are run; one by default, and the same one each time.
"""

from __future__ import annotations

import json
import os
import random
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from small_platform import SmallPlatform

pytestmark = pytest.mark.slow
REHEARSALS = int(os.environ.get("LOGISTICS_REHEARSALS", "1"))
VERSIONS, EDITS_EACH = 3, 3
STREAM = "-- comment: Changes of tbl_depot\ncreate stream marts.depot_stream on table marts.tbl_depot;\n"
FOLDER = "sql/tables/marts"
BASE: dict[str, Any] = {
    "tbl_depot": {
        "table": "tbl_depot",
        "schema": "marts",
        "comment": "Where vehicles stand at night",
        "primary_key": ["depot_id"],
        "columns": [
            {"name": "depot_id", "type": "varchar(10)", "nullable": False},
            *({"name": name, "type": "varchar(40)"} for name in ("city", "street", "keeper")),
        ],
    },
    "tbl_dock": {
        "table": "tbl_dock",
        "schema": "marts",
        "comment": "Where vehicles are loaded",
        "primary_key": ["dock_id"],
        "row_access_policy": "customer_data_policy",
        "readers": ["data_analyst"],
        "columns": [
            {"name": "dock_id", "type": "varchar(10)", "nullable": False},
            {"name": "customer_id", "type": "varchar(20)", "nullable": False},
        ],
    },
}


@dataclass
class Rehearsal:
    """The project's files as they are to be, and what its rows have to be; a column's key is its first name."""

    small: SmallPlatform
    chance: random.Random
    contracts: dict[str, Any]
    names: dict[str, str] = field(default_factory=lambda: {name: name for name in ("city", "street", "keeper")})
    depots: dict[str, dict[str, str]] = field(default_factory=dict)
    docks: set[str] = field(default_factory=set)
    pending: set[str] = field(default_factory=set)
    done: list[str] = field(default_factory=list)
    has_stream: bool = True
    is_renamed: bool = False

    # -- edits of the stack ----------------------------------------------------------------------------------------

    def rename_column(self) -> None:
        """Give a column another name."""
        column = self.chance.choice(self.columns)
        old, new = column["name"], f"{column['name']}_{len(self.done)}"
        key = next(key for key, name in self.names.items() if name == old)
        column.update(name=new, renamed_from=old)
        self.names[key], self.is_renamed = new, True

    def drop_column(self) -> None:
        """Take a column away."""
        if len(self.columns) > 1:
            column = self.chance.choice(
                [each for each in self.columns if "renamed_from" not in each] or self.columns[:1]
            )
            if "renamed_from" in column:
                return
            self.contracts["tbl_depot"]["columns"].remove(column)
            self.contracts["tbl_depot"].setdefault("allow", {}).setdefault("drop", []).append(column["name"])
            self.names = {key: name for key, name in self.names.items() if name != column["name"]}

    def add_column(self) -> None:
        """Add one at the end."""
        name = f"new_{len(self.done)}"
        self.contracts["tbl_depot"]["columns"].append({"name": name, "type": "varchar(40)"})
        self.names[name] = name

    def cluster(self) -> None:
        """Cluster the depots, or no longer."""
        contract = self.contracts["tbl_depot"]
        if contract.pop("cluster_by", None) is None:
            contract["cluster_by"] = ["depot_id"]

    def drop_table(self) -> None:
        """Take the docks away, with their rows and protection."""
        self.contracts.pop("tbl_dock", None)

    def change_grants(self) -> None:
        """Let analysts read the depots, or no longer."""
        contract = self.contracts["tbl_depot"]
        if contract.pop("readers", None) is None:
            contract["readers"] = ["data_analyst"]

    def change_stream(self) -> None:
        """Take the stream away."""
        self.has_stream = False

    def change_warehouse(self) -> None:
        """Another size."""
        stack = self.small.root / "Pulumi.dev.yaml"
        larger = "warehouseSize: X-SMALL" in stack.read_text()
        sizes = ("X-SMALL", "SMALL") if larger else ("SMALL", "X-SMALL")
        self.small.edit("Pulumi.dev.yaml", *(f"warehouseSize: {size}" for size in sizes))

    @property
    def columns(self) -> list[dict[str, Any]]:
        """The depots' columns but the key."""
        return self.contracts["tbl_depot"]["columns"][1:]

    # -- data ------------------------------------------------------------------------------------------------------

    def write_rows(self) -> None:
        """Add depots and docks; now and then let somebody consume the stream, or change a value."""
        for _ in range(2):
            key = f"D{len(self.depots)}"
            self.depots[key] = {column: f"{column} of {key}" for column in self.names}
            listed = ", ".join(["depot_id", *self.names.values()])
            values = ", ".join(f"'{value}'" for value in (key, *self.depots[key].values()))
            self.small.rows(f"insert into marts.tbl_depot ({listed}) values ({values})")
            self.pending.add(key)
        if "tbl_dock" in self.contracts:
            key = f"K{len(self.docks)}"
            self.small.rows(f"insert into marts.tbl_dock values ('{key}', 'C1')")
            self.docks.add(key)
        if self.has_stream and self.chance.random() < 0.5:
            self.small.rows(
                "create temporary table marts.seen (depot_id varchar)",
                "insert into marts.seen select depot_id from marts.depot_stream",
                role="ACCOUNTADMIN",
            )
            self.pending.clear()

    # -- versions --------------------------------------------------------------------------------------------------

    def deploy(self) -> int:
        """Write the files and deploy them; returns the version."""
        for name in ("tbl_depot", "tbl_dock"):
            file = self.small.root / FOLDER / f"{name}.yaml"
            file.unlink(missing_ok=True)
            if name in self.contracts:
                self.small.write(f"{FOLDER}/{name}.yaml", yaml.safe_dump(self.contracts[name], sort_keys=False))
        stream = self.small.root / "sql/streams/depot_stream.sql"
        self.small.write("sql/streams/depot_stream.sql", STREAM) if self.has_stream else stream.unlink(missing_ok=True)
        if self.is_renamed:
            self.small.logistics("columns")
        told = self.small.logistics("deploy", "--yes", "--allow-destructive")
        for column in self.columns:
            column.pop("renamed_from", None)
        self.is_renamed = False
        self.write_rows()
        found = [line.split()[2].rstrip(";") for line in told.splitlines() if line.startswith("deployed version ")]
        return int(found[0]) if found else 0

    def edit(self) -> None:
        """Some changes of the stack at once."""
        edits = (
            self.rename_column,
            self.drop_column,
            self.add_column,
            self.cluster,
            self.drop_table,
            self.change_grants,
            self.change_stream,
            self.change_warehouse,
        )
        for edit in self.chance.sample(edits, EDITS_EACH):
            self.done.append(edit.__name__)
            edit()


COLUMNS = "select table_name, column_name, data_type, is_nullable from information_schema.columns where table_schema = 'MARTS'"
CLUSTERING = "select table_name, clustering_key from information_schema.tables where table_schema = 'MARTS'"
GRANTS = (
    "select grantee, privilege_type, object_type, object_name from information_schema.object_privileges "
    "where object_schema = 'MARTS'"
)
POLICIES = (
    "select policy_name, ref_arg_column_names from table(information_schema.policy_references("
    "ref_entity_name => 'marts.{}', ref_entity_domain => 'table'))"
)


def fingerprint(small: SmallPlatform) -> dict[str, Any]:
    """Objects, columns, clustering, grants and policies of the schema, the warehouse's size, and who depends on whom; no rows."""

    def rows(text: str) -> list[tuple[Any, ...]]:
        return sorted(small.rows(text, role="ACCOUNTADMIN"), key=str)

    tables = sorted(row[1] for row in rows("show tables in schema marts"))
    return {
        "tables": tables,
        "streams": sorted(row[1] for row in rows("show streams in schema marts")),
        "columns": rows(COLUMNS),
        "clustering": rows(CLUSTERING),
        "grants": sorted(set(rows(GRANTS))),
        "policies": {name: rows(POLICIES.format(name)) for name in tables},
        "size": small.size,
        "dependencies": dependencies(small),
    }


def dependencies(small: SmallPlatform) -> dict[str, Any]:
    """Of each resource in the state what it depends on, and by which property: what a later replacement takes along."""
    state = json.loads((small.root / ".local/state/.pulumi/stacks/logistics/dev.json").read_text())
    return {
        resource["urn"]: {
            key: sorted(urns)
            for key, urns in {"": resource.get("dependencies"), **resource.get("propertyDependencies", {})}.items()
            if urns
        }
        for resource in state["checkpoint"]["latest"]["resources"]
    }


@contextmanager
def small_platform(folder: Path) -> Iterator[SmallPlatform]:
    """A small project's account, its first version without depots of its own."""
    made = SmallPlatform(folder / "project")
    try:
        for name in ("tbl_depot", "tbl_visit"):
            (made.root / FOLDER / f"{name}.yaml").unlink()
        for name, contract in BASE.items():
            made.write(f"{FOLDER}/{name}.yaml", yaml.safe_dump(contract, sort_keys=False))
        made.write("sql/streams/depot_stream.sql", STREAM)
        (made.root / "sql/tests/depot_has_city.sql").unlink()
        yield made.start()
    finally:
        made.stop()


# A failure is told as it is found: each smaller example to try would be a minute's work.
@settings(max_examples=REHEARSALS, phases=[Phase.generate], derandomize=True, database=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_a_version_comes_back_as_it_was(tmp_path_factory, seed):
    with small_platform(tmp_path_factory.mktemp("rehearsal")) as small:
        rehearse(small, random.Random(seed))


def rehearse(small: SmallPlatform, chance: random.Random) -> None:
    """Deploy some versions, go back to one, and compare."""
    at_work = Rehearsal(small, chance, yaml.safe_load(yaml.safe_dump(BASE)))
    at_work.write_rows()
    versions = {1: (fingerprint(small), dict(at_work.names))}
    for _ in range(VERSIONS - 1):
        at_work.edit()
        number = at_work.deploy()
        versions[number] = (fingerprint(small), dict(at_work.names))
    chosen = at_work.chance.choice([number for number in versions if number not in (0, max(versions))])
    story = f"{', '.join(at_work.done)}; back to {chosen} of {sorted(versions)}"

    told = small.logistics("rollback", "--yes", "--to", str(chosen))
    expected, names = versions[chosen]
    assert fingerprint(small) == expected, f"{story}\n{told}"
    listed = ", ".join(["depot_id", *names.values()])
    rows = {row[0]: row[1:] for row in small.rows(f"select {listed} from marts.tbl_depot")}
    assert rows == {key: tuple(row.get(column) for column in names) for key, row in at_work.depots.items()}, story
    if "TBL_DOCK" in expected["tables"]:
        assert {row[0] for row in small.rows("select dock_id from marts.tbl_dock")} == at_work.docks, story
    if expected["streams"]:
        # Values that come back into a column are an update of rows that had been passed on, and told as such.
        new = "select depot_id from marts.depot_stream where not metadata$isupdate"
        unread = small.rows(new, role="ACCOUNTADMIN")
        assert sorted(row[0] for row in unread) == sorted(at_work.pending), story
