"""Passwords and keys are kept so that they can be checked and not be read."""

from __future__ import annotations

import base64
import hashlib

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from embedded.snowflake.errors import SnowflakeError
from embedded.snowflake.security import users
from embedded.snowflake.security.bootstrap import bootstrap
from embedded.snowflake.security.passwords import fingerprint, hash_password, verify_password
from embedded.snowflake.security.redaction import redact


def test_a_password_is_salted_and_checked():
    first, second = hash_password("a-password"), hash_password("a-password")
    assert first != second and "a-password" not in first
    assert verify_password("a-password", first) and not verify_password("another", first)
    assert not verify_password("", None)


def test_a_fingerprint_is_that_of_the_key_with_or_without_its_lines():
    key = rsa.generate_private_key(65537, 2048).public_key()
    der = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    expected = "SHA256:" + base64.b64encode(hashlib.sha256(der).digest()).decode()
    pem = key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    assert fingerprint(pem) == fingerprint("".join(pem.splitlines()[1:-1])) == expected


@pytest.mark.parametrize(
    "text",
    ["", "nonsense", base64.b64encode(b"nonsense").decode(), None],
    ids=["empty", "no base64", "no key", "elliptic"],
)
def test_what_is_no_rsa_key_is_refused(text):
    if text is None:
        key = ec.generate_private_key(ec.SECP256R1()).public_key()
        text = base64.b64encode(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).decode()
    with pytest.raises(SnowflakeError) as refused:
        fingerprint(text)
    assert refused.value.errno == 394


def test_a_new_account_has_its_system_roles_once(account):
    before = account.catalog.version
    bootstrap(account.catalog, "another-password")
    assert account.catalog.version == before
    assert [role.name for role in sorted(account.catalog.all("ROLE"), key=lambda role: role.name)] == [
        "ACCOUNTADMIN",
        "ORGADMIN",
        "PUBLIC",
        "SECURITYADMIN",
        "SYSADMIN",
        "USERADMIN",
    ]
    admin = users.find_login(account.catalog, "admin")
    assert admin is not None and not users.has_password(admin, "another-password")


def test_a_user_is_found_by_login_name_and_says_what_it_starts_with(account, session):
    admin = session()
    for text in (
        "create user ana login_name = 'ana@x.y' password = 'p' default_role = analyst default_warehouse = wh"
        " default_namespace = logistics.raw default_secondary_roles = () disabled = true",
        "create user bob",
    ):
        admin.execute(text)
    ana, bob = users.find_login(account.catalog, "ANA@X.Y"), users.find_login(account.catalog, "bob")
    assert ana is not None and bob is not None and users.find_login(account.catalog, "ana") is None
    assert users.has_password(ana, "p") and not users.has_password(bob, "p")
    assert (users.default_role(ana), users.default_warehouse(ana)) == ("ANALYST", "WH")
    assert users.default_namespace(ana) == ("LOGISTICS", "RAW") and users.default_namespace(bob) == (None, None)
    assert users.is_disabled(ana) and not users.is_disabled(bob)
    assert not users.default_secondary_roles(ana) and users.default_secondary_roles(bob)


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("create user u password = 'it''s' comment = 'c'", "create user u password = '****' comment = 'c'"),
        ("ALTER USER u SET PASSWORD='a\\'b'", "ALTER USER u SET PASSWORD='****'"),
        ("-- note\ncreate secret s secret_string = $$x$$", "-- note\ncreate secret s secret_string = '****'"),
        ("select * from t where password = 'x'", "select * from t where password = 'x'"),
        ("alter user u set must_change_password = true", "alter user u set must_change_password = true"),
    ],
)
def test_secrets_are_taken_out_of_recorded_texts(text, kept):
    assert redact(text) == kept
