"""The gRPC services that a program speaks to: ResourceMonitor and Engine, at one address.

Source: proto/pulumi/resource.proto and engine.proto of Pulumi; pkg/resource/deploy/source_eval.go of 3.260.0.
"""

# The methods take what gRPC gives, used or not.
# ruff: noqa: ARG002
from __future__ import annotations

import asyncio
from typing import Any

import grpc
import grpc.aio
from google.protobuf import empty_pb2
from pulumi.runtime.proto import (
    engine_pb2,
    engine_pb2_grpc,
    provider_pb2,
    resource_pb2,
    resource_pb2_grpc,
)

from embedded.engine.deployment.context import Context
from embedded.engine.deployment.providers import PackageRequest
from embedded.engine.deployment.registrar import Registrar, Terminated, package_request
from embedded.engine.deployment.remote import Remote
from embedded.engine.deployment.requests import goal_of, outputs_message, read_goal_of
from embedded.engine.deployment.transforms import Transforms
from embedded.engine.errors import EngineError
from embedded.engine.plugins.client import CHANNEL_OPTIONS
from embedded.engine.state import VERSION
from embedded.engine.urn import package_of
from embedded.engine.values import UNKNOWN_TEXT, downgrade_outputs, from_struct, to_struct

_FEATURES = {
    "secrets": resource_pb2.RESOURCE_MONITOR_FEATURE_SECRETS,
    "resourceReferences": resource_pb2.RESOURCE_MONITOR_FEATURE_RESOURCE_REFERENCES,
    "outputValues": resource_pb2.RESOURCE_MONITOR_FEATURE_OUTPUT_VALUES,
    "aliasSpecs": resource_pb2.RESOURCE_MONITOR_FEATURE_ALIAS_SPECS,
    "replacementTrigger": resource_pb2.RESOURCE_MONITOR_FEATURE_REPLACEMENT_TRIGGER,
    "deletedWith": resource_pb2.RESOURCE_MONITOR_FEATURE_DELETED_WITH,
    "replaceWith": resource_pb2.RESOURCE_MONITOR_FEATURE_REPLACE_WITH,
    "transforms": resource_pb2.RESOURCE_MONITOR_FEATURE_TRANSFORMS,
    "invokeTransforms": resource_pb2.RESOURCE_MONITOR_FEATURE_INVOKE_TRANSFORMS,
    "resourceHooks": resource_pb2.RESOURCE_MONITOR_FEATURE_RESOURCE_HOOKS,
    "errorHooks": resource_pb2.RESOURCE_MONITOR_FEATURE_ERROR_HOOKS,
}
_SEVERITIES = {
    engine_pb2.DEBUG: "debug",
    engine_pb2.INFO: "info",
    engine_pb2.WARNING: "warning",
    engine_pb2.ERROR: "error",
}


