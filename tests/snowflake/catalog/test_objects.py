"""Objects are made, changed, listed, dropped and brought back as Snowflake has it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from embedded.snowflake.catalog.show import matches_like

# What makes an object of each kind, by the words of its statements; {} is the name.
MAKERS = {
    "ROLE": "create role {}",
    "USER": "create user {}",
    "DATABASE": "create database {}",
    "SCHEMA": "create schema {}",
    "DATABASE ROLE": "create database role {}",
    "TABLE": "create table {} (a int)",
    "SEQUENCE": "create sequence {}",
    "STAGE": "create stage {}",
    "FILE FORMAT": "create file format {} type = json",
    "TAG": "create tag {}",
    "MASKING POLICY": "create masking policy {} as (v varchar) returns varchar -> v",
    "ROW ACCESS POLICY": "create row access policy {} as (v varchar) returns boolean -> true",
    "PASSWORD POLICY": "create password policy {}",
    "AUTHENTICATION POLICY": "create authentication policy {}",
    "SESSION POLICY": "create session policy {}",
    "NETWORK POLICY": "create network policy {}",
    "NETWORK RULE": "create network rule {} type = ipv4 mode = ingress",
    "NOTIFICATION INTEGRATION": "create notification integration {} enabled = true type = email",
    "SECRET": "create secret {} type = password username = 'u' password = 'p'",
    "PIPE": "create pipe {} as copy into t from @s",
    "ALERT": "create alert {} schedule = '1 minute' if (exists (select 1)) then select 1",
    "STREAMLIT": "create streamlit {} root_location = '@s' main_file = 'a.py'",
}
PLURALS = {"SEQUENCE": "SEQUENCES", "FILE FORMAT": "FILE FORMATS"}


def plural(kind: str) -> str:
    return kind[:-1] + "IES" if kind.endswith("Y") else kind + "S"


@pytest.mark.parametrize("kind", MAKERS)
def test_a_life(db, kind):
    make = MAKERS[kind]
    listed = f"show {plural(kind)} like 'ONE'"
    db.run(make.format("one"))
    assert [row["name"] for row in db.rows(listed)] == ["ONE"]
    assert db.refused(make.format("one")).errno == 2002
    db.run(make.format("one").replace("create", "create or replace", 1))
    if kind not in ("USER", "DATABASE ROLE"):
        db.run(f"create {kind} if not exists " + make.format("one").removeprefix(f"create {kind.lower()} "))
    db.run(f"alter {kind} one set comment = 'said'")
    if "comment" in db.rows(listed)[0]:
        assert db.row(listed)["comment"] == "said"
    db.run(f"comment on {kind} one is 'again'")
    db.run(f"alter {kind} one unset comment")
    db.run(f"drop {kind} one")
    assert db.rows(listed) == []
    assert db.refused(f"drop {kind} one").errno == 2003
    db.run(f"drop {kind} if exists one")
    assert db.run(f"alter {kind} if exists one set comment = 'x'").rows == [("Statement executed successfully.",)]


@pytest.mark.parametrize("kind", [kind for kind in MAKERS if kind not in ("PIPE", "ALERT")])
def test_a_name_changes_and_stays_one_object(db, kind):
    db.run(MAKERS[kind].format("one"))
    db.run(MAKERS[kind].format('"two"'))
    assert db.refused(f'alter {kind} one rename to "two"').errno == 2002
    before = db.row(f"show {plural(kind)} like 'one'")["created_on"]
    db.run(f'alter {kind} one rename to "three"')
    assert db.row(f"show {plural(kind)} like 'three'")["created_on"] == before


@pytest.mark.parametrize(
    ("text", "errno"),
    [
        ("create table t (a nosuch)", 2040),
        ("create table t (a int, a int)", 2025),
        ("create table t (a int,)", 1003),
        ("create table t (a int) nosuch = 3", 1420),
        ("create table t (a int) data_retention_time_in_days = 91", 1008),
        ("create transient table t (a int) data_retention_time_in_days = 2", 1008),
        ("create temporary table t (a int) data_retention_time_in_days = 2", 1008),
        ("create transient table t data_retention_time_in_days = 2 as select 1 a", 1008),
        ("create transient schema s data_retention_time_in_days = 2", 1008),
        ("create transient database s data_retention_time_in_days = 2", 1008),
        ("create table t (a int, primary key (b))", 904),
        ("create table t (a int primary key, b int primary key)", 2201),
        ("create table t (a int references nothing(b))", 2003),
        ("create table nothing.t (a int)", 2003),
        ("create hybrid table t (a int)", 2),
        ("create external table t (a int)", 2),
        ("create table t", 1003),
        ("alter table nothing add column a int", 2003),
        ("create database role nothing.r", 2003),
        ("create stage s url = 'ftp://x'", 2067),
        ("create secret s type = password username = 'u'", 2029),
        ("create network policy p allowed_ip_list = ('300.1.1.1')", 1009),
        ("create alert a schedule = 'sometimes' if (exists (select 1)) then select 1", 1008),
        ("create function f(a int) returns int language cobol as 'a'", 2),
        (
            "create procedure p(a in int) returns int language sql execute as restricted caller as 'begin return a; end'",
            2,
        ),
        ("create procedure p(a out int) returns int language sql as 'begin return a; end'", 2),
        ("create function f(a int) returns int language python as 'a'", 2029),
        ("create masking policy p as (v varchar) returns number -> 1", 3003),
        ("create row access policy p as (v varchar) returns number -> 1", 3003),
        ("create masking policy p as (v varchar) returns varchar ->", 1003),
        ("create masking policy p as (v varchar) returns varchar -> case when", 1003),
        ("drop role accountadmin", 3001),
        ("drop user admin", 3001),
        ("show nothing", 2),
        ("create user u type = service password = 'p'", 2214),
        ("create user u login_name = 'ADMIN'", 2002),
    ],
)
def test_what_snowflake_refuses(db, text, errno):
    assert db.refused(text).errno == errno


def test_undrop_brings_back_the_last_dropped(db):
    db.script(
        "create table t (first int)", "drop table t", "create table t (second int)", "drop table t", "undrop table t"
    )
    assert [row["name"] for row in db.rows("describe table t")] == ["SECOND"]
    assert db.refused("undrop table t").errno == 2002
    db.script("alter table t rename to later", "undrop table t")
    assert [row["name"] for row in db.rows("describe table t")] == ["FIRST"]
    assert [row["dropped_on"] is None for row in db.rows("show tables history like 'T'")] == [True]
    db.script("drop database logistics", "undrop database logistics")
    assert len(db.rows("show tables in database logistics")) == 2


def test_a_schema_goes_and_comes_with_what_it_holds(db):
    db.script("create table t (a int)", "drop schema raw")
    assert db.rows("show tables in database logistics") == []
    assert db.refused("create table raw.t (a int)").errno == 2003
    db.run("undrop schema raw")
    assert len(db.rows("show tables in database logistics")) == 1


def test_quoted_names_keep_their_case_and_are_other_names(db):
    db.script('create table "t" ("a b" int, "A" int, a2 int)', "create table T (a int)")
    assert {row["name"] for row in db.rows("show tables")} == {"t", "T"}
    assert [row["name"] for row in db.rows('describe table "t"')] == ["a b", "A", "A2"]
    assert db.refused('create table "T" (a int)').errno == 2002


@pytest.mark.parametrize(
    ("clauses", "names"),
    [
        ("like 'a%'", ["A1", "A2"]),
        ("like 'A_'", ["A1", "A2"]),
        (r"like 'B\\_1'", ["B_1"]),
        ("starts with 'A'", ["A1", "A2"]),
        ("starts with 'a'", []),
        ("limit 2", ["A1", "A2"]),
        ("limit 2 from 'A1'", ["A2", "BX1"]),
        ("in schema public", []),
        ("like 'A1' in database logistics", ["A1"]),
        ("in account limit 1", ["A1"]),
    ],
)
def test_show_is_narrowed(db, clauses, names):
    db.script(*(f"create table {name} (a int)" for name in ("a1", "a2", "b_1", "bx1")))
    assert [row["name"] for row in db.rows(f"show tables {clauses}")] == names


def test_the_clauses_of_show_have_their_order(db):
    assert db.refused("show tables in database logistics like 'A1'").errno == 1003


@given(st.text(alphabet="aB_%\\x", max_size=8))
def test_an_escaped_pattern_matches_itself_alone(name):
    pattern = "".join("\\" + character if character in "_%\\" else character for character in name)
    assert matches_like(pattern, name) and not matches_like(pattern, name + "z")


def test_describe_table_tells_of_each_column(db):
    db.run(
        "create table t (id number(10,2) not null primary key, s varchar(5) default 'x' collate 'utf8' comment 'said',"
        " n int identity(10, 5) order, ts timestamp_tz default current_timestamp(), v int as (n * 2), u int unique)"
    )
    rows = {row["name"]: row for row in db.rows("describe table t")}
    assert list(rows["ID"])[:13] == [
        "name",
        "type",
        "kind",
        "null?",
        "default",
        "primary key",
        "unique key",
        "check",
        "expression",
        "comment",
        "policy name",
        "privacy domain",
        "schema evolution record",
    ]
    assert (rows["ID"]["type"], rows["ID"]["null?"], rows["ID"]["primary key"]) == ("NUMBER(10,2)", "N", "Y")
    assert (rows["S"]["type"], rows["S"]["default"], rows["S"]["comment"]) == ("VARCHAR(5)", "'x'", "said")
    assert rows["N"]["default"] == "IDENTITY START 10 INCREMENT 5 ORDER"
    assert (rows["TS"]["type"], rows["TS"]["default"]) == ("TIMESTAMP_TZ(9)", "current_timestamp()")
    assert (rows["V"]["kind"], rows["V"]["expression"]) == ("VIRTUAL_COLUMN", "n * 2")
    assert rows["U"]["unique key"] == "Y"


@pytest.mark.parametrize(
    ("text", "names", "types"),
    [
        ("add column c int", "A B C", "NUMBER(38,0) VARCHAR(10) NUMBER(38,0)"),
        ("add column if not exists b int, c date", "A B C", "NUMBER(38,0) VARCHAR(10) DATE"),
        ("add (c int, d time)", "A B C D", "NUMBER(38,0) VARCHAR(10) NUMBER(38,0) TIME(9)"),
        ("drop column b", "A", "NUMBER(38,0)"),
        ("drop column if exists x, b", "A", "NUMBER(38,0)"),
        ("rename column b to c", "A C", "NUMBER(38,0) VARCHAR(10)"),
        ("alter column b set data type varchar(20)", "A B", "NUMBER(38,0) VARCHAR(20)"),
        ("modify (column b type varchar(30), column a comment 'x')", "A B", "NUMBER(38,0) VARCHAR(30)"),
        ("modify a number(10,0)", "A B", "NUMBER(10,0) VARCHAR(10)"),
    ],
)
def test_alter_table_changes_columns(db, text, names, types):
    db.run("create table t (a int, b varchar(10))")
    db.run(f"alter table t {text}")
    rows = db.rows("describe table t")
    assert " ".join(row["name"] for row in rows) == names
    assert " ".join(row["type"] for row in rows) == types


@pytest.mark.parametrize(
    ("text", "errno"),
    [
        ("add column b int", 1430),
        ("drop column x", 904),
        ("drop column a", 2263),
        ("rename column b to a", 1430),
        ("alter column b set data type number", 2108),
        ("alter column b set data type varchar(5)", 2108),
        ("alter column a set data type number(38,2)", 2108),
        ("alter column b set default 'x'", 2),
        ("drop constraint nothing", 2003),
        ("add search optimization", 2),
        ("nonsense", 1003),
        ("add row access policy nothing on (a)", 2003),
        ("swap with nothing", 2003),
    ],
)
def test_alter_table_refuses(db, text, errno):
    db.run("create table t (a int, b varchar(10)) cluster by (a)")
    assert db.refused(f"alter table t {text}").errno == errno


def test_keys_are_listed(db):
    db.script(
        "create table parent (id int primary key, code int unique)",
        "create table child (id int, parent int, constraint to_parent foreign key (parent) references parent (id) on delete cascade)",
        "alter table child add constraint pk primary key (id) rely",
    )
    assert [row["column_name"] for row in db.rows("show primary keys in schema raw")] == ["ID", "ID"]
    assert db.row("show primary keys in table child")["rely"] == "true"
    assert db.row("show unique keys in table parent")["column_name"] == "CODE"
    imported = db.row("show imported keys in table child")
    assert (imported["pk_table_name"], imported["fk_column_name"], imported["delete_rule"]) == (
        "PARENT",
        "PARENT",
        "CASCADE",
    )
    db.run("alter table child drop primary key")
    assert db.rows("show primary keys in table child") == []


def test_swap_exchanges_two_tables(db):
    db.script("create table a (one int)", "create table b (two int)", "alter table a swap with b")
    assert db.row("describe table a")["name"] == "TWO"


def test_create_or_alter_keeps_what_it_does_not_name(db):
    db.script(
        "create masking policy mask as (v varchar) returns varchar -> '*'",
        "create table t (a int, b varchar(10), c int)",
        "alter table t modify column b set masking policy mask",
        "grant select on table t to role public",
        "create or alter table t (a int not null, b varchar(20) comment 'wider', d date) comment = 'new'",
    )
    rows = db.rows("describe table t")
    assert [(row["name"], row["type"], row["policy name"]) for row in rows] == [
        ("A", "NUMBER(38,0)", None),
        ("B", "VARCHAR(20)", "LOGISTICS.RAW.MASK"),
        ("D", "DATE", None),
    ]
    assert "SELECT" in [row["privilege"] for row in db.rows("show grants on table t")]
    assert db.refused("create or alter table t (a varchar)").errno in (2108, 3554)


# -- policies and tags


@pytest.fixture
def policed(db):
    db.script(
        "create masking policy mask as (v varchar) returns varchar -> '*'",
        "create masking policy by_id as (v varchar, i number) returns varchar -> iff(i > 1, v, '*')",
        "create row access policy rows_of as (i number) returns boolean -> i > 0",
        "create table t (id int, email varchar, other varchar)",
    )
    return db


def policies(client):
    return [
        (row["POLICY_NAME"], row["REF_COLUMN_NAME"], row["REF_ARG_COLUMN_NAMES"])
        for row in client.rows(
            "select * from table(information_schema.policy_references(ref_entity_name => 'T', ref_entity_domain => 'TABLE'))"
        )
    ]


def test_policies_are_put_on_and_taken_off(policed):
    policed.script(
        "alter table t modify column email set masking policy by_id using (email, id)",
        "alter table t add row access policy rows_of on (id)",
    )
    assert sorted(policies(policed)) == [("BY_ID", "EMAIL", '["ID"]'), ("ROWS_OF", None, '["ID"]')]
    policed.script(
        "alter table t modify column email set masking policy mask force",
        "alter table t drop row access policy rows_of, add row access policy rows_of on (id)",
        "alter table t drop all row access policies",
    )
    assert policies(policed) == [("MASK", "EMAIL", None)]
    policed.run("alter table t modify column email unset masking policy")
    assert policies(policed) == []


@pytest.mark.parametrize(
    ("text", "errno"),
    [
        ("drop masking policy mask", 3543),
        ("create or replace masking policy mask as (v varchar) returns varchar -> v", 3543),
        ("alter table t modify column email set masking policy by_id using (email, id)", 3555),
        ("alter table t modify column id set masking policy mask", 3552),
        ("alter table t modify column other set masking policy by_id using (other, email)", 3552),
        ("alter table t modify column other set masking policy by_id using (email, id)", 3540),
        ("alter table t add row access policy rows_of on (email)", 3552),
        ("alter table t add row access policy rows_of on (nothing)", 904),
        ("alter table t drop row access policy rows_of", 3553),
        ("create table u (a int with masking policy mask)", 3552),
    ],
)
def test_policies_in_use_are_kept_safe(policed, text, errno):
    policed.run("alter table t modify column email set masking policy mask")
    assert policed.refused(text).errno == errno


def test_a_mask_goes_with_its_column_and_no_column_goes_that_another_policy_reads(policed):
    policed.script(
        "alter table t modify column email set masking policy by_id using (email, id)",
        "alter table t add column place int",
        "alter table t add row access policy rows_of on (place)",
    )
    assert policed.refused("alter table t drop column id").errno == 3554
    assert policed.refused("alter table t drop column place").errno == 3554
    policed.run("alter table t drop column email, id")
    assert [row[0] for row in policies(policed)] == ["ROWS_OF"]


def test_a_second_row_access_policy_is_refused(policed):
    policed.run("alter table t add row access policy rows_of on (id)")
    assert policed.refused("alter table t add row access policy rows_of on (id)").errno == 3551


@pytest.mark.parametrize(
    ("body", "comment"),
    [
        ("case when current_role() = 'A' then v else '*' end comment = 'said'", "said"),
        ("v", ""),
        ("iff(v = 'comment', v, '*')", ""),
        ("(select max(comment) from audit where comment = v)", ""),
    ],
)
def test_a_policys_body_ends_where_its_clauses_begin(db, body, comment):
    db.run("create table audit (comment varchar)")
    db.run(f"create masking policy p as (v varchar) returns varchar -> {body}")
    assert db.row("describe masking policy p")["body"] == body.partition(" comment = 'said'")[0]
    assert db.row("show masking policies")["comment"] == comment


def test_tags_are_inherited_and_their_values_checked(db):
    db.script(
        "create tag pii allowed_values 'yes', 'no'",
        "create table t (a int, b int)",
        "alter schema raw set tag pii = 'no'",
        "alter table t modify column a set tag pii = 'yes'",
    )
    get = "select system$get_tag('pii', '{}', '{}') as tag"
    assert db.row(get.format("t", "table"))["TAG"] == "no"
    assert db.row(get.format("t.a", "column"))["TAG"] == "yes"
    assert db.row(get.format("t.b", "column"))["TAG"] == "no"
    db.run("alter schema raw unset tag pii")
    assert db.row(get.format("t", "table"))["TAG"] is None
    assert db.refused("alter table t set tag pii = 'maybe'").errno == 391801


# -- parameters


def test_parameters_are_inherited_level_by_level(db):
    db.run("create table t (a int)")
    shown = "show parameters like 'DATA_RETENTION_TIME_IN_DAYS' in table t"

    def value():
        row = db.row(shown)
        return row["value"], row["level"]

    assert value() == ("1", "")
    for level, text in (
        ("ACCOUNT", "alter account"),
        ("DATABASE", "alter database logistics"),
        ("SCHEMA", "alter schema raw"),
    ):
        days = len(level)
        db.run(f"{text} set data_retention_time_in_days = {days}")
        assert value() == (str(days), level)
    db.run("alter table t set data_retention_time_in_days = 0")
    assert value() == ("0", "TABLE") and db.row("show tables")["retention_time"] == "0"
    db.run("alter table t unset data_retention_time_in_days")
    assert value()[1] == "SCHEMA"
    assert db.refused("alter account set nothing = 1").errno == 1420


def test_get_ddl_makes_the_object_again(policed):
    policed.script(
        "alter table t modify column email set masking policy mask",
        "create sequence s start = 5 increment = 2 order comment = 'it''s'",
        "create function f(a int, b int default 3) returns int as 'a + b'",
        "create stream st on table t append_only = true",
    )
    for kind, name in (
        ("table", "t"),
        ("sequence", "s"),
        ("function", "f(int, int)"),
        ("stream", "st"),
        ("policy", "by_id"),
    ):
        text = policed.row(f"select get_ddl('{kind}', '{name}') as ddl")["DDL"]
        if kind != "policy":
            policed.run(str(text).removesuffix(";"))
        assert policed.row(f"select get_ddl('{kind}', '{name}') as ddl")["DDL"] == text


def test_a_table_may_refer_to_itself(db):
    db.run("create table node (id int primary key, parent int references node (id))")
    row = db.row("show imported keys in table node")
    assert (row["pk_table_name"], row["fk_column_name"]) == ("NODE", "PARENT")


def test_a_clone_of_a_schema_stands_by_itself(db):
    db.script(
        "create row access policy only_big as (i number) returns boolean -> i > 1",
        "create table t (id int) with row access policy only_big on (id)",
        "insert into t values (1), (2)",
        "create sequence s start = 5",
        "create schema logistics.copy clone logistics.raw",
        "drop schema logistics.raw",
    )
    assert [int(row["ID"]) for row in db.rows("select id from logistics.copy.t")] == [2]
    assert db.refused("drop row access policy logistics.copy.only_big").errno == 3543
    assert int(db.row("select logistics.copy.s.nextval as n")["N"]) == 5


def test_a_sequence_goes_on_with_its_new_step_after_the_next_value(db):
    db.script("create sequence s start = 10 increment = 5", "select s.nextval", "alter sequence s set increment = 2")
    assert db.row("show sequences")["next_value"] == 15
    assert [int(db.row("select s.nextval as n")["N"]) for _ in range(3)] == [15, 17, 19]


@pytest.mark.parametrize(
    ("body", "errno"),
    [("nothing > 1", 904), ("exists (select 1 from nothing)", 2003), ("nothing(i) = 1", 2140)],
)
def test_a_policy_is_checked_when_it_is_made(db, body, errno):
    assert db.refused(f"create row access policy p as (i number) returns boolean -> {body}").errno == errno
    db.run("create row access policy p as (i number) returns boolean -> true")
    assert db.refused(f"alter row access policy p set body -> {body}").errno == errno


def test_a_policys_names_are_looked_up_in_its_own_schema(db):
    db.script(
        "create table allowed (id int)",
        "create row access policy p as (i number) returns boolean -> exists (select 1 from allowed a where a.id = i)",
        "create schema other",
    )
    assert (
        db.refused("create row access policy q as (i number) returns boolean -> exists (select 1 from allowed)").errno
        == 2003
    )


def test_a_table_made_from_a_query_can_have_a_policy_at_once(policed):
    policed.script(
        "insert into t values (0, 'a', 'b'), (1, 'c', 'd')",
        "create table u with row access policy rows_of on (id) as select id from t",
    )
    assert [int(row["ID"]) for row in policed.rows("select id from u")] == [1]


def test_temporary_objects_go_with_their_session(db, connect):
    db.script(
        "create temporary table t (a int)",
        "create temporary stage s",
        "insert into t values (1)",
        "create table kept (a int)",
    )
    other = connect()
    db.session.close()
    assert [row["name"] for row in other.rows("show tables in database logistics")] == ["KEPT"]
    assert other.rows("show stages in database logistics") == []
    assert other.refused("undrop table logistics.raw.t").errno == 2003


def test_a_dynamic_table_gives_its_query(db):
    db.script(
        "create warehouse w",
        "create table t (a int)",
        "insert into t values (1), (2)",
        "create dynamic table d target_lag = '5 minutes' warehouse = w comment = 'said' as select sum(a) as total from t",
    )
    assert int(db.row("select total from d")["TOTAL"]) == 3
    assert db.row("show dynamic tables")["text"] == (
        "create dynamic table D lag = '5 minutes' refresh_mode = 'AUTO' initialize = 'ON_CREATE' warehouse = W comment = 'said'"
        " as select sum(a) as total from t"
    )
    db.script("alter dynamic table d set target_lag = downstream", "alter dynamic table d suspend")
    assert db.row("show dynamic tables")["scheduling_state"] == "SUSPENDED"
    assert db.refused("alter dynamic table d set target_lag = 'soon'").errno == 1008


def test_a_materialized_view_and_a_row_access_policy_exclude_each_other(policed):
    policed.run("create materialized view mv as select id from t")
    assert policed.refused("alter table t add row access policy rows_of on (id)").errno == 2
    policed.script("drop materialized view mv", "alter table t add row access policy rows_of on (id)")
    assert policed.refused("create materialized view mv as select id from t").errno == 2


def test_a_temporary_table_hides_another_one_in_its_session_only(db, connect):
    other = connect()
    other.script("use schema logistics.raw")

    def both(text: str) -> list[list[str]]:
        return [[str(value) for row in client.rows(text) for value in row.values()] for client in (db, other)]

    db.script("create table t (a int)", "insert into t values (1)")
    assert both("select * from t") == [["1"], ["1"]]
    db.script("create or replace temporary table t as select 'mine' as a")
    other.script("create temporary table t as select 'theirs' as a")
    assert both("select * from t") == [["mine"], ["theirs"]]
    assert both("select * from t") == [["mine"], ["theirs"]]
    other.script("create temporary table u (b int)")
    db.script("create table u (c int)")
    assert both("select count(*) from information_schema.columns where table_name = 'U'") == [["1"], ["2"]]
    db.script("drop table t")
    assert both("select * from t") == [["1"], ["theirs"]]
    other.script("drop table t")
    assert both("select * from t") == [["1"], ["1"]]
