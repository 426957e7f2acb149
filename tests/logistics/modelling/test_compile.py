"""What is wrong with a model is told with its file and line before anything is deployed."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from logistics.declarations import load_declarations
from logistics.errors import FileError
from logistics.modelling import ColumnRef
from logistics.settings import load_stack

MODELS = "sql/models"
STG = f"{MODELS}/staging/stg_orders"
DIM = f"{MODELS}/marts/dimensions/tbl_dim_customer"
FACT = f"{MODELS}/marts/facts/tbl_fact_shipments"
COPY = f"{MODELS}/marts/facts/tbl_fact_shipments_partitioned"
SUMMARY = f"{MODELS}/marts/analytics/mv_customer_summary"
DYNAMIC = f"{MODELS}/marts/analytics/dt_daily_deliveries"
FEATURES = f"{MODELS}/ml_features/tbl_ml_consolidated_feature_store"
SNAP = "sql/snapshots/snap_dim_customer"
SEED = "sql/seeds/maintenance_risk_levels"
POLICY = "row_access_policy: customer_data_policy\n"


def at(file, text):
    """Where a text stands in one of the project's files, as a message tells it."""
    before, found, _ = (Path(__file__).parents[3] / file).read_text().partition(text)
    assert found
    return f"{file}:{before.count(chr(10)) + 1}"


