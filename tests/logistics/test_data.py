from __future__ import annotations

import gzip
from decimal import Decimal

import pytest

from logistics.contracts import load_tables
from logistics.data.generate import generate
from logistics.data.mapping import RAW_QUERIES
from logistics.declarations import load_declarations
from logistics.settings import load_stack

SCALE = Decimal("0.001")


def read(path):
    return gzip.decompress(path.read_bytes()).decode()


@pytest.fixture(scope="module")
def generated(tmp_path_factory):
    folder = tmp_path_factory.mktemp("generated")
    return folder, *generate(folder, SCALE)


def test_every_raw_table_gets_its_rows(generated):
    _, data, made = generated
    assert made
    assert data.rows == {"raw_customers": 150, "raw_orders": 1500, "raw_vehicles": 10, "raw_shipments": 6005}


def test_a_second_run_changes_nothing(generated):
    folder, data, _ = generated
    before = data.file(folder, "raw_orders").stat().st_mtime_ns
    assert generate(folder, SCALE) == (data, False)
    assert data.file(folder, "raw_orders").stat().st_mtime_ns == before


def test_the_same_scale_gives_the_same_rows_everywhere(generated, tmp_path):
    folder, data, _ = generated
    again, _ = generate(tmp_path, SCALE)
    for table in data.rows:
        assert read(data.file(folder, table)) == read(again.file(tmp_path, table))


def test_a_file_that_is_gone_is_made_again(tmp_path):
    data, _ = generate(tmp_path, SCALE)
    data.file(tmp_path, "raw_orders").unlink()
    assert generate(tmp_path, SCALE)[1]
    assert data.file(tmp_path, "raw_orders").is_file()


def test_files_have_the_contracts_columns_in_their_order(generated, root):
    folder, data, _ = generated
    for table in data.rows:
        header = read(data.file(folder, table)).splitlines()[0].split(",")
        assert header == [column.name for column in load_tables(root)[f"raw.{table}"].columns]


def test_every_table_with_rows_is_loaded(root):
    models = load_declarations(root, load_stack(root, "dev")).models
    loaded = {name.split(".")[1] for name in models.refreshes if name not in models.dynamic_tables}
    assert loaded >= set(RAW_QUERIES)
    seeds = {model.contract.table for model in models.models.values() if model.seed_rows}
    of_the_platform_itself = ("governance", "monitoring", "ml")
    contracts = [each for each in load_tables(root).values() if each.schema_name not in of_the_platform_itself]
    assert {contract.table for contract in contracts} - seeds == loaded
