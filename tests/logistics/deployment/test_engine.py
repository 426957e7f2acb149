"""What is told of an engine's output when it fails: the cause, with the resource, and no progress."""

from __future__ import annotations

import pytest

from logistics.deployment.engine import _last_words

REFUSED = """\
Updating (dev):
 +  snowflake:index:View vw_depot creating (0s) error: 090105 (22000): SQL compilation error:
    pulumi:pulumi:Stack logistics-dev running error: update failed
Diagnostics:
  pulumi:pulumi:Stack (logistics-dev):
    error: update failed

  snowflake:index:View (vw_depot):
    error: 002141 (42601): SQL compilation error:
    Unknown function NO_SUCH_FUNCTION

Resources:
    66 unchanged
"""


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (REFUSED, "vw_depot: error: 002141 (42601): SQL compilation error: Unknown function NO_SUCH_FUNCTION"),
        ("Diagnostics:\n  pulumi:pulumi:Stack (x):\n    error: update failed\n", "x: error: update failed"),
        ("some\n[0] error: the passphrase is wrong\n", "[0] error: the passphrase is wrong"),
        ("a\nb\nc\nd\n", "b c d"),
    ],
    ids=["a resource", "no cause told", "elsewhere in a line", "no error at all"],
)
def test_the_cause_is_told(text, told):
    assert _last_words(text) == told