WRONG = {
    "unknown table": (
        f"{DIM}.sql",
        "from staging.stg_customers",
        "from staging.stg_clients",
        f"{DIM}.sql:33: reads staging.stg_clients",
    ),
    "near name": (
        f"{DIM}.sql",
        "from staging.stg_customers",
        "from staging.stg_custmers",
        "(did you mean staging.stg_customers?)",
    ),
    "unknown column": (
        f"{DIM}.sql",
        "    customers.country,",
        "    customers.land,",
        f"{DIM}.sql:23: Unknown column: LAND",
    ),
    "unknown name": (
        f"{DIM}.sql",
        "from staging.stg_customers as",
        "from stg_custom as",
        f"{DIM}.sql:33: reads stg_custom",
    ),
    "cycle of one": (
        f"{STG}.sql",
        "from raw.raw_orders",
        "from staging.stg_orders",
        f"{STG}.sql:8: a cycle: staging.stg_orders reads staging.stg_orders",
    ),
    "cycle of two": (
        f"{MODELS}/staging/stg_customers.sql",
        "from raw.raw_customers\n",
        "from raw.raw_customers\nwhere customer_id not in (select customer_id from marts.tbl_dim_customer)\n",
        f"{DIM}.sql:33: a cycle: marts.tbl_dim_customer reads staging.stg_customers reads marts.tbl_dim_customer",
    ),
    "not given": (
        f"{DIM}.yaml",
        "  - {name: country,",
        "  - {name: land, type: date}\n  - {name: country,",
        at(f"{DIM}.yaml", "{name: country") + ": names the column land",
    ),
    "not named": (
        f"{DIM}.sql",
        "    customers.country,",
        "    customers.country,\n    1 as one,",
        f"{DIM}.sql:24: gives the column one, which",
    ),
    "given twice": (
        f"{DIM}.sql",
        "customers.country,",
        "customers.country,\n    customers.country,",
        "gives the column country twice",
    ),
    "filled by itself": (
        f"{DIM}.sql",
        "    customers.country,",
        "    customers.country,\n    null as updated_at,",
        "which the refresh fills itself",
    ),
    "no name": (f"{DIM}.sql", "    customers.country,", "    customers.country,\n    1 + 1,", f"{DIM}.sql:"),
    "type": (
        f"{DIM}.yaml",
        "last_order_at, type: timestamp_ntz(9)",
        "last_order_at, type: varchar(20)",
        at(f"{DIM}.yaml", "{name: last_order_at") + ": last_order_at is VARCHAR(20), but the query gives a timestamp",
    ),
    "too narrow": (
        f"{DIM}.yaml",
        "country, type: varchar(40)",
        "country, type: varchar(39)",
        at(f"{DIM}.yaml", "{name: country") + ": country is VARCHAR(39), too narrow for staging.stg_customers.country",
    ),
    "too few digits": (
        f"{FACT}.yaml",
        'quantity, type: "number(12,2)"',
        'quantity, type: "number(12,3)"',
        "too narrow for staging.stg_shipments.quantity",
    ),
    "incremental without key": (
        f"{FACT}.yaml",
        "primary_key: [shipment_id]\n",
        "",
        f"{FACT}.yaml:1: incremental needs a primary_key",
    ),
    "unknown key": (
        f"{FACT}.yaml",
        "primary_key: [shipment_id]",
        "primary_key: [shipment]",
        f"{FACT}.yaml:1: primary_key names shipment,",
    ),
    "unknown clustering": (
        f"{FACT}.yaml",
        "cluster_by: [shipment_date]",
        "cluster_by: [ship_date]",
        "cluster_by names ship_date",
    ),
    "clustered view": (
        f"{SUMMARY}.yaml",
        "owner: analytics",
        "owner: analytics\ncluster_by: [customer_id]",
        "a secure_view has no cluster_by",
    ),
    "no such materialization": (
        f"{FACT}.yaml",
        "materialization: incremental",
        "materialization: incremental_table",
        f"{FACT}.yaml:3: materialization",
    ),
    "lag too short": (
        f"{DYNAMIC}.yaml",
        "5 minutes",
        "30 seconds",
        f"{DYNAMIC}.yaml:1: target_lag is 30 seconds: at least",
    ),
    "lag that is none": (f"{DYNAMIC}.yaml", "5 minutes", "soon", f"{DYNAMIC}.yaml:4: target_lag"),
    "lag of a view": (
        f"{SUMMARY}.yaml",
        "owner: analytics",
        "owner: analytics\ntarget_lag: 5 minutes",
        f"{SUMMARY}.yaml:1: target_lag is for dynamic tables",
    ),
    "no such refresh": (
        f"{DYNAMIC}.yaml",
        "warehouse: xs",
        "warehouse: xs\nrefresh_mode: sometimes",
        f"{DYNAMIC}.yaml:6: refresh_mode",
    ),
    "task of a dynamic table": (
        f"{DYNAMIC}.yaml",
        "warehouse: xs",
        "warehouse: xs\ntask: analytics.mine",
        "a dynamic_table has no task of its own",
    ),
    "written dynamic table": (
        f"{DYNAMIC}.yaml",
        "warehouse: xs",
        "warehouse: xs\nappended_by: auditor",
        "a dynamic_table has no appended_by: nobody writes to it",
    ),
    "unprotected dynamic table": (f"{DYNAMIC}.yaml", POLICY, "", "set row_access_policy: customer_data_policy"),
    "dynamic table without key": (
        f"{DYNAMIC}.sql",
        "    customer_id,\n",
        "    md5(shipment_id) as customer_id,\n",
        "does not come from",
    ),
    "dynamic table in another order": (
        f"{DYNAMIC}.sql",
        "    customer_id,\n    shipment_date,\n",
        "    shipment_date,\n    customer_id,\n",
        f"{DYNAMIC}.yaml:10: customer_id stands where the query gives shipment_date",
    ),
    "written from a dynamic table": (
        f"{FEATURES}.sql",
        "left join",
        "cross join analytics.dt_daily_deliveries as daily\nleft join",
        f"{FEATURES}.yaml:3: ml_features.tbl_ml_consolidated_feature_store reads analytics.dt_daily_deliveries, a dynamic table",
    ),
    "seed as model": (
        f"{FACT}.yaml",
        "materialization: incremental",
        "materialization: seed",
        f"{FACT}.yaml:3: sql/models/marts/facts holds no seed",
    ),
    "no query": (
        f"{FACT}.sql",
        "select\n",
        "create table x as select\n",
        f"{FACT}.sql:1: expected a query, found CREATE",
    ),
    "on something else": (
        f"{FACT}.yaml",
        "cluster_by:",
        "on: [staging.stg_orders]\ncluster_by:",
        "on names staging.stg_orders, which",
    ),
    "another's stream": (
        f"{COPY}.yaml",
        "marts.shipment_stream}",
        "marts.customer_stream}",
        f"{COPY}.yaml:4: marts.customer_stream is no stream of sql/streams on marts.tbl_fact_shipments",
    ),
    "key that no change names": (
        f"{FACT}.sql",
        "from staging.stg_shipments",
        "from (select md5(ship_mode) as shipment_id, * exclude (shipment_id) from staging.stg_shipments) as s",
        "shipment_id is no column of staging.stg_shipments, so its changes do not say",
    ),
    "unprotected": (f"{FACT}.yaml", POLICY, "", "set row_access_policy: customer_data_policy"),
    "renamed key": (f"{SNAP}.sql", "    customer_id,", "    customer_id as client,", None),
    "rows without key": (f"{SNAP}.yaml", POLICY, "", None),
    "open view": (
        f"{SUMMARY}.yaml",
        "materialization: secure_view",
        "materialization: view",
        f"{SUMMARY}.yaml: analytics.mv_customer_summary shows rows of marts.tbl_dim_customer, which is protected",
    ),
    "personal data unmasked": (
        f"{SNAP}.sql",
        "    market_segment,",
        "    upper(contact_email) as market_segment,",
        "snap_dim_customer.market_segment comes from marts.tbl_dim_customer.contact_email",
    ),
    "snapshot without versions": (
        f"{SNAP}.yaml",
        "name: valid_to,",
        "name: valid_until,",
        "a snapshot has the columns",
    ),
    "seed with other columns": (
        f"{SEED}.csv",
        "risk_level,from_share",
        "risk_level,share",
        f"{SEED}.csv:1: the first line must name",
    ),
    "seed with a short line": (f"{SEED}.csv", "LOW,0,Nothing to do", "LOW,0", f"{SEED}.csv:4: 2 fields, but 3 columns"),
}


