"""Writes embedded/snowflake/LIMITS.md: what the local Snowflake does and what it refuses by name, as its own tables say."""

from __future__ import annotations

import sys
from pathlib import Path

import embedded.snowflake.sql.functions.load  # noqa: F401
from embedded.snowflake.catalog.kinds import kinds
from embedded.snowflake.session import dispatch
from embedded.snowflake.sql import select
from embedded.snowflake.sql.functions.registry import FUNCTIONS
from embedded.snowflake.sql.system_views import ACCOUNT_USAGE, INFORMATION_SCHEMA
from embedded.snowflake.sql.table_functions import _FUNCTIONS as TABLE_FUNCTIONS

PAGE = Path(__file__).parents[2] / "embedded" / "snowflake" / "LIMITS.md"


def _wrapped(names: list[str]) -> str:
    return ", ".join(names) + "."


def _is_refused(name: str) -> bool:
    return FUNCTIONS[name].make.__name__ == "_refuse"


def page() -> str:
    """The page's text."""
    dispatch.load_handlers()
    words: dict[str, list[str]] = {}
    for statement in sorted(dispatch._HANDLERS):
        words.setdefault(statement[0], []).append(" ".join(statement[1:]))
    parts = [
        "# What the local Snowflake does",
        "Made by `python tests/support/limits.py` from the server's own tables; a test holds it to them. What is not here is refused"
        " with 000002 (0A000) and its name; an unknown function with 002140.",
        "## Statements",
        *(
            f"- {first}" + (f": {_wrapped([item or '(alone)' for item in rest])}" if rest != [""] else "")
            for first, rest in words.items()
        ),
        "## Properties of objects",
        *(
            f"- {kind.name}: {_wrapped(sorted(kind.all_properties))}"
            for kind in sorted(kinds(), key=lambda k: k.name)
            if kind.all_properties
        ),
        "## Functions",
        _wrapped(sorted(name for name in FUNCTIONS if not _is_refused(name))),
        "## Table functions",
        _wrapped(sorted(TABLE_FUNCTIONS)),
        "## Views of INFORMATION_SCHEMA",
        _wrapped(sorted(INFORMATION_SCHEMA)),
        "## Views of SNOWFLAKE.ACCOUNT_USAGE",
        _wrapped(sorted(ACCOUNT_USAGE)),
        "## Functions that are refused by name",
        _wrapped(sorted(name for name in FUNCTIONS if _is_refused(name))),
        "## Clauses of SELECT that are refused by name",
        _wrapped(sorted(select._REFUSED.values())),
    ]
    lines: list[str] = []
    for part in parts:
        lines += [part] if part.startswith("- ") and lines and lines[-1].startswith("- ") else ["", part]
    return "\n".join(lines).strip() + "\n"


if __name__ == "__main__":
    if "--check" in sys.argv:
        sys.exit(
            PAGE.read_text() != page() and "embedded/snowflake/LIMITS.md is stale: run python tests/support/limits.py"
        )
    PAGE.write_text(page())
