"""What is said of a change: who gains what, what needs a yes, and a comment that fits."""

from __future__ import annotations

import json
from dataclasses import replace
from decimal import Decimal

import pytest

from logistics.deployment.steps import Label, Step, label_of
from logistics.review.findings import findings_of
from logistics.review.folding import folded, inline, opened, page, table
from logistics.review.markdown import LIMIT, MARK, as_markdown
from logistics.review.plans import Plan, Violation
from logistics.review.rehearsal import Backlog, Rehearsal, RowTestOutcome, WayBack
from logistics.review.report import Report
from logistics.review.sight import CLEAR, MASKED, Asker, Seen, changes_of
from logistics.review.spend import Forecast, Range
from logistics.review.structured import as_json
from logistics.review.words import sight_sentence

ANALYST = Asker(role="DATA_ANALYST", user="ANNA")
TABLE = "marts.tbl_dim_customer"
KIND = "snowflake:index/{0}:{1}"


def _seen(rows, mail=MASKED, digest=1):
    return Seen(rows=rows, columns={"id": CLEAR, "contact_email": mail}, digests={"id": digest, "contact_email": mail})


@pytest.mark.parametrize(
    ("before", "after", "said", "widens"),
    [
        (_seen(2), _seen(1242), "gains 1,240 rows of marts.tbl_dim_customer (2 → 1,242)", True),
        (_seen(2), _seen(2, CLEAR), "gains clear contact_email in marts.tbl_dim_customer (2 rows)", True),
        (_seen(2, CLEAR), _seen(2), "sees contact_email of marts.tbl_dim_customer masked from now on", False),
        (_seen(5), _seen(4), "loses 1 row of marts.tbl_dim_customer (5 → 4)", False),
        (Seen(rows=None), _seen(1), "may read marts.tbl_dim_customer from now on (1 row)", True),
        (Seen(rows=None), _seen(0), "may read marts.tbl_dim_customer from now on (0 rows)", True),
        (_seen(1), Seen(rows=None), "may not read marts.tbl_dim_customer any more (1 row before)", False),
        (_seen(2), _seen(2, digest=9), "sees 2 rows of marts.tbl_dim_customer, but others than before", True),
        (None, _seen(7), "may read the new marts.tbl_dim_customer (7 rows)", False),
        (_seen(7), None, "loses marts.tbl_dim_customer, which is gone (7 rows)", False),
    ],
    ids=["rows", "clear", "masked", "fewer", "opened", "opened, empty", "closed", "others", "new", "gone"],
)
def test_a_change_of_sight_is_one_sentence(before, after, said, widens):
    sides = [{(ANALYST, TABLE): seen} if seen else {} for seen in (before, after)]
    (change,) = changes_of(*sides, ignored=frozenset(), renamed={})
    assert sight_sentence(change) == f"DATA_ANALYST (ANNA) {said}"
    assert change.widens is widens


def test_what_did_not_change_is_not_told_nor_is_the_accounts_own_history():
    same, more = {(ANALYST, TABLE): _seen(2)}, {(ANALYST, TABLE): _seen(3)}
    assert changes_of(same, same, ignored=frozenset(), renamed={}) == []
    assert changes_of(same, more, ignored=frozenset({TABLE}), renamed={}) == []


def test_a_renamed_column_is_the_same_column():
    after = Seen(rows=2, columns={"id": CLEAR, "mail": MASKED}, digests={"id": 1, "mail": MASKED})
    renamed = {TABLE: {"contact_email": "mail"}}
    assert (
        changes_of({(ANALYST, TABLE): _seen(2)}, {(ANALYST, TABLE): after}, ignored=frozenset(), renamed=renamed) == []
    )


def _step(kind, name, op, old=None, new=None, diffs=()):
    token = KIND.format(kind[0].lower() + kind[1:], kind)
    return Step(
        op=op, urn=f"urn:pulumi:dev::logistics::{token}::{name}", type=token, old=old or {}, new=new or {}, diffs=diffs
    )


def _plan(side, *steps, stack="dev", **more):
    labels = {step.urn: label_of(step) for step in steps}
    return Plan(stack=stack, base=side, head=side, steps=list(steps), labels=labels, **more)


def _report(side, *steps, **more):
    plan = _plan(side, *steps)
    rehearsals = more.pop("rehearsals", ())
    found = tuple(findings_of([plan], rehearsals, (), more.pop("approvals", ())))
    return Report(commit="c", stacks=("dev",), plans=(plan,), rehearsals=rehearsals, findings=found, **more)


DROP = _step("Table", "tbl_orders", "delete", old={"name": "TBL_ORDERS"})
MASK = _step("MaskingPolicy", "email_mask", "update", diffs=("body",))


