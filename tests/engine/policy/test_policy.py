"""Real policy packs: what they mend, stop and say, in previews and updates."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow
WITH_PACK = ("--policy-pack", "pack")
UP = ("up", "--yes", "--skip-preview", *WITH_PACK)


def _inputs(pulumi: Callable) -> dict[str, dict]:
    resources = json.loads(pulumi("stack", "export").out)["deployment"]["resources"]
    return {item["urn"].rpartition("::")[2]: item["inputs"] for item in resources if item["type"] == "tst:index:Res"}


def test_remediation_is_applied_told_and_stable(pulumi: Callable) -> None:
    up = pulumi(*UP, program='Res("a", x=1)\nRes("b", x=2, tag="own")\n')
    assert up.code == 0, up.out + up.err
    assert _inputs(pulumi) == {"a": {"tag": "mended", "x": 1}, "b": {"tag": "own", "x": 2}}
    assert "Policies:\n    ✅ guard@v1.2.3 (local: pack)\n        - [remediate]  tagged  (1 resource)\n" in up.out
    (told,) = up.of_kind("policyRemediationEvent")
    assert (told["before"], told["after"]) == ({"x": 1}, {"tag": "mended", "x": 1})
    assert up.of_kind("summaryEvent")[0]["PolicyPacks"] == {"guard|local|pack": "1.2.3"}
    assert pulumi(*UP, "--expect-no-changes").code == 0
    shown = pulumi("preview", *WITH_PACK, "--show-policy-remediations")
    assert "        - [remediate]  tagged  (tst:index:Res: a) [+tag]\n" in shown.out


def test_mandatory_policy_stops_its_resource_only_in_an_update(pulumi: Callable) -> None:
    program = 'a = Res("a", x=9)\nRes("odd", x=1, opts=pulumi.ResourceOptions(depends_on=[a]))\n'
    preview = pulumi("preview", *WITH_PACK, program=program)
    assert preview.code == 1
    assert preview.out.count("to create") == 0, "the summary gives way to the violations"
    assert (
        "    ❌ guard@v1.2.3 (local: pack)\n"
        "        - [remediate]  tagged  (2 resources)\n"
        "        - [mandatory] [severity: high]  small  (tst:index:Res: a)\n"
        "          x is small\n          x is 9\n"
        "        - [advisory]  plain  (tst:index:Res: odd)\n"
        "          a plain name\n          an odd name\n"
    ) in preview.out
    up = pulumi(*UP)
    assert up.code == 1 and _inputs(pulumi) == {}
    assert [(item["policyName"], item["enforcementLevel"], item["severity"]) for item in up.of_kind("policyEvent")] == [
        ("small", "mandatory", "high")
    ]


def test_rich_diff_tells_violations_as_they_come(pulumi: Callable) -> None:
    ran = pulumi("preview", "--diff", *WITH_PACK, program='Res("odd", x=9)\n')
    assert "    guard@v1.2.3 [mandatory] [severity: high]  small  (tst:index:Res: odd)x is small\nx is 9\n" in ran.out
    assert "    guard@v1.2.3 [remediate]  tagged  (tst:index:Res: odd)\n" in ran.out
    assert '+ tag: "mended"' in ran.out
    assert "Policy Packs run:" in ran.out


def test_stack_policy_sees_all_and_what_was_made_stays(pulumi: Callable) -> None:
    up = pulumi(*UP, program='for n in "abc":\n    Res(n, x=1)\n')
    assert up.code == 1 and sorted(_inputs(pulumi)) == ["a", "b", "c"]
    assert (
        "        - [mandatory]  few  (pulumi:pulumi:Stack: proj-dev)\n          at most two\n          3 resources\n"
        in up.out
    )
    assert json.loads(pulumi("stack", "history", "--json").out)[0]["result"] == "failed"


def test_compliance_is_in_the_events(pulumi: Callable) -> None:
    up = pulumi(*UP, program='Res("odd", x=1, tag="t")\n')
    summaries = {item["resourceUrn"].rpartition("::")[2]: item for item in up.of_kind("policyAnalyzeSummaryEvent")}
    assert summaries["odd"]["passed"] == ["small"] and summaries["odd"]["failed"] == ["plain"]
    assert summaries["proj-dev"]["passed"] == ["small"], "what is not applicable did not pass"
    assert up.of_kind("policyAnalyzeStackSummaryEvent")[0]["passed"] == ["few"]
    assert up.of_kind("policyRemediateSummaryEvent")


@pytest.mark.parametrize(
    ("break_it", "wanted"),
    [
        pytest.param(lambda pack: (pack / "PulumiPolicy.yaml").unlink(), "no PulumiPolicy.yaml", id="no-project"),
        pytest.param(
            lambda pack: (pack / "PulumiPolicy.yaml").write_text("runtime: nodejs\n"),
            "'nodejs' is not supported",
            id="node",
        ),
        pytest.param(
            lambda pack: (pack / "PulumiPolicy.yaml").write_text(
                "runtime: {name: python, options: {virtualenv: nowhere}}\n"
            ),
            "create it with `pulumi install`",
            id="no-environment",
        ),
        pytest.param(
            lambda pack: (pack / "__main__.py").write_text("raise SystemExit('not today')"), "not today", id="broken"
        ),
        pytest.param(
            lambda pack: (pack / "__main__.py").write_text("import nothing_such"),
            "No module named",
            id="missing-package",
        ),
    ],
)
def test_pack_that_does_not_start_stops_the_run(
    break_it: Callable, wanted: str, folder: Path, pulumi: Callable
) -> None:
    break_it(folder / "pack")
    ran = pulumi(*UP, program='Res("a", x=1)\n')
    assert ran.code == 1 and wanted in ran.out + ran.err
    assert "Traceback" not in ran.err, ran.err
    # The program has run meanwhile, but nothing of it was registered, and the reason is told once.
    assert not ran.of_kind("resourcePreEvent")
    assert sum(wanted in event["message"] for event in ran.of_kind("diagnosticEvent")) == 1


def test_several_packs_each_with_its_configuration(folder: Path, pulumi: Callable) -> None:
    (folder / "strict.json").write_text('{"small": {"most": 0}, "all": "mandatory"}')
    (folder / "loose.json").write_text("")
    packs = ("--policy-pack", "pack,./pack", "--policy-pack-config", "strict.json,loose.json")
    ran = pulumi("preview", *packs, program='Res("a", x=1)\n')
    assert ran.code == 1 and ran.out.count("x is 1") == 1, ran.out
    assert "must match" in pulumi("preview", *packs[:2], "--policy-pack-config", "strict.json").err


def test_secrets_are_not_told(pulumi: Callable) -> None:
    up = pulumi(*UP, program='Res("a", x=1, password=pulumi.Output.secret("hush"))\n')
    assert up.code == 0, up.out + up.err
    assert "hush" not in up.out + up.err + json.dumps(up.events)
    assert "hush" not in pulumi("stack", "export").out
    assert pulumi(*UP, "--expect-no-changes").code == 0
