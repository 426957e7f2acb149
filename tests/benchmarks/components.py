"""What the engine itself costs: programs of components alone, without a provider."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import psutil
from rich.table import Table

LAUNCHER = Path(__file__).resolve().parents[2] / "embedded" / "bin" / "pulumi"
PROGRAM = """
import pulumi
class Component(pulumi.ComponentResource):
    def __init__(self, name):
        super().__init__("bench:index:Component", name)
        self.register_outputs({{}})
for number in range({count}):
    Component(f"c{{number}}")
"""
# Of the official CLI 3.260 on 2 cores; of this run where an official `pulumi` is on PATH.
OFFICIAL_UNCHANGED_SECONDS = 4.0
OFFICIAL_PEAK_MEBIBYTES = 276
FIRST_UP = ("up", "--yes", "--skip-preview")
UNCHANGED_UP = ("up", "--yes", "--skip-preview", "--expect-no-changes")
PREVIEW = ("preview", "--expect-no-changes")


@dataclass
class Cost:
    """One command: seconds by the clock, seconds of the engine's own CPU time, and the process tree's peak memory."""

    seconds: float
    engine_cpu_seconds: float
    peak_mebibytes: float


class _Watch(threading.Thread):
    """Samples a process tree until its root ends."""

    def __init__(self, root: psutil.Process) -> None:
        super().__init__(daemon=True)
        self._root = root
        self.engine_cpu_seconds = 0.0
        self.peak_bytes = 0
        self.ended = threading.Event()

    def run(self) -> None:
        while not self.ended.wait(0.02):
            try:
                times = self._root.cpu_times()
                memory = sum(item.memory_info().rss for item in (self._root, *self._root.children(recursive=True)))
            except psutil.Error:
                continue
            self.engine_cpu_seconds = times.user + times.system
            self.peak_bytes = max(self.peak_bytes, memory)


def measured(command: list[str], folder: Path, environment: Mapping[str, str]) -> Cost:
    """Run a command and say what it cost.

    Raises:
        RuntimeError: it failed; the message is what it said.
    """
    begin = time.perf_counter()
    with tempfile.TemporaryFile("w+") as output:
        process = subprocess.Popen(command, cwd=folder, env=dict(environment), stdout=output, stderr=subprocess.STDOUT)
        watch = _Watch(psutil.Process(process.pid))
        watch.start()
        code = process.wait()
        watch.ended.set()
        seconds = time.perf_counter() - begin
        watch.join()
        if code:
            output.seek(0)
            raise RuntimeError(f"{' '.join(command)} gave {code}\n{output.read()[-4000:]}")
    return Cost(seconds, watch.engine_cpu_seconds, watch.peak_bytes / 2**20)


def official_cli() -> str | None:
    """The path of an official `pulumi`, if one is on PATH."""
    for folder in os.get_exec_path():
        path = Path(folder) / "pulumi"
        if path.is_file() and os.access(path, os.X_OK) and path.resolve() != LAUNCHER.resolve():
            return str(path)
    return None


class _Bench:
    """One engine with backend, home and projects of its own."""

    def __init__(self, base: Path, cli: str) -> None:
        self._base = base
        self._cli = cli
        (base / "state").mkdir(parents=True)
        self._environment = {
            **os.environ,
            "PULUMI_BACKEND_URL": f"file://{base / 'state'}",
            "PULUMI_HOME": str(base / "home"),
            "PULUMI_CONFIG_PASSPHRASE": "a-passphrase",
            "PULUMI_SKIP_UPDATE_CHECK": "true",
        }

    def project(self, count: int) -> Path:
        """A project of so many components with a new stack `dev`."""
        folder = self._base / f"components-{count}"
        folder.mkdir()
        runtime = f"runtime:\n  name: python\n  options:\n    virtualenv: {sys.prefix}\n"
        (folder / "Pulumi.yaml").write_text(f"name: components-{count}\n{runtime}")
        (folder / "__main__.py").write_text(PROGRAM.format(count=count))
        self.cost(folder, "stack", "init", "dev")
        return folder

    def cost(self, folder: Path, *arguments: str) -> Cost:
        """What one command of the engine costs."""
        stack = () if arguments[0] == "stack" else ("--stack", "dev")
        return measured([self._cli, *arguments, *stack, "--non-interactive"], folder, self._environment)


def bench_components(table: Table) -> None:
    """Components without a provider: 10, 1,000 and 5,000."""
    with tempfile.TemporaryDirectory() as base:
        official = official_cli()
        unchanged, peak = OFFICIAL_UNCHANGED_SECONDS, float(OFFICIAL_PEAK_MEBIBYTES)
        beside = "of another run"
        if official is not None:
            other = _Bench(Path(base) / "official", official)
            folder = other.project(1000)
            peak = other.cost(folder, *FIRST_UP).peak_mebibytes
            unchanged, beside = other.cost(folder, *PREVIEW).seconds, "of this run"
        bench = _Bench(Path(base) / "embedded", str(LAUNCHER))
        folder = bench.project(10)
        bench.cost(folder, *FIRST_UP)
        table.add_row("10: preview", f"{bench.cost(folder, *PREVIEW).seconds:.2f} s", "goal 0.8 s")
        folder = bench.project(1000)
        small = bench.cost(folder, *FIRST_UP)
        table.add_row("1,000: first up", f"{small.seconds:.2f} s", "goal 4 s")
        note = f"goal {peak / 2:.0f} MiB, half of the official {peak:.0f} {beside}"
        table.add_row("1,000: peak memory of the tree", f"{small.peak_mebibytes:.0f} MiB", note)
        for name, arguments in (("up", UNCHANGED_UP), ("preview", PREVIEW)):
            note = f"goal {0.65 * unchanged:.1f} s, 0.65 of the official {unchanged:.1f} {beside}"
            table.add_row(f"1,000: unchanged {name}", f"{bench.cost(folder, *arguments).seconds:.2f} s", note)
        large = bench.cost(bench.project(5000), *FIRST_UP)
        table.add_row("5,000: first up", f"{large.seconds:.2f} s", "goal 35 s")
        ratio = large.engine_cpu_seconds / small.engine_cpu_seconds
        table.add_row("engine CPU, 5,000 to 1,000", f"{ratio:.1f} x", "goal 5.5 x")
