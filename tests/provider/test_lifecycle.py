"""What operations do when things go wrong or are unusual."""

import pytest

from embedded.provider import description
from embedded.provider.errors import (
    CancelledError,
    ConfigurationError,
    ConnectionFailed,
    PreviewFeatureError,
    ProviderError,
    StatementError,
    UnsupportedError,
)
from embedded.provider.provider import PartialFailure, Provider
from embedded.provider.values import UNKNOWN, decode_struct, encode_struct

IN_RAW = {"database": "D", "schema": "S"}
NOTHING = encode_struct({})
TASK = {**IN_RAW, "name": "T", "sqlStatement": "select 1", "started": True}
SHOWN = {
    "name": "T",
    "state": "started",
    "definition": "select 1",
    "predecessors": "[]",
    "task_relations": "{}",
    "allow_overlapping_execution": "false",
}


def test_a_preview_of_a_create_knows_what_is_wished_only(scripted):
    stack = scripted([])
    news = encode_struct(stack.check("Schema", "s", {"database": "D", "name": "S"}).inputs)
    outputs = stack.provider.create(stack.token("Schema"), news, 0, preview=True).outputs
    assert outputs["name"] == "S"
    assert outputs["id"] is UNKNOWN
    assert outputs["fullyQualifiedName"] is UNKNOWN
    assert stack.sent == []


def test_a_preview_of_an_update_knows_which_outputs_change(scripted):
    stack = scripted([("SHOW ROLES", [{"name": "R", "comment": ""}])])
    stack.up("AccountRole", "r", {"name": "R"})
    kept = stack.resources["r"]
    olds, inputs = encode_struct(kept.outputs), encode_struct(kept.inputs)
    for news, unknown in (
        ({"name": "R", "comment": "c"}, {"showOutputs"}),
        ({"name": "Q"}, {"showOutputs", "fullyQualifiedName"}),
    ):
        arguments = (stack.token("AccountRole"), kept.id, olds, encode_struct(news), inputs, 0)
        outputs = stack.provider.update(*arguments, preview=True)
        assert {name for name, value in outputs.items() if value is UNKNOWN} == unknown


def test_an_object_that_cannot_be_read_back_is_kept_in_the_state(scripted, refused):
    stack = scripted([("SHOW ROLES", refused(606, "No active warehouse"))])
    with pytest.raises(PartialFailure, match="No active warehouse") as failure:
        stack.up("AccountRole", "r", {"name": "R"})
    assert failure.value.id == "R"
    assert failure.value.outputs["name"] == "R"


def test_an_update_that_fails_half_way_goes_on_from_there(stack):
    table = {"name": "T", "database": "DB", "schema": "PUBLIC", "columns": [{"name": "A", "type": "INT"}]}
    stack.up("Database", "db", {"name": "DB"})
    stack.up("Table", "t", table)
    stack.provider.run("INSERT INTO DB.PUBLIC.T VALUES (1)")
    added = {"name": "B", "type": "INT", "nullable": False}
    wrong = {**table, "comment": "c", "columns": [*table["columns"], {"name": "C", "type": "INT"}, added]}
    with pytest.raises(PartialFailure) as failure:
        stack.up("Table", "t", wrong)
    kept = stack.resources["t"]
    kept.outputs = decode_struct(encode_struct(failure.value.outputs))
    assert kept.outputs["comment"] == "c"
    stack.sent.clear()
    wished = {**wrong, "columns": [*table["columns"], {"name": "C", "type": "INT"}]}
    stack.up("Table", "t", wished)
    assert [sql for sql in stack.sent if sql.startswith("ALTER")] == []
    assert stack.up("Table", "t", wished) == "same"


def test_an_object_that_was_not_created_is_not_kept(scripted, refused):
    stack = scripted([("CREATE ROLE", refused(3001, "Insufficient privileges", 'CREATE ROLE "R"'))])
    with pytest.raises(StatementError, match=r'003001 \(02000\): Insufficient privileges \[CREATE ROLE "R"\]'):
        stack.up("AccountRole", "r", {"name": "R"})


def test_an_error_holds_no_secret(scripted, refused):
    stack = scripted([("CREATE USER", refused(1003, "syntax error: unexpected 'hush-hush'"))])
    with pytest.raises(ProviderError, match=r"unexpected '\*\*\*'"):
        stack.up("User", "u", {"name": "U", "password": "hush-hush"})


