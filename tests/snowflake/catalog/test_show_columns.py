"""SHOW and DESCRIBE have the columns that the official plugin reads, of types that it can read, and no NULL where it has none."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path

import pytest

READ = json.loads(Path(__file__).with_name("show_columns.json").read_text())
GROUND = (
    "create database logistics",
    "create schema logistics.raw",
    "create table cust (id number(38,0), email varchar)",
    "create role r0",
    "create user u0 password = 'p' days_to_expiry = 3",
    "create warehouse wh0",
    "create resource monitor rm with credit_quota = 1",
    "create database role logistics.dr0",
    "create masking policy mp0 as (v varchar) returns varchar -> '*'",
    "create row access policy rp as (a int) returns boolean -> true",
    "create tag tag0",
    "create stage stg0",
    "create task task0 warehouse = wh0 schedule = '60 minute' as select 1",
    "create api integration api0 api_provider = aws_api_gateway api_allowed_prefixes = ('https://x') enabled = true",
    "create sequence sq",
    "create view v as select id from cust",
    "create stream st on table cust",
    "create network policy np allowed_ip_list = ('10.0.0.1')",
    "create network rule nr type = ipv4 mode = ingress value_list = ('1.1.1.1')",
    "create notification integration ni enabled = true type = email",
    "create storage integration si type = external_stage storage_provider = 'GCS' enabled = true"
    " storage_allowed_locations = ('gcs://a/')",
    "create secret sc type = generic_string secret_string = 'x'",
    "create function f(a int) returns int as 'a'",
    "create procedure p(a int) returns int language sql as 'begin return 1; end'",
    "create alert al warehouse = wh0 schedule = '1 minute' if (exists (select 1)) then select 1",
    "create streamlit sl root_location = '@s' main_file = 'a'",
    "create pipe pi as copy into cust from @stg0",
    "create file format ff type = csv",
    "create password policy pp",
    "create authentication policy ap",
    "create session policy sp",
    "create materialized view mv as select id from cust",
    "create dynamic table dt target_lag = '1 minute' warehouse = wh0 as select id from cust",
)


def readable(kind: str, value: object) -> bool:
    if kind == "time":
        return isinstance(value, datetime)
    if kind == "int":
        return str(value).lstrip("-").isdigit()
    return kind == "text" or str(value).lower() in ("true", "false", "1", "0")


def test_show_and_describe_can_be_read(admin, subtests):
    admin.script(*GROUND)
    for text, columns in READ.items():
        with subtests.test(text):
            rows = admin.rows(text)
            assert rows
            for name, kind in columns.items():
                values = [row[name] for row in rows]
                assert kind.endswith("?") or None not in values, name
                assert all(value is None or readable(kind.rstrip("?"), value) for value in values), (name, values)


@pytest.mark.parametrize("terse", ["tables", "views", "schemas", "databases", "objects", "streams"])
def test_terse_has_five_columns(db, terse):
    names = [column.name for column in db.run(f"show terse {terse}").columns]
    assert names == ["created_on", "name", "kind", "database_name", "schema_name"]
