"""Previews, updates, refreshes and destroys, from the command line to the state."""

from __future__ import annotations

import errno
import json
import os
import pty
import select
import signal
import subprocess
import time
from pathlib import Path

import pytest

from embedded.engine import secrets
from embedded.engine.errors import EngineError

LAUNCHER = Path(__file__).resolve().parents[3] / "embedded" / "bin" / "pulumi"
PROGRAM = """\
import os
import pulumi

class Part(pulumi.ComponentResource):
    def __init__(self, name, opts=None):
        super().__init__("test:index:Part", name, {}, opts)
        self.register_outputs({"name": name})

for name in os.environ.get("PARTS", "one two").split():
    Part(name)
pulumi.export("count", len(os.environ.get("PARTS", "one two").split()))
pulumi.export("hidden", pulumi.Output.secret("hush"))
"""
BROKEN = "raise ValueError('boom')\n"


@pytest.fixture
def program(stack: Path) -> Path:
    """A program of two components, on a new stack; the project's folder."""
    (stack.parent / "__main__.py").write_text(PROGRAM)
    return stack.parent


def _lines(text: str) -> list[str]:
    return [line for line in text.split("\n") if line and not line.startswith(("@ ", "Duration"))]


def test_a_program_finds_its_configuration_and_no_input(program: Path, pulumi) -> None:
    (program / "__main__.py").write_text(
        "import json, os, sys\nimport pulumi\n"
        "pulumi.export('found', [json.loads(os.environ['PULUMI_CONFIG']), sys.stdin.read(), sys.argv, sys.path[0]])\n"
    )
    assert pulumi("up", "--yes", "--skip-preview", "--config", "greeting=hello").code == 0
    found = json.loads(pulumi("stack", "output", "--json").out)["found"]
    assert found == [{"proj:greeting": "hello"}, "", [str(program)], str(program)]


@pytest.mark.usefixtures("program")
def test_preview_up_again_and_destroy(environment: Path, monkeypatch: pytest.MonkeyPatch, pulumi) -> None:
    preview = pulumi("preview")
    assert preview.code == 0 and "    + 3 to create" in preview.out
    assert not (environment / ".pulumi/history").exists()

    up = pulumi("up", "--yes", "--message", "first")
    assert up.code == 0 and "Previewing update (dev):" in up.out and "    + 3 created" in up.out
    assert "    count : 2\n    hidden: [secret]\n" in up.out
    assert "hush" not in (environment / ".pulumi/stacks/proj/dev.json").read_text()
    assert json.loads(pulumi("stack", "output", "--json", "--show-secrets").out) == {"count": 2, "hidden": "hush"}

    assert "    3 unchanged" in pulumi("up", "--yes", "--skip-preview", "--expect-no-changes").out
    monkeypatch.setenv("PARTS", "one three")
    changed = pulumi("preview", "--expect-no-changes")
    assert changed.code == 7 and changed.err == "error: no changes were expected but changes were proposed\n"
    diff = pulumi("up", "--yes", "--skip-preview", "--diff").out
    assert "+ test:index:Part: (create)" in diff and "- test:index:Part: (delete)" in diff

    history = json.loads(pulumi("stack", "history", "--json").out)
    assert [item["kind"] for item in history] == ["update"] * 3 and history[-1]["message"] == "first"
    assert history[0]["resourceChanges"] == {"create": 1, "delete": 1, "same": 2}

    assert pulumi("stack", "rm", "--yes").code == 1
    destroyed = pulumi("destroy", "--yes")
    assert (
        destroyed.code == 0
        and "    - 3 deleted" in destroyed.out
        and "If you want to remove the stack" in destroyed.out
    )
    assert json.loads(pulumi("stack", "output", "--json").out) == {}
    assert pulumi("stack", "rm", "--yes").code == 0


def test_failing_program_is_told_on_stdout_and_recorded(program: Path, pulumi) -> None:
    (program / "__main__.py").write_text(PROGRAM + BROKEN)
    ran = pulumi("up", "--yes", "--skip-preview")
    assert ran.code == 1 and ran.err == ""
    assert "error: Program failed with an unhandled exception:" in ran.out and "ValueError: boom" in ran.out
    assert json.loads(pulumi("stack", "history", "--json").out)[0]["result"] == "failed"
    assert pulumi("preview").code == 1


@pytest.mark.usefixtures("program")
def test_json_preview_is_all_there_is_on_stdout(pulumi) -> None:
    digest = json.loads(pulumi("preview", "--json").out)
    assert digest["changeSummary"] == {"create": 3}
    assert all(json.loads(line) for line in pulumi("up", "--yes", "--skip-preview", "--json").out.splitlines())


