"""Finds, starts and stops the plugins of a run.

A plugin of package P is the executable `pulumi-resource-P`, looked for in the paths that Pulumi.yaml names, beside the `pulumi`
launcher, on PATH, and in `$PULUMI_HOME/plugins/resource-P-vVERSION`. A folder with a PulumiPlugin.yaml of runtime python is run
by the program's Python. Dynamic providers (`pulumi-python`) come with the SDK. A plugin prints its port on its first line.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import shutil
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import grpc.aio

from embedded.engine import processes
from embedded.engine.errors import EngineError
from embedded.engine.plugins.client import CHANNEL_OPTIONS, Handshake, ProviderClient

DYNAMIC_PACKAGE = "pulumi-python"
_START_TIMEOUT_SECONDS = 60
_STOP_TIMEOUT_SECONDS = 3


@dataclass
class PluginSource:
    """Where plugins are looked for and what they are started with.

    `paths` maps packages to the paths of Pulumi.yaml (absolute, or from `root`); `python` runs dynamic providers.
    """

    paths: Mapping[str, str] = field(default_factory=dict)
    launcher_folder: Path | None = None
    home: Path | None = None
    root: Path = field(default_factory=Path.cwd)
    program: Path = field(default_factory=Path.cwd)
    python: str = sys.executable
    environment: Mapping[str, str] = field(default_factory=lambda: dict(os.environ))


@dataclass
class _Running:
    client: ProviderClient
    process: asyncio.subprocess.Process
    readers: list[asyncio.Task[None]]


class PluginHost:
    """The plugins that one run has started; `log` gets (message, severity) of what they print."""

    def __init__(self, source: PluginSource, handshake: Handshake, log: Callable[[str, str], None]) -> None:
        self._source = source
        self._handshake = handshake
        self._log = log
        self._running: list[_Running] = []
        self._warm: dict[tuple[str, str], list[asyncio.Task[ProviderClient]]] = {}

    def prewarm(self, package: str, version: str = "") -> None:
        """Begin to start a plugin that will probably be asked for, so that it is ready by then."""
        task = asyncio.create_task(self._start(package, version))
        task.add_done_callback(lambda done: done.cancelled() or done.exception())
        self._warm.setdefault((package, version), []).append(task)

    async def start(self, package: str, version: str = "") -> ProviderClient:
        """Start one more process of the package's plugin, not yet configured.

        Raises:
            EngineError: No plugin of that package, or it does not start.
        """
        warm = self._warm.get((package, version))
        return await (warm.pop(0) if warm else self._start(package, version))

    async def _start(self, package: str, version: str) -> ProviderClient:
        command, environment = self._command(package, version)
        process = await self._spawn(package, command, environment)
        port = await self._port(package, process)
        channel = grpc.aio.insecure_channel(f"127.0.0.1:{port}", options=CHANNEL_OPTIONS)
        client = ProviderClient(package, channel, version)
        readers = [
            asyncio.create_task(self._forward(process.stdout, "info")),
            asyncio.create_task(self._forward(process.stderr, "info#err")),
        ]
        self._running.append(_Running(client, process, readers))
        await client.handshake(self._handshake)
        return client

    async def cancel(self) -> None:
        """Tell every plugin to stop what it does."""
        await asyncio.gather(*(running.client.cancel() for running in self._running))

    def kill(self) -> None:
        """End every plugin at once, whatever it is doing."""
        for running in self._running:
            with contextlib.suppress(ProcessLookupError):
                running.process.kill()

    async def close(self) -> None:
        """Tell every plugin to stop, then end its process."""
        unused = [task for tasks in self._warm.values() for task in tasks]
        self._warm.clear()
        for result in await asyncio.gather(*unused, return_exceptions=True):
            if isinstance(result, ProviderClient):
                result.used = False
        running, self._running = self._running, []
        await asyncio.gather(*(self._stop(item) for item in running))

    async def _stop(self, running: _Running) -> None:
        if running.client.used:
            await running.client.cancel()
        await running.client.channel.close()
        process = running.process
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                # A plugin has nothing to save: the engine keeps the state. Killing spares its interpreter's shutdown.
                process.kill()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(process.wait(), _STOP_TIMEOUT_SECONDS)
        for reader in running.readers:
            reader.cancel()
        await asyncio.gather(*running.readers, return_exceptions=True)

    async def _spawn(
        self, package: str, command: Sequence[str], environment: Mapping[str, str]
    ) -> asyncio.subprocess.Process:
        try:
            return await processes.start([*command, self._handshake.engine_address], self._source.program, environment)
        except OSError as error:
            raise EngineError(f"could not start the plugin of package '{package}' ({command[0]}): {error}") from error

    async def _port(self, package: str, process: asyncio.subprocess.Process) -> int:
        assert process.stdout is not None
        assert process.stderr is not None
        line = b""
        with contextlib.suppress(TimeoutError):
            line = await asyncio.wait_for(process.stdout.readline(), _START_TIMEOUT_SECONDS)
        text = line.decode(errors="replace").strip()
        if text.isdigit():
            return int(text)
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(signal.SIGKILL)
        said = (await process.stderr.read()).decode(errors="replace").strip()
        await process.wait()
        raise EngineError(
            f"the plugin of package '{package}' did not start: expected its port on the first line of its output, "
            f"got {text!r}" + (f"\n{said}" if said else "")
        )

    async def _forward(self, stream: asyncio.StreamReader | None, severity: str) -> None:
        assert stream is not None
        while line := await _line(stream):
            text = line.decode(errors="replace").rstrip("\r\n")
            if text:
                self._log(text, severity)

    def _command(self, package: str, version: str) -> tuple[list[str], Mapping[str, str]]:
        environment = dict(self._source.environment)
        if package == DYNAMIC_PACKAGE:
            paths = [str(self._source.program), *filter(None, [environment.get("PYTHONPATH")])]
            environment["PYTHONPATH"] = os.pathsep.join(paths)
            return [self._source.python, "-u", "-m", "pulumi.dynamic"], environment
        found = self._find(package, version)
        if found is None:
            raise EngineError(self._missing(package, version))
        if found.is_dir():
            return [self._source.python, "-u", str(found)], environment
        return [str(found)], environment

    def _find(self, package: str, version: str) -> Path | None:
        name = f"pulumi-resource-{package}"
        if package in self._source.paths:
            return self._named(package, name)
        if self._source.launcher_folder is not None:
            beside = _executable(self._source.launcher_folder / name)
            if beside is not None:
                return beside
        on_path = shutil.which(name, path=self._source.environment.get("PATH"))
        if on_path:
            return Path(on_path)
        return self._installed(package, name, version)

    def _named(self, package: str, name: str) -> Path:
        path = self._source.root / self._source.paths[package]
        found = _executable(path / name) or _executable(path)
        if found is None and (path / "PulumiPlugin.yaml").is_file():
            found = path
        if found is None:
            raise EngineError(
                f"the plugin path of package '{package}' in Pulumi.yaml, {path}, holds no executable {name}"
            )
        return found

    def _installed(self, package: str, name: str, version: str) -> Path | None:
        folder = (self._source.home or Path.home() / ".pulumi") / "plugins"
        pattern = re.compile(rf"resource-{re.escape(package)}-v(\d+\.\d+\.\d+.*)")
        found: list[tuple[tuple[int, ...], str, Path]] = []
        for path in folder.glob(f"resource-{package}-v*"):
            match = pattern.fullmatch(path.name)
            plugin = _executable(path / name)
            if plugin is None and (path / "PulumiPlugin.yaml").is_file():
                plugin = path
            if match and plugin is not None:
                numbers = tuple(int(part) for part in re.findall(r"\d+", match[1])[:3])
                found.append((numbers, match[1], plugin))
        if version:
            return next((plugin for _, text, plugin in found if text == version.lstrip("v")), None)
        return max(found)[2] if found else None

    def _missing(self, package: str, version: str) -> str:
        wanted = f"'{package}'" + (f" version {version}" if version else "")
        return (
            f"no resource plugin {wanted} found: put an executable pulumi-resource-{package} beside the pulumi launcher or "
            f"on PATH, or name its folder in Pulumi.yaml under plugins.providers"
        )


def _executable(path: Path) -> Path | None:
    return path if path.is_file() and os.access(path, os.X_OK) else None


async def _line(stream: asyncio.StreamReader) -> bytes:
    try:
        return await stream.readline()
    except ValueError:
        # Longer than the buffer: what is there goes out in pieces.
        return await stream.read(1 << 20)
