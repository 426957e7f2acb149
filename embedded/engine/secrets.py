"""Secrets providers: how a stack's secrets are encrypted, in its configuration file and in its state.

The passphrase provider: AES-256-GCM under a key derived by PBKDF2-HMAC-SHA256 (1,000,000 rounds) from the passphrase and
the stack's salt. Ciphertext: `v1:<base64 nonce>:<base64 ciphertext and tag>`. The stack's `encryptionsalt`:
`v1:<base64 salt>:<ciphertext of the word pulumi>`, by which a wrong passphrase is found out.

Source: checkpoints and stack files of the official CLI 3.260.0.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import os
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, Any, Protocol

from embedded.engine.errors import EngineError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

PASSPHRASE_TYPE = "passphrase"
PASSPHRASE_VARIABLE = "PULUMI_CONFIG_PASSPHRASE"
PASSPHRASE_FILE_VARIABLE = "PULUMI_CONFIG_PASSPHRASE_FILE"
_ITERATIONS = 1_000_000
_KEY_BYTES = 32
_SALT_BYTES = 8
_NONCE_BYTES = 12
_PROBE = "pulumi"

INCORRECT_PASSPHRASE = (
    "incorrect passphrase, please set PULUMI_CONFIG_PASSPHRASE to the correct passphrase or set "
    "PULUMI_CONFIG_PASSPHRASE_FILE to a file containing the passphrase"
)
MISSING_PASSPHRASE = (
    "passphrase must be set with PULUMI_CONFIG_PASSPHRASE or PULUMI_CONFIG_PASSPHRASE_FILE environment variables"
)


class IncorrectPassphraseError(EngineError):
    """The passphrase does not open the stack's secrets."""

    def __init__(self, doing: str = "decrypt") -> None:
        super().__init__(f"failed to {doing}: {INCORRECT_PASSPHRASE}")


class SecretsManager(Protocol):
    """What encrypts and decrypts a stack's secrets; `state` is what the checkpoint keeps of it."""

    @property
    def state(self) -> dict[str, Any]:
        """The `secrets_providers` of a checkpoint: {type, state}."""
        ...

    def encrypt(self, plaintext: str) -> str:
        """The ciphertext of a text, under a fresh nonce."""
        ...

    def decrypt(self, ciphertext: str) -> str:
        """The text of a ciphertext."""
        ...


def derive_key(passphrase: str, salt: bytes) -> bytes:
    """The AES key of a passphrase and a salt; takes some 0.3 s of processor time."""
    return hashlib.pbkdf2_hmac("sha256", passphrase.encode(), salt, _ITERATIONS, _KEY_BYTES)


class PassphraseManager:
    """The passphrase provider; the key is derived in the background from the moment the manager is made.

    A wrong passphrase is found out at the first use, not before: commands that only carry secrets along work without.
    """

    def __init__(self, salt_state: str, passphrase: str | None = None, key: bytes | None = None) -> None:
        """Start deriving the key.

        Args:
            salt_state: The stack's `encryptionsalt`.
            passphrase: The passphrase; None where the key is given.
            key: The key, if it is known already.

        Raises:
            EngineError: The salt is malformed.
        """
        self.salt_state = salt_state
        self._salt, self._probe = _split_salt_state(salt_state)
        self._cipher: AESGCM | None = None
        self._key: Future[bytes] = Future()
        self._plain: dict[str, str] = {}
        if key is not None:
            self._key.set_result(key)
        else:
            Thread(target=self._derive, args=(passphrase or "",), daemon=True).start()

    @classmethod
    def create(cls, passphrase: str) -> PassphraseManager:
        """A manager with a new salt."""
        salt = os.urandom(_SALT_BYTES)
        key = derive_key(passphrase, salt)
        probe = _seal(_cipher_of(key), _PROBE)
        return cls(f"v1:{base64.b64encode(salt).decode()}:{probe}", key=key)

    @property
    def state(self) -> dict[str, Any]:
        """The `secrets_providers` of a checkpoint."""
        return {"type": PASSPHRASE_TYPE, "state": {"salt": self.salt_state}}

    def encrypt(self, plaintext: str) -> str:
        """The ciphertext of a text, under a fresh nonce.

        Raises:
            IncorrectPassphraseError: The passphrase is not the stack's.
        """
        return _seal(self._opened("encrypt"), plaintext)

    def decrypt(self, ciphertext: str) -> str:
        """The text of a ciphertext.

        Raises:
            IncorrectPassphraseError: The passphrase is not the stack's.
            EngineError: The ciphertext is malformed or was made under another key.
        """
        if ciphertext not in self._plain:
            self._plain[ciphertext] = _open(self._opened("decrypt"), ciphertext)
        return self._plain[ciphertext]

    def verify(self) -> None:
        """Check the passphrase.

        Raises:
            IncorrectPassphraseError: It is not the stack's.
        """
        self._opened("decrypt")

    def _derive(self, passphrase: str) -> None:
        try:
            self._key.set_result(derive_key(passphrase, self._salt))
        except Exception as error:
            self._key.set_exception(error)

    def _opened(self, doing: str) -> AESGCM:
        if self._cipher is None:
            cipher = _cipher_of(self._key.result())
            try:
                matches = _open(cipher, self._probe) == _PROBE
            except EngineError:
                matches = False
            if not matches:
                raise IncorrectPassphraseError(doing)
            self._cipher = cipher
        return self._cipher


