"""The page of limits promises nothing that is not there."""

from __future__ import annotations

import re

from limits import PAGE, page


def _promises(text: str) -> set[tuple[str, str]]:
    """Each name of the page, with the section or list that it stands in."""
    found, section = set(), ""
    for line in text.splitlines():
        section = line if line.startswith("#") else section
        head, _, rest = line.removeprefix("- ").partition(": ") if line.startswith("- ") else ("", "", line)
        found.update(
            (f"{section}/{head}", name) for name in re.split(r", ", rest.rstrip(".")) if section.startswith("## ")
        )
    return found


def test_what_the_page_promises_is_there() -> None:
    assert _promises(PAGE.read_text()) - _promises(page()) == set()
