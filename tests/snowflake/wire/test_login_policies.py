"""Logins under network, authentication, password and session policies, and by programmatic access tokens."""

from __future__ import annotations

import base64
import hashlib
import time
from collections.abc import Callable
from typing import Any

import orjson
import pytest
import snowflake.connector
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256

from embedded.snowflake.errors import SnowflakeError
from embedded.snowflake.wire.keypair import check as check_token

PASSWORD = "Abcdefgh-1234567"


@pytest.fixture
def admin(connect: Callable[..., Any]) -> Any:
    """A cursor of ADMIN with a user U, a database and its schema."""
    cursor = connect().cursor()
    for text in (
        "create database d",
        f"create user u password = '{PASSWORD}'",
        "create role r",
        "grant role r to user u",
        "use schema d.public",
    ):
        cursor.execute(text)
    return cursor


@pytest.fixture
def account(admin: Any, server: Any) -> Any:
    """The account that `admin` is in."""
    name = admin.execute("select current_organization_name() || '-' || current_account_name()").fetchone()[0]
    return server.accounts.find(name)


def refusal(connect: Callable[..., Any], **options: Any) -> int | None:
    """The number of the error that a login as U gets, or None for one that gets in."""
    try:
        connect(**{"user": "u", "password": PASSWORD, **options})
    except snowflake.connector.errors.Error as error:
        return error.errno
    return None


def test_a_lock_ends_with_time_and_by_hand(admin: Any, account: Any, connect: Callable[..., Any]) -> None:
    admin.execute("create password policy pp password_max_retries = 2 password_lockout_time_mins = 30")
    admin.execute("alter user u set password policy pp")
    assert [refusal(connect, password="wrong") for _ in range(3)] == [390100, 390100, 390102]
    assert refusal(connect) == 390102
    shown = {column[0]: place for place, column in enumerate(admin.execute("show users like 'u'").description)}
    assert admin.fetchone()[shown["mins_to_unlock"]] == "30"
    admin.execute("alter user u set mins_to_unlock = 0")
    assert refusal(connect) is None
    admin.execute("alter user u set mins_to_unlock = 10")
    assert refusal(connect) == 390102
    account.clock.advance(601)
    assert refusal(connect) is None
    assert [
        refusal(connect, password="wrong"),
        refusal(connect),
        refusal(connect, password="wrong"),
        refusal(connect),
    ] == [
        390100,
        None,
        390100,
        None,
    ]


def test_users_end_with_their_days(admin: Any, account: Any, connect: Callable[..., Any]) -> None:
    admin.execute("alter user u set days_to_expiry = 2")
    assert refusal(connect) is None
    account.clock.advance(2 * 86_400 + 1)
    assert refusal(connect) == 390101
    admin.execute("alter user u unset days_to_expiry")
    assert refusal(connect) is None
    admin.execute("alter user u set disabled = true")
    assert refusal(connect) == 390101


def test_a_stale_password_must_be_changed(admin: Any, account: Any, connect: Callable[..., Any]) -> None:
    admin.execute("alter user u set must_change_password = true")
    assert refusal(connect) == 390106
    admin.execute("alter user u set must_change_password = false")
    assert refusal(connect) is None
    admin.execute("create password policy pp password_max_age_days = 7")
    admin.execute("alter account set password policy pp")
    account.clock.advance(8 * 86_400)
    assert refusal(connect) == 390106


@pytest.mark.parametrize(
    ("password", "reason"),
    [
        ("Short-1", "too short"),
        ("alllowercase-12345", "uppercase"),
        ("NoDigitsAtAll-xyz", "digit"),
        (PASSWORD, "before"),
    ],
)
def test_new_passwords_are_as_the_policy_wants_them(admin: Any, password: str, reason: str) -> None:
    admin.execute("create password policy pp")
    admin.execute("alter user u set password policy pp")
    with pytest.raises(snowflake.connector.errors.ProgrammingError, match=reason) as refused:
        admin.execute(f"alter user u set password = '{password}'")
    assert refused.value.errno == 3002
    admin.execute("alter user u set password = 'Another-One-123'")


@pytest.mark.parametrize(
    ("lists", "errno"),
    [
        ("allowed_ip_list = ('10.0.0.0/8')", 390422),
        ("allowed_ip_list = ('127.0.0.0/8')", None),
        ("allowed_ip_list = ('0.0.0.0/0') blocked_ip_list = ('127.0.0.1')", 390422),
        ("allowed_network_rule_list = ('d.public.home')", None),
        ("blocked_network_rule_list = ('d.public.home')", 390422),
    ],
)
def test_network_policies_hold_at_login(admin: Any, connect: Callable[..., Any], lists: str, errno: int | None) -> None:
    admin.execute("create network rule home type = ipv4 mode = ingress value_list = ('127.0.0.1')")
    admin.execute(f"create network policy np {lists}")
    admin.execute("alter user u set network_policy = np")
    assert refusal(connect) == errno


@pytest.mark.parametrize(
    ("properties", "errno"),
    [
        ("authentication_methods = ('KEYPAIR')", 390202),
        ("authentication_methods = ('PASSWORD', 'SAML')", None),
        ("client_types = ('SNOWFLAKE_UI')", 390202),
        ("client_types = ('DRIVERS')", None),
        ("authentication_methods = ('ALL') client_types = ('ALL')", None),
    ],
)
def test_authentication_policies_hold_at_login(
    admin: Any, connect: Callable[..., Any], properties: str, errno: int | None
) -> None:
    admin.execute(f"create authentication policy ap {properties}")
    admin.execute("alter user u set authentication policy ap")
    assert refusal(connect) == errno