def _split_salt_state(salt_state: str) -> tuple[bytes, str]:
    version, _, rest = salt_state.partition(":")
    salt, separator, probe = rest.partition(":")
    if not separator:
        raise EngineError("encryptionsalt: malformed state value (expected v1:SALT:CIPHERTEXT)")
    if version != "v1":
        raise EngineError(f"encryptionsalt: unknown state version '{version}' (supported: v1)")
    try:
        return base64.b64decode(salt, validate=True), probe
    except binascii.Error as error:
        raise EngineError(f"encryptionsalt: malformed state value (the salt is not base64: {error})") from error


def _cipher_of(key: bytes) -> AESGCM:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    return AESGCM(key)


def _seal(cipher: AESGCM, plaintext: str) -> str:
    nonce = os.urandom(_NONCE_BYTES)
    sealed = cipher.encrypt(nonce, plaintext.encode(), None)
    return f"v1:{base64.b64encode(nonce).decode()}:{base64.b64encode(sealed).decode()}"


def _open(cipher: AESGCM, ciphertext: str) -> str:
    from cryptography.exceptions import InvalidTag

    version, _, rest = ciphertext.partition(":")
    nonce, separator, sealed = rest.partition(":")
    if version != "v1" or not separator:
        raise EngineError("failed to decrypt: bad value: a ciphertext reads v1:NONCE:DATA")
    try:
        return cipher.decrypt(base64.b64decode(nonce), base64.b64decode(sealed), None).decode()
    except (InvalidTag, ValueError) as error:
        raise EngineError("failed to decrypt: the value was not encrypted with this stack's key") from error


def read_passphrase(prompt: str | None, ask: Callable[[str], str] | None = None) -> str:
    """The passphrase: of its environment variable, of the file that the other variable names, or asked for.

    Args:
        prompt: What to ask, if it comes to that.
        ask: Reads a line without echo; None when nobody can be asked.

    Raises:
        EngineError: There is none, or its file cannot be read.
    """
    given = os.environ.get(PASSPHRASE_VARIABLE)
    if given is not None:
        return given
    path = os.environ.get(PASSPHRASE_FILE_VARIABLE)
    if path:
        try:
            return Path(path).expanduser().absolute().read_text(encoding="utf-8").strip()
        except OSError as error:
            raise EngineError(f"unable to read {PASSPHRASE_FILE_VARIABLE}: {path}: {error.strerror}") from error
    if ask is None or prompt is None:
        raise EngineError(MISSING_PASSPHRASE)
    return ask(prompt)


class LockedManager:
    """Stands for a provider that could not be opened: it carries the state along and fails when it is used."""

    def __init__(self, state: dict[str, Any], error: EngineError) -> None:
        self._state = state
        self._error = error

    @property
    def state(self) -> dict[str, Any]:
        """The `secrets_providers` of a checkpoint, unchanged."""
        return self._state

    def encrypt(self, plaintext: str) -> str:
        """Raises the error met when the provider was opened."""
        del plaintext
        raise self._error

    def decrypt(self, ciphertext: str) -> str:
        """Raises the error met when the provider was opened."""
        del ciphertext
        raise self._error


def manager_of(state: dict[str, Any], passphrase: Callable[[], str]) -> SecretsManager:
    """The manager that a checkpoint's `secrets_providers` describes.

    Args:
        state: {type, state}.
        passphrase: Finds the passphrase; its error is kept until a secret is really needed.

    Raises:
        EngineError: Another provider than the passphrase one.
    """
    kind = state.get("type")
    if kind != PASSPHRASE_TYPE:
        raise EngineError(f"unknown secrets provider type '{kind}' (supported: passphrase)")
    try:
        return PassphraseManager(state["state"]["salt"], passphrase())
    except EngineError as error:
        return LockedManager(state, error)