def test_secrets_leave_in_envelopes(stack):
    stack.up("User", "u", {"name": "U", "password": "Hush-hush-123", "email": "a@b.c"})
    result = stack.provider.read(stack.token("User"), "U", encode_struct(stack.resources["u"].outputs), NOTHING)
    assert type(result.outputs["password"]).__name__ == type(result.outputs["email"]).__name__ == "Secret"


def test_the_roots_of_a_graph_run_again_after_a_failure(scripted, refused):
    script = [
        ("SHOW TASKS LIKE 'ROOT'", [{**SHOWN, "name": "ROOT"}]),
        ("CREATE TASK", refused(1003, "syntax error")),
    ]
    stack = scripted(script)
    with pytest.raises(StatementError):
        stack.up("Task", "t", {**TASK, "afters": ["D.S.ROOT"]})
    assert stack.sent[-1] == 'ALTER TASK "D"."S"."ROOT" RESUME'


def test_a_task_whose_parent_is_gone_fails_by_name(scripted):
    stack = scripted([("SHOW TASKS", [])])
    with pytest.raises(ProviderError, match=r'task "D"."S"."ROOT" does not exist'):
        stack.up("Task", "t", {**TASK, "afters": ["D.S.ROOT"]})


def test_tasks_created_together_ask_once_what_they_inherit(scripted):
    stack = scripted([("SHOW TASKS", lambda sql: [{**SHOWN, "name": sql.split("'")[1]}]), ("SHOW PARAMETERS", [])])
    for number in range(5):
        stack.up("Task", f"t{number}", {**TASK, "name": f"T{number}"})
    stack.up("Task", "own", {**TASK, "name": "OWN", "userTaskTimeoutMs": 60000})
    asked = [sql for sql in stack.sent if sql.startswith("SHOW PARAMETERS")]
    assert asked == ['SHOW PARAMETERS IN TASK "D"."S"."T0"', 'SHOW PARAMETERS IN TASK "D"."S"."OWN"']


def test_a_dropped_parent_counts_as_dropped(scripted, refused):
    gone = refused(2043, "Object does not exist, or operation cannot be performed.")
    stack = scripted([("SHOW STREAMS", [{"name": "ST", "mode": "DEFAULT", "table_name": "D.S.T"}]), ("DESCRIBE", [])])
    stack.up("StreamOnTable", "st", {**IN_RAW, "name": "ST", "table": "D.S.T"})
    elsewhere = scripted([("DROP|SHOW SCHEMAS", gone), ("SHOW DATABASES", [])])
    elsewhere.resources = stack.resources
    elsewhere.destroy("st")
    assert elsewhere.sent[0] == 'DROP STREAM IF EXISTS "D"."S"."ST"'


def test_a_stale_stream_is_made_anew(scripted):
    shown = {"name": "ST", "mode": "DEFAULT", "table_name": "D.S.T", "stale": "true"}
    stack = scripted([("SHOW STREAMS", [shown]), ("DESCRIBE", [shown])])
    inputs = {**IN_RAW, "name": "ST", "table": "D.S.T"}
    stack.up("StreamOnTable", "st", inputs)
    assert stack.up("StreamOnTable", "st", inputs) == "update"
    assert 'CREATE OR REPLACE STREAM "D"."S"."ST" ON TABLE "D"."S"."T"' in stack.sent


def test_preview_resources_need_their_feature(scripted):
    stack = scripted([], previewFeaturesEnabled=[])
    with pytest.raises(PreviewFeatureError, match="snowflake_table_resource is currently a preview feature"):
        stack.up("Table", "t", {**IN_RAW, "columns": [{"name": "A", "type": "INT"}]})
    assert stack.sent == []


@pytest.mark.parametrize(
    ("token", "message"),
    [
        ("snowflake:index/computePool:ComputePool", "is not supported by the embedded provider"),
        ("snowflake:index/nothing:Nothing", "is no resource type of package snowflake"),
    ],
)
def test_an_unsupported_type_is_named(token, message):
    with pytest.raises(UnsupportedError, match=f"{token} {message}"):
        Provider().create(token, NOTHING, 0, preview=True)


