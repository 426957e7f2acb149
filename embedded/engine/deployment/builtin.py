"""The engine's own package `pulumi`: stack references and stashes, and the function that looks up a registered resource.

Source: pkg/resource/deploy/builtins.go of Pulumi 3.260.0.
"""

# The methods take what the provider protocol gives, used or not.
# ruff: noqa: ARG002
from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence

from embedded.engine.errors import EngineError
from embedded.engine.plugins.client import ProviderClient
from embedded.engine.plugins.results import (
    CheckFailure,
    CheckResult,
    CreateResult,
    DiffResult,
    InvokeResult,
    ProviderError,
    ReadResult,
)
from embedded.engine.state import Resource
from embedded.engine.urn import STACK_REFERENCE_TYPE, type_of
from embedded.engine.values import UNKNOWN, Properties, Secret, contains_secrets, equal

PACKAGE = "pulumi"
STASH_TYPE = "pulumi:index:Stash"
GET_RESOURCE = "pulumi:pulumi:getResource"
READ_STACK_OUTPUTS = "pulumi:pulumi:readStackOutputs"


class Builtin(ProviderClient):
    """A provider inside the engine.

    Args:
        stack_outputs: The outputs of a stack by name; None if there is no such stack.
        find: The resource of a URN that is registered in this run, None if there is none.
    """

    def __init__(
        self, stack_outputs: Callable[[str], Properties | None], find: Callable[[str], Resource | None]
    ) -> None:
        self.package = PACKAGE
        self.version = ""
        self._stack_outputs = stack_outputs
        self._find = find
        self._config_known = True

    async def check_config(self, urn: str, olds: Properties, news: Properties) -> CheckResult:
        """Accept any configuration."""
        return CheckResult(news)

    async def diff_config(
        self, urn: str, old_inputs: Properties, old_outputs: Properties, news: Properties, ignore_changes: Sequence[str]
    ) -> DiffResult:
        """Nothing in the configuration matters."""
        return DiffResult("none")

    async def configure(self, inputs: Properties, urn: str = "", id_: str = "") -> None:
        """Nothing to do."""

    async def check(self, urn: str, olds: Properties, news: Properties, seed: bytes = b"") -> CheckResult:
        """A stack reference names a stack, and nothing else."""
        if type_of(urn) == STASH_TYPE:
            return CheckResult(news)
        if type_of(urn) != STACK_REFERENCE_TYPE:
            raise ProviderError(f"unrecognized resource type '{type_of(urn)}'")
        failures = [CheckFailure(key, f'unknown property "{key}"') for key in sorted(news) if key != "name"]
        name = news.get("name")
        if name is None:
            failures.append(CheckFailure("name", 'missing required property "name"'))
        elif name is not UNKNOWN and not isinstance(name, str):
            failures.append(CheckFailure("name", 'property "name" must be a string'))
        return CheckResult(news, tuple(failures))

    async def diff(
        self,
        urn: str,
        id_: str,
        old_inputs: Properties,
        old_outputs: Properties,
        news: Properties,
        ignore_changes: Sequence[str] = (),
    ) -> DiffResult:
        """Another name is another stack reference; a stash is updated."""
        if equal(old_inputs, news):
            return DiffResult("none")
        if type_of(urn) == STASH_TYPE:
            return DiffResult("some", changed_keys=("input",))
        return DiffResult("some", replace_keys=("name",), changed_keys=("name",))

    async def create(
        self, urn: str, inputs: Properties, timeout: float, preview: bool, *, interrupted: bool = False
    ) -> CreateResult:
        """Look up the stack; a stash takes its input."""
        if type_of(urn) == STASH_TYPE:
            outputs = {"input": inputs.get("input"), "output": inputs.get("input")}
            return CreateResult("" if preview else str(uuid.uuid4()), outputs)
        return CreateResult(str(uuid.uuid4()), self._read_reference(inputs))

    async def update(self, *arguments: object, **keywords: object) -> CreateResult:
        """Take a stash's new input, keep what it holds."""
        _, id_, _, old_outputs, news = arguments[:5]
        assert isinstance(old_outputs, dict)
        assert isinstance(news, dict)
        return CreateResult(str(id_), {"input": news.get("input"), "output": old_outputs.get("output")})

    async def delete(self, urn: str, id_: str, inputs: Properties, outputs: Properties, timeout: float) -> None:
        """Nothing to do."""

    async def read(
        self, urn: str, id_: str, inputs: Properties, outputs: Properties, timeout: float = 0.0
    ) -> ReadResult:
        """Look up the stack anew."""
        if type_of(urn) == STASH_TYPE:
            return ReadResult(id_, outputs, inputs)
        if "name" not in outputs:
            return ReadResult("", None, None)
        return ReadResult(id_, self._read_reference(outputs), {"name": outputs["name"]})

    async def invoke(self, token: str, args: Properties, preview: bool) -> InvokeResult | None:
        """Look up a resource of this run, or another stack's outputs."""
        if token == GET_RESOURCE:
            return self._get_resource(args)
        if token == READ_STACK_OUTPUTS:
            return InvokeResult(self._read_reference(args))
        raise ProviderError(f"unrecognized function name: '{token}'")

    async def cancel(self) -> None:
        """Nothing to do."""

    @property
    def accepts_outputs(self) -> bool:
        """It serves no components."""
        return False

    @property
    def configured(self) -> bool:
        """It needs no configuration."""
        return True

    def _read_reference(self, inputs: Properties) -> Properties:
        name = inputs.get("name")
        if name is UNKNOWN:
            return {"name": UNKNOWN, "outputs": UNKNOWN, "secretOutputNames": UNKNOWN}
        outputs = self._stack_outputs(str(name))
        if outputs is None:
            raise ProviderError(f'unknown stack "{name}"')
        secret_names = sorted(key for key, value in outputs.items() if contains_secrets(value))
        return {"name": name, "outputs": outputs, "secretOutputNames": secret_names}

    def _get_resource(self, args: Properties) -> InvokeResult:
        urn = args.get("urn")
        if urn is UNKNOWN:
            return InvokeResult({"urn": UNKNOWN, "id": UNKNOWN, "state": UNKNOWN})
        resource = self._find(str(urn.value if isinstance(urn, Secret) else urn))
        if resource is None:
            raise EngineError(f"unknown resource {urn}")
        return InvokeResult({"urn": resource.urn, "id": resource.id, "state": dict(resource.outputs)})