@pytest.mark.usefixtures("program")
def test_event_log_holds_preview_and_run_and_one_cancel_event(tmp_path: Path, pulumi) -> None:
    log = tmp_path / "events"
    pulumi("up", "--yes", "--event-log", str(log))
    events = [json.loads(line) for line in log.read_text().splitlines()]
    assert [event["sequence"] for event in events] == list(range(len(events)))
    assert sum("summaryEvent" in event for event in events) == 2
    assert [index for index, event in enumerate(events) if "cancelEvent" in event] == [len(events) - 1]


@pytest.mark.usefixtures("program")
def test_refresh_and_previews_of_it(pulumi) -> None:
    pulumi("up", "--yes", "--skip-preview")
    assert "    3 unchanged" in pulumi("refresh", "--yes", "--skip-preview").out
    assert "Previewing refresh (dev):" in pulumi("refresh", "--preview-only").out
    assert "    - 3 to delete" in pulumi("destroy", "--preview-only").out
    assert len(json.loads(pulumi("stack", "history", "--json").out)) == 2


def test_config_flag_is_used_and_saved(program: Path, pulumi) -> None:
    (program / "__main__.py").write_text("import pulumi\npulumi.export('v', pulumi.Config().require_object('a'))\n")
    assert pulumi("up", "--yes", "--skip-preview", "-c", "a.b=1", "--config-path").code == 0
    assert json.loads(pulumi("stack", "output", "v", "--json").out) == {"b": 1}
    assert "proj:a:\n    b: 1\n" in (program / "Pulumi.dev.yaml").read_text()
    assert pulumi("config", "refresh", "--force").out == "refreshed configuration for stack 'dev'\n"


def test_missing_declared_config_stops_before_the_program(program: Path, pulumi) -> None:
    (program / "Pulumi.yaml").write_text("name: proj\nruntime: python\nconfig:\n  size: {type: string}\n")
    ran = pulumi("up", "--yes")
    assert (ran.code, ran.out, ran.err) == (1, "", "error: Stack 'dev' is missing configuration value 'size'\n")


def _settled(resource: dict) -> dict:
    """The resource without what a refresh or a run on another machine changes: positions, empty dependencies, order."""
    found = {key: value for key, value in resource.items() if key not in ("sourcePosition", "stackTrace")}
    found["dependencies"] = sorted(found.get("dependencies", []))
    found["propertyDependencies"] = {key: urns for key, urns in found.get("propertyDependencies", {}).items() if urns}
    return found


@pytest.mark.parametrize("arguments", [["up", "--yes"], ["preview"], ["destroy", "--yes"], ["refresh", "--yes"]])
@pytest.mark.usefixtures("program")
def test_wrong_passphrase_stops_before_the_program(
    arguments: list[str], monkeypatch: pytest.MonkeyPatch, pulumi
) -> None:
    monkeypatch.setenv("PULUMI_CONFIG_PASSPHRASE", "wrong")
    ran = pulumi(*arguments)
    assert ran.code == 1 and ran.out == ""
    assert ran.err.startswith("error: failed to decrypt: incorrect passphrase, please set PULUMI_CONFIG_PASSPHRASE")
    assert pulumi("stack", "init", "two").code == 0
    monkeypatch.setenv("PULUMI_CONFIG_PASSPHRASE", "another")
    assert pulumi("stack", "rm", "two", "--yes", "--preserve-config").code == 0
    assert "incorrect passphrase" in pulumi("stack", "init", "two").err


def test_stack_of_the_official_cli_is_taken_over(sample: Path, monkeypatch: pytest.MonkeyPatch, pulumi) -> None:
    assert sample
    before = pulumi("stack", "export", "--show-secrets").out
    monkeypatch.setenv("STEP", "3")
    ran = pulumi("up", "--yes", "--skip-preview", "--expect-no-changes")
    assert ran.code == 0 and "    5 unchanged" in ran.out, ran.out
    after = json.loads(pulumi("stack", "export", "--show-secrets").out)["deployment"]["resources"]
    old = json.loads(before)["deployment"]["resources"]
    assert [_settled(item) for item in after] == [_settled(item) for item in old]
    monkeypatch.setenv("STEP", "4")
    assert "      ~ size: 5 => 6\n" in pulumi("preview", "--diff").out


URN = "urn:pulumi:dev::proj::test:index:Part::one"
STACK_URN = "urn:pulumi:dev::proj::pulumi:pulumi:Stack::proj-dev"


