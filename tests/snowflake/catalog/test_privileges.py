"""Who may do what, as Snowflake refuses it."""

from __future__ import annotations

import pytest


@pytest.fixture
def ground(admin):
    admin.script(
        "create role analyst",
        "create role engineer",
        "create role owner",
        "create user bob",
        "grant role engineer to role owner",
        "grant role owner to role sysadmin",
        "create database logistics",
        "create schema raw",
        "create table cust (id int, email varchar)",
        "create table orders (id int)",
        "grant usage on database logistics to role analyst",
        "grant usage on schema logistics.raw to role analyst",
    )
    return admin


@pytest.mark.parametrize(
    ("text", "errno"),
    [
        ("create database other", 3001),
        ("create role other", 3001),
        ("create user other", 3001),
        ("create table logistics.raw.t (a int)", 3001),
        ("create schema logistics.other", 3001),
        ("describe table logistics.raw.cust", 2003),
        ("drop table logistics.raw.cust", 2003),
        ("alter table logistics.raw.cust add column x int", 2003),
        ("grant select on table logistics.raw.cust to role analyst", 2003),
        ("grant role engineer to role analyst", 2003),
        ("alter account set timezone = 'UTC'", 3001),
        ("drop database logistics", 3001),
        ("show tables in schema logistics.public", 2043),
        ("create network policy n allowed_ip_list = ('10.0.0.0/8')", 3001),
        ("alter user bob set password = 'x'", 2003),
    ],
)
@pytest.mark.usefixtures("ground")
def test_a_role_without_the_privilege_is_refused(connect, text, errno):
    assert connect("ANALYST").refused(text).errno == errno


def test_objects_appear_with_the_first_privilege_on_them(ground, connect):
    analyst = connect("ANALYST")
    assert analyst.rows("show tables in schema logistics.raw") == []
    ground.run("grant select on table logistics.raw.cust to role analyst")
    assert [row["name"] for row in analyst.rows("show tables in schema logistics.raw")] == ["CUST"]
    assert analyst.refused("drop table logistics.raw.cust").errno == 3001
    ground.run("revoke select on table logistics.raw.cust from role analyst")
    assert analyst.rows("show tables in schema logistics.raw") == []


def test_usage_on_the_containers_is_needed_besides(ground, connect):
    ground.run("grant select on table logistics.raw.cust to role engineer")
    assert connect("ENGINEER").refused("describe table logistics.raw.cust").errno == 2003


def test_privileges_are_inherited_up_the_hierarchy(ground, connect):
    ground.script(
        "grant usage on database logistics to role engineer", "grant usage on schema logistics.raw to role engineer"
    )
    ground.run("grant create table on schema logistics.raw to role engineer")
    for role in ("OWNER", "SYSADMIN", "ACCOUNTADMIN"):
        connect(role).run(f"create table logistics.raw.t_{role} (a int)")
    assert connect("ANALYST").refused("create table logistics.raw.t (a int)").errno == 3001


def test_the_creator_owns_and_ownership_moves(ground, connect):
    ground.script(
        "grant usage on database logistics to role engineer",
        "grant usage, create table on schema logistics.raw to role engineer",
    )
    engineer = connect("ENGINEER")
    engineer.run("create table logistics.raw.mine (a int)")
    engineer.run("alter table logistics.raw.mine add column b int")
    ground.run("grant ownership on table logistics.raw.mine to role analyst")
    assert engineer.refused("drop table logistics.raw.mine").errno == 2003
    connect("ANALYST").run("drop table logistics.raw.mine")


def test_a_dropped_roles_objects_go_to_the_role_that_drops_it(ground):
    ground.run("grant ownership on table logistics.raw.cust to role analyst")
    ground.run("drop role analyst")
    owners = {row["name"]: row["owner"] for row in ground.rows("show tables in schema logistics.raw")}
    assert owners["CUST"] == "ACCOUNTADMIN"


def test_future_grants_of_the_schema_hide_those_of_the_database(ground):
    ground.script(
        "grant insert on future tables in database logistics to role analyst",
        "grant select on future tables in schema logistics.raw to role analyst",
        "create table logistics.raw.t (a int)",
        "create table logistics.public.t (a int)",
    )
    given = {
        (row["name"], row["privilege"])
        for row in ground.rows("show grants to role analyst")
        if row["granted_on"] == "TABLE"
    }
    assert given == {("LOGISTICS.RAW.T", "SELECT"), ("LOGISTICS.PUBLIC.T", "INSERT")}


