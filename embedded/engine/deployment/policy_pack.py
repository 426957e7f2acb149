"""A policy pack: its process, what it says of itself, and its configuration.

A pack is a folder with a PulumiPolicy.yaml of runtime python. It is run in its own folder by the Python of its own virtual
environment (`runtime.options.virtualenv`), so that its packages need not agree with the program's.

Source: pkg/resource/plugin/analyzer_plugin.go, pkg/resource/analyzer/config.go and pkg/engine/update.go of Pulumi 3.260.0.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc
import grpc.aio
import yaml
from google.protobuf import empty_pb2, json_format
from pulumi.runtime.proto import analyzer_pb2, analyzer_pb2_grpc

from embedded.engine import processes
from embedded.engine.deployment.operation import Operation
from embedded.engine.errors import EngineError
from embedded.engine.language.host import Program, program_python
from embedded.engine.plugins.client import CHANNEL_OPTIONS

LEVELS = ("advisory", "mandatory", "disabled", "remediate")
"""The enforcement levels by their number in the protocol."""
SEVERITIES = ("", "low", "medium", "high", "critical")
RESOURCE_POLICY, STACK_POLICY = 1, 2
_ALL = "all"
_MAX_SHOWN_PATH = 75
_START_TIMEOUT_SECONDS = 60

Log = Callable[[str, str], None]


@dataclass
class PolicyPack:
    """A running pack; `shown_name` is its name in the summary, with where it lies."""

    folder: Path
    shown_path: str
    process: asyncio.subprocess.Process
    channel: grpc.aio.Channel
    readers: list[asyncio.Task[None]]
    name: str = ""
    version: str = ""
    levels: dict[str, str] = field(default_factory=dict)
    severities: dict[str, str] = field(default_factory=dict)
    kinds: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        # The stub types know only the blocking calls.
        self.stub: Any = analyzer_pb2_grpc.AnalyzerStub(self.channel)

    @property
    def shown_name(self) -> str:
        """The name as the summary's event carries it: `NAME|local|PATH`."""
        return f"{self.name}|local|{_abbreviated(self.shown_path)}"

    def passed(self, kind: int, failed: set[str], not_applicable: set[str]) -> list[str]:
        """The policies of a kind that had nothing to object."""
        return sorted(
            name
            for name, its_kind in self.kinds.items()
            if its_kind in (kind, 0)
            and self.levels[name] != "disabled"
            and name not in failed
            and name not in not_applicable
        )

    async def call(self, method: Any, request: Any, optional: Any = None) -> Any:
        """Call the pack; `optional` is the answer of packs that do not know the call.

        Raises:
            EngineError: The pack failed.
        """
        try:
            return await method(request)
        except grpc.aio.AioRpcError as error:
            if optional is not None and error.code() == grpc.StatusCode.UNIMPLEMENTED:
                return optional
            details = (error.details() or "").strip()
            raise EngineError(f"policy pack '{self.name or self.folder}' failed: {details}") from error

    async def close(self) -> None:
        """End the pack."""
        await self.channel.close()
        with contextlib.suppress(ProcessLookupError):
            self.process.kill()
        await self.process.wait()
        for reader in self.readers:
            reader.cancel()
        await asyncio.gather(*self.readers, return_exceptions=True)


async def start_pack(path: str, config_file: str, engine_address: str, operation: Operation, log: Log) -> PolicyPack:
    """Start the pack of a folder and configure it.

    Args:
        path: The folder, as the user gave it.
        config_file: A JSON file of policies' configuration; empty for none.
        engine_address: Where the engine listens.
        operation: The run; its stack and configuration are told to the pack.
        log: Takes what the pack prints, and its severity.

    Raises:
        EngineError: It does not start, or its configuration is wrong.
    """
    folder = Path(path).resolve()
    project = _load_project(folder)
    given = _read_config(config_file) if config_file else {}
    pack = await _launch(path, folder, project, engine_address, operation, log)
    try:
        await _introduce(pack, engine_address, operation)
        info = await pack.call(pack.stub.GetAnalyzerInfo, empty_pb2.Empty())
        pack.name = info.name or folder.name
        # The version of PulumiPolicy.yaml goes before that of the program, which Python packs cannot set.
        pack.version = str(project.get("version") or "") or info.version
        await _configure(pack, info, given, config_file)
    except BaseException:
        await pack.close()
        raise
    return pack


