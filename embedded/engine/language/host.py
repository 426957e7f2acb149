"""The language host: starts the program, passes on what it prints, and says how it ended.

Source: sdk/python/cmd/pulumi-language-python of Pulumi 3.260.0 (exit code 32 means: the program has shown its error itself).
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from embedded.engine.errors import EngineError
from embedded.engine.language.interpreter import Interpreter

_SHOWN_ERROR_EXIT_CODE = 32


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


def start_early(program: Program) -> Interpreter | None:
    """Start the interpreter of a program that is run later; None if it is run elsewhere, or cannot be started (the run tells why)."""
    if program.client or not program.main.exists():
        return None
    with contextlib.suppress(EngineError, OSError):
        return Interpreter(program_python(program), program.folder)
    return None


class LanguageHost:
    """Runs one program; `log` gets (message, severity, stream id) of each line that it prints.

    `interpreter` is the one that was started early for it.
    """

    def __init__(
        self, program: Program, log: Callable[[str, str, int], None], interpreter: Interpreter | None = None
    ) -> None:
        self._program = program
        self._log = log
        self._interpreter = interpreter

    async def run(self, info: RunInfo) -> RunResult:
        """Run the program to its end."""
        if self._program.client:
            return await self._run_remote(info)
        return await self._run_local(info)

    async def stop(self) -> None:
        """End the program's process, if it still runs."""
        if self._interpreter is not None:
            await self._interpreter.stop()

    async def _run_local(self, info: RunInfo) -> RunResult:
        program = self._program
        if not program.main.exists():
            raise EngineError(f"could not find the program {program.main}: check `main` in Pulumi.yaml")
        if self._interpreter is None:
            self._interpreter = Interpreter(program_python(program), program.folder)
        code = await self._interpreter.run(_arguments(program, info), self._log)
        if code == 0:
            return RunResult()
        if code == _SHOWN_ERROR_EXIT_CODE:
            return RunResult(bail=True)
        if code < 0:
            return RunResult(error=f"the program was ended by signal {-code}")
        return RunResult(error=f"program exited with non-zero exit code: {code}")

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
            "debug": info.debug,
            "environment": {
                "PULUMI_CONFIG": json.dumps(dict(info.config)),
                "PULUMI_CONFIG_SECRET_KEYS": json.dumps(list(info.config_secret_keys)),
            },
        }
    )


__all__ = ["LanguageHost", "Program", "RunInfo", "RunResult", "program_python", "start_early"]
