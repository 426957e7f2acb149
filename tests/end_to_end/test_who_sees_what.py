"""DATA_ENGINEER sees all, DATA_ANALYST the customers listed for the user with masked emails, everybody else nothing."""

from __future__ import annotations

import pytest
from snowflake.connector.errors import ProgrammingError

ENGINEER = [("C000000001", "anna@one.example"), ("C000000002", "ben@two.example"), ("C000000003", "cleo@three.example")]
ANALYST = [("C000000001", "***@one.example"), ("C000000002", "***@two.example")]
LOGINS = {
    "engineer": ({"role": "DATA_ENGINEER"}, ENGINEER),
    "analyst": ({"role": "DATA_ANALYST", "user": "TEST_ANALYST", "password": "Test-analyst-1"}, ANALYST),
    "scientist": ({"role": "DATA_SCIENTIST", "user": "TEST_SCIENTIST", "password": "Test-scientist-1"}, []),
    "account admin": ({"role": "ACCOUNTADMIN"}, []),
}
READS = {
    "table": "select customer_id, contact_email from marts.tbl_dim_customer order by 1",
    "star": "select c.customer_id, c.contact_email from (select * from marts.tbl_dim_customer) as c order by 1",
    "cte": "with tbl_dim_customer as (select * from marts.tbl_dim_customer) "
    "select customer_id, contact_email from tbl_dim_customer order by 1",
    "join": "select a.customer_id, b.contact_email from marts.tbl_dim_customer a "
    "join marts.tbl_dim_customer b using (customer_id) order by 1",
    "subquery": "select customer_id, (select max(i.contact_email) from marts.tbl_dim_customer i where i.customer_id = o.customer_id) "
    "from marts.tbl_dim_customer o order by 1",
    "union": "select customer_id, contact_email from marts.tbl_dim_customer union select customer_id, contact_email "
    "from marts.tbl_dim_customer order by 1",
    "window": "select customer_id, first_value(contact_email) over (partition by customer_id order by customer_id) "
    "from marts.tbl_dim_customer order by 1",
}


@pytest.mark.parametrize("login", LOGINS)
@pytest.mark.parametrize("read", READS)
def test_every_read_shows_what_the_role_may_see(platform, read, login):
    options, expected = LOGINS[login]
    assert platform.rows(READS[read], **options) == expected


@pytest.mark.parametrize("login", LOGINS)
def test_a_view_shows_what_the_role_may_see(platform, login):
    options, expected = LOGINS[login]
    seen = platform.rows("select customer_id from analytics.mv_customer_summary order by 1", **options)
    assert seen == [row[:1] for row in expected]


def test_a_copy_holds_only_what_its_maker_saw(platform):
    platform.run(
        "create schema if not exists scratch", "grant all on schema scratch to role DATA_ANALYST", role="ACCOUNTADMIN"
    )
    with platform.server.connect(
        user="TEST_ANALYST",
        password="Test-analyst-1",
        database="LOGISTICS",
        schema="SCRATCH",
        warehouse="COMPUTE_WH_DEV",
    ) as connection:
        cursor = connection.cursor()
        cursor.execute(
            "create or replace table copied as select customer_id, contact_email from marts.tbl_dim_customer"
        )
        assert cursor.execute("select * from copied order by 1").fetchall() == ANALYST
    assert platform.rows("select * from scratch.copied order by 1", role="ACCOUNTADMIN") == ANALYST


@pytest.mark.parametrize("login", ["analyst", "scientist", "account admin"])
def test_a_mask_cannot_be_read_around_by_a_filter(platform, login):
    options, _ = LOGINS[login]
    assert platform.rows(
        "select count(*) from marts.tbl_dim_customer where contact_email like 'anna@%'", **options
    ) == [(0,)]


@pytest.mark.parametrize("login", ["analyst", "scientist"])
def test_who_may_read_may_not_write(platform, login):
    options, _ = LOGINS[login]
    with pytest.raises(ProgrammingError, match=r"privileges|not authorized"):
        platform.rows("delete from marts.tbl_dim_customer", **options)
