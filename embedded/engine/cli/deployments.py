"""A stack's state as commands show it: its outputs, masked or in the clear."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from embedded.engine import urn as urns
from embedded.engine import values
from embedded.engine.backend.checkpoints import Checkpoint
from embedded.engine.config import MASK
from embedded.engine.errors import EngineError
from embedded.engine.secrets import SecretsManager


def stack_resource(checkpoint: Checkpoint) -> dict[str, Any] | None:
    """The JSON of the live Stack resource; None for an empty stack."""
    for resource in checkpoint.resources:
        if resource["type"] == urns.ROOT_STACK_TYPE and not resource.get("parent") and not resource.get("delete"):
            return resource
    return None


def outputs_of(checkpoint: Checkpoint, manager: SecretsManager | None) -> dict[str, Any]:
    """The stack's outputs as plain JSON values.

    Args:
        checkpoint: The stack's state.
        manager: Decrypts secrets; None to show `[secret]` in their place.
    """
    resource = stack_resource(checkpoint)
    outputs = (resource or {}).get("outputs") or {}
    decrypt = manager.decrypt if manager else None
    return {name: plain_json(value, decrypt) for name, value in outputs.items()}


def plain_json(value: Any, decrypt: Callable[[str], str] | None) -> Any:
    """A value of the state's JSON without secret envelopes."""
    if isinstance(value, list):
        return [plain_json(item, decrypt) for item in value]
    if not isinstance(value, dict):
        return value
    if value.get(values.SIGNATURE) != values.SECRET_SIGNATURE:
        return {key: plain_json(item, decrypt) for key, item in value.items()}
    if decrypt is None:
        return MASK
    text = value["plaintext"] if "plaintext" in value else decrypt(value["ciphertext"])
    return plain_json(json.loads(text), decrypt)


def text_of_output(value: Any) -> str:
    """An output for the user's eyes: text as it is, the rest as compact JSON with sorted keys."""
    return value if isinstance(value, str) else values.dumps(value, sort_keys=True)


def show_secrets_in(deployment: dict[str, Any], manager: SecretsManager | None) -> dict[str, Any]:
    """The deployment with each secret's `ciphertext` turned to `plaintext`, as `stack export --show-secrets` writes it.

    Raises:
        EngineError: There is a secret and nothing to decrypt it.
    """

    def reveal(value: Any) -> Any:
        if isinstance(value, list):
            return [reveal(item) for item in value]
        if not isinstance(value, dict):
            return value
        if value.get(values.SIGNATURE) != values.SECRET_SIGNATURE or "ciphertext" not in value:
            return {key: reveal(item) for key, item in value.items()}
        if manager is None:
            raise EngineError("the state holds a secret and no secrets provider is configured to read it")
        # A secret may hold another one's envelope, which an export shows in the clear as well.
        text = values.dumps(reveal(json.loads(manager.decrypt(value["ciphertext"]))))
        return {values.SIGNATURE: values.SECRET_SIGNATURE, "plaintext": text}

    return reveal(deployment)