@pytest.mark.usefixtures("program")
def test_editing_the_state(pulumi) -> None:
    pulumi("up", "--yes", "--skip-preview")
    assert pulumi("state", "protect", "--yes", URN).out == "Resource protected\n"
    protected = pulumi("state", "delete", "--yes", URN)
    assert protected.code == 1 and "can't be safely deleted because it is protected" in protected.err
    assert pulumi("destroy", "--yes", "--skip-preview").code == 1
    assert pulumi("state", "unprotect", "--yes", "--all").out == "All resources unprotected\n"
    assert pulumi("state", "rename", "--yes", URN, "uno").out == "Resource renamed\n"
    refused = pulumi("state", "delete", "--yes", STACK_URN)
    assert refused.code == 1 and '* "uno" (urn:pulumi:dev::proj::test:index:Part::uno)' in refused.err
    assert pulumi("state", "delete", "--yes", URN.replace("one", "uno")).out == "Resource deleted\n"
    assert pulumi("state", "delete", "--yes", "--target-dependents", STACK_URN).out == "Resource deleted\n"
    assert pulumi("stack", "rm", "--yes").code == 0


# --- processes -------------------------------------------------------------------------------------------------------

WAITING = (
    PROGRAM
    + """
import asyncio

async def wait():
    open("started", "w").close()
    while not os.path.exists("go"):
        await asyncio.sleep(0.02)

pulumi.export("waited", wait())
"""
)


@pytest.fixture
def real_program(project: Path, pulumi, monkeypatch: pytest.MonkeyPatch) -> Path:
    """As `program`, with the official key derivation: another process opens the stack."""
    monkeypatch.setattr(secrets, "_ITERATIONS", 1_000_000)
    assert pulumi("stack", "init", "dev").code == 0
    (project / "__main__.py").write_text(PROGRAM)
    return project


def _await(condition, process: subprocess.Popen | None = None) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline and (process is None or process.poll() is None), "did not come to be"
        time.sleep(0.02)


def _start(folder: Path) -> subprocess.Popen:
    (folder / "__main__.py").write_text(WAITING)
    command = [str(LAUNCHER), "up", "--yes", "--skip-preview", "--non-interactive"]
    process = subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    _await((folder / "started").exists, process)
    return process


def _locks(environment: Path) -> list[Path]:
    return list((environment / ".pulumi/locks").rglob("*.json"))


def test_second_update_is_refused_while_the_first_runs(real_program: Path, environment: Path, pulumi) -> None:
    first = _start(real_program)
    second = pulumi("up", "--yes", "--skip-preview")
    assert second.code == 1 and second.err.startswith("error: the stack is currently locked by 1 lock(s).")
    assert pulumi("stack", "rm", "--yes", "--force").code == 1
    (real_program / "go").touch()
    out, err = first.communicate(timeout=900)
    assert first.returncode == 0, out + err
    assert not _locks(environment)


def test_killed_update_needs_cancel_and_loses_nothing(real_program: Path, environment: Path, pulumi) -> None:
    process = _start(real_program)
    journal = environment / ".pulumi/stacks/proj/dev.json.journal"
    _await(lambda: any('"put"' in line and '::two"' in line for line in journal.read_text().splitlines()))
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=120)
    assert len(_locks(environment)) == 1
    (real_program / "go").touch()
    assert pulumi("up", "--yes", "--skip-preview").code == 1
    assert pulumi("cancel", "--yes").out == "The currently running update for 'dev' has been canceled!\n"
    assert not journal.exists() and "test:index:Part" in pulumi("stack").out
    again = pulumi("up", "--yes", "--skip-preview")
    assert again.code == 0 and " created" not in again.out, again.out


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["SIGINT", "SIGTERM"])
def test_interrupted_update_keeps_what_was_done(
    real_program: Path, environment: Path, pulumi, number: signal.Signals
) -> None:
    process = _start(real_program)
    process.send_signal(number)
    process.communicate(timeout=120)
    assert process.returncode != 0
    assert not _locks(environment) and not (environment / ".pulumi/stacks/proj/dev.json.journal").exists()
    (real_program / "go").touch()
    assert pulumi("up", "--yes", "--skip-preview").code == 0


def test_launcher_by_a_link_from_anywhere(tmp_path: Path, real_program: Path) -> None:
    link = tmp_path / "somewhere" / "pulumi"
    link.parent.mkdir()
    link.symlink_to(LAUNCHER)
    (real_program / "__main__.py").write_text(
        "import sys, os\nimport pulumi\npulumi.export('path', sys.path)\npulumi.export('py', os.environ.get('PYTHONPATH', ''))\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(real_program)}

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [link, *arguments], cwd=real_program, env=environment, capture_output=True, text=True, timeout=900
        )

    assert run("version").stdout.startswith("v3.")
    assert run("up", "--yes", "--skip-preview").returncode == 0
    path = json.loads(run("stack", "output", "path", "--json").stdout)
    assert str(LAUNCHER.parents[2]) not in path and str(LAUNCHER.parents[1]) not in path
    assert run("stack", "output", "py").stdout.strip() == str(real_program)


