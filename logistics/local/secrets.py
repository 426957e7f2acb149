"""Secrets of this machine, each made once and kept in `.local` for its owner alone."""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Callable
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from logistics.errors import LogisticsError
from logistics.project import local_folder

_PASSWORD_BYTES = 24
_KEY_BITS = 2048
_SALT_LINE = re.compile(r"^encryptionsalt:.*\n?", re.MULTILINE)


def admin_password(root: Path) -> str:
    """Returns the password of ADMIN on the local Snowflake."""
    return _kept(local_folder(root) / "admin-password", _password)


def passphrase_file(root: Path) -> Path:
    """Returns the file of the passphrase that encrypts the local stacks' secrets."""
    path = local_folder(root) / "passphrase"
    if not path.exists():
        _forget_old_salts(root)
        _kept(path, _password)
    return path


def user_key_file(root: Path) -> Path:
    """Returns the file of the private key of all users of the local stacks (PKCS #8, PEM)."""
    path = local_folder(root) / "user-key.p8"
    _kept(path, _private_key)
    return path


def user_public_key(root: Path) -> str:
    """Returns that key's public half as Snowflake takes it: base64 of the DER form, one line."""
    key = serialization.load_pem_private_key(user_key_file(root).read_bytes(), password=None)
    pem = (
        key.public_key()
        .public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
        .decode()
    )
    return "".join(line for line in pem.splitlines() if not line.startswith("-----"))


def _kept(path: Path, make: Callable[[], str]) -> str:
    """Returns a file's text; makes the file, readable by its owner alone, where there is none."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return path.read_text(encoding="utf-8").strip()
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text := make())
    return text


def _password() -> str:
    return secrets.token_urlsafe(_PASSWORD_BYTES)


def _private_key() -> str:
    key = rsa.generate_private_key(public_exponent=65537, key_size=_KEY_BITS)
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()


def _forget_old_salts(root: Path) -> None:
    """Takes the salt of a passphrase that is gone out of the stack files; Pulumi writes a new one.

    Raises:
        LogisticsError: a stack file holds secrets that only the lost passphrase opens.
    """
    for path in root.glob("Pulumi.*.yaml"):
        text = path.read_text(encoding="utf-8")
        if not _SALT_LINE.search(text):
            continue
        if re.search(r"^\s+secure:", text, re.MULTILINE):
            raise LogisticsError(
                f"{path.name} holds secrets whose passphrase is not on this machine: put it in .local/passphrase, "
                "or set PULUMI_CONFIG_PASSPHRASE, or set the secrets anew"
            )
        path.write_text(_SALT_LINE.sub("", text), encoding="utf-8")
