"""Policy packs: analyzers that look at each resource before it is made, may mend it, and look at the whole stack at the end.

A pack is a folder with a PulumiPolicy.yaml of runtime python; it is run by the Python of its virtual environment. What a mandatory
policy objects to is not made; an advisory one only says so.

Source: pkg/resource/deploy/step_generator.go (analyzers) and sdk/go/common/resource/plugin/analyzer_plugin.go of Pulumi 3.260.0.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
import grpc.aio
import yaml
from pulumi.runtime.proto import analyzer_pb2, analyzer_pb2_grpc

from embedded.engine.deployment.context import Bail, Context
from embedded.engine.deployment.goal import Goal
from embedded.engine.deployment.operation import Operation
from embedded.engine.errors import EngineError
from embedded.engine.events import PolicyEvent
from embedded.engine.language.host import Program, program_python
from embedded.engine.plugins.client import CHANNEL_OPTIONS
from embedded.engine.state import Resource
from embedded.engine.urn import name_of
from embedded.engine.values import from_struct, to_struct

_LEVELS = ("advisory", "mandatory", "disabled", "remediate")
_START_TIMEOUT_SECONDS = 60


@dataclass
class _Pack:
    name: str
    version: str
    stub: Any
    channel: grpc.aio.Channel
    process: asyncio.subprocess.Process


class PolicyChecker:
    """The policy packs of a run."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._packs: list[_Pack] = []

    @property
    def versions(self) -> dict[str, str]:
        """The packs' versions by name, for the summary."""
        return {pack.name: pack.version for pack in self._packs}

    async def start(self, engine_address: str) -> None:
        """Start the packs that the options name.

        Raises:
            EngineError: A pack cannot be started, or its configuration is wrong.
        """
        options = self._context.options
        for index, folder in enumerate(options.policy_packs):
            config = options.policy_pack_configs[index] if index < len(options.policy_pack_configs) else ""
            self._packs.append(await _start(Path(folder).resolve(), config, engine_address, self._context.operation))

    async def close(self) -> None:
        """End the packs."""
        for pack in self._packs:
            await pack.channel.close()
            with contextlib.suppress(ProcessLookupError):
                pack.process.kill()
            await pack.process.wait()

    async def check_resource(self, resource: Resource, goal: Goal) -> None:
        """Have every pack mend a resource, then look at it.

        Raises:
            Bail: A mandatory policy objects, and this is no preview.
        """
        for pack in self._packs:
            response = await _call(pack, pack.stub.Remediate, self._request(resource, goal))
            for remediation in response.remediations:
                if remediation.HasField("properties"):
                    resource.inputs = from_struct(remediation.properties)
        objections = 0
        for pack in self._packs:
            response = await _call(pack, pack.stub.Analyze, self._request(resource, goal))
            objections += self._report(pack, response.diagnostics, resource.urn)
        if objections:
            self._context.saw_error = True
            if not self._context.dry_run:
                raise Bail

    async def check_stack(self) -> None:
        """Have every pack look at all resources of the stack."""
        if not self._packs:
            return
        resources = [self._stack_entry(resource) for resource in self._context.news.values() if not resource.delete]
        for pack in self._packs:
            request = analyzer_pb2.AnalyzeStackRequest(resources=resources)
            response = await _call(pack, pack.stub.AnalyzeStack, request)
            if self._report(pack, response.diagnostics, self._context.root_urn):
                self._context.saw_error = True

    def _report(self, pack: _Pack, diagnostics: Sequence[Any], urn: str) -> int:
        objections = 0
        for item in diagnostics:
            level = _LEVELS[item.enforcementLevel]
            if level == "remediate":
                level = "mandatory"  # It could not be mended.
            objections += level == "mandatory"
            self._context.emit(
                PolicyEvent(
                    message=item.message,
                    policy_name=item.policyName,
                    policy_pack_name=item.policyPackName or pack.name,
                    policy_pack_version=item.policyPackVersion or pack.version,
                    enforcement_level=level,
                    resource_urn=item.urn or urn,
                )
            )
        return objections

    def _request(self, resource: Resource, goal: Goal) -> analyzer_pb2.AnalyzeRequest:
        return analyzer_pb2.AnalyzeRequest(
            type=resource.type,
            urn=resource.urn,
            name=name_of(resource.urn),
            properties=to_struct(resource.inputs),
            options=_options(resource, goal.delete_before_replace),
            provider=self._provider(resource),
        )

    def _stack_entry(self, resource: Resource) -> analyzer_pb2.AnalyzerResource:
        return analyzer_pb2.AnalyzerResource(
            type=resource.type,
            urn=resource.urn,
            name=name_of(resource.urn),
            properties=to_struct(resource.outputs),
            options=_options(resource, None),
            provider=self._provider(resource),
            parent=resource.parent,
            dependencies=resource.dependencies,
            propertyDependencies={
                key: analyzer_pb2.AnalyzerPropertyDependencies(urns=urns)
                for key, urns in resource.property_dependencies.items()
            },
        )

    def _provider(self, resource: Resource) -> analyzer_pb2.AnalyzerProviderResource | None:
        urn = resource.provider.rpartition("::")[0]
        provider = self._context.news.get(urn)
        if provider is None:
            return None
        return analyzer_pb2.AnalyzerProviderResource(
            type=provider.type, urn=urn, name=name_of(urn), properties=to_struct(provider.inputs)
        )