def test_terminal_gets_a_tree_and_a_question(real_program: Path) -> None:
    main, child = pty.openpty()
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "120", "LINES": "40"}
    process = subprocess.Popen(
        [str(LAUNCHER), "up"],
        cwd=real_program,
        env=environment,
        stdin=child,
        stdout=child,
        stderr=child,
        close_fds=True,
    )
    os.close(child)
    text = ""
    answers = [("[yes/no/details]", "details\n"), ("[yes/no/details]", "yes\n")]
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        ready, _, _ = select.select([main], [], [], 0.5)
        try:
            chunk = os.read(main, 65536).decode(errors="replace") if ready else ""
        except OSError:
            break
        text += chunk
        if answers and answers[0][0] in text.rpartition("\x00")[2] and text.rstrip().endswith(">"):
            os.write(main, answers.pop(0)[1].encode())
            text += "\x00"
        if process.poll() is not None and not chunk:
            break
    os.close(main)
    assert process.wait(timeout=120) == 0, text
    assert "└─ test:index:Part" in text and "\x1b[38;5;2m" in text and "(create)" in text
    assert "Do you want to perform this update?" in text and "3 created" in text


def test_program_may_be_a_file(stack: Path, pulumi) -> None:
    folder = stack.parent
    (folder / "Pulumi.yaml").write_text("name: proj\nruntime: python\nmain: code/app.py\n")
    (folder / "code").mkdir()
    (folder / "code" / "app.py").write_text(
        "import pulumi, pulumi.dynamic as d\n"
        "class P(d.ResourceProvider):\n"
        "    def create(self, props):\n"
        "        import beside\n"
        "        return d.CreateResult(beside.ID, {})\n"
        "class R(d.Resource):\n"
        "    pass\n"
        "R(P(), 'a', {})\n"
    )
    (folder / "code" / "beside.py").write_text("ID = 'from-beside'\n")
    up = pulumi("up", "--yes", "--skip-preview")
    assert up.code == 0, up.out + up.err
    assert "from-beside" in pulumi("stack", "export").out


@pytest.mark.parametrize("room", [1, 2, 3, 5])
def test_full_disk_says_where_the_state_is_and_forgets_nothing(
    room: int, program: Path, environment: Path, monkeypatch: pytest.MonkeyPatch, pulumi
) -> None:
    from embedded.engine.backend import checkpoints, journal

    written = 0
    whole, put = journal._write_whole, checkpoints.write_atomically

    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    def counted(handle: int, data: bytes) -> None:
        nonlocal written
        written += 1
        (whole if written <= room else full)(handle, data)

    def refused(path: Path, *arguments: object, **options: object) -> None:
        if written > room:
            raise EngineError(f"could not write '{path}': No space left on device")
        put(path, *arguments, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(journal, "_write_whole", counted)
    monkeypatch.setattr(checkpoints, "write_atomically", refused)
    ran = pulumi("up", "--yes", "--skip-preview")
    assert ran.code == 1 and "No space left on device" in ran.out + ran.err
    assert "takes it over. Do not delete that file" in ran.err and "Traceback" not in ran.err
    monkeypatch.setattr(journal, "_write_whole", whole)
    monkeypatch.setattr(checkpoints, "write_atomically", put)
    again = pulumi("up", "--yes", "--skip-preview")
    assert again.code == 0, again.out + again.err
    assert json.loads(pulumi("stack", "output", "count", "--json").out) == 2
    assert not list((environment / ".pulumi/stacks/proj").glob("*.journal")) and program.is_dir()


@pytest.mark.usefixtures("program")
def test_an_update_is_held_to_the_plan_of_a_preview(monkeypatch: pytest.MonkeyPatch, pulumi) -> None:
    assert pulumi("preview", "--save-plan", "plan.json").code == 0
    root = "urn:pulumi:dev::proj::pulumi:pulumi:Stack::proj-dev"
    written = Path("plan.json").read_text()
    entry = json.loads(written)["resourcePlans"][root]
    assert entry["steps"] == ["create"]
    assert entry["goal"]["outputDiff"]["adds"]["count"] == 2
    assert "hush" not in written
    monkeypatch.setenv("PARTS", "one two three")
    more = pulumi("up", "--yes", "--skip-preview", "--plan", "plan.json")
    assert more.code and "create is not allowed by the plan: no steps were expected for this resource" in more.out
    monkeypatch.delenv("PARTS")
    assert pulumi("preview", "--save-plan", "plan.json").code == 0
    assert pulumi("up", "--yes", "--skip-preview", "--plan", "plan.json").code == 0
    monkeypatch.setenv("PARTS", "one two three")
    assert pulumi("preview", "--save-plan", "plan.json").code == 0
    monkeypatch.delenv("PARTS")
    fewer = pulumi("up", "--yes", "--skip-preview", "--plan", "plan.json")
    assert fewer.code and "test:index:Part::three but none were seen" in fewer.out