@pytest.mark.parametrize(
    ("steps", "approvals", "waiting"),
    [
        ([DROP], (), ["destructive"]),
        ([DROP], ("tbl_orders",), []),
        ([DROP], ("TBL_ORDERS",), []),
        ([DROP], ("tbl_other",), ["destructive"]),
        ([DROP, MASK], ("governance.email_mask",), ["destructive"]),
        ([_step("Warehouse", "w", "update", {"warehouseSize": "SMALL"}, {"warehouseSize": "LARGE"})], (), []),
    ],
    ids=["dropped", "approved", "in capitals", "another name", "by its full name", "nothing dangerous"],
)
def test_what_is_dangerous_waits_for_an_approval_by_its_name(base_side, steps, approvals, waiting):
    report = _report(base_side, *steps, approvals=approvals)
    assert [finding.what for finding in report.findings if not finding.approved] == waiting
    assert report.needs_approval is bool(waiting)


def test_findings_come_from_every_part_of_a_review(base_side):
    (change,) = changes_of({(ANALYST, TABLE): _seen(2)}, {(ANALYST, TABLE): _seen(3)}, ignored=frozenset(), renamed={})
    rehearsal = Rehearsal(
        stack="dev",
        rows=1,
        before={},
        changes=[change],
        tests=[RowTestOutcome(name="a_test", comment="", severity="critical", before=0, after=4)],
        backlogs=[Backlog(stream="marts.customer_stream", before=5, after=None)],
        way_back=WayBack(lost=("x comes back empty",)),
    )
    violations = [Violation(rule="naming", level="mandatory", resource="w", message="bad name")]
    plan = _plan(base_side, violations=violations)
    spend = _forecast(expected=200)
    found = findings_of([plan], [rehearsal], [spend], ["customer_stream"])
    assert [(each.what, each.approved) for each in found] == [
        ("irreversible", False),
        ("irreversible", True),
        ("sight", False),
        ("policy", False),
        ("budget", False),
        ("tests", False),
    ]


def test_what_cannot_be_deployed_is_never_approved(base_side):
    found = findings_of([_plan(base_side, refused="no such type")], [], [], ["dev"])
    assert [(each.what, each.approved) for each in found] == [("broken", False)]


def _forecast(expected):
    value = Range(low=1, expected=expected, high=300)
    return Forecast(
        stack="dev",
        before={"W": Range(low=1, expected=2, high=3)},
        after={"W": value},
        sizes={},
        bounded_before=value,
        bounded_after=value,
        quota_before=100,
        quota_after=100,
        price_usd=Decimal(3),
    )


def test_the_same_report_gives_the_same_comment_and_names_no_run(base_side):
    report = _report(base_side, DROP, MASK)
    assert as_markdown(report) == as_markdown(replace(report, commit="another"))
    assert as_markdown(report).startswith(f"{MARK}\n# Review: 2 things need approval\n")
    told = json.loads(as_json(report))
    assert [finding["name"] for finding in told["findings"]] == ["tbl_orders", "email_mask"]


def test_a_review_of_texts_alone_says_so():
    assert "nothing that is deployed changes" in as_markdown(Report(commit="c", stacks=("dev",), files_only=True))


def test_a_comment_stays_under_its_limit_and_says_what_is_missing(base_side):
    steps = [_step("Table", f"tbl_{number}", "create", diffs=("columns",)) for number in range(3000)]
    report = _report(base_side, *steps)
    plan = report.plans[0]
    statements = {step.urn: [f"CREATE TABLE {step.name} (" + "a varchar, " * 20 + "b varchar)"] for step in plan.steps}
    text = as_markdown(replace(report, plans=(replace(plan, statements=statements),)))
    assert len(text) < LIMIT
    assert "more lines" in text
    assert text.count("<details>") == text.count("</details>")
    assert text.count("```") % 2 == 0


@pytest.mark.parametrize("size", [500, 2_000, 20_000])
def test_a_page_of_any_size_is_cut_to_its_limit(size):
    parts = [opened(["# Title"]), folded("long", ["x" * 50] * size), folded("code", ["y" * size], code="sql")]
    assert len(page(parts, 3_000)) < 3_000


def test_a_text_of_somebody_else_is_no_markup():
    assert inline("<img> @team a_b | `c`\n# d") == "\\<img\\> &#64;team a_b \\| \\`c\\` \\# d"
    assert table(["a"], [["x|y"]])[-1] == "| x\\|y |"
    assert folded("t", ["```", "</details>"], code="sql").text().count("````") == 2


def test_labels_say_what_the_deployment_says():
    assert (label_of(DROP), label_of(MASK)) == (Label.DESTRUCTIVE, Label.WEAKENING)


def test_the_same_change_in_another_environment_is_told_alike():
    def signature(stack, digest, size):
        step = _step("Warehouse", f"compute_wh_{stack}", "update")
        sql = f"ALTER WAREHOUSE COMPUTE_WH_{stack.upper()} SET WAREHOUSE_SIZE = '{size}' COMMENT = '/{digest}'"
        return _plan(None, step, stack=stack, statements={step.urn: [sql]}).signature

    told = signature("dev", "3a556feb564d", "LARGE")
    assert told == signature("prod", "968577846a23", "LARGE")
    assert told != signature("prod", "3a556feb564d", "SMALL")
