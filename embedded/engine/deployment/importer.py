"""`pulumi import`: takes over the named resources under the stack, one after another, parents first.

Source: pkg/resource/deploy/import.go of Pulumi 3.260.0.
"""

from __future__ import annotations

from embedded.engine.deployment.context import Bail, Context
from embedded.engine.deployment.executor import StepExecutor
from embedded.engine.deployment.goal import Goal
from embedded.engine.deployment.imports import ImportStep
from embedded.engine.deployment.operation import ImportSpec
from embedded.engine.deployment.providers import PackageRequest
from embedded.engine.deployment.registrar import Registrar, Terminated
from embedded.engine.deployment.steps import CreateStep
from embedded.engine.errors import EngineError
from embedded.engine.state import Resource
from embedded.engine.urn import ROOT_STACK_TYPE, child, is_provider_type, package_of


async def run_imports(context: Context, registrar: Registrar, executor: StepExecutor) -> None:
    """Import everything that the operation names; a stack without a Stack resource gets one.

    Raises:
        Bail: The provider of one could not be made; why was told.
        EngineError: The provider of one is not in the state.
    """
    for resource in context.previous:
        context.news.setdefault(resource.urn, resource)
    root = context.root_urn
    if root not in context.olds:
        await executor.run([CreateStep(new=Resource(urn=root, type=ROOT_STACK_TYPE))])
    for spec in context.operation.imports:
        try:
            if is_provider_type(spec.type):
                await _make_provider(registrar, spec, root)
                continue
            new = await _resource(context, registrar, spec, root)
        except Terminated as error:
            # Its default provider could not be made, which was told already.
            raise Bail from error
        await executor.run([ImportStep(new=new, planned=True, properties=spec.properties)])


async def _make_provider(registrar: Registrar, spec: ImportSpec, root: str) -> None:
    goal = Goal(type=spec.type, name=spec.name, custom=True, inputs=dict(spec.inputs), parent=spec.parent or root)
    request = PackageRequest(package_of(spec.type), spec.version, spec.plugin_download_url)
    await registrar.register(goal, request)


async def _resource(context: Context, registrar: Registrar, spec: ImportSpec, root: str) -> Resource:
    operation = context.operation
    parent = spec.parent or root
    provider = ""
    if not spec.component:
        provider = await _provider(context, registrar, spec)
    return Resource(
        urn=child(operation.stack, operation.project, parent, spec.type, spec.name),
        type=spec.type,
        custom=not spec.component,
        id=spec.id,
        parent=parent,
        provider=provider,
        protect=spec.protect and not spec.component,
        import_id="",
    )


async def _provider(context: Context, registrar: Registrar, spec: ImportSpec) -> str:
    if spec.provider:
        resource = context.news.get(spec.provider)
        if resource is None:
            raise EngineError(f"unknown provider '{spec.provider}' of resource '{spec.name}': it is not in the state")
        reference = f"{resource.urn}::{resource.id}"
        await context.providers.ensure(reference)
        return reference
    request = PackageRequest(package_of(spec.type), spec.version, spec.plugin_download_url)
    return await registrar.default_provider(request)
