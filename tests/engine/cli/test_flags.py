"""Flags of deployments that reach a provider, or that are refused by name."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from embedded.engine.backend.journal import fingerprint, open_journal
from embedded.engine.cli import main
from embedded.engine.cli.deploy import Deployment

URN = "urn:pulumi:dev::proj::tst:index:Res::{}"


def test_import_file_of_a_preview(write, tmp_path: Path, pulumi) -> None:
    write('Res("old", x=1)\n')
    assert pulumi("up", "--yes", "--skip-preview").code == 0
    write('Res("old", x=1)\np = Part("p")\nRes("p", opts=pulumi.ResourceOptions(parent=p))\nRes("a", x=1)\n')
    file = tmp_path / "imports.json"
    assert pulumi("preview", "--import-file", str(file)).code == 0
    content = json.loads(file.read_text())
    found = {(item["type"], item["name"]): item for item in content["resources"]}
    assert found == {
        ("tst:index:Part", "p"): {"type": "tst:index:Part", "name": "p", "component": True},
        ("tst:index:Res", "pRes"): {
            "type": "tst:index:Res",
            "name": "pRes",
            "id": "<PLACEHOLDER>",
            "parent": "p",
            "logicalName": "p",
        },
        ("tst:index:Res", "a"): {"type": "tst:index:Res", "name": "a", "id": "<PLACEHOLDER>"},
    }
    assert "nameTable" not in content


def test_a_run_that_lost_its_lock_overwrites_nothing(
    write, environment: Path, monkeypatch: pytest.MonkeyPatch, pulumi
) -> None:
    """Another process dropped the lock and updated the stack: its state stays, that of the first run is set aside."""
    write('Res("a", x=1)\n')
    run = Deployment._run

    def run_and_be_overtaken(deployment: Deployment, *arguments: Any) -> Any:
        monkeypatch.setattr(Deployment, "_run", run)
        result = run(deployment, *arguments)
        assert main(["cancel", "--yes"]) == 0
        write('Res("a", x=1)\nRes("b", x=1)\n')
        assert main(["up", "--yes", "--skip-preview"]) == 0
        return result

    monkeypatch.setattr(Deployment, "_run", run_and_be_overtaken)
    ran = pulumi("up", "--yes", "--skip-preview")
    assert ran.code == 1
    assert "error: the stack's lock was dropped while this ran, and another process has written the state" in ran.err
    (kept,) = environment.rglob("dev.json.lost")
    assert str(kept) in ran.err
    assert [path.name for path in kept.parent.iterdir() if path.name.endswith(".journal")] == []
    found = {item["urn"] for item in json.loads(kept.read_text())["deployment"]["resources"]}
    assert URN.format("a") in found and URN.format("b") not in found
    assert pulumi("preview", "--expect-no-changes").code == 0
    assert [item["name"] for item in json.loads(pulumi("stack", "ls", "--json").out)] == ["dev"]
    assert pulumi("stack", "import", "--file", str(kept)).code == 0


def test_a_run_that_lost_its_lock_leaves_the_journal_of_the_next(
    write, environment: Path, monkeypatch: pytest.MonkeyPatch, pulumi
) -> None:
    """The next run has begun, and saved nothing yet: what it has in its journal is not lost with the end of the first one."""
    write('Res("a", x=1)\n')
    run, journals = Deployment._run, []

    def run_beside_another(deployment: Deployment, checkpoint: Any, journal: Any) -> Any:
        result = run(deployment, checkpoint, journal)
        base = fingerprint(deployment.call.session.backend.checkpoint_bytes(deployment.reference))
        journals.append(open_journal(deployment.call.session.backend.journal_file(deployment.reference), base))
        return result

    monkeypatch.setattr(Deployment, "_run", run_beside_another)
    ran = pulumi("up", "--yes", "--skip-preview")
    assert ran.code == 1 and "error: the stack's lock was dropped while this ran" in ran.err
    assert not journals[0].is_replaced()
    assert len(list(environment.rglob("dev.json.lost"))) == 1


def test_destroy_without_what_is_protected_and_what_that_needs(write, pulumi) -> None:
    """The stack, the default provider and a dependency of the protected one are counted with it; then nothing is left to do."""
    write(
        'a = Res("a", x=1)\nRes("p", y=a.out, opts=pulumi.ResourceOptions(protect=True))\n'
        'Res("b", y=a.out)\nRes("c", x=1)\n'
    )
    assert pulumi("up", "--yes", "--skip-preview").code == 0
    destroy = ("destroy", "--exclude-protected", "--yes", "--skip-preview")
    both = pulumi(*destroy, "--target", URN.format("c"))
    assert both.code == 1 and "You cannot specify --target and --exclude-protected" in both.err
    ran = pulumi(*destroy)
    assert ran.code == 0 and "- 2 deleted" in ran.out
    still = "There are still 4 protected resources associated with this stack.\n"
    assert ran.out.endswith(f"All unprotected resources were destroyed. {still}")
    for arguments in (destroy, ("destroy", "--exclude-protected", "--preview-only")):
        again = pulumi(*arguments)
        assert again.code == 0
        assert again.out == f"There were no unprotected resources to destroy. {still}"
    assert len(json.loads(pulumi("stack", "history", "--json").out)) == 2


def test_a_plan_goes_on_with_the_stacks_configuration(write, tmp_path: Path, pulumi) -> None:
    """Another value is warned of, and what comes of it that was not planned is refused; secrets are not shown."""
    write('config = pulumi.Config()\nRes("a", x=config.require("x"), s=config.require_secret("s"))\n')
    assert pulumi("config", "set", "x", "1").code == 0
    assert pulumi("config", "set", "--secret", "s", "hush").code == 0
    plan = str(tmp_path / "plan.json")
    assert pulumi("preview", "--save-plan", plan).code == 0
    assert pulumi("config", "set", "unused", "1").code == 0
    warned = "The configuration is not the one that the plan was made with: "
    ran = pulumi("up", "--plan", plan, "--yes", "--skip-preview")
    assert ran.code == 0 and f"{warned}proj:unused." in ran.out
    assert pulumi("preview", "--save-plan", plan).code == 0
    assert warned not in pulumi("up", "--plan", plan, "--yes", "--skip-preview").out
    assert pulumi("config", "set", "x", "2").code == 0
    assert pulumi("config", "set", "--secret", "s", "hush again").code == 0
    ran = pulumi("up", "--plan", plan, "--yes", "--skip-preview")
    assert ran.code == 1 and f"{warned}proj:s, proj:x." in ran.out
    assert "violates plan: properties changed: " in ran.out and "=~x[{2}]" in ran.out
    assert "hush" not in ran.out + ran.err


def test_pending_create_of_a_known_id_is_taken_over(write, tmp_path: Path, pulumi) -> None:
    write('Res("a", x=1)\nRes("b", x=2)\nRes("c", x=3)\n')
    assert pulumi("up", "--yes", "--skip-preview").code == 0
    export = json.loads(pulumi("stack", "export").out)
    deployment = export["deployment"]
    lost = [item for item in deployment["resources"] if item["urn"] in (URN.format("b"), URN.format("c"))]
    deployment["resources"] = [item for item in deployment["resources"] if item not in lost]
    ids = {item["urn"]: item.pop("id") for item in lost}
    deployment["pending_operations"] = [{"resource": item, "type": "creating"} for item in lost]
    assert pulumi("stack", "import", stdin=json.dumps(export)).code == 0

    wrong = pulumi("refresh", "--yes", "--import-pending-creates", URN.format("x"), "--import-pending-creates", "1")
    assert wrong.code == 1 and "no pending create" in wrong.out
    pair = (URN.format("b"), ids[URN.format("b")])
    flags = [part for value in pair for part in ("--import-pending-creates", value)]
    assert pulumi("refresh", "--yes", "--skip-preview", *flags).code == 0
    after = json.loads(pulumi("stack", "export").out)["deployment"]
    assert {item["urn"]: item["id"] for item in after["resources"] if "id" in item}[pair[0]] == pair[1]
    assert [item["resource"]["urn"] for item in after["pending_operations"]] == [URN.format("c")]
    assert tmp_path.is_dir()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["up", "--yes", "--ignore-protect"], "--ignore-protect is not supported by this engine"),
        (["preview", "--attach-debugger"], "--attach-debugger is not supported by this engine"),
        (["preview", "--tracing", "file:trace"], "--tracing is not supported by this engine"),
        (["preview", "--profiling", "p"], "--profiling is not supported by this engine"),
        (["refresh", "--yes", "--import-pending-creates", "urn"], "takes pairs of a URN and an id"),
    ],
    ids=lambda value: value[1] if isinstance(value, list) else "",
)
def test_what_is_not_supported_is_refused_by_name(arguments: list[str], message: str, stack: Path, pulumi) -> None:
    ran = pulumi(*arguments)
    assert ran.code == 1 and message in ran.err and ran.out == ""
    assert stack.is_file()


def test_variables_without_effect_are_refused(stack: Path, monkeypatch: pytest.MonkeyPatch, pulumi) -> None:
    monkeypatch.setenv("PULUMI_DISABLE_OUTPUT_VALUES", "true")
    assert "PULUMI_DISABLE_OUTPUT_VALUES is not supported" in pulumi("preview").err
    assert stack.is_file()
