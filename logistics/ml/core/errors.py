"""The errors of the lifecycle; the command line makes them its own."""

from __future__ import annotations


class ModelError(Exception):
    """Something cannot be done with a model; the message says what, of which model, and what to do next."""


class LeakageError(ModelError):
    """A training frame holds what was not known at the moment of prediction."""


class TooFewRows(ModelError):
    """There are not enough rows with a known outcome."""


class UnsafeArtifact(ModelError):
    """A stored model is not what was registered, or holds types that are not trusted; it was not loaded."""


class GateFailed(ModelError):
    """A version did not pass the tests that it must pass to be promoted."""


class PromotionConflict(ModelError):
    """Somebody else changed the production version meanwhile; nothing was changed."""