def test_an_idle_session_ends(admin: Any, account: Any, connect: Callable[..., Any]) -> None:
    admin.execute("create session policy sp session_idle_timeout_mins = 10")
    admin.execute("alter user u set session policy sp")
    cursor = connect(user="u", password=PASSWORD).cursor()
    account.clock.advance(590)
    cursor.execute("select 1")
    account.clock.advance(601)
    with pytest.raises(snowflake.connector.errors.Error):
        cursor.execute("select 1")


def test_access_tokens(admin: Any, account: Any, connect: Callable[..., Any]) -> None:
    _, secret = admin.execute(
        "alter user u add programmatic access token t role_restriction = r days_to_expiry = 3"
    ).fetchone()
    there = connect(user="u", password=None, authenticator="PROGRAMMATIC_ACCESS_TOKEN", token=secret)
    assert there.cursor().execute("select current_role(), current_user()").fetchone() == ("R", "U")
    assert refusal(connect, password=secret) is None
    _, rotated, _ = admin.execute("alter user u rotate pat t").fetchone()
    assert (refusal(connect, password=secret), refusal(connect, password=rotated)) == (394400, None)
    shown = admin.execute("show user programmatic access tokens for user u").fetchall()
    assert [(row[0], row[2], row[4]) for row in shown] == [("T", "R", "ACTIVE")] and rotated not in str(shown)
    admin.execute("alter user u modify pat t set disabled = true")
    assert refusal(connect, password=rotated) == 394400
    admin.execute("alter user u modify pat t set disabled = false")
    account.clock.advance(3 * 86_400 + 1)
    assert refusal(connect, password=rotated) == 394400
    admin.execute("alter user u remove programmatic access token t")
    assert admin.execute("show user programmatic access tokens for user u").fetchall() == []


@pytest.mark.parametrize(
    "authenticator", ["OAUTH", "SNOWFLAKE", "externalbrowser", "https://x.okta.com", "WORKLOAD_IDENTITY"]
)
def test_other_authenticators_are_refused_by_name(server: Any, account: Any, authenticator: str) -> None:
    from embedded.snowflake.wire.login import Gate

    data = {"ACCOUNT_NAME": account.name, "LOGIN_NAME": "u", "AUTHENTICATOR": authenticator, "TOKEN": "x"}
    with pytest.raises(SnowflakeError) as refused:
        Gate(server.accounts).enter(data, {}, "127.0.0.1")
    assert refused.value.errno == (390100 if authenticator == "SNOWFLAKE" else 390101)
    assert authenticator == "SNOWFLAKE" or authenticator.upper() in refused.value.message


# -- the token of a key pair


@pytest.fixture(scope="module")
def keys() -> list[rsa.RSAPrivateKey]:
    return [rsa.generate_private_key(65537, 2048) for _ in range(2)]


def public(key: rsa.RSAPrivateKey) -> str:
    der = key.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return base64.b64encode(der).decode()


def signed(key: rsa.RSAPrivateKey, account: str, named: rsa.RSAPrivateKey | None = None, **changes: Any) -> str:
    """A login token of U as the drivers make it, with claims changed."""
    digest = base64.b64encode(hashlib.sha256(base64.b64decode(public(named or key))).digest()).decode()
    now = int(time.time())
    claims = {"iss": f"{account}.U.SHA256:{digest}", "sub": f"{account}.U", "iat": now, "exp": now + 60, **changes}
    head = {"alg": changes.pop("alg", "RS256"), "typ": "JWT"}
    parts = ".".join(base64.urlsafe_b64encode(orjson.dumps(part)).decode().rstrip("=") for part in (head, claims))
    signature = key.sign(parts.encode(), PKCS1v15(), SHA256())
    return f"{parts}.{base64.urlsafe_b64encode(signature).decode().rstrip('=')}"


def errno_of(account: Any, token: str) -> int | None:
    from embedded.snowflake.security.users import find_login

    try:
        check_token(account, find_login(account.catalog, "u"), token)
    except SnowflakeError as error:
        return error.errno
    return None


def test_keys_rotate(admin: Any, account: Any, keys: list[rsa.RSAPrivateKey]) -> None:
    first, second = keys
    admin.execute(f"alter user u set rsa_public_key = '{public(first)}'")
    assert errno_of(account, signed(first, account.name)) is None
    admin.execute(f"alter user u set rsa_public_key_2 = '{public(second)}'")
    assert [errno_of(account, signed(key, account.name)) for key in keys] == [None, None]
    admin.execute("alter user u unset rsa_public_key")
    assert [errno_of(account, signed(key, account.name)) for key in keys] == [394304, None]


@pytest.mark.parametrize(
    ("changes", "errno"),
    [
        ({"exp": 1}, 394303),
        ({"iat": 1}, 394302),
        ({"iat": 2**40}, 394302),
        ({"exp": None}, 394303),
        ({"sub": "X.Y"}, 394300),
        ({"iss": "TEST.NOBODY.SHA256:x"}, 394300),
        ({"alg": "none"}, 390144),
        ({"alg": "HS256"}, 390144),
    ],
)
def test_tokens_that_do_not_hold(
    admin: Any, account: Any, keys: list[rsa.RSAPrivateKey], changes: Any, errno: int
) -> None:
    admin.execute(f"alter user u set rsa_public_key = '{public(keys[0])}'")
    assert errno_of(account, signed(keys[0], account.name, **changes)) == errno


def test_a_token_signed_by_another_key_than_it_names(admin: Any, account: Any, keys: list[rsa.RSAPrivateKey]) -> None:
    admin.execute(f"alter user u set rsa_public_key = '{public(keys[0])}'")
    assert errno_of(account, signed(keys[1], account.name, named=keys[0])) == 390144
