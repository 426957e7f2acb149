"""The provider registry: every provider resource and the plugin that serves it.

A provider is checked and compared by a fresh plugin, which is configured when the provider is made, updated or found the same. Default
providers are registered on first use, with the stack configuration of their package as inputs.

Source: pkg/resource/deploy/providers (registry.go, provider.go) and source_eval.go of Pulumi 3.260.0.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from embedded.engine.deployment import builtin, diffs
from embedded.engine.deployment.goal import Goal
from embedded.engine.errors import EngineError
from embedded.engine.plugins.client import ProviderClient
from embedded.engine.plugins.host import DYNAMIC_PACKAGE, PluginHost
from embedded.engine.plugins.results import CheckResult, DiffResult
from embedded.engine.state import Resource
from embedded.engine.urn import (
    PROVIDER_TYPE_PREFIX,
    UNKNOWN_PROVIDER_ID,
    package_of,
    provider_reference,
)
from embedded.engine.values import Properties, Secret

_INTERNAL_KEY = "__internal"


@dataclass(frozen=True)
class PackageRequest:
    """Which plugin a resource wants: package, version (may be empty) and where it would be downloaded from."""

    package: str
    version: str = ""
    download_url: str = ""

    @property
    def default_provider_name(self) -> str:
        """The name of the default provider for it: `default`, `default_1_2_3`."""
        name = "default"
        if self.version:
            name += "_" + "".join(char if char.isalnum() else "_" for char in self.version)
        if self.download_url:
            name += "_" + "".join(char if char.isalnum() else "_" for char in self.download_url)
        return name


def default_provider_goal(request: PackageRequest, config: Mapping[str, str], secret_keys: frozenset[str]) -> Goal:
    """The registration of a package's default provider: its stack configuration as inputs."""
    inputs: Properties = {}
    for key, text in config.items():
        namespace, _, name = key.partition(":")
        value = Secret(text) if key in secret_keys else text
        if request.package == DYNAMIC_PACKAGE:
            inputs[key] = value
        elif namespace == request.package:
            inputs[name] = value
    goal = Goal(
        type=PROVIDER_TYPE_PREFIX + request.package, name=request.default_provider_name, custom=True, inputs=inputs
    )
    add_request(goal.inputs, request)
    return goal


def add_request(inputs: Properties, request: PackageRequest) -> None:
    """Note the wanted version and address among a provider's inputs, as the state keeps them."""
    if request.version:
        inputs["version"] = request.version
        inputs.setdefault(_INTERNAL_KEY, {})
    if request.download_url:
        inputs.setdefault(_INTERNAL_KEY, {})["pluginDownloadURL"] = request.download_url


