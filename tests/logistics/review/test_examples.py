"""The pages of docs/reviews are what `logistics review` says of the example changes."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner

from logistics.cli import commands
from logistics.review.commands import NEEDS_APPROVAL
from logistics.review.examples import PAGES, PATCHES, example
from logistics.review.markdown import LIMIT, MARK, as_markdown
from logistics.review.report import review

ROOT = Path(__file__).parents[3]
NAMES = sorted(path.stem for path in (ROOT / PATCHES).glob("*.patch"))
_SAYS = {
    "doubles_the_prod_warehouse": ("warehouseSize: MEDIUM → LARGE", "credits an hour"),
    "drops_a_table_with_a_stream": ("**destructive**", "tbl_dim_vehicle", "vehicle_stream"),
    "loosens_the_mask": ("gains clear contact_email in marts.tbl_dim_customer", "**protection**"),
    "renames_a_column": ("last_order_at is renamed to newest_order_at", "RENAME COLUMN"),
}


def _page(name):
    return (ROOT / PAGES / f"{name}.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", NAMES)
def test_each_example_has_its_page_which_says_what_matters(name):
    text = _page(name)
    assert text.startswith(MARK)
    assert len(text) < LIMIT
    assert [words for words in _SAYS[name] if words not in text] == []
    assert not re.search(r"%\\?}|/tmp|logistics-review-|127\.0\.0\.1|\d{4}-\d{2}-\d{2}", text)


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_a_review_says_what_its_page_says(monkeypatch, name):
    if shutil.which("git") is None or not (ROOT / ".git").exists():
        pytest.skip("a review compares commits, and there is no repository here")
    monkeypatch.setenv("LOGISTICS_ROOT", str(ROOT))
    report = review(example(ROOT, ROOT / PATCHES / f"{name}.patch"))
    said, page = as_markdown(report), _page(name)
    titles = re.findall(r"^## (.*)$", page, re.MULTILINE)
    assert re.findall(r"^## (.*)$", said, re.MULTILINE) == titles
    for title in titles:
        assert _open_part(said, title) == _open_part(page, title)
    assert report.needs_approval == ("Needs approval" in titles)
    (rehearsal,) = report.rehearsals
    assert rehearsal.way_back is not None and rehearsal.way_back.whole


def _open_part(text, title):
    """Return what a section says without its folded parts, numbers and digests of files left out: they grow with the platform."""
    plain = re.sub(r"<details>.*?</details>\n*", "", text, flags=re.DOTALL)
    section = re.search(rf"^## {title}\n(.*?)(?=^## |^---|\Z)", plain, re.DOTALL | re.MULTILINE)
    assert section is not None
    return re.sub(r"\b[0-9a-f]{12}\b|\d[\d,.]*", "#", section[1]).strip()


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (("--base", "no-such-ref"), "'no-such-ref' is no commit here"),
        (("--base", "HEAD", "--environment", "nowhere", "--allow-dirty"), "there is no environment 'nowhere'"),
        (("--base", "HEAD", "--patch", "{patch}"), "--patch is reviewed on the commit of HEAD"),
        (("--usage", "{patch}"), "hours a day by warehouse are expected"),
    ],
    ids=["base", "environment", "patch and base", "usage"],
)
def test_wrong_use_is_one_error_before_anything_is_started(monkeypatch, arguments, problem):
    monkeypatch.setenv("LOGISTICS_ROOT", str(ROOT))
    patch = str(ROOT / PATCHES / "loosens_the_mask.patch")
    done = CliRunner().invoke(commands, ["review", *(each.format(patch=patch) for each in arguments)])
    assert done.exit_code != NEEDS_APPROVAL
    assert problem in str(done.exception)


def test_the_codes_of_a_review_are_no_other_commands_codes():
    assert NEEDS_APPROVAL not in (0, 1, 2, 3, 4)