def _options(resource: Resource, delete_before_replace: bool | None) -> analyzer_pb2.AnalyzerResourceOptions:
    return analyzer_pb2.AnalyzerResourceOptions(
        protect=resource.protect,
        ignoreChanges=resource.ignore_changes,
        deleteBeforeReplace=bool(delete_before_replace),
        deleteBeforeReplaceDefined=delete_before_replace is not None,
        additionalSecretOutputs=resource.additional_secret_outputs,
        aliases=resource.aliases,
        customTimeouts=analyzer_pb2.AnalyzerResourceOptions.CustomTimeouts(**resource.custom_timeouts),
        parent=resource.parent,
    )


async def _call(pack: _Pack, method: Any, request: Any) -> Any:
    try:
        return await method(request)
    except grpc.aio.AioRpcError as error:
        if error.code() == grpc.StatusCode.UNIMPLEMENTED and method is pack.stub.Remediate:
            return analyzer_pb2.RemediateResponse()
        raise EngineError(f"policy pack '{pack.name}' failed: {error.details()}") from error


# --- starting --------------------------------------------------------------------------------------------------------


async def _start(folder: Path, config_file: str, engine_address: str, operation: Operation) -> _Pack:
    runtime, options = _runtime_of(folder)
    if runtime != "python":
        raise EngineError(f"policy pack {folder}: runtime {runtime!r} is not supported (only python)")
    python = program_python(Program(root=folder, main=folder, options=options))
    process = await asyncio.create_subprocess_exec(
        python,
        "-u",
        "-m",
        "pulumi.policy",
        engine_address,
        str(folder),
        cwd=folder,
        env=_environment(operation),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    line = b""
    with contextlib.suppress(TimeoutError):
        line = await asyncio.wait_for(process.stdout.readline(), _START_TIMEOUT_SECONDS)
    if not line.strip().isdigit():
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()
        raise EngineError(
            f"policy pack {folder} did not start: run `{python} -m pulumi.policy 127.0.0.1:0 {folder}` to see why"
        )
    channel = grpc.aio.insecure_channel(f"127.0.0.1:{int(line)}", options=CHANNEL_OPTIONS)
    stub: Any = analyzer_pb2_grpc.AnalyzerStub(channel)
    pack = _Pack(folder.name, "", stub, channel, process)
    await _introduce(pack, folder, config_file, engine_address, operation)
    return pack


def _runtime_of(folder: Path) -> tuple[str, dict[str, Any]]:
    try:
        project = yaml.safe_load((folder / "PulumiPolicy.yaml").read_text()) or {}
    except OSError as error:
        raise EngineError(f"policy pack {folder}: no PulumiPolicy.yaml there") from error
    except yaml.YAMLError as error:
        raise EngineError(f"policy pack {folder}: PulumiPolicy.yaml is no YAML: {error}") from error
    runtime = project.get("runtime")
    if isinstance(runtime, dict):
        return str(runtime.get("name")), runtime.get("options") or {}
    return str(runtime), {}


def _environment(operation: Operation) -> dict[str, str]:
    return {
        **os.environ,
        "PULUMI_PROJECT": operation.project,
        "PULUMI_STACK": operation.stack,
        "PULUMI_ORGANIZATION": operation.organization,
        "PULUMI_DRY_RUN": "true" if operation.preview else "false",
        "PULUMI_CONFIG": json.dumps(dict(operation.config)),
    }


async def _introduce(pack: _Pack, folder: Path, config_file: str, engine_address: str, operation: Operation) -> None:
    handshake = analyzer_pb2.AnalyzerHandshakeRequest(
        engine_address=engine_address, root_directory=str(folder), program_directory=str(folder)
    )
    stack = analyzer_pb2.AnalyzerStackConfigureRequest(
        stack=operation.stack,
        project=operation.project,
        organization=operation.organization,
        dry_run=operation.preview,
        config=dict(operation.config),
        config_secret_keys=sorted(operation.config_secret_keys),
    )
    for method, request in ((pack.stub.Handshake, handshake), (pack.stub.ConfigureStack, stack)):
        try:
            await method(request)
        except grpc.aio.AioRpcError as error:
            if error.code() != grpc.StatusCode.UNIMPLEMENTED:
                raise EngineError(f"policy pack '{pack.name}' failed to start: {error.details()}") from error
    from google.protobuf import empty_pb2

    info = await _call(pack, pack.stub.GetAnalyzerInfo, empty_pb2.Empty())
    pack.name, pack.version = info.name or pack.name, info.version
    config = _config(info, config_file)
    await _call(pack, pack.stub.Configure, analyzer_pb2.ConfigureAnalyzerRequest(policyConfig=config))


def _config(info: analyzer_pb2.AnalyzerInfo, config_file: str) -> dict[str, analyzer_pb2.PolicyConfig]:
    """The configuration of each policy: its own level and defaults, then those of the file (`all` for every policy)."""
    given: dict[str, Any] = {}
    if config_file:
        try:
            given = json.loads(Path(config_file).read_text())
        except (OSError, ValueError) as error:
            raise EngineError(f"policy pack config {config_file}: {error}") from error
    unknown = sorted(set(given) - {policy.name for policy in info.policies} - {"all"})
    if unknown:
        raise EngineError(f"policy pack config {config_file}: no such policies in '{info.name}': {', '.join(unknown)}")
    result: dict[str, analyzer_pb2.PolicyConfig] = {}
    for policy in info.policies:
        config = analyzer_pb2.PolicyConfig(enforcementLevel=policy.enforcementLevel)
        if policy.name in info.initialConfig:
            config.CopyFrom(info.initialConfig[policy.name])
        for entry in (given.get("all"), given.get(policy.name)):
            _apply(config, entry, config_file)
        result[policy.name] = config
    return result


def _apply(config: analyzer_pb2.PolicyConfig, entry: Any, config_file: str) -> None:
    if entry is None:
        return
    properties = {} if isinstance(entry, str) else dict(entry)
    level = entry if isinstance(entry, str) else properties.pop("enforcementLevel", None)
    if level is not None:
        if level not in _LEVELS:
            raise EngineError(
                f"policy pack config {config_file}: enforcementLevel {level!r} is none of {', '.join(_LEVELS)}"
            )
        config.enforcementLevel = _LEVELS.index(level)  # type: ignore[assignment]
    for key, value in properties.items():
        config.properties[key] = value