def test_only_the_owner_of_a_managed_schema_grants_in_it(ground, connect):
    ground.script(
        "create schema logistics.managed with managed access",
        "grant usage, create table on schema logistics.managed to role engineer",
        "grant usage on database logistics to role engineer",
    )
    engineer = connect("ENGINEER")
    engineer.run("create table logistics.managed.t (a int)")
    assert engineer.refused("grant select on table logistics.managed.t to role analyst").errno == 3001
    ground.run("grant select on table logistics.managed.t to role analyst")


def test_a_grant_option_lets_its_holder_grant(ground, connect):
    ground.run("grant select on table logistics.raw.cust to role analyst with grant option")
    analyst = connect("ANALYST")
    analyst.run("grant select on table logistics.raw.cust to role engineer")
    assert analyst.refused("grant insert on table logistics.raw.cust to role engineer").errno == 3001
    assert ground.refused("revoke select on table logistics.raw.cust from role analyst").errno == 3012
    ground.run("revoke select on table logistics.raw.cust from role analyst cascade")
    assert [row["privilege"] for row in ground.rows("show grants on table logistics.raw.cust")] == ["OWNERSHIP"]


def test_a_cycle_of_roles_is_refused(ground):
    assert ground.refused("grant role owner to role engineer").errno == 3030


def test_database_roles_stay_in_their_database_and_give_its_use(ground, connect):
    ground.script(
        "create database role logistics.reader",
        "grant usage on schema logistics.raw to database role logistics.reader",
        "grant select on all tables in schema logistics.raw to database role logistics.reader",
        "grant database role logistics.reader to role engineer",
    )
    assert len(connect("ENGINEER").rows("show tables in schema logistics.raw")) == 2
    ground.script("create database other", "create database role other.reader")
    assert ground.refused("grant database role logistics.reader to database role other.reader").errno == 3031


def test_ownership_with_grants_needs_a_word_about_them(ground):
    ground.run("grant select on table logistics.raw.cust to role analyst")
    assert ground.refused("grant ownership on table logistics.raw.cust to role engineer").errno == 3036
    ground.run("grant ownership on table logistics.raw.cust to role engineer revoke current grants")
    assert [row["privilege"] for row in ground.rows("show grants on table logistics.raw.cust")] == ["OWNERSHIP"]


def test_the_account_admins_do_not_read_what_is_not_theirs(ground, connect):
    ground.run("create role stranger")
    ground.run("grant ownership on table logistics.raw.cust to role stranger")
    assert ground.refused("drop table logistics.raw.cust").errno == 3001
    assert connect("SYSADMIN").refused("describe table logistics.raw.cust").errno == 2003


def test_applying_a_policy_needs_apply_on_it_or_on_the_account(ground, connect):
    ground.script(
        "create masking policy logistics.raw.mask as (v varchar) returns varchar -> '*'",
        "grant usage on database logistics to role engineer",
        "grant usage, create table on schema logistics.raw to role engineer",
    )
    engineer = connect("ENGINEER")
    engineer.run("create table logistics.raw.mine (a varchar)")
    text = "alter table logistics.raw.mine modify column a set masking policy logistics.raw.mask"
    assert engineer.refused(text).errno == 2003
    ground.run("grant apply on masking policy logistics.raw.mask to role engineer")
    engineer.run(text)


def test_a_user_changes_its_own_defaults_and_no_more(ground, connect):
    ground.script("create user ana default_role = analyst", "grant role analyst to user ana")
    ana = connect("ANALYST", "ANA")
    ana.script(
        "alter user ana set default_role = 'PUBLIC'",
        "alter user ana set password = 'secret-2'",
        "alter user ana set timezone = 'UTC'",
    )
    assert ana.refused("alter user ana set disabled = true").errno == 3001


@pytest.mark.parametrize(
    ("text", "errno"),
    [
        ("grant select on schema logistics.raw to role analyst", 3008),
        ("grant usage on schema logistics.raw to user admin", 2),
        ("grant usage on schema logistics.raw to share s", 2),
        ("grant select (id) on table logistics.raw.cust to role analyst", 2),
        ("grant select on table logistics.raw.cust", 1003),
        ("grant role nobody to role analyst", 2003),
        ("revoke select on table logistics.raw.nothing from role analyst", 2003),
    ],
)
def test_a_grant_that_cannot_be_is_refused_by_name(ground, text, errno):
    assert ground.refused(text).errno == errno
