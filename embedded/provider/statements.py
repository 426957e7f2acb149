"""Tell the SQL that steps of a preview would send, without an account: `pulumi-resource-snowflake statements`.

A preview asks the provider what changes, not how it is done. Here an operation runs as ever, over a session that notes what
would be written and answers every question with nothing, so the statements are those of the real operation up to where they
depend on what the account says.
"""

import contextlib
import json
import sys
from collections.abc import Mapping
from typing import Any, TextIO
from unittest import mock

from embedded.provider import description
from embedded.provider.provider import Provider
from embedded.provider.session import Pool, Row
from embedded.provider.values import UNKNOWN_TEXTS, encode_struct

_QUESTIONS = ("SHOW", "DESCRIBE", "DESC", "SELECT", "USE")
_LATER = "<known after the update>"
_SECONDS = 1.0


class Recorder:
    """A session that sends nothing; see ``Session``."""

    def __init__(self) -> None:
        self.statements: list[str] = []

    def run(self, sql: str, seconds: float) -> list[Row]:  # noqa: ARG002
        """Note a statement that writes; answer with no rows."""
        if sql.split(None, 1)[0].upper() not in _QUESTIONS:
            self.statements.append(sql)
        return []

    def abort(self) -> None:
        """Do nothing: nothing runs."""

    def close(self) -> None:
        """Do nothing: nothing is open."""


def statements_of(step: Mapping[str, Any]) -> list[str]:
    """Return the statements of one step, in their order.

    Args:
        step: ``op`` (create, update or delete), ``type`` (its token), ``id``, ``state`` (the recorded outputs), ``old`` and
            ``new`` (the inputs), as JSON; secrets may be masked.
    """
    recorder, provider = Recorder(), Provider()
    provider.use(Pool(lambda: recorder))
    provider.config = {"preview_features_enabled": description.raw_schema()["features"]}
    old, new = (encode_struct(_legible(step.get(key) or {})) for key in ("old", "new"))
    state = encode_struct(_legible(step.get("state") or step.get("old") or {}))
    # What is read back is not there, and what was masked may be of another type: the statements until then stand. Nothing
    # was sent, so there is nothing to wait for.
    with contextlib.suppress(Exception), mock.patch("time.sleep"):
        if step["op"] == "create":
            provider.create(step["type"], new, _SECONDS, preview=False)
        elif step["op"] == "update":
            provider.update(step["type"], step["id"], state, new, old, _SECONDS, preview=False)
        else:
            provider.delete(step["type"], step["id"], state, _SECONDS)
    return recorder.statements


def _legible(value: Any) -> Any:
    """Return a value with words for what a preview does not know."""
    if isinstance(value, Mapping):
        return {key: _legible(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_legible(item) for item in value]
    return _LATER if isinstance(value, str) and value in UNKNOWN_TEXTS else value


def main(given: TextIO = sys.stdin, told: TextIO = sys.stdout) -> int:
    """Read a JSON list of steps, write a JSON list with each one's statements."""
    json.dump([statements_of(step) for step in json.load(given)], told)
    return 0
