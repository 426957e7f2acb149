"""Policies: every resource is mended and looked at before its step, the whole stack at the end.

What a mandatory policy objects to is not made (in a preview: is told); an advisory one only says so; a remediating one changes
the resource's inputs.

Source: pkg/resource/deploy/step_generator.go (analyzers) and analyze_snapshot.go of Pulumi 3.260.0.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from pulumi.runtime.proto import analyzer_pb2

from embedded.engine.deployment.context import Bail, Context
from embedded.engine.deployment.goal import Goal
from embedded.engine.deployment.policy_pack import (
    LEVELS,
    RESOURCE_POLICY,
    SEVERITIES,
    STACK_POLICY,
    PolicyPack,
    start_pack,
)
from embedded.engine.errors import EngineError
from embedded.engine.events import (
    PolicyEvent,
    PolicyLoadEvent,
    PolicyRemediationEvent,
    PolicySummaryEvent,
)
from embedded.engine.plugins.client import with_secrets_of
from embedded.engine.state import Resource
from embedded.engine.urn import name_of
from embedded.engine.values import Properties, from_struct, to_struct


class PolicyChecker:
    """The policy packs of a run."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._packs: list[PolicyPack] = []
        self._goals: dict[str, Goal] = {}
        self._starting: asyncio.Task[None] | None = None

    @property
    def versions(self) -> dict[str, str]:
        """The packs' versions by name and place, for the summary."""
        return {pack.shown_name: pack.version for pack in self._packs}

    def start(self, engine_address: str) -> None:
        """Begin to start the packs that the options name, all at once."""
        if self._context.options.policy_packs:
            self._context.emit(PolicyLoadEvent())
            self._starting = asyncio.create_task(self._start(engine_address))

    async def started(self) -> None:
        """Wait until the packs can be asked.

        Raises:
            EngineError: A pack cannot be started, or its configuration is wrong.
        """
        if self._starting is not None:
            await asyncio.shield(self._starting)

    async def _start(self, engine_address: str) -> None:
        context = self._context
        options = context.options
        configs = options.policy_pack_configs or ("",) * len(options.policy_packs)
        started = await asyncio.gather(
            *(
                start_pack(path, config, engine_address, context.operation, self._log)
                for path, config in zip(options.policy_packs, configs, strict=True)
            ),
            return_exceptions=True,
        )
        self._packs = [item for item in started if isinstance(item, PolicyPack)]
        for item in started:
            if isinstance(item, BaseException):
                raise item

    def _log(self, message: str, severity: str) -> None:
        self._context.diagnose(severity, message)

    async def close(self) -> None:
        """End the packs."""
        if self._starting is not None:
            self._starting.cancel()
            await asyncio.gather(self._starting, return_exceptions=True)
        await asyncio.gather(*(pack.close() for pack in self._packs))

    # --- one resource ------------------------------------------------------------------------------------------------

    async def check_resource(self, resource: Resource, goal: Goal) -> None:
        """Have every pack mend a resource, then all look at it.

        Raises:
            Bail: A mandatory policy objects, and this is no preview; or a pack cannot be asked, which whoever waits for it tells.
        """
        try:
            await self.started()
        except EngineError:
            raise Bail from None
        if not self._packs:
            return
        self._goals[resource.urn] = goal
        for pack in self._packs:
            await self._remediate(pack, resource)
        request = self._request(resource)
        objections = sum(await asyncio.gather(*(self._analyze(pack, request, resource.urn) for pack in self._packs)))
        if objections:
            self._context.saw_error = True
            if not self._context.dry_run:
                raise Bail

    async def _remediate(self, pack: PolicyPack, resource: Resource) -> None:
        unknown = analyzer_pb2.RemediateResponse()
        response = await pack.call(pack.stub.Remediate, self._request(resource), unknown)
        for item in response.remediations:
            name = item.policyPackName or pack.name
            if item.diagnostic:
                # It could not run, for want of a value that only the update knows.
                self._emit(pack, item.policyName, item.diagnostic, "advisory", resource.urn, name)
                continue
            before = resource.inputs
            # A policy that copies the properties gets secrets bare, and so they come back.
            resource.inputs = with_secrets_of(from_struct(item.properties), before)
            self._context.emit(
                PolicyRemediationEvent(
                    resource_urn=resource.urn,
                    policy_name=item.policyName,
                    policy_pack_name=name,
                    policy_pack_version=pack.version,
                    before=before,
                    after=resource.inputs,
                )
            )
        failed = {item.policyName for item in response.remediations}
        self._summarize("remediate", pack, RESOURCE_POLICY, failed, response.not_applicable, resource.urn)

    async def _analyze(self, pack: PolicyPack, request: analyzer_pb2.AnalyzeRequest, urn: str) -> int:
        response = await pack.call(pack.stub.Analyze, request)
        objections = sum(self._report(pack, item, urn) for item in response.diagnostics)
        failed = {item.policyName for item in response.diagnostics}
        self._summarize("analyze", pack, RESOURCE_POLICY, failed, response.not_applicable, urn)
        return objections

    # --- the stack ---------------------------------------------------------------------------------------------------

    async def check_stack(self) -> None:
        """Have every pack look at all resources of the stack, as they have become."""
        if not self._packs:
            return
        resources = [self._stack_entry(resource) for resource in self._context.news.values() if not resource.delete]
        request = analyzer_pb2.AnalyzeStackRequest(resources=resources)
        objections = await asyncio.gather(*(self._analyze_stack(pack, request) for pack in self._packs))
        if sum(objections):
            self._context.saw_error = True

    async def _analyze_stack(self, pack: PolicyPack, request: analyzer_pb2.AnalyzeStackRequest) -> int:
        response = await pack.call(pack.stub.AnalyzeStack, request, analyzer_pb2.AnalyzeResponse())
        news, root = self._context.news, self._context.root_urn
        objections = sum(
            self._report(pack, item, item.urn if item.urn in news else root) for item in response.diagnostics
        )
        failed = {item.policyName for item in response.diagnostics}
        self._summarize("analyze-stack", pack, STACK_POLICY, failed, response.not_applicable, "")
        return objections

    # --- telling -----------------------------------------------------------------------------------------------------

    def _report(self, pack: PolicyPack, item: analyzer_pb2.AnalyzeDiagnostic, urn: str) -> bool:
        level = LEVELS[item.enforcementLevel]
        if level == "remediate":
            # It was not mended.
            level = "mandatory"
        severity = SEVERITIES[item.severity] or pack.severities.get(item.policyName, "")
        self._emit(pack, item.policyName, item.message, level, urn, item.policyPackName or pack.name, severity)
        return level == "mandatory"

    def _emit(
        self, pack: PolicyPack, policy: str, message: str, level: str, urn: str, name: str, severity: str = ""
    ) -> None:
        self._context.emit(
            PolicyEvent(
                message=message,
                policy_name=policy,
                policy_pack_name=name,
                policy_pack_version=pack.version,
                enforcement_level=level,
                resource_urn=urn,
                severity=severity,
            )
        )

    def _summarize(
        self, kind: str, pack: PolicyPack, policies: int, failed: set[str], not_applicable: Sequence[Any], urn: str
    ) -> None:
        spared = {item.policy_name for item in not_applicable}
        self._context.emit(
            PolicySummaryEvent(
                kind=kind,
                resource_urn=urn,
                policy_pack_name=pack.name,
                policy_pack_version=pack.version,
                passed=pack.passed(policies, failed, spared),
                failed=sorted(failed),
            )
        )

    # --- what the packs are shown ------------------------------------------------------------------------------------

    def _request(self, resource: Resource) -> analyzer_pb2.AnalyzeRequest:
        return analyzer_pb2.AnalyzeRequest(
            type=resource.type,
            urn=resource.urn,
            name=name_of(resource.urn),
            properties=_struct(resource.inputs),
            options=self._options(resource),
            provider=self._provider(resource),
        )

    def _stack_entry(self, resource: Resource) -> analyzer_pb2.AnalyzerResource:
        return analyzer_pb2.AnalyzerResource(
            type=resource.type,
            urn=resource.urn,
            name=name_of(resource.urn),
            properties=_struct(resource.outputs),
            options=self._options(resource),
            provider=self._provider(resource),
            parent=resource.parent,
            dependencies=resource.dependencies,
            propertyDependencies={
                key: analyzer_pb2.AnalyzerPropertyDependencies(urns=urns)
                for key, urns in resource.property_dependencies.items()
                if urns
            },
        )

    def _provider(self, resource: Resource) -> analyzer_pb2.AnalyzerProviderResource | None:
        urn = resource.provider.rpartition("::")[0]
        provider = self._context.news.get(urn) or self._context.olds.get(urn)
        if provider is None:
            return None
        return analyzer_pb2.AnalyzerProviderResource(
            type=provider.type, urn=urn, name=name_of(urn), properties=_struct(provider.inputs)
        )

    def _options(self, resource: Resource) -> analyzer_pb2.AnalyzerResourceOptions:
        goal = self._goals.get(resource.urn)
        delete_first = goal.delete_before_replace if goal else None
        return analyzer_pb2.AnalyzerResourceOptions(
            protect=resource.protect,
            ignoreChanges=resource.ignore_changes,
            deleteBeforeReplace=bool(delete_first),
            deleteBeforeReplaceDefined=delete_first is not None,
            additionalSecretOutputs=resource.additional_secret_outputs,
            aliases=resource.aliases,
            customTimeouts=analyzer_pb2.AnalyzerResourceOptions.CustomTimeouts(**resource.custom_timeouts),
            parent=resource.parent,
        )


def _struct(properties: Properties) -> Any:
    """Properties for a pack: secrets marked (its SDK unwraps them), references to resources plain."""
    return to_struct(properties, keep_secrets=True, keep_resources=False)
