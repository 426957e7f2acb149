"""A column gets another name with its values; rows that arrive while `up` runs are neither lost nor passed on twice."""

from __future__ import annotations

import threading

import pytest
from deployed import Platform

from logistics.declarations import load_declarations
from logistics.modelling.renames import pending_renames, table_urn
from logistics.settings import load_stack

COUNTED = "select count(*), count(distinct shipment_id), sum(revenue) from {table} where shipment_id like 'S%'"
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


DAILY = "analytics.dt_daily_deliveries"
SEEN = f"select customer_id, shipments, revenue from {DAILY} where shipment_date = '2031-01-01' order by 1"
ACTIONS = (
    "select distinct refresh_action from table(information_schema.dynamic_table_refresh_history()) "
    f"where name = '{DAILY.split('.')[1].upper()}'"
)


def shipment(customer: str, revenue: int) -> str:
    """A shipment put into the facts, on a day that no other test has."""
    return (
        "insert into marts.tbl_fact_shipments (shipment_id, order_id, customer_id, vehicle_id, shipment_date, revenue) "
        f"values ('DAILY-{customer}', 'O1', '{customer}', 'V1', '2031-01-01', {revenue})"
    )


@pytest.mark.slow
def test_a_dynamic_table_follows_its_table_and_hides_its_rows(platform):
    analyst = {"role": "DATA_ANALYST", "user": "TEST_ANALYST", "password": "Test-analyst-1"}
    platform.run(shipment("C000000001", 10), shipment("C000000003", 20), f"alter dynamic table {DAILY} refresh")
    assert platform.rows(SEEN) == [("C000000001", 1, 10), ("C000000003", 1, 20)]
    assert platform.rows(SEEN, **analyst) == [("C000000001", 1, 10)], "the customers of this analyst, and no other"
    assert platform.rows(SEEN, role="ACCOUNTADMIN") == [], "who deploys it sees no customer"
    actions = {action for (action,) in platform.rows(ACTIONS)}
    assert "FULL" in actions and "INCREMENTAL" not in actions, "its table is protected: single rows cannot be followed"

    edit(
        platform,
        f"sql/models/marts/{DAILY.replace('.', '/')}.sql",
        "count(*) as shipments",
        "2 * count(*) as shipments",
    )
    up(platform)
    assert platform.rows(SEEN) == [("C000000001", 2, 10), ("C000000003", 2, 20)], "made anew, with rows"
    assert platform.rows(SEEN, **analyst) == [("C000000001", 2, 10)], "its readers and its policy are as before"
    assert platform.rows(f"show dynamic tables like '{DAILY.split('.')[1]}'")[0][8] == "DATA_ENGINEER"
    up(platform, "--expect-no-changes")
