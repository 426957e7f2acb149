"""Who may log in, and what the session then is."""

from __future__ import annotations

import pytest
import snowflake.connector
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa


@pytest.fixture(scope="module")
def key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def public_text(key: rsa.RSAPrivateKey) -> str:
    pem = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    return "".join(pem.decode().splitlines()[1:-1])


def private_der(key: rsa.RSAPrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def one(connection, text):
    return connection.cursor().execute(text).fetchone()


def refusal(connect, **options) -> int:
    with pytest.raises(snowflake.connector.errors.Error) as caught:
        connect(**options)
    return caught.value.errno


def test_admin_gets_in_as_accountadmin(connect):
    found = one(connect(), "select current_user(), current_role(), current_warehouse(), current_database()")
    assert found == ("ADMIN", "ACCOUNTADMIN", "COMPUTE_WH", None)


@pytest.mark.parametrize(
    ("options", "errno"),
    [
        ({"password": "wrong"}, 390100),
        ({"user": "NOBODY"}, 390100),
        ({"account": "TEST-NEVER", "user": "BOB"}, 390100),
        ({"account": "TEST-NEVER2", "password": "wrong"}, 390100),
        ({"role": "NO_SUCH_ROLE"}, 390189),
    ],
    ids=["wrong password", "unknown user", "no account yet", "no account yet, wrong password", "unknown role"],
)
def test_refused(connect, options, errno):
    connect()
    assert refusal(connect, **options) == errno


def test_an_account_comes_to_be_at_the_first_login_of_admin_only(connect, server):
    refusal(connect, account="TEST-FRESH", password="wrong")
    assert server.accounts.find("TEST-FRESH") is None
    connect(account="TEST-FRESH")
    assert server.accounts.find("TEST-FRESH") is not None
    assert one(connect(account="FRESH"), "select current_account_name()") == ("FRESH",)


def test_accounts_do_not_share_objects(connect):
    connect(account="TEST-ONE").cursor().execute("create database only_here")
    rows = connect(account="TEST-TWO").cursor().execute("show databases like 'only_here'").fetchall()
    assert rows == []


def test_context_of_the_login(connect):
    connect().cursor().execute("create database d")
    connect().cursor().execute("create warehouse w initially_suspended = true")
    there = connect(database="d", schema="public", warehouse="w", role="sysadmin")
    assert one(there, "select current_role()") == ("SYSADMIN",)
    there = connect(database="d", warehouse="w")
    found = one(there, "select current_database(), current_schema(), current_warehouse()")
    assert found == ("D", "PUBLIC", "W")


def test_a_database_that_is_not_there_leaves_the_session_without(connect):
    assert one(connect(database="nowhere"), "select current_database(), current_schema()") == (None, None)


def test_defaults_of_the_user(connect):
    cursor = connect().cursor()
    for text in (
        "create database d",
        "create warehouse w initially_suspended = true",
        "create role r",
        "create user u password = 'Abc12345' default_role = r default_warehouse = w default_namespace = 'd.public'",
        "grant role r to user u",
        "grant usage on database d to role r",
        "grant usage on schema d.public to role r",
        "grant usage on warehouse w to role r",
    ):
        cursor.execute(text)
    found = one(
        connect(user="u", password="Abc12345", warehouse=None),
        "select current_role(), current_warehouse(), current_database(), current_schema()",
    )
    assert found == ("R", "W", "D", "PUBLIC")
    assert refusal(connect, user="u", password="Abc12345", role="ACCOUNTADMIN") == 390189


def test_disabled_user_is_refused(connect):
    cursor = connect().cursor()
    cursor.execute("create user gone password = 'Abc12345' disabled = true")
    assert refusal(connect, user="gone", password="Abc12345") == 390101


def test_five_wrong_passwords_lock_the_user(connect):
    connect().cursor().execute("create user locked password = 'Abc12345'")
    for _ in range(5):
        assert refusal(connect, user="locked", password="wrong") == 390100
    assert refusal(connect, user="locked", password="Abc12345") == 390102


def test_key_pair(connect, key):
    connect().cursor().execute(f"create user robot rsa_public_key = '{public_text(key)}'")
    there = connect(user="robot", password=None, authenticator="SNOWFLAKE_JWT", private_key=private_der(key))
    assert one(there, "select current_user()") == ("ROBOT",)


def test_another_key_is_refused(connect, key):
    connect().cursor().execute(f"create user robot2 rsa_public_key = '{public_text(key)}'")
    other = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    errno = refusal(
        connect, user="robot2", password=None, authenticator="SNOWFLAKE_JWT", private_key=private_der(other)
    )
    assert errno == 394304


def test_logins_are_recorded(connect, server):
    connection = connect(account="TEST-RECORDED")
    refusal(connect, account="TEST-RECORDED", password="wrong")
    rows = server.accounts.find("TEST-RECORDED").history.rows("login_history")
    assert [(row["user_name"], row["is_success"], row["error_code"]) for row in rows] == [
        ("ADMIN", "YES", None),
        ("ADMIN", "NO", 390100),
    ]
    connection.close()
