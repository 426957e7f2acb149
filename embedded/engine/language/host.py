"""The language host: starts the program, passes on what it prints, and says how it ended.

Source: sdk/python/cmd/pulumi-language-python of Pulumi 3.260.0 (exit code 32 means: the program has shown its error itself).
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from embedded.engine.errors import EngineError
from embedded.engine.plugins import processes

_SHOWN_ERROR_EXIT_CODE = 32
_RUNNER = Path(__file__).with_name("runner.py")


@dataclass(frozen=True)
class Program:
    """The program of a project.

    Args:
        root: The folder of Pulumi.yaml.
        main: The program's folder or file (Pulumi.yaml's `main`, from `root`; its own folder without one).
        options: Pulumi.yaml's `runtime.options` (virtualenv, toolchain, typechecker).
        client: The address of a `LanguageRuntime` that runs the program in place of this host.
    """

    root: Path
    main: Path
    options: Mapping[str, Any] = field(default_factory=dict)
    client: str = ""

    @property
    def folder(self) -> Path:
        """The folder that the program runs in."""
        return self.main if self.main.is_dir() else self.main.parent


@dataclass(frozen=True)
class RunInfo:
    """What a program is told of its run; `config` is plain text by full key."""

    project: str
    stack: str
    organization: str
    config: Mapping[str, str]
    config_secret_keys: tuple[str, ...]
    dry_run: bool
    parallel: int
    monitor_address: str
    engine_address: str
    debug: bool = False


@dataclass(frozen=True)
class RunResult:
    """How a program ended: no error, an error to show, or `bail`: it failed and has shown why."""

    error: str = ""
    bail: bool = False

    @property
    def failed(self) -> bool:
        """Whether the program did not end well."""
        return self.bail or bool(self.error)


def program_python(program: Program, environment: Mapping[str, str] | None = None) -> str:
    """The interpreter of the program: its virtual environment's, as Pulumi.yaml says, else the one that runs the engine.

    Raises:
        EngineError: Pulumi.yaml names a virtual environment that does not exist.
    """
    environment = os.environ if environment is None else environment
    configured = program.options.get("virtualenv")
    if configured:
        return _venv_python(program.root / str(configured), required=True)
    for folder in (program.root / ".venv", program.root / "venv"):
        if program.options.get("toolchain") in ("uv", "poetry") and folder.is_dir():
            return _venv_python(folder, required=True)
    if environment.get("VIRTUAL_ENV"):
        return _venv_python(Path(environment["VIRTUAL_ENV"]), required=False)
    return sys.executable


def _venv_python(folder: Path, required: bool) -> str:
    python = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    if python.is_file():
        return str(python)
    if required:
        raise EngineError(
            f"the virtual environment {folder} of Pulumi.yaml's runtime options does not exist: create it with `pulumi install`"
        )
    return sys.executable


class LanguageHost:
    """Runs one program; `log` gets (message, severity, stream id) of each line that it prints."""

    def __init__(self, program: Program, log: Callable[[str, str, int], None]) -> None:
        self._program = program
        self._log = log
        self._process: asyncio.subprocess.Process | None = None

    async def run(self, info: RunInfo) -> RunResult:
        """Run the program to its end."""
        if self._program.client:
            return await self._run_remote(info)
        return await self._run_local(info)

    async def stop(self) -> None:
        """End the program's process, if it still runs."""
        process = self._process
        if process is None or process.returncode is not None:
            return
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(signal.SIGTERM)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(process.wait(), 2)
            return
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()

    async def _run_local(self, info: RunInfo) -> RunResult:
        program = self._program
        if not program.main.exists():
            raise EngineError(f"could not find the program {program.main}: check `main` in Pulumi.yaml")
        command = [program_python(program), "-u", str(_RUNNER), _arguments(program, info)]
        self._process = await processes.start(command, program.folder, self._environment(info))
        process = self._process
        await asyncio.gather(self._forward(process.stdout, "info", 1), self._forward(process.stderr, "info#err", 2))
        code = await process.wait()
        if code == 0:
            return RunResult()
        if code == _SHOWN_ERROR_EXIT_CODE:
            return RunResult(bail=True)
        if code < 0:
            return RunResult(error=f"the program was ended by signal {-code}")
        return RunResult(error=f"program exited with non-zero exit code: {code}")

    def _environment(self, info: RunInfo) -> dict[str, str]:
        environment = dict(os.environ)
        environment["PULUMI_CONFIG"] = json.dumps(dict(info.config))
        environment["PULUMI_CONFIG_SECRET_KEYS"] = json.dumps(list(info.config_secret_keys))
        return environment

    async def _forward(self, stream: asyncio.StreamReader | None, severity: str, stream_id: int) -> None:
        assert stream is not None
        while True:
            try:
                line = await stream.readline()
            except ValueError:
                line = await stream.read(1 << 20)
            if not line:
                return
            self._log(line.decode(errors="replace").rstrip("\n"), severity, stream_id)

    async def _run_remote(self, info: RunInfo) -> RunResult:
        import grpc.aio
        from pulumi.runtime.proto import language_pb2, language_pb2_grpc

        from embedded.engine.plugins.client import CHANNEL_OPTIONS

        request = language_pb2.RunRequest(
            project=info.project,
            stack=info.stack,
            organization=info.organization,
            pwd=str(self._program.folder),
            program=str(self._program.main),
            args=[info.engine_address],
            config=dict(info.config),
            configSecretKeys=info.config_secret_keys,
            dryRun=info.dry_run,
            parallel=info.parallel,
            monitor_address=info.monitor_address,
        )
        async with grpc.aio.insecure_channel(self._program.client, options=CHANNEL_OPTIONS) as channel:
            try:
                response = await language_pb2_grpc.LanguageRuntimeStub(channel).Run(request)
            except grpc.aio.AioRpcError as error:
                return RunResult(error=error.details() or str(error.code()))
        return RunResult(error=response.error, bail=response.bail)


def _arguments(program: Program, info: RunInfo) -> str:
    return json.dumps(
        {
            "project": info.project,
            "stack": info.stack,
            "organization": info.organization,
            "parallel": info.parallel,
            "dry_run": info.dry_run,
            "monitor": info.monitor_address,
            "engine": info.engine_address,
            "root": str(program.root),
            "program": str(program.main),
            "folder": str(program.folder),
            "debug": info.debug,
        }
    )


__all__ = ["LanguageHost", "Program", "RunInfo", "RunResult", "program_python"]
