"""A column gets another name with its values; rows that arrive while `up` runs are neither lost nor passed on twice."""

from __future__ import annotations

import threading

import pytest
from deployed import Platform

from logistics.declarations import load_declarations
from logistics.modelling.renames import pending_renames, table_urn
from logistics.settings import load_stack

COUNTED = "select count(*), count(distinct shipment_id), sum(revenue) from {table}"
CHAIN = ("staging.stg_shipments", "marts.tbl_fact_shipments", "marts.tbl_fact_shipments_partitioned")


def edit(platform: Platform, name: str, old: str, new: str) -> None:
    """Replace a text in one of the project's files."""
    path = platform.project.folder / name
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new))


def up(platform, *arguments, check=True):
    """One `up` of the stack."""
    return platform.project.pulumi(
        "up", "--stack", "dev", "--yes", "--skip-preview", "--non-interactive", *arguments, check=check
    )


def rename(platform: Platform) -> list[str]:
    """What `logistics columns` does, on a server that is not the project's own."""
    root = platform.project.folder
    tables = load_declarations(root, load_stack(root, "dev")).tables
    with platform.server.connect(role="ACCOUNTADMIN") as connection:
        renames = pending_renames(connection.cursor(), tables, "LOGISTICS")
        for found in renames:
            connection.cursor().execute(found.statement)
    for found in renames:
        platform.project.pulumi(
            "refresh", "--stack", "dev", "--yes", "--skip-preview", "--target", table_urn("dev", found.table)
        )
    return [f"{found.table}: {found.old} is now {found.new}" for found in renames]


@pytest.mark.slow
def test_a_column_gets_another_name_with_its_values(platform):
    platform.run("insert into marts.tbl_dim_vehicle (vehicle_id, home_country) values ('V1', 'PERU')")
    edit(
        platform,
        "sql/models/marts/dimensions/tbl_dim_vehicle.yaml",
        "{name: home_country,",
        "{name: country, renamed_from: home_country,",
    )
    edit(
        platform,
        "sql/models/marts/dimensions/tbl_dim_vehicle.sql",
        "    vehicles.home_country,",
        "    vehicles.home_country as country,",
    )
    edit(platform, "sql/snapshots/snap_dim_vehicle.sql", "    home_country,", "    country as home_country,")
    refused = up(platform, check=False)
    assert refused.returncode != 0
    assert "marts.tbl_dim_vehicle.home_country is renamed to country" in refused.stdout + refused.stderr
    assert rename(platform) == ["marts.tbl_dim_vehicle: home_country is now country"]
    assert rename(platform) == []
    up(platform)
    assert platform.rows("select vehicle_id, country from marts.tbl_dim_vehicle") == [("V1", "PERU")]
    up(platform, "--expect-no-changes")


@pytest.mark.slow
def test_rows_that_arrive_during_a_deployment_are_passed_on_once(platform, wait_for):
    written, stop, problems = [], threading.Event(), []

    def write() -> None:
        with platform.server.connect(
            role="DATA_ENGINEER", database="LOGISTICS", warehouse="COMPUTE_WH_DEV"
        ) as connection:
            cursor = connection.cursor()
            while not stop.is_set():
                number = len(written)
                row = f"('S{number}', 'O1', 'C000000001', 'V1', '2026-01-01', {number}, '2026-01-01')"
                try:
                    # Each row twice: a source that sends again what it has sent.
                    cursor.execute(
                        "insert into raw.raw_shipments (shipment_id, order_id, customer_id, vehicle_id, shipped_at, revenue, sent_at) "
                        f"values {row}, {row}"
                    )
                except Exception as error:
                    problems.append(error)
                    return
                written.append(number)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        for layer, model in (
            ("staging", "stg_shipments"),
            ("marts/facts", "tbl_fact_shipments"),
            ("marts/facts", "tbl_fact_shipments_partitioned"),
        ):
            file = f"sql/models/{layer}/{model}.yaml"
            path = platform.project.folder / file
            path.write_text(path.read_text().rstrip("\n") + "\n  - {name: note, type: varchar(20)}\n")
        edit(
            platform,
            "sql/models/staging/stg_shipments.sql",
            "    revenue,",
            "    revenue,\n    'new'::varchar(20) as note,",
        )
        edit(platform, "sql/models/marts/facts/tbl_fact_shipments.sql", "    revenue\n", "    revenue,\n    note\n")
        up(platform)
    finally:
        stop.set()
        writer.join()
    assert not problems
    assert len(written) > 10
    expected = [(len(written), len(written), sum(written))]
    for table in CHAIN:
        assert wait_for(lambda table=table: platform.rows(COUNTED.format(table=table)) == expected, 150), table
    for stream in (
        "staging.stg_shipments_on_raw_shipments",
        "marts.tbl_fact_shipments_on_stg_shipments",
        "marts.shipment_stream",
    ):
        assert platform.rows(f"select count(*) from {stream}") == [(0,)]
    assert platform.rows("select count(*) from marts.tbl_fact_shipments where note = 'new'") != [(0,)]