def test_time_that_ran_out_stops_before_the_next_statement(scripted):
    stack = scripted([("SHOW ROLES", [{"name": "R"}])], delay=0.05)
    news = encode_struct(stack.check("AccountRole", "r", {"name": "R"}).inputs)
    with pytest.raises(PartialFailure, match="ran out of time"):
        stack.provider.create(stack.token("AccountRole"), news, 0.02, preview=False)
    assert len(stack.sent) == 1


def test_nothing_is_sent_after_a_cancel(scripted):
    stack = scripted([])
    stack.provider.cancel()
    with pytest.raises(CancelledError):
        stack.up("AccountRole", "r", {"name": "R"})
    assert stack.sent == []


@pytest.mark.parametrize(
    ("config", "error", "message"),
    [
        ({"user": "U"}, ConfigurationError, "snowflake:organizationName is not set"),
        ({"organizationName": "O", "user": "U"}, ConfigurationError, "snowflake:accountName is not set"),
        ({"organizationName": "O", "accountName": "A"}, ConfigurationError, "snowflake:user is not set"),
        (
            {"organizationName": "O", "accountName": "A", "user": "U", "port": "x"},
            ConfigurationError,
            "port is not a number",
        ),
        (
            {"organizationName": "O", "accountName": "A", "user": "U", "privateKey": "no key"},
            ConfigurationError,
            "snowflake:privateKey cannot be read",
        ),
    ],
    ids=["organization", "account", "user", "port", "key"],
)
def test_a_wrong_configuration_is_named_when_a_session_is_needed(monkeypatch, config, error, message):
    for name in ("ORGANIZATION_NAME", "ACCOUNT_NAME", "USER", "USERNAME", "PASSWORD", "PORT", "PRIVATE_KEY"):
        monkeypatch.delenv(f"SNOWFLAKE_{name}", raising=False)
    provider = Provider()
    provider.configure(config)
    with pytest.raises(error, match=message):
        provider.run("select 1")


def test_a_refused_login_is_one_clear_error_asked_for_once(server):
    provider = Provider()
    config = {"organizationName": "ORG", "accountName": "LOGIN", "user": "ADMIN", "password": "wrong-password"}
    provider.configure({**config, "host": "127.0.0.1", "port": server, "protocol": "http"})
    for _ in range(2):
        with pytest.raises(ConnectionFailed, match="cannot open a Snowflake session for user ADMIN") as failure:
            provider.run("select 1")
        assert "wrong-password" not in str(failure.value)


def test_takes_the_environment_for_what_is_not_configured(monkeypatch):
    monkeypatch.setenv("SNOWFLAKE_PASSWORD", "from-environment")
    monkeypatch.setenv("SNOWFLAKE_ROLE", "R")
    provider = Provider()
    provider.configure({"role": "CONFIGURED"})
    assert (provider.config["password"], provider.config["role"]) == ("from-environment", "CONFIGURED")


def test_reads_lists_that_come_as_json_text():
    provider = Provider()
    provider.configure({"previewFeaturesEnabled": '["snowflake_table_resource"]', "port": "8084"})
    assert provider.config["preview_features_enabled"] == ["snowflake_table_resource"]


def test_checks_the_configuration():
    failures = dict(Provider().check_config({"acountName": "A", "port": "x", "version": "2.17.0"}).failures)
    assert set(failures) == {"acountName", "port"}


# -- on the local Snowflake --------------------------------------------------------------------------------------------


def test_repairs_what_others_changed(stack):
    table = {
        "name": "T",
        "database": "DB",
        "schema": "S",
        "comment": "ours",
        "columns": [{"name": "A", "type": "INT"}, {"name": "B", "type": "VARCHAR(10)"}],
    }
    stack.up("Database", "db", {"name": "DB"})
    stack.up("Schema", "s", {"name": "S", "database": "DB"})
    stack.up("Table", "t", table)
    stack.provider.run("INSERT INTO DB.S.T VALUES (1, 'x')")
    for change in ("DROP COLUMN B", "ADD COLUMN C INT", "SET COMMENT = 'theirs'"):
        stack.provider.run(f"ALTER TABLE DB.S.T {change}")
    assert stack.refresh("t")
    assert set(stack.diff("t", table).changed) == {"columns", "comment"}
    assert stack.up("Table", "t", table) == "update"
    assert stack.up("Table", "t", table) == "same"
    assert stack.provider.run("SELECT * FROM DB.S.T") == [{"A": 1, "B": None}]


