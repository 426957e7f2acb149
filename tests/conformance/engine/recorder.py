"""Runs a scenario on a command line, notes what it did, and compares that with a recording of the official one.

Noted of each command: exit code, steps (in the order of their events), failures, diagnostics, counts of the summary, the provider's
calls, and the state after. Independent resources come in an order that changes from run to run (the SDK's event loop), so an order is
wanted only of what depends on each other, and only where all recordings agree on it.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

PLUGIN = Path(__file__).parent / "plugin"
PRELUDE = """
import os, sys, json
import pulumi
from pulumi import ResourceOptions as O, Output, Alias, export, ComponentResource
class Res(pulumi.CustomResource):
    def __init__(self, name, opts=None, typ="tst:index:Res", **props):
        super().__init__(typ, name, {"out": None, "sec": None, **props}, opts)
class Comp(ComponentResource):
    def __init__(self, name, opts=None, typ="tst:index:Comp", **props):
        super().__init__(typ, name, props, opts)
class Prov(pulumi.ProviderResource):
    def __init__(self, name, opts=None, **props):
        super().__init__("tst", name, props, opts)
def res(name, **kw):
    o = {k[2:]: kw.pop(k) for k in list(kw) if k.startswith("o_")}
    return Res(name, O(**o) if o else None, **kw)
