"""Models as bytes: the skops format, read only where digest and types are what was registered."""

from __future__ import annotations

import base64
import hashlib
import zipfile
from typing import Any

from .errors import UnsafeArtifact

TRUSTED_TYPES = frozenset({"sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor", "numpy.dtype"})
"""Types that this package's own pipelines hold beyond those that skops trusts by itself."""


def dump(model: Any) -> bytes:
    """Returns a fitted pipeline in the skops format, compressed."""
    import skops.io

    return skops.io.dumps(model, compression=zipfile.ZIP_DEFLATED, compresslevel=6)


def sha256(artifact: bytes) -> str:
    """Returns the digest that is registered with an artifact."""
    return hashlib.sha256(artifact).hexdigest()


def load(artifact: bytes, expected_sha256: str) -> Any:
    """Returns the model of an artifact, after its digest and every type in it were checked.

    Raises:
        UnsafeArtifact: the bytes are not those that were registered, are no skops file, or hold a type that is not trusted.
    """
    import skops.io

    if sha256(artifact) != expected_sha256:
        raise UnsafeArtifact("the stored model is not the registered one: its SHA-256 differs; train it again")
    try:
        unknown = set(skops.io.get_untrusted_types(data=artifact)) - TRUSTED_TYPES
    except (zipfile.BadZipFile, KeyError, ValueError, TypeError) as error:
        raise UnsafeArtifact(f"the stored model is no skops file: {error}") from None
    if unknown:
        raise UnsafeArtifact(
            f"the stored model holds types that are not trusted: {', '.join(sorted(unknown))}; it was not loaded"
        )
    return skops.io.loads(artifact, trusted=sorted(TRUSTED_TYPES))


def to_text(artifact: bytes) -> str:
    """Returns an artifact as the text that the table MODEL_ARTIFACTS keeps."""
    return base64.b64encode(artifact).decode()


def from_text(text: str) -> bytes:
    """Returns the artifact of a text of MODEL_ARTIFACTS.

    Raises:
        UnsafeArtifact: the text is none.
    """
    try:
        return base64.b64decode(text, validate=True)
    except ValueError as error:
        raise UnsafeArtifact(f"the stored model is no base64 text: {error}") from None
