"""The example reviews of docs/reviews: small patches, each reviewed for real."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

from logistics.errors import UsageError
from logistics.review.markdown import as_markdown
from logistics.review.plans import ALL
from logistics.review.report import Request, review

PATCHES = Path("tests/logistics/review/changes")
PAGES = Path("docs/reviews")
EVERYWHERE = frozenset({"doubles_the_prod_warehouse"})
"""Examples that are reviewed for all environments; the others for dev, which shows the same and takes half the time."""
SCALE = Decimal("0.001")


def write_examples(root: Path, said: Callable[[str], Any]) -> list[Path]:
    """Reviews every example change of the project as it is, and writes its comment to docs/reviews.

    Raises:
        UsageError: there is no example, or one does not fit the project any more.
    """
    patches = sorted((root / PATCHES).glob("*.patch"))
    if not patches:
        raise UsageError(f"there is no patch in {PATCHES}")
    (root / PAGES).mkdir(parents=True, exist_ok=True)
    return [_write(root, patch, said) for patch in patches]


def example(root: Path, patch: Path) -> Request:
    """Returns the request of an example."""
    return Request(root=root, environment=ALL if patch.stem in EVERYWHERE else "dev", patch=patch, scale=SCALE)


def _write(root: Path, patch: Path, said: Callable[[str], Any]) -> Path:
    page = root / PAGES / f"{patch.stem}.md"
    said(patch.stem)
    page.write_text(as_markdown(review(example(root, patch), said)), encoding="utf-8")
    return page