# --- starting --------------------------------------------------------------------------------------------------------


def _load_project(folder: Path) -> dict[str, Any]:
    try:
        project = yaml.safe_load((folder / "PulumiPolicy.yaml").read_text()) or {}
    except OSError as error:
        raise EngineError(
            f"failed to load Pulumi policy project located at '{folder}': no PulumiPolicy.yaml"
        ) from error
    except yaml.YAMLError as error:
        raise EngineError(f"failed to load Pulumi policy project located at '{folder}': {error}") from error
    runtime, _ = _runtime_of(project)
    if runtime != "python":
        raise EngineError(f"policy pack '{folder}': runtime '{runtime}' is not supported by this engine (only python)")
    return project


def _runtime_of(project: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    runtime = project.get("runtime")
    if isinstance(runtime, dict):
        return str(runtime.get("name")), runtime.get("options") or {}
    return str(runtime), {}


async def _launch(
    path: str, folder: Path, project: Mapping[str, Any], engine_address: str, operation: Operation, log: Log
) -> PolicyPack:
    main = (folder / str(project.get("main") or "")).resolve()
    python = program_python(Program(root=folder, main=main, options=_runtime_of(project)[1]))
    command = [python, "-u", "-m", "pulumi.policy", engine_address, str(main)]
    process = await processes.start(command, folder, _environment(operation))
    assert process.stdout is not None
    assert process.stderr is not None
    line = b""
    with contextlib.suppress(TimeoutError):
        line = await asyncio.wait_for(process.stdout.readline(), _START_TIMEOUT_SECONDS)
    if not line.strip().isdigit():
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        said = (line + await process.stderr.read()).decode(errors="replace").strip()
        await process.wait()
        hint = ""
        if "No module named" in said:
            hint = f"\nIts packages are not installed for {python}: run `pulumi install` in '{folder}'"
        raise EngineError(f"policy pack '{path}' failed to start: {said or 'it ended without a word'}{hint}")
    readers = [
        asyncio.create_task(_forward(process.stdout, "info", log)),
        asyncio.create_task(_forward(process.stderr, "info#err", log)),
    ]
    channel = grpc.aio.insecure_channel(f"127.0.0.1:{int(line)}", options=CHANNEL_OPTIONS)
    return PolicyPack(folder, path, process, channel, readers)


async def _forward(stream: asyncio.StreamReader, severity: str, log: Log) -> None:
    while line := await stream.readline():
        log(line.decode(errors="replace").rstrip("\r\n") + "\n", severity)


def _environment(operation: Operation) -> dict[str, str]:
    return {
        **os.environ,
        "PULUMI_PROJECT": operation.project,
        "PULUMI_STACK": operation.stack,
        "PULUMI_ORGANIZATION": operation.organization,
        "PULUMI_DRY_RUN": "true" if operation.preview else "false",
        "PULUMI_CONFIG": json.dumps(dict(operation.config)),
    }


async def _introduce(pack: PolicyPack, engine_address: str, operation: Operation) -> None:
    folder = str(pack.folder)
    handshake = analyzer_pb2.AnalyzerHandshakeRequest(
        engine_address=engine_address, root_directory=folder, program_directory=folder
    )
    stack = analyzer_pb2.AnalyzerStackConfigureRequest(
        stack=operation.stack,
        project=operation.project,
        organization=operation.organization,
        dry_run=operation.preview,
        config=dict(operation.config),
        config_secret_keys=sorted(operation.config_secret_keys),
        tags=dict(operation.tags),
    )
    await pack.call(pack.stub.Handshake, handshake, analyzer_pb2.AnalyzerHandshakeResponse())
    await pack.call(pack.stub.ConfigureStack, stack, analyzer_pb2.AnalyzerStackConfigureResponse())


def _abbreviated(path: str) -> str:
    path = os.path.normpath(path)
    parts = path.split("/")
    if len(path) <= _MAX_SHOWN_PATH or len(parts) <= 4:
        return path
    return "/".join([*parts[:2], "...", *parts[-2:]])


# --- configuration ---------------------------------------------------------------------------------------------------


@dataclass
class _PolicyConfig:
    level: str = ""
    properties: dict[str, Any] = field(default_factory=dict)


async def _configure(
    pack: PolicyPack, info: analyzer_pb2.AnalyzerInfo, given: Mapping[str, _PolicyConfig], config_file: str
) -> None:
    if config_file and not info.supportsConfig:
        raise EngineError(f"policy pack '{pack.name}' at '{pack.shown_path}' does not support config")
    configs = _reconciled(info, given)
    for policy in info.policies:
        pack.levels[policy.name] = configs[policy.name].level
        pack.severities[policy.name] = SEVERITIES[policy.severity]
        pack.kinds[policy.name] = policy.policy_type
    if not info.supportsConfig:
        return
    if failures := _failures(info, configs):
        lines = "\n".join(f"validating policy config: {pack.name} {pack.version}  {failure}" for failure in failures)
        raise EngineError(lines)
    request = analyzer_pb2.ConfigureAnalyzerRequest()
    for name, config in configs.items():
        request.policyConfig[name].enforcementLevel = LEVELS.index(config.level)  # type: ignore[assignment]
        request.policyConfig[name].properties.update(config.properties)
    await pack.call(pack.stub.Configure, request)


def _read_config(path: str) -> dict[str, _PolicyConfig]:
    """The configuration of a file: for each policy (or `all`) a level, or an object with `enforcementLevel` and properties."""
    try:
        text = Path(path).read_text()
        content = json.loads(text) if text.strip() else {}
    except OSError as error:
        raise EngineError(f"policy pack config '{path}': {error.strerror}") from error
    except ValueError as error:
        raise EngineError(f"policy pack config '{path}' is no JSON: {error}") from error
    if not isinstance(content, dict):
        raise EngineError(f"policy pack config '{path}': expected an object of policies")
    if content.pop("environments", None):
        raise EngineError(
            f"policy pack config '{path}' specifies ESC environments but the current backend does not support them"
        )
    return {name: _entry(name, value, path) for name, value in content.items()}


def _entry(name: str, value: Any, path: str) -> _PolicyConfig:
    if not isinstance(value, str | dict):
        raise EngineError(
            f"policy pack config '{path}': parsing \"{name}\": {value} is not a valid value; must be a string or object"
        )
    properties = {} if isinstance(value, str) else dict(value)
    level = value if isinstance(value, str) else properties.pop("enforcementLevel", "")
    if (level and level not in LEVELS) or not isinstance(level, str):
        raise EngineError(
            f"policy pack config '{path}': parsing enforcement level for \"{name}\": {json.dumps(level)} is not a valid "
            f"enforcement level (one of {', '.join(LEVELS)})"
        )
    return _PolicyConfig(level, properties)


def _reconciled(info: analyzer_pb2.AnalyzerInfo, given: Mapping[str, _PolicyConfig]) -> dict[str, _PolicyConfig]:
    """The configuration of each policy: its defaults, the program's own, then the file's; `all` sets every level."""
    result = {
        policy.name: _PolicyConfig(LEVELS[policy.enforcementLevel], _defaults(policy)) for policy in info.policies
    }
    initial = {
        name: _PolicyConfig(LEVELS[config.enforcementLevel], json_format.MessageToDict(config.properties))
        for name, config in info.initialConfig.items()
    }
    for layer in (initial, given):
        if _ALL in layer and layer[_ALL].level:
            for config in result.values():
                config.level = layer[_ALL].level
        for name, config in layer.items():
            if name == _ALL:
                continue
            if name not in result:
                known = ", ".join(sorted(result)) or "none"
                raise EngineError(f"policy pack '{info.name}' has no policy '{name}' to configure (it has: {known})")
            result[name].level = config.level or result[name].level
            result[name].properties |= config.properties
    return result


def _defaults(policy: analyzer_pb2.PolicyInfo) -> dict[str, Any]:
    properties = json_format.MessageToDict(policy.configSchema.properties)
    return {name: schema["default"] for name, schema in properties.items() if "default" in schema}


def _failures(info: analyzer_pb2.AnalyzerInfo, configs: Mapping[str, _PolicyConfig]) -> list[str]:
    """What the policies' schemas object to, one line each, sorted."""
    import jsonschema

    found = []
    for policy in info.policies:
        schema = {
            "type": "object",
            "properties": json_format.MessageToDict(policy.configSchema.properties),
            "required": list(policy.configSchema.required),
        }
        for error in jsonschema.Draft7Validator(schema).iter_errors(configs[policy.name].properties):
            where = ".".join(str(part) for part in error.absolute_path)
            found.append(f"{policy.name}: {where + ': ' if where else ''}{error.message}")
    return sorted(found)
