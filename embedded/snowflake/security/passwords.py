"""Passwords kept as salted hashes, and public keys for key-pair logins."""

from __future__ import annotations

import base64
import hashlib
import hmac
import os

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_der_public_key

from embedded.snowflake.errors import SqlCompilationError

# scrypt: 16 MB and some tens of milliseconds for one guess.
_COST, _BLOCK, _SALT_BYTES = 2**14, 8, 16


def hash_password(password: str) -> str:
    """The salted hash to keep of a password."""
    salt = os.urandom(_SALT_BYTES)
    return f"scrypt${base64.b64encode(salt).decode()}${base64.b64encode(_derive(password, salt)).decode()}"


def verify_password(password: str, kept: str | None) -> bool:
    """Whether a password is the one whose hash was kept; in constant time, false for none."""
    if not kept:
        return False
    _, salt, derived = kept.split("$")
    return hmac.compare_digest(_derive(password, base64.b64decode(salt)), base64.b64decode(derived))


def _derive(password: str, salt: bytes) -> bytes:
    return hashlib.scrypt(password.encode(), salt=salt, n=_COST, r=_BLOCK, p=1)


def public_key(text: str) -> RSAPublicKey:
    """Read an RSA public key: the base64 of its DER form, with the PEM's first and last line or without.

    Raises:
        SqlCompilationError: it is no RSA public key (000394).
    """
    lines = [line for line in text.strip().splitlines() if not line.startswith("-----")]
    try:
        key = load_der_public_key(base64.b64decode("".join("".join(lines).split()), validate=True))
    except ValueError:
        raise _invalid_key() from None
    if not isinstance(key, RSAPublicKey):
        raise _invalid_key()
    return key


def _invalid_key() -> SqlCompilationError:
    return SqlCompilationError("New public key rejected by current policy. Reason: 'Invalid public key'", 394, "42601")


def fingerprint(text: str) -> str:
    """The `SHA256:…` fingerprint of a public key, as DESCRIBE USER shows it and a login token names it."""
    der = public_key(text).public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return "SHA256:" + base64.b64encode(hashlib.sha256(der).digest()).decode()