class ProviderRegistry:
    """The providers of one run; `find_old` gives the state of a provider that the program has not registered."""

    def __init__(
        self,
        host: PluginHost,
        dry_run: bool,
        find_old: Callable[[str], Resource | None],
        builtin_provider: builtin.Builtin,
    ) -> None:
        self._host = host
        self._dry_run = dry_run
        self._find_old = find_old
        self._builtin = builtin_provider
        self._providers: dict[str, ProviderClient] = {}
        self._checked: dict[str, ProviderClient] = {}
        self._defaults: dict[PackageRequest, Awaitable[str]] = {}
        self._loading: dict[str, Awaitable[ProviderClient]] = {}

    # --- providers by reference --------------------------------------------------------------------------------------

    def get(self, reference: str) -> ProviderClient:
        """The configured plugin of a provider.

        Raises:
            EngineError: No such provider is registered.
        """
        provider = self._providers.get(reference)
        if provider is None:
            raise EngineError(f"unknown provider '{reference}'")
        return provider

    async def ensure(self, reference: str) -> ProviderClient:
        """The plugin of a provider, started from the old state if the program has not registered it (for deletes)."""
        if reference in self._providers:
            return self._providers[reference]
        resource = self._find_old(reference)
        if resource is None:
            raise EngineError(f"unknown provider '{reference}': it is not in the state")
        await self.same(resource)
        return self._providers[reference]

    # --- provider resources ------------------------------------------------------------------------------------------

    async def check(self, urn: str, olds: Properties, news: Properties) -> CheckResult:
        """Validate a provider's inputs with a fresh plugin, kept for what follows; with the one that serves it already, if one does.

        A refresh before the program has had it started. Where its configuration turns out to be another, a fresh one is made then.
        """
        provider = self._serving(urn, news)
        if provider is None:
            provider = self._checked[urn] = await self._start(urn, news)
        result = await provider.check_config(urn, _visible(olds), _visible(news))
        kept = {key: news[key] for key in ("version", _INTERNAL_KEY) if key in news}
        return CheckResult({**result.inputs, **kept}, result.failures)

    def _serving(self, urn: str, inputs: Properties) -> ProviderClient | None:
        """The plugin that already serves a provider, in the version that its inputs want."""
        version = inputs.get("version", "")
        serving = (client for reference, client in self._providers.items() if reference.rpartition("::")[0] == urn)
        return next((client for client in serving if client.version == version), None)

    async def diff(self, old: Resource, news: Properties, ignore_changes: list[str]) -> DiffResult:
        """Compare a provider's old state with its new inputs."""
        provider = self._checked.get(old.urn) or await self.ensure(provider_reference(old.urn, old.id))
        return await self.diff_config(provider, old, news, ignore_changes)

    async def diff_config(
        self, provider: ProviderClient, old: Resource, news: Properties, ignore_changes: list[str]
    ) -> DiffResult:
        """Compare two configurations by the plugin, by value if it cannot tell."""
        result = await provider.diff_config(
            old.urn, _visible(old.inputs), _visible(old.outputs), _visible(news), ignore_changes
        )
        return diffs.of_values(old.inputs, news) if result.changes == "unknown" else result

    async def create(self, resource: Resource) -> tuple[str, Properties]:
        """Configure the plugin that was checked; its id is new, or unknown in a preview."""
        id_ = UNKNOWN_PROVIDER_ID if self._dry_run else str(uuid.uuid4())
        await self._configure(resource, id_)
        return id_, _visible(resource.inputs)

    async def update(self, resource: Resource) -> Properties:
        """Configure the plugin that was checked in the place of the old one."""
        await self._configure(resource, resource.id)
        return _visible(resource.inputs)

    async def same(self, resource: Resource) -> None:
        """Have the provider's plugin run with the configuration of the state."""
        reference = provider_reference(resource.urn, resource.id)
        if reference in self._providers:
            return
        loading = self._loading.get(reference)
        if loading is None:
            loading = self._loading[reference] = asyncio.ensure_future(self._load(resource))
        self._providers[reference] = await loading

    async def delete(self, resource: Resource) -> None:
        """Forget a provider; its plugin ends with the run."""
        self._providers.pop(provider_reference(resource.urn, resource.id), None)

    async def _load(self, resource: Resource) -> ProviderClient:
        provider = self._checked.pop(resource.urn, None) or await self._start(resource.urn, resource.inputs)
        await provider.configure(_visible(resource.inputs), resource.urn, resource.id)
        return provider

    async def _configure(self, resource: Resource, id_: str) -> None:
        provider = self._checked.pop(resource.urn, None) or await self._start(resource.urn, resource.inputs)
        await provider.configure(_visible(resource.inputs), resource.urn, id_)
        self._providers[provider_reference(resource.urn, id_)] = provider

    async def _start(self, urn: str, inputs: Properties) -> ProviderClient:
        package = package_of(urn.split("::")[2].rpartition("$")[2])
        if package == builtin.PACKAGE:
            return self._builtin
        version = inputs.get("version")
        return await self._host.start(package, version if isinstance(version, str) else "")

    # --- default providers -------------------------------------------------------------------------------------------

    def default(self, request: PackageRequest, register: Callable[[PackageRequest], Awaitable[str]]) -> Awaitable[str]:
        """The reference of a package's default provider; `register` makes it, once."""
        if request not in self._defaults:
            self._defaults[request] = asyncio.ensure_future(register(request))
        return asyncio.shield(self._defaults[request])


def _visible(inputs: Properties) -> Properties:
    """The inputs that a plugin may see: without what the engine keeps among them."""
    return {key: value for key, value in inputs.items() if key != _INTERNAL_KEY}
