"""Components and methods that a plugin implements: Construct and Call.

Source: pkg/resource/deploy/source_eval.go (RegisterResource of remote components, Call) of Pulumi 3.260.0.
"""

from __future__ import annotations

from typing import Any

from pulumi.runtime.proto import provider_pb2, resource_pb2

from embedded.engine.deployment.context import Context
from embedded.engine.deployment.providers import PackageRequest
from embedded.engine.deployment.registrar import Registrar
from embedded.engine.deployment.requests import goal_of
from embedded.engine.plugins.client import ProviderClient
from embedded.engine.values import from_struct, to_struct


class Remote:
    """Has plugins construct components; `address` is the monitor's, set when it is served."""

    def __init__(self, context: Context, registrar: Registrar) -> None:
        self._context = context
        self._registrar = registrar
        self.address = ""

    async def construct(self, request: Any, package: PackageRequest) -> resource_pb2.RegisterResourceResponse:
        """Have the package's plugin make the component: it registers it and its children at this monitor."""
        provider = await self._plugin(request.provider, package)
        goal = goal_of(request, "")
        message = provider_pb2.ConstructRequest(
            **self._run_fields(),
            type=request.type,
            name=request.name,
            parent=request.parent,
            inputs=to_struct(goal.inputs, keep_outputs=provider.accepts_outputs),
            inputDependencies={
                key: provider_pb2.ConstructRequest.PropertyDependencies(urns=urns)
                for key, urns in goal.property_dependencies.items()
            },
            providers=dict(request.providers),
            dependencies=goal.dependencies,
            aliases=list(request.aliases),
            additionalSecretOutputs=goal.additional_secret_outputs,
            deletedWith=goal.deleted_with,
            ignoreChanges=goal.ignore_changes,
            replaceOnChanges=goal.replace_on_changes,
            replace_with=goal.replace_with,
            accepts_output_values=True,
        )
        self._set_flags(message, request)
        response = await provider.construct(message)
        answer = resource_pb2.RegisterResourceResponse(urn=response.urn, object=response.state)
        for key, item in response.stateDependencies.items():
            answer.propertyDependencies[key].urns.extend(item.urns)
        return answer

    async def call(self, request: Any, package: PackageRequest) -> provider_pb2.CallResponse:
        """Call a resource's method."""
        provider = await self._plugin(request.provider, package)
        message = provider_pb2.CallRequest(
            **self._run_fields(),
            tok=request.tok,
            args=to_struct(from_struct(request.args), keep_outputs=provider.accepts_outputs),
            argDependencies={
                key: provider_pb2.CallRequest.ArgumentDependencies(urns=item.urns)
                for key, item in request.argDependencies.items()
            },
            accepts_output_values=True,
        )
        return await provider.call(message)

    async def _plugin(self, reference: str, package: PackageRequest) -> ProviderClient:
        reference = reference or await self._registrar.default_provider(package)
        return self._context.providers.get(reference)

    def _run_fields(self) -> dict[str, Any]:
        operation = self._context.operation
        return {
            "project": operation.project,
            "stack": operation.stack,
            "organization": operation.organization,
            "config": dict(operation.config),
            "configSecretKeys": sorted(operation.config_secret_keys),
            "dryRun": self._context.dry_run,
            "parallel": self._context.options.parallel,
            "monitorEndpoint": self.address,
        }

    @staticmethod
    def _set_flags(message: provider_pb2.ConstructRequest, request: Any) -> None:
        if request.HasField("protect"):
            message.protect = request.protect
        if request.HasField("retainOnDelete"):
            message.retainOnDelete = request.retainOnDelete
        if request.deleteBeforeReplaceDefined:
            message.deleteBeforeReplace = request.deleteBeforeReplace
        if request.HasField("customTimeouts"):
            for kind in ("create", "update", "delete", "read"):
                setattr(message.customTimeouts, kind, getattr(request.customTimeouts, kind))
        if request.HasField("replacement_trigger"):
            message.replacement_trigger.CopyFrom(request.replacement_trigger)
