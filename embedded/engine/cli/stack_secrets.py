"""`pulumi stack change-secrets-provider`: all secrets of a stack under a new passphrase."""

from __future__ import annotations

import sys
from typing import Any

from embedded.engine import state
from embedded.engine.backend.recovery import recover
from embedded.engine.cli.command import STACK_FLAG, Call, command
from embedded.engine.config import Secure
from embedded.engine.errors import EngineError
from embedded.engine.secrets import PassphraseManager, SecretsManager


@command("<new-secrets-provider>", minimum=1, maximum=1, flags=(STACK_FLAG,))
def change_provider(call: Call) -> None:
    """Change the secrets provider for a stack

    `passphrase` encrypts everything anew under a new passphrase, which is asked for (or read from standard input, if that is no
    terminal).
    """
    if call.argument(0) not in ("passphrase", "default"):
        raise EngineError(f"unsupported secrets provider '{call.argument(0)}' (supported: passphrase)")
    session = call.session
    reference = session.require_stack(call.flags["stack"])
    file = session.stack_file(reference)
    with session.backend.lock(reference):
        checkpoint = recover(session.backend, reference)
        old = session.config_manager(file, lambda: checkpoint)
        snapshot = state.deployment_from_json(checkpoint.deployment or {}, old.decrypt)
        new = PassphraseManager.create(_new_passphrase(call))
        file.config = {key: _moved(value, old, new) for key, value in file.config.items()}
        file.encryption_salt = new.salt_state
        snapshot.secrets_provider = new.state
        snapshot.manifest = state.Manifest.now()
        session.backend.save(reference, state.deployment_to_json(snapshot, new.encrypt), state.features_of(snapshot))
        file.save()


def _new_passphrase(call: Call) -> str:
    if call.session.interactive:
        import getpass

        first = getpass.getpass("Enter your new passphrase to protect config/secrets: ")
        if first != getpass.getpass("Re-enter your new passphrase to confirm: "):
            raise EngineError("passphrases do not match")
        return first
    line = sys.stdin.readline()
    if not line:
        raise EngineError("the new passphrase is read from standard input, which is empty")
    return line.strip()


def _moved(value: Any, old: SecretsManager, new: SecretsManager) -> Any:
    if isinstance(value, Secure):
        return Secure(new.encrypt(old.decrypt(value.ciphertext)))
    if isinstance(value, dict):
        return {key: _moved(item, old, new) for key, item in value.items()}
    return [_moved(item, old, new) for item in value] if isinstance(value, list) else value