def compiled(project):
    return load_declarations(project, load_stack(project, "dev")).models


@pytest.mark.parametrize(("file", "old", "new", "told"), WRONG.values(), ids=WRONG)
def test_a_wrong_model_is_told_with_file_and_line(project, edit, file, old, new, told):
    edit(file, old, new)
    with pytest.raises(FileError) as caught:
        compiled(project)
    assert (told or "") in str(caught.value)
    assert re.match(r"sql/\S+?(:\d+)?: ", str(caught.value))
    assert "\n" not in str(caught.value)


def test_a_query_without_contract_and_a_contract_without_query_are_told(project):
    (project / f"{FACT}.yaml").rename(project / f"{MODELS}/marts/facts/other.yaml")
    with pytest.raises(FileError, match=r"other\.yaml:1: there is no other\.sql beside it"):
        compiled(project)


def test_a_model_in_no_layer_is_told(project):
    (project / f"{MODELS}/marts/stray.sql").write_text("select 1 as one")
    with pytest.raises(FileError, match=r"stray\.sql:1: sql/models/marts is no layer"):
        compiled(project)


def test_one_name_twice_is_told(project):
    for ending in ("sql", "yaml"):
        source = project / f"{SNAP}.{ending}"
        (project / f"{MODELS}/marts/facts/snap_dim_customer.{ending}").write_text(
            source.read_text().replace("snapshot\n", "table\n")
        )
    with pytest.raises(FileError, match=r"marts\.snap_dim_customer is declared by .* too"):
        compiled(project)


def test_aggregates_without_key_say_why_they_are_unprotected(project):
    folder = project / f"{MODELS}/marts/facts"
    (folder / "totals.sql").write_text(
        "select shipment_date, count(*) as shipments from marts.tbl_fact_shipments group by shipment_date"
    )
    contract = (
        "description: d\nowner: o\nmaterialization: table\nprimary_key: [shipment_date]\n"
        "columns:\n  - {name: shipment_date, type: date, nullable: false}\n  - {name: shipments, type: number}\n"
    )
    (folder / "totals.yaml").write_text(contract)
    with pytest.raises(
        FileError, match=r"reads rows of marts\.tbl_fact_shipments, which customer_data_policy protects"
    ):
        compiled(project)
    (folder / "totals.yaml").write_text(contract + "unprotected_because: whole days, no customer\n")
    assert compiled(project).base_tables("marts.totals") == ["marts.tbl_fact_shipments"]


def test_names_are_completed_and_the_rest_stays_as_it_is(project):
    (project / f"{SUMMARY}.sql").write_text(
        "with tbl_dim_vehicle as (select 'from marts.x\n  y' as t) -- marts.tbl_dim_customer\n"
        "select c.customer_id, c.customer_tier, count(*) as total_shipments, null::number as avg_delivery_time,\n"
        "0 as total_revenue from TBL_DIM_CUSTOMER c cross join tbl_dim_vehicle join logistics.marts.tbl_fact_shipments f\n"
        "using (customer_id) group by all"
    )
    model = compiled(project).models["analytics.mv_customer_summary"]
    assert model.reads == ("marts.tbl_dim_customer", "marts.tbl_fact_shipments")
    assert "'from marts.x\n  y'" in model.query
    assert "-- marts.tbl_dim_customer\n" in model.query
    assert "from LOGISTICS.marts.tbl_dim_customer c" in model.query
    assert "join LOGISTICS.marts.tbl_fact_shipments f" in model.query


def test_lineage_goes_through_ctes_views_and_stars(project):
    models = compiled(project)
    tier = ColumnRef(table="analytics.mv_customer_summary", column="customer_tier")
    assert ColumnRef(table="raw.raw_orders", column="total_usd") in models.sources(tier)
    copied = ColumnRef(table="marts.tbl_fact_shipments_partitioned", column="revenue")
    assert models.origins(copied) == (ColumnRef(table="marts.tbl_fact_shipments", column="revenue"),)
    assert copied in models.impact(ColumnRef(table="raw.raw_shipments", column="revenue"))
    assert models.pii_kinds(ColumnRef(table="staging.stg_customers", column="contact_email")) == ["email"]


def test_models_stand_after_what_they_read(project):
    models = compiled(project)
    order = list(models.models)
    assert all(order.index(read) < order.index(model.name) for model in models.models.values() for read in model.reads)
    assert list(models.refreshes) == [name for name in order if name in models.refreshes]


def test_the_users_streams_have_a_consumer_each(project):
    tasks = compiled(project).tasks
    found = {
        stream: [name for name, task in tasks.items() if f"MARTS.{stream.upper()}'" in task.when]
        for stream in ("customer_stream", "shipment_stream", "vehicle_stream")
    }
    assert found == {
        "customer_stream": ["marts.update_customer_segments"],
        "shipment_stream": ["marts.refresh_tbl_fact_shipments_partitioned"],
        "vehicle_stream": ["marts.refresh_snap_dim_vehicle"],
    }