class MonitorService(resource_pb2_grpc.ResourceMonitorServicer):
    """ResourceMonitor: registrations, reads, invokes.

    `finished` is set when the program has registered all; `close` lets it, and every caller left waiting, go.
    """

    def __init__(self, context: Context, registrar: Registrar, remote: Remote, transforms: Transforms) -> None:
        self._context = context
        self._registrar = registrar
        self._remote = remote
        self._transforms = transforms
        self._root = str(context.operation.program.root) if context.operation.program else ""
        self._packages: dict[str, PackageRequest] = {}
        self._closed = asyncio.Event()
        self.finished = asyncio.Event()

    def close(self) -> None:
        """End every call that still waits."""
        self._closed.set()

    async def GetDeploymentInfo(self, request: Any, context: Any) -> resource_pb2.DeploymentInfo:
        """What the run is, and what this monitor understands."""
        operation = self._context.operation
        return resource_pb2.DeploymentInfo(
            project=operation.project,
            stack=operation.stack,
            organization=operation.organization,
            config=dict(operation.config),
            configSecretKeys=sorted(operation.config_secret_keys),
            dryRun=self._context.dry_run,
            parallel=self._context.options.parallel,
            supportedFeatures=list(_FEATURES.values()),
        )

    async def SupportsFeature(self, request: Any, context: Any) -> resource_pb2.SupportsFeatureResponse:
        """The same for older SDKs, feature by feature."""
        return resource_pb2.SupportsFeatureResponse(hasSupport=request.id in _FEATURES)

    async def RegisterResource(self, request: Any, context: Any) -> resource_pb2.RegisterResourceResponse:
        """Register one resource; the answer comes when its steps are done."""
        try:
            request = await self._transforms.apply(request)
            if request.state_migrations:
                raise EngineError(f"state migrations are not supported (resource '{request.name}')")
            if request.remote:
                return await self._remote.construct(request, self._package(request))
            goal = goal_of(request, self._root)
            registered = await self._registrar.register(goal, self._package(request))
        except Terminated:
            return await self._gone(context)
        except EngineError as error:
            return await self._refuse(context, error, request.name)
        self._transforms.remember(registered.resource.urn, request)
        return self._answer(request, registered)

    def _answer(self, request: Any, registered: Any) -> resource_pb2.RegisterResourceResponse:
        resource = registered.resource
        # A component's old outputs may refer to resources that are not registered yet.
        outputs = resource.outputs if resource.custom else {}
        response = resource_pb2.RegisterResourceResponse(
            urn=resource.urn,
            id="" if resource.id == UNKNOWN_TEXT and not resource.is_provider else resource.id,
            object=outputs_message(outputs, request, request.supportsPartialValues),
        )
        if registered.failed or registered.skipped:
            response.result = resource_pb2.FAIL
        return response

    async def ReadResource(self, request: Any, context: Any) -> resource_pb2.ReadResourceResponse:
        """Read one resource."""
        try:
            goal = read_goal_of(request, self._root)
            registered = await self._registrar.read(goal, self._package(request))
        except Terminated:
            return await self._gone(context)
        except EngineError as error:
            return await self._refuse(context, error, request.name)
        resource = registered.resource
        return resource_pb2.ReadResourceResponse(
            urn=resource.urn, id=resource.id, properties=outputs_message(resource.outputs, request)
        )

    async def RegisterResourceOutputs(self, request: Any, context: Any) -> empty_pb2.Empty:
        """Set the outputs of a component, or of the stack."""
        try:
            outputs = downgrade_outputs(from_struct(request.outputs, self._root, hashes=True))
            self._registrar.register_outputs(request.urn, outputs)
        except EngineError as error:
            await self._refuse(context, error, request.urn)
        return empty_pb2.Empty()

    async def Invoke(self, request: Any, context: Any) -> resource_pb2.ResourceInvokeResponse:
        """Call a provider's function."""
        try:
            request = await self._transforms.apply_to_invoke(request)
            return await self._invoke(request)
        except Terminated:
            return await self._gone(context)
        except EngineError as error:
            await context.abort(
                grpc.StatusCode.UNKNOWN, f"invocation of {request.tok} returned an error: {error.message}"
            )
            raise AssertionError("unreachable") from error

    async def _invoke(self, request: Any) -> resource_pb2.ResourceInvokeResponse:
        args = downgrade_outputs(from_struct(request.args, self._root, hashes=True))
        reference = request.provider or await self._registrar.default_provider(self._package(request, request.tok))
        provider = self._context.providers.get(reference)
        result = await provider.invoke(request.tok, args, self._context.dry_run)
        if result is None:
            return resource_pb2.ResourceInvokeResponse(unknown=True)
        response = resource_pb2.ResourceInvokeResponse(
            failures=[provider_pb2.CheckFailure(property=item.property, reason=item.reason) for item in result.failures]
        )
        getattr(response, "return").CopyFrom(to_struct(result.values, keep_resources=request.acceptResources))
        return response

    async def Call(self, request: Any, context: Any) -> provider_pb2.CallResponse:
        """Call a resource's method."""
        try:
            return await self._remote.call(request, self._package(request, request.tok))
        except Terminated:
            return await self._gone(context)
        except EngineError as error:
            return await self._refuse(context, error, request.tok)

    async def RegisterStackTransform(self, request: Any, context: Any) -> empty_pb2.Empty:
        """Keep a transform for every resource of the stack."""
        self._transforms.register_stack_transform(request)
        return empty_pb2.Empty()

    async def RegisterStackInvokeTransform(self, request: Any, context: Any) -> empty_pb2.Empty:
        """Keep a transform for every invoke of the stack."""
        self._transforms.register_invoke_transform(request)
        return empty_pb2.Empty()

    async def RegisterResourceHook(self, request: Any, context: Any) -> empty_pb2.Empty:
        """Keep a hook that resources may name."""
        try:
            self._context.hooks.register(request)
        except EngineError as error:
            await context.abort(grpc.StatusCode.UNKNOWN, error.message)
        return empty_pb2.Empty()

    async def RegisterErrorHook(self, request: Any, context: Any) -> empty_pb2.Empty:
        """Keep a hook that decides on retries."""
        try:
            self._context.hooks.register_error_hook(request)
        except EngineError as error:
            await context.abort(grpc.StatusCode.UNKNOWN, error.message)
        return empty_pb2.Empty()

    async def RegisterPackage(self, request: Any, context: Any) -> resource_pb2.RegisterPackageResponse:
        """Keep a package under a reference that registrations may name."""
        if request.HasField("parameterization") or request.HasField("extension"):
            await context.abort(
                grpc.StatusCode.UNIMPLEMENTED, f"parameterized packages are not supported (package '{request.name}')"
            )
        package = PackageRequest(request.name, request.version, request.download_url)
        reference = f"{package.package}@{package.version}@{package.download_url}"
        self._packages[reference] = package
        return resource_pb2.RegisterPackageResponse(ref=reference)

    async def SignalAndWaitForShutdown(self, request: Any, context: Any) -> empty_pb2.Empty:
        """The program has registered all; it is let go when the deletes, which may need its hooks, are done."""
        self.finished.set()
        await self._closed.wait()
        return empty_pb2.Empty()

    def _package(self, request: Any, token: str = "") -> PackageRequest:
        if request.packageRef:
            package = self._packages.get(request.packageRef)
            if package is None:
                raise EngineError(f"unknown package reference '{request.packageRef}'")
            return package
        if token:
            return PackageRequest(package_of(token), request.version, request.pluginDownloadURL)
        return package_request(request.type, request.version, request.pluginDownloadURL)

    async def _gone(self, context: Any) -> Any:
        await self._closed.wait()
        await context.abort(grpc.StatusCode.UNAVAILABLE, "resource monitor has terminated")

    async def _refuse(self, context: Any, error: EngineError, name: str) -> Any:
        del name
        await context.abort(grpc.StatusCode.UNKNOWN, error.message)


