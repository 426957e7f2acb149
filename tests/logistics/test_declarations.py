from __future__ import annotations

import pytest

from logistics.contracts import load_tables
from logistics.declarations import load_declarations
from logistics.errors import ContractError, FileError, SettingsError
from logistics.settings import load_stack

MISSION_TABLES = {
    "marts.tbl_dim_customer": ["customer_id"],
    "marts.tbl_dim_vehicle": [],
    "marts.tbl_fact_shipments": ["shipment_date"],
    "marts.tbl_fact_shipments_partitioned": ["shipment_date"],
    "ml_features.tbl_ml_customer_behavior_segments": [],
    "ml_features.tbl_ml_consolidated_feature_store": ["feature_date", "customer_id"],
    "ml_features.tbl_ml_features_partitioned": ["feature_date", "customer_id"],
    "governance.user_customer_access": [],
    "governance.audit_log": [],
}


def test_every_table_of_the_users_is_there_with_its_clustering(root):
    tables = load_tables(root)
    assert {name: tables[name].cluster_by for name in MISSION_TABLES} == MISSION_TABLES


def test_the_audit_log_has_the_users_columns(root):
    columns = [column.name for column in load_tables(root)["governance.audit_log"].columns]
    assert columns == [
        "event_id",
        "event_type",
        "table_name",
        "user_name",
        "role_name",
        "query_text",
        "event_timestamp",
    ]


@pytest.mark.parametrize("stack", ["dev", "staging", "prod"])
def test_all_declarations_of_a_stack_load(root, stack):
    declared = load_declarations(root, load_stack(root, stack))
    assert set(declared.sql.streams) >= {"marts.customer_stream", "marts.shipment_stream", "marts.vehicle_stream"}


DIM = "sql/models/marts/dimensions/tbl_dim_customer.yaml"
LISTS = "sql/tables/governance/user_customer_access.yaml"
FEATURES = "sql/models/ml_features/tbl_ml_consolidated_feature_store.sql"
VIEW = "sql/views/monitoring/vw_cost_monitoring.sql"
ROWS = "sql/policies/row_access/customer_data_policy.sql"
BROKEN = {
    "yaml": (DIM, "columns:", "columns: [", f"{DIM}:", "not valid YAML"),
    "unknown key": (DIM, "cluster_by:", "clusterby:", f"{DIM}:5: ", "clusterby: Extra inputs"),
    "unknown type": (
        DIM,
        "type: varchar(10)",
        "type: varchat(10)",
        f"{DIM}:",
        "'varchat(10)' is no Snowflake data type",
    ),
    "unknown column": (
        DIM,
        "cluster_by: [customer_id]",
        "cluster_by: [customerid]",
        f"{DIM}:",
        "cluster_by names customerid",
    ),
    "repeated key": (DIM, "retention_days: 7", "retention_days: 7\nretention_days: 8", f"{DIM}:", "duplicate key"),
    "unprotected rows": (
        DIM,
        "row_access_policy: customer_data_policy\n",
        "",
        f"{DIM}:",
        "set row_access_policy: customer_data_policy",
    ),
    "wrong policy": (
        DIM,
        "_policy: customer_data",
        "_policy: vehicle_data",
        f"{DIM}:",
        "set row_access_policy: customer_data_policy",
    ),
    "unmasked pii": (
        DIM,
        "pii: email, masking_policy: email_mask",
        "pii: email",
        f"{DIM}:",
        "tagged pii: email but no masking_policy",
    ),
    "unknown mask": (
        DIM,
        "masking_policy: email_mask",
        "masking_policy: mail_mask",
        f"{DIM}: ",
        "unknown masking policy mail_mask",
    ),
    "unknown reader": (
        DIM,
        "readers: [data_analyst",
        "readers: [data_reporter",
        f"{DIM}: ",
        "unknown reader data_reporter",
    ),
    "retention": (DIM, "retention_days: 7", "retention_days: 91", f"{DIM}:6: ", "less than or equal to 90"),
    "another name": (
        LISTS,
        "table: user_customer_access",
        "table: user_client_access",
        f"{LISTS}:1: ",
        "file and folder must have its names",
    ),
    "name of a model": (
        DIM,
        "owner:",
        "table: tbl_dim_client\nowner:",
        f"{DIM}:2: ",
        "table is said by the file's place",
    ),
    "sql": (FEATURES, "cross join newest", "crossed join newest", f"{FEATURES}:14: ", "broken SQL"),
    "sql in a policy": (ROWS, "else false", "else else", f"{ROWS}:1", "broken SQL"),
    "sql in a view": (VIEW, "group by warehouse_name,", "group by by", f"{VIEW}:1", "broken SQL"),
    "unclosed quote": (VIEW, "'day', start_time) as", "'day, start_time) as", f"{VIEW}", ""),
    "placeholder": (
        VIEW,
        "{{ credit_price_usd }}",
        "{{ credit_price }}",
        f"{VIEW}:8: ",
        "unknown placeholder {{ credit_price }}",
    ),
    "unknown table": (
        FEATURES,
        "join marts.tbl_fact_shipments",
        "join marts.tbl_fact_shipment",
        f"{FEATURES}:15: ",
        "which this platform does not declare",
    ),
    "other statement": (VIEW, "create view", "drop view", f"{VIEW}:3: ", "expected CREATE"),
    "no comment": (VIEW, "-- comment:", "-- remark:", f"{VIEW}:1: ", "must give comment"),
    "view name": (
        VIEW,
        "monitoring.vw_cost_monitoring",
        "monitoring.vw_costs",
        f"{VIEW}:1: ",
        "the file must have its name",
    ),
    "role schema": (
        "sql/access.yaml",
        "{monitoring: read}",
        "{monitor: read}",
        "sql/access.yaml:",
        "which is no schema",
    ),
    "foreign key": (
        "sql/models/raw/raw_orders.yaml",
        "references: raw.raw_customers",
        "references: raw.raw_clients",
        "sql/models/raw/raw_orders.yaml: ",
        "foreign key to raw.raw_clients",
    ),
}


@pytest.mark.parametrize(("file", "old", "new", "where", "problem"), BROKEN.values(), ids=BROKEN)
def test_a_broken_file_is_named_with_its_line(project, edit, file, old, new, where, problem):
    edit(file, old, new)
    with pytest.raises(FileError) as caught:
        load_declarations(project, load_stack(project, "dev"))
    assert str(caught.value).startswith(where)
    assert problem in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_missing_file_is_told(project):
    (project / "sql/access.yaml").unlink()
    with pytest.raises(ContractError, match=r"access\.yaml: there is no such file"):
        load_declarations(project, load_stack(project, "dev"))


def test_a_user_with_an_unknown_role_is_told(project, edit):
    edit("Pulumi.dev.yaml", "role: DATA_ANALYST", "role: DATA_REPORTER")
    with pytest.raises(SettingsError, match=r"logistics:users\[0\]\.role is 'DATA_REPORTER': allowed: DATA_ENGINEER"):
        load_declarations(project, load_stack(project, "dev"))


def test_declarations_are_read_again_when_a_file_changes(project, edit):
    settings = load_stack(project, "dev")
    first = load_declarations(project, settings)
    assert load_declarations(project, settings) is first
    edit("sql/tables/governance/audit_log.yaml", "comment: ", "comment: Now ")
    assert load_declarations(project, settings).tables["governance.audit_log"] != first.tables["governance.audit_log"]