def test_a_renamed_object_goes_by_its_new_name(stack):
    stack.up("Database", "db", {"name": "OLD"})
    assert stack.up("Database", "db", {"name": "NEW"}) == "update"
    assert 'ALTER DATABASE "OLD" RENAME TO "NEW"' in stack.sent
    assert stack.refresh("db")
    assert stack.up("Database", "db", {"name": "NEW", "comment": "c"}) == "update"
    stack.destroy("db")
    assert stack.sent[-1] == 'DROP DATABASE IF EXISTS "NEW"'


def test_a_type_is_widened_in_place(stack):
    table = {"name": "T", "database": "DB", "schema": "PUBLIC"}
    stack.up("Database", "db", {"name": "DB"})
    stack.up("Table", "t", {**table, "columns": [{"name": "A", "type": "VARCHAR(10)", "nullable": False}]})
    stack.up("Table", "t", {**table, "columns": [{"name": "A", "type": "VARCHAR(20)"}]})
    assert [sql for sql in stack.sent if "ALTER COLUMN" in sql] == [
        'ALTER TABLE "DB"."PUBLIC"."T" ALTER COLUMN "A" SET DATA TYPE VARCHAR(20)',
        'ALTER TABLE "DB"."PUBLIC"."T" ALTER COLUMN "A" DROP NOT NULL',
    ]


@pytest.mark.parametrize(
    ("type_", "id_", "some"),
    [
        ("Warehouse", "W", {"name": "W", "warehouseSize": "SMALL"}),
        ("Schema", '"DB"."S"', {"name": "S", "database": "DB"}),
        ("Table", "DB|S|T", {"name": "T", "clusterBies": ["A"]}),
        ("View", '"DB"."S"."V"', {"statement": "select A from DB.S.T"}),
        ("Task", '"DB"."S"."K"', {"schedule": {"minutes": 5, "__defaults": []}, "started": False}),
        ("GrantAccountRole", '"R"|ROLE|"SYSADMIN"', {"roleName": "R", "parentRoleName": "SYSADMIN"}),
        ("GrantPrivilegesToAccountRole", '"R"|false|false|USAGE|OnSchema|OnSchema|"DB"."S"', {"privileges": ["USAGE"]}),
    ],
    ids=str,
)
def test_imports_by_id(stack, type_, id_, some):
    for statement in (
        "CREATE DATABASE DB",
        "CREATE SCHEMA DB.S",
        "CREATE TABLE DB.S.T (A INT) CLUSTER BY (A)",
        "CREATE VIEW DB.S.V AS select A from DB.S.T",
        "CREATE WAREHOUSE W WAREHOUSE_SIZE = SMALL",
        "CREATE TASK DB.S.K WAREHOUSE = W SCHEDULE = '5 MINUTE' AS select 1",
        "CREATE ROLE R",
        "GRANT ROLE R TO ROLE SYSADMIN",
        "GRANT USAGE ON SCHEMA DB.S TO ROLE R",
    ):
        stack.provider.run(statement)
    inputs = stack.read(type_, id_)
    assert {key: inputs[key] for key in some} == some
    assert stack.check(type_, "it", {key: value for key, value in inputs.items() if key != "__defaults"}).failures == []


@pytest.mark.parametrize(
    ("type_", "id_"), [("Schema", "S"), ("Table", "T"), ("Task", '"D"."T"'), ("FunctionSql", '"D"."S"."F"')], ids=str
)
def test_a_wrong_id_says_how_it_has_to_look(scripted, type_, id_):
    with pytest.raises(ValueError, match=f"invalid id of a {type_}"):
        scripted([]).read(type_, id_)


def test_objects_created_side_by_side_are_all_there(stack):
    from concurrent.futures import ThreadPoolExecutor

    stack.up("Database", "db", {"name": "DB"})
    with ThreadPoolExecutor(8) as threads:
        inputs = {"database": "DB"}
        list(threads.map(lambda n: stack.up("Schema", f"s{n}", {**inputs, "name": f"S{n}"}), range(24)))
        assert all(threads.map(lambda n: stack.refresh(f"s{n}"), range(24)))
    assert len([sql for sql in stack.sent if sql.startswith("SHOW SCHEMAS")]) < 30


def test_the_schema_describes_every_kind():
    from embedded.provider.kinds.registry import kinds

    assert kinds().keys() == description.raw_schema()["resources"].keys()