class EngineService(engine_pb2_grpc.EngineServicer):
    """Engine: the log, and the stack's own resource."""

    def __init__(self, context: Context, is_stopped: Any) -> None:
        self._context = context
        self._is_stopped = is_stopped
        self._root = ""

    async def Log(self, request: Any, context: Any) -> empty_pb2.Empty:
        """Show a message; once the run is stopped, the program's own complaints about that are not shown."""
        if not (self._is_stopped() and request.severity == engine_pb2.ERROR):
            self._context.diagnose(
                _SEVERITIES.get(request.severity, "info"),
                request.message,
                request.urn,
                stream_id=request.streamId,
                ephemeral=request.ephemeral,
            )
        return empty_pb2.Empty()

    async def GetRootResource(self, request: Any, context: Any) -> engine_pb2.GetRootResourceResponse:
        """The URN of the stack."""
        return engine_pb2.GetRootResourceResponse(urn=self._root)

    async def SetRootResource(self, request: Any, context: Any) -> engine_pb2.SetRootResourceResponse:
        """Keep the URN of the stack."""
        self._root = request.urn
        return engine_pb2.SetRootResourceResponse()

    async def StartDebugging(self, request: Any, context: Any) -> empty_pb2.Empty:
        """Say that a debugger may be attached."""
        self._context.diagnose("info", request.message or "waiting for a debugger to attach")
        return empty_pb2.Empty()

    async def RequirePulumiVersion(self, request: Any, context: Any) -> engine_pb2.RequirePulumiVersionResponse:
        """Refuse a program that needs another version."""
        from embedded.engine.deployment.versions import satisfies

        if not satisfies(VERSION, request.pulumi_version_range):
            await context.abort(
                grpc.StatusCode.FAILED_PRECONDITION,
                f'Pulumi CLI version {VERSION} does not satisfy the version range "{request.pulumi_version_range}" '
                "requested by the program",
            )
        return engine_pb2.RequirePulumiVersionResponse()


async def serve(monitor: MonitorService, engine: EngineService) -> tuple[grpc.aio.Server, str]:
    """Serve both at a free port of the loopback interface; returns the server and its address."""
    server = grpc.aio.server(options=CHANNEL_OPTIONS)
    resource_pb2_grpc.add_ResourceMonitorServicer_to_server(monitor, server)
    engine_pb2_grpc.add_EngineServicer_to_server(engine, server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    return server, f"127.0.0.1:{port}"


__all__ = ["EngineService", "MonitorService", "serve"]