"""
_ENGINE_COMMANDS = ("up", "preview", "refresh", "destroy", "import")
_SIGNATURE, _SECRET = "4dabf18193072939515e22adb298388d", "1b47061264138c4ac30d75fd1eb44270"
_KEPT_FIELDS = [
    "delete",
    "protect",
    "retainOnDelete",
    "external",
    "pendingReplacement",
    "initErrors",
    "aliases",
    "deletedWith",
    "replaceWith",
    "ignoreChanges",
    "replaceOnChanges",
    "additionalSecretOutputs",
    "importID",
    "customTimeouts",
    "taint",
    "hideDiff",
    "resourceHooks",
]
_MASKS = (
    (r"<\{%[^%]*%\}>", ""),
    (r"\b\d+\.\d+\.\d+\.\d+:\d+\b", "ADDR"),
    (r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", "UUID"),
    (r"\(pid \d+\) at \S+", "(pid N) at T"),
    # Frames and carets are those of one version of Python and the SDK.
    (r"(?s)Traceback \(most recent call last\):.*", "Traceback"),
)


def short(urn: str) -> str:
    """The name in a URN."""
    parts = urn.split("::", 3)
    return parts[3] if len(parts) == 4 else urn


def label(item: Mapping[str, Any]) -> str:
    """A resource's name, with its type where that is not of the test's own package."""
    name = short(item["urn"])
    return name if item.get("type", "").startswith("tst:") else f"{name}<{item.get('type', '')}>"


def mask(text: str, folder: Path) -> str:
    """The text without what changes from run to run."""
    text = text.replace(str(folder), "$W")
    for pattern, replacement in _MASKS:
        text = re.sub(pattern, replacement, text)
    return text.strip()[:600]


class Scenario:
    """One scenario in a folder of its own."""

    def __init__(self, steps: list[dict[str, Any]], cli: str, folder: Path, environment: dict[str, str]) -> None:
        self._steps = steps
        self._cli = cli
        self._folder = folder
        self._project = folder / "project"
        self._environment = environment
        self._events = folder / "events"
        self._calls = Path(environment["TST_LOG"])
        self._cloud = Path(environment["TST_CLOUD"])

    def run(self) -> list[dict[str, Any]]:
        """Run all steps; what each command did."""
        (self._project / "Pulumi.yaml").write_text(
            f"name: scn\nruntime:\n  name: python\nplugins:\n  providers:\n    - name: tst\n      path: {PLUGIN}\n"
        )
        self._call(["stack", "init", "dev", "--non-interactive"], check=True)
        return [self._run_step(step) for step in self._steps]

    def _run_step(self, step: dict[str, Any]) -> dict[str, Any]:
        self._prepare(step)
        operation = step["op"].split()
        is_engine = operation[0] in _ENGINE_COMMANDS
        stack = step.get("stack", "dev")
        arguments = self._arguments(operation, stack) if is_engine else [*operation, "--non-interactive"]
        arguments += step.get("args", [])
        if step.get("kill_after_log"):
            code, output, stdout = self._call_and_kill(arguments, step["kill_after_log"])
        else:
            done = self._call(arguments)
            code, output, stdout = done.returncode, done.stdout + done.stderr, done.stdout
        named = " ".join([step["op"], *step.get("args", [])])
        result: dict[str, Any] = {"op": named, "rc": code}
        if is_engine and self._events.exists():
            result.update(self._read_events())
        elif not is_engine or code:
            result["output"] = mask(output, self._folder)
        if self._calls.exists():
            result["calls"] = self._calls.read_text().split("\n")[:-1]
        result["state"] = self._state(stack)
        if step.get("show"):
            result["stdout"] = mask(stdout, self._folder)
        return result

    def _prepare(self, step: dict[str, Any]) -> None:
        if "prog" in step:
            (self._project / "__main__.py").write_text(PRELUDE + step["prog"])
        for name, text in step.get("files", {}).items():
            path = self._project / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text.replace("@POLICY_ENVIRONMENT@", self._environment.get("POLICY_ENVIRONMENT", "")))
        if step.get("cloud"):
            cloud = json.loads(self._cloud.read_text()) if self._cloud.exists() else {"n": {}, "res": {}}
            step["cloud"](cloud)
            self._cloud.write_text(json.dumps(cloud))
        self._calls.unlink(missing_ok=True)
        self._events.unlink(missing_ok=True)

    def _arguments(self, operation: list[str], stack: str) -> list[str]:
        arguments = [*operation, "--non-interactive"]
        if operation[0] != "preview" and "--preview-only" not in operation:
            arguments += ["--yes", "--skip-preview"]
        arguments += ["--stack", stack]
        if operation[0] != "import":
            arguments += ["--parallel", "1", "--event-log", str(self._events)]
        return arguments

    def _call(self, arguments: list[str], check: bool = False) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [self._cli, *arguments],
            cwd=self._project,
            env=self._environment,
            capture_output=True,
            text=True,
            timeout=120,
            check=check,
        )

    def _call_and_kill(self, arguments: list[str], after: str) -> tuple[int, str, str]:
        """Run a command and kill its process group once the provider was called so."""
        process = subprocess.Popen(
            [self._cli, *arguments],
            cwd=self._project,
            env=self._environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline and after not in (self._calls.read_text() if self._calls.exists() else ""):
            time.sleep(0.02)
        os.killpg(process.pid, signal.SIGKILL)
        output = process.communicate()[0]
        return -9, output, output

    def _read_events(self) -> dict[str, Any]:
        found: dict[str, Any] = {"steps": [], "failed": [], "diagnostics": [], "policy": []}
        for line in self._events.read_text().splitlines():
            event = json.loads(line)
            for kind, read in _READERS.items():
                if kind in event:
                    read(event[kind], found, self._folder)
        return {key: value for key, value in found.items() if value or key in ("steps", "summary")}

    def _state(self, stack: str) -> dict[str, Any] | None:
        path = Path(self._environment["PULUMI_BACKEND_URL"][7:], f".pulumi/stacks/scn/{stack}.json")
        if not path.exists():
            return None
        # After a kill the state is the checkpoint and the journal: an export reads both.
        if list(path.parent.glob(f"{path.name}*journal*")):
            deployment = json.loads(self._call(["stack", "export", "--stack", stack], check=True).stdout)["deployment"]
        else:
            deployment = json.loads(path.read_text())["checkpoint"].get("latest") or {}
        state: dict[str, Any] = {"resources": [_resource(item) for item in deployment.get("resources") or []]}
        if deployment.get("pending_operations"):
            state["pending"] = [[item["type"], label(item["resource"])] for item in deployment["pending_operations"]]
        return state


def _resource(item: Mapping[str, Any]) -> dict[str, Any]:
    entry: dict[str, Any] = {"res": label(item)}
    if item.get("id"):
        entry["id"] = "PID" if item["type"].startswith("pulumi:providers:") else item["id"]
    for key in _KEPT_FIELDS:
        if item.get(key):
            entry[key] = item[key]
    for key in ("aliases", "replaceWith"):
        if key in entry:
            entry[key] = [short(urn) for urn in entry[key]]
    if "deletedWith" in entry:
        entry["deletedWith"] = short(entry["deletedWith"])
    if item.get("parent"):
        entry["parent"] = short(item["parent"])
    if item.get("dependencies"):
        entry["deps"] = [short(urn) for urn in item["dependencies"]]
    properties = {
        key: [short(u) for u in urns] for key, urns in (item.get("propertyDependencies") or {}).items() if urns
    }
    if properties:
        entry["propDeps"] = properties
    if item.get("provider"):
        entry["provider"] = short(item["provider"].rsplit("::", 1)[0])
    for key in ("inputs", "outputs"):
        if item.get(key):
            entry[key] = _plain(item[key])
    return entry


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        if value.get(_SIGNATURE) == _SECRET:
            return {"SECRET": "cipher"}
        return {key: _plain(item) for key, item in value.items() if key != "__provider"}
    return [_plain(item) for item in value] if isinstance(value, list) else value


def _read_diagnostic(event: Mapping[str, Any], found: dict[str, Any], folder: Path) -> None:
    if event["severity"] in ("error", "warning") and not event.get("ephemeral"):
        where = f"{short(event['urn'])}: " if event.get("urn") else ""
        found["diagnostics"].append(f"{event['severity']} {where}{mask(event.get('message', ''), folder)}")


_READERS = {
    "resourcePreEvent": lambda event, found, _: found["steps"].append(
        f"{event['metadata']['op']} {label(event['metadata'])}"
    ),
    "resOpFailedEvent": lambda event, found, _: found["failed"].append(
        f"{event['metadata']['op']} {label(event['metadata'])}"
    ),
    "diagnosticEvent": _read_diagnostic,
    "policyEvent": lambda event, found, _: found["policy"].append(
        f"{event['enforcementLevel']} {event['policyName']} {short(event.get('resourceUrn') or '')}"
    ),
    "summaryEvent": lambda event, found, _: found.update(summary=event.get("resourceChanges")),
}


def summary(run: Mapping[str, Any]) -> str:
    """A run in a line: its steps without the usual ones of the stack and default providers, exit code, failures, pending operations."""
    parts = ["; ".join(_short_step(step) for step in run.get("steps", []) if not _is_usual(step))]
    if run["rc"]:
        parts.append(f"(exit {run['rc']})")
    if run.get("failed"):
        parts.append("FAILED: " + "; ".join(_short_step(step) for step in run["failed"]))
    pending = (run.get("state") or {}).get("pending")
    if pending:
        parts.append("pending: " + "; ".join(f"{kind} {name}" for kind, name in pending))
    return " ".join(part for part in parts if part)


def _is_usual(step: str) -> bool:
    op, name = step.split(" ", 1)
    is_engines_own = "<pulumi:pulumi:Stack>" in name or name.startswith("default")
    return op in ("create", "same", "refresh") and is_engines_own


def _short_step(step: str) -> str:
    op, name = step.split(" ", 1)
    name, _, type_ = name.partition("<")
    if type_ == "pulumi:pulumi:Stack>":
        name = "STACK"
    elif type_.startswith("pulumi:providers:"):
        name += "·prov"
    return f"{op} {name}"


# --- comparing -------------------------------------------------------------------------------------------------------


def differences(wanted: list[dict[str, Any]], got: list[dict[str, Any]]) -> list[str]:
    """What the runs did otherwise than recorded; empty if they are alike."""
    if len(wanted) != len(got):
        return [f"{len(wanted)} commands wanted, {len(got)} run"]
    needs = _references(wanted)
    found = []
    for number, (want, have) in enumerate(zip(wanted, got, strict=True)):
        keys = sorted(key for key in {*want, *have} if not key.endswith("_orders"))
        for key in keys:
            found.extend(
                f"command {number} ({want.get('op')}) {text}"
                for text in _differences_of(key, want.get(key), have.get(key), want.get(f"{key}_orders", []), needs)
            )
    return found


def _differences_of(key: str, want: Any, have: Any, orders: list[Any], needs: Mapping[str, set[str]]) -> list[str]:
    if key == "state" and want and have:
        return _state_differences(want, have)
    if isinstance(want, list) and isinstance(have, list) and key != "state":
        want, have = _comparable(key, want), _comparable(key, have)
        if sorted(want) != sorted(have):
            return [f"{key}:\n    want {want}\n    got  {have}"]
        return _order_differences(key, want, have, orders, needs) if key in ("steps", "calls") else []
    return [] if want == have else [f"{key}:\n    want {want}\n    got  {have}"]


def _comparable(key: str, lines: list[str]) -> list[str]:
    if key == "diagnostics":
        return [mask(line, Path("/nonexistent")) for line in lines]
    if key == "calls":
        # How many plugin processes serve one provider is each engine's own affair.
        return [line for index, line in enumerate(lines) if line != "CANCEL" or "CANCEL" not in lines[:index]]
    return lines


def _order_differences(
    key: str, want: list[str], have: list[str], orders: list[Any], needs: Mapping[str, set[str]]
) -> list[str]:
    agreed = set.intersection(*(_pairs(order) for order in [want, *orders]))
    wrong = sorted(pair for pair in agreed - _pairs(have) if _related(pair, needs))
    return [f"order of {key}: {wrong[:5]}\n    want {want}\n    got  {have}"] if wrong else []


def _pairs(order: list[str]) -> set[tuple[str, str]]:
    once = [line for line in order if order.count(line) == 1]
    return {(first, second) for index, first in enumerate(once) for second in once[index + 1 :]}


def _related(pair: tuple[str, str], needs: Mapping[str, set[str]]) -> bool:
    first, second = (line.split()[1].split("<")[0] if len(line.split()) > 1 else "" for line in pair)
    if first == second or not {first, second} <= needs.keys():
        return True
    return second in _all_needs(first, needs) or first in _all_needs(second, needs)


def _references(runs: Iterable[Mapping[str, Any]]) -> dict[str, set[str]]:
    """What each resource needs; nothing is known, so nothing wanted, of one that no state ever held (its creation failed)."""
    runs = list(runs)
    checked = (
        line.split()[1].split("<")[0] for run in runs for line in run.get("calls") or [] if line.startswith("CHECK ")
    )
    needs: dict[str, set[str]] = {name: set() for name in checked}
    for run in runs:
        for entry in (run.get("state") or {}).get("resources", []):
            name = entry["res"].split("<")[0]
            found = {entry.get("parent"), entry.get("provider"), entry.get("deletedWith"), *entry.get("deps", [])}
            needs.setdefault(name, set()).update(item for item in found if item)
    return needs


def _all_needs(name: str, needs: Mapping[str, set[str]]) -> set[str]:
    found: set[str] = set()
    queue = [name]
    while queue:
        for item in needs.get(queue.pop(), ()):
            if item not in found:
                found.add(item)
                queue.append(item)
    return found


def _state_differences(want: Mapping[str, Any], have: Mapping[str, Any]) -> list[str]:
    def sorted_resources(state: Mapping[str, Any]) -> list[Any]:
        return sorted(state["resources"], key=lambda item: (item["res"], item.get("delete", False), item.get("id", "")))

    found = []
    wanted, got = sorted_resources(want), sorted_resources(have)
    if wanted != got:
        found.append(
            f"state:\n    want {[item for item in wanted if item not in got]}\n    got  {[i for i in got if i not in wanted]}"
        )
    if want.get("pending") != have.get("pending"):
        found.append(f"pending operations: want {want.get('pending')}, got {have.get('pending')}")
    names = {item["res"].split("<")[0] for item in have["resources"]}
    seen: set[str] = set()
    for item in have["resources"]:
        needed = [item.get("parent"), item.get("provider"), *item.get("deps", [])]
        found.extend(f"state: {item['res']} stands before {ref}" for ref in needed if ref in names and ref not in seen)
        seen.add(item["res"].split("<")[0])
    return found
