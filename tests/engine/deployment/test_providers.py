"""A plugin that a refresh has had started serves the program too, unless the program wants another configuration or version."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from embedded.engine.deployment.providers import ProviderRegistry
from embedded.engine.plugins.results import CheckResult, DiffResult
from embedded.engine.state import Resource

URN = "urn:pulumi:dev::proj::pulumi:providers:toy::default_1_0_0"


class Plugin:
    """A plugin that keeps what it was configured with."""

    def __init__(self, version: str) -> None:
        self.version = version
        self.configured: list[dict[str, Any]] = []

    async def check_config(self, _urn: str, _olds: Any, news: Any) -> CheckResult:
        return CheckResult(dict(news))

    async def diff_config(self, *_: Any) -> DiffResult:
        return DiffResult("unknown")

    async def configure(self, inputs: Any, _urn: str = "", _id: str = "") -> None:
        self.configured.append(dict(inputs))


class Host:
    """Starts plugins and counts them."""

    def __init__(self) -> None:
        self.started: list[Plugin] = []

    async def start(self, _package: str, version: str = "") -> Plugin:
        self.started.append(Plugin(version))
        return self.started[-1]


@pytest.mark.parametrize(
    ("wanted", "plugins", "last"),
    [
        ({"color": "red", "version": "1.0.0"}, 1, [{"color": "red", "version": "1.0.0"}]),
        ({"color": "blue", "version": "1.0.0"}, 2, [{"color": "blue", "version": "1.0.0"}]),
        ({"color": "red", "version": "2.0.0"}, 2, [{"color": "red", "version": "2.0.0"}]),
    ],
    ids=["the same", "another configuration", "another version"],
)
def test_plugin_of_a_refresh(wanted: dict[str, Any], plugins: int, last: list[dict[str, Any]]) -> None:
    inputs = {"color": "red", "version": "1.0.0"}
    old = Resource(urn=URN, type="pulumi:providers:toy", id="1", custom=True, inputs=inputs, outputs=inputs)
    host = Host()

    async def run() -> Any:
        registry = ProviderRegistry(host, False, lambda _reference: old, None)  # type: ignore[arg-type]
        refreshed = await registry.ensure(f"{URN}::1")
        checked = await registry.check(URN, old.inputs, wanted)
        changes = (await registry.diff(old, checked.inputs, [])).changes
        new = old.copy(inputs=checked.inputs)
        await (registry.same(new) if changes == "none" else registry.update(new))
        return refreshed, changes, registry.get(f"{URN}::1")

    refreshed, changes, serving = asyncio.run(run())
    assert len(host.started) == plugins
    assert serving.configured == last
    assert (changes == "none") == (serving is refreshed)
