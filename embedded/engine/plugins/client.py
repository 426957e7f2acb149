"""A provider plugin spoken to over gRPC, in the engine's own values.

What a plugin does not understand (secrets, unknowns before it is configured, previews) is kept from it here, and what it loses of
a secret is marked again in its answers.

Source: sdk/go/common/resource/plugin/provider_plugin.go of Pulumi 3.260.0.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import grpc
import grpc.aio
from google.protobuf import empty_pb2
from google.rpc import status_pb2
from pulumi.runtime.proto import provider_pb2, provider_pb2_grpc

from embedded.engine.plugins.results import (
    CheckFailure,
    CheckResult,
    CreateResult,
    DiffResult,
    InitError,
    InvokeResult,
    PluginGoneError,
    ProviderError,
    ReadResult,
)
from embedded.engine.urn import name_of, type_of
from embedded.engine.values import (
    Properties,
    Secret,
    Value,
    as_secret,
    contains_secrets,
    contains_unknowns,
    dumps,
    from_struct,
    is_message_of,
    to_json,
    to_struct,
)

CHANNEL_OPTIONS = (
    ("grpc.max_receive_message_length", 1024 * 1024 * 400),
    ("grpc.max_send_message_length", 1024 * 1024 * 400),
    ("grpc.primary_user_agent", "pulumi-embedded"),
)
_DIFF_KINDS = ("add", "add-replace", "delete", "delete-replace", "update", "update-replace")
_UNAVAILABLE_CONFIG = "the provider's configuration is not known yet"

# What it would print is told as the error of the plugin.
logging.getLogger("grpc._common").setLevel(logging.CRITICAL)

_INTERRUPTED = (("pulumi-interrupted-create", "true"),)


@dataclass
class _Abilities:
    accept_secrets: bool = False
    accept_resources: bool = False
    accept_outputs: bool = False
    supports_preview: bool = False


@dataclass
class Handshake:
    """What a plugin is told of the engine and the program."""

    engine_address: str
    root_directory: str = ""
    program_directory: str = ""


@dataclass
class ProviderClient:
    """One running plugin. Not configured until `configure`; calls before it are CheckConfig and DiffConfig only."""

    package: str
    channel: grpc.aio.Channel
    version: str = ""
    used: bool = True
    _abilities: _Abilities = field(default_factory=_Abilities)
    _config_known: bool = False

    def __post_init__(self) -> None:
        # The stub types know only the blocking calls.
        self._stub: Any = provider_pb2_grpc.ResourceProviderStub(self.channel)

    async def _call(self, method: Any, request: Any, **options: Any) -> Any:
        response = await method(request, **options)
        if response is None:
            # gRPC's way to say that it could not read the answer.
            raise PluginGoneError(f"the plugin of package '{self.package}' gave an answer that cannot be read")
        return response

    async def handshake(self, handshake: Handshake) -> None:
        """Tell the plugin where the engine is; older plugins do not know this call."""
        request = provider_pb2.ProviderHandshakeRequest(
            engine_address=handshake.engine_address,
            root_directory=handshake.root_directory,
            program_directory=handshake.program_directory,
            configure_with_urn=True,
            supports_views=False,
            supports_refresh_before_update=True,
            invoke_with_preview=True,
        )
        try:
            response = await self._call(self._stub.Handshake, request)
        except grpc.aio.AioRpcError as error:
            if error.code() == grpc.StatusCode.UNIMPLEMENTED:
                return
            raise self._failure(error) from error
        self._abilities.accept_secrets = response.accept_secrets
        self._abilities.accept_resources = response.accept_resources
        self._abilities.accept_outputs = response.accept_outputs

    async def check_config(self, urn: str, olds: Properties, news: Properties) -> CheckResult:
        """Validate a provider's configuration; a plugin that does not know the call accepts all."""
        request = provider_pb2.CheckRequest(
            urn=urn, olds=to_struct(olds), news=to_struct(news), name=name_of(urn), type=type_of(urn)
        )
        try:
            response = await self._call(self._stub.CheckConfig, request)
        except grpc.aio.AioRpcError as error:
            if _is_unimplemented(error):
                return CheckResult(news)
            raise self._failure(error) from error
        inputs = from_struct(response.inputs)
        return CheckResult(with_secrets_of(inputs, news), _failures(response.failures))

    async def diff_config(
        self, urn: str, old_inputs: Properties, old_outputs: Properties, news: Properties, ignore_changes: Sequence[str]
    ) -> DiffResult:
        """Compare two configurations of a provider."""
        request = provider_pb2.DiffRequest(
            urn=urn,
            olds=to_struct(old_outputs),
            news=to_struct(news),
            old_inputs=to_struct(old_inputs),
            ignoreChanges=ignore_changes,
            name=name_of(urn),
            type=type_of(urn),
        )
        try:
            return _diff_result(await self._call(self._stub.DiffConfig, request))
        except grpc.aio.AioRpcError as error:
            if _is_unimplemented(error):
                return DiffResult()
            raise self._failure(error) from error

    async def configure(self, inputs: Properties, urn: str = "", id_: str = "") -> None:
        """Give the plugin its configuration; unknown values leave it unconfigured, which previews allow."""
        self._config_known = not contains_unknowns(inputs)
        if not self._config_known:
            return
        request = provider_pb2.ConfigureRequest(
            variables={f"{self.package}:config:{key}": _variable(value) for key, value in inputs.items()},
            args=to_struct(inputs, keep_secrets=True, keep_unknowns=False),
            acceptSecrets=True,
            acceptResources=True,
            sends_old_inputs=True,
            sends_old_inputs_to_delete=True,
            urn=urn,
            id=id_,
            name=name_of(urn) if urn else "",
            type=type_of(urn) if urn else "",
        )
        try:
            response = await self._call(self._stub.Configure, request)
        except grpc.aio.AioRpcError as error:
            raise self._configure_failure(error) from error
        self._abilities = _Abilities(
            accept_secrets=response.acceptSecrets or self._abilities.accept_secrets,
            accept_resources=response.acceptResources or self._abilities.accept_resources,
            accept_outputs=response.acceptOutputs or self._abilities.accept_outputs,
            supports_preview=response.supportsPreview,
        )

    async def check(self, urn: str, olds: Properties, news: Properties, seed: bytes = b"") -> CheckResult:
        """Validate a resource's inputs and fill in defaults."""
        if not self._config_known:
            return CheckResult(news)
        request = provider_pb2.CheckRequest(
            urn=urn,
            olds=self._wire(olds),
            news=self._wire(news),
            randomSeed=seed,
            name=name_of(urn),
            type=type_of(urn),
        )
        try:
            response = await self._call(self._stub.Check, request)
        except grpc.aio.AioRpcError as error:
            raise self._failure(error) from error
        return CheckResult(self._marked(from_struct(response.inputs), news), _failures(response.failures))

    async def diff(
        self,
        urn: str,
        id_: str,
        old_inputs: Properties,
        old_outputs: Properties,
        news: Properties,
        ignore_changes: Sequence[str] = (),
    ) -> DiffResult:
        """Compare what a resource is with what is wanted."""
        if not self._config_known:
            return DiffResult(changes="unknown")
        request = provider_pb2.DiffRequest(
            id=id_,
            urn=urn,
            olds=self._wire(old_outputs),
            news=self._wire(news),
            old_inputs=self._wire(old_inputs),
            ignoreChanges=ignore_changes,
            name=name_of(urn),
            type=type_of(urn),
        )
        try:
            return _diff_result(await self._call(self._stub.Diff, request))
        except grpc.aio.AioRpcError as error:
            raise self._failure(error) from error

    async def create(
        self, urn: str, inputs: Properties, timeout: float, preview: bool, *, interrupted: bool = False
    ) -> CreateResult:
        """Make a resource; in a preview, say what its outputs will be.

        Args:
            urn: The resource.
            inputs: Its checked inputs.
            timeout: Seconds; 0 is the provider's own.
            preview: Whether only to tell the outputs.
            interrupted: A run was killed while it made this resource. Said in the call's metadata, which providers that do
                not know it ignore: one that does may take up what the killed run left behind.

        Raises:
            InitError: It was made, but did not come up.
        """
        if preview and not (self._config_known and self._abilities.supports_preview):
            return CreateResult("", {})
        self._require_config(urn)
        request = provider_pb2.CreateRequest(
            urn=urn,
            properties=self._wire(inputs),
            timeout=timeout,
            preview=preview,
            name=name_of(urn),
            type=type_of(urn),
        )
        try:
            response = await self._call(self._stub.Create, request, metadata=_INTERRUPTED if interrupted else None)
        except grpc.aio.AioRpcError as error:
            raise self._failure(error, inputs) from error
        if not response.id and not preview:
            raise ProviderError(f"plugin for package '{self.package}' returned empty resource.ID from create '{urn}'")
        outputs = self._marked(from_struct(response.properties), inputs)
        return CreateResult(response.id, outputs, response.refresh_before_update)

    async def read(
        self, urn: str, id_: str, inputs: Properties, outputs: Properties, timeout: float = 0.0
    ) -> ReadResult:
        """What the resource of that id is now.

        Raises:
            InitError: It exists, but is not well; the properties read are in the error.
        """
        self._require_config(urn)
        request = provider_pb2.ReadRequest(
            id=id_,
            urn=urn,
            properties=self._wire(outputs),
            inputs=self._wire(inputs),
            name=name_of(urn),
            type=type_of(urn),
            timeout=timeout,
        )
        try:
            response = await self._call(self._stub.Read, request)
        except grpc.aio.AioRpcError as error:
            raise self._failure(error, inputs) from error
        if not response.id:
            return ReadResult("", None, None)
        read_inputs = from_struct(response.inputs) if response.HasField("inputs") else None
        if read_inputs is not None:
            read_inputs = with_secrets_of(read_inputs, inputs)
        # The usual answer of a refresh is what the state holds: told by the messages, it needs no conversion.
        if not is_message_of(response.properties, outputs):
            outputs = self._marked(from_struct(response.properties), outputs)
        return ReadResult(response.id, outputs, read_inputs)

    async def update(
        self,
        urn: str,
        id_: str,
        old_inputs: Properties,
        old_outputs: Properties,
        news: Properties,
        timeout: float,
        ignore_changes: Sequence[str],
        preview: bool,
    ) -> CreateResult:
        """Change a resource in place; in a preview, say what its outputs will be.

        Raises:
            InitError: It was changed, but did not come up.
        """
        if preview and not (self._config_known and self._abilities.supports_preview):
            return CreateResult(id_, {})
        self._require_config(urn)
        request = provider_pb2.UpdateRequest(
            id=id_,
            urn=urn,
            olds=self._wire(old_outputs),
            news=self._wire(news),
            old_inputs=self._wire(old_inputs),
            timeout=timeout,
            ignoreChanges=ignore_changes,
            preview=preview,
            name=name_of(urn),
            type=type_of(urn),
        )
        try:
            response = await self._call(self._stub.Update, request)
        except grpc.aio.AioRpcError as error:
            raise self._failure(error, news) from error
        outputs = self._marked(from_struct(response.properties), news)
        return CreateResult(id_, outputs, response.refresh_before_update)

    async def delete(self, urn: str, id_: str, inputs: Properties, outputs: Properties, timeout: float) -> None:
        """Delete a resource."""
        self._require_config(urn)
        request = provider_pb2.DeleteRequest(
            id=id_,
            urn=urn,
            properties=self._wire(outputs),
            old_inputs=self._wire(inputs),
            timeout=timeout,
            name=name_of(urn),
            type=type_of(urn),
        )
        try:
            await self._call(self._stub.Delete, request)
        except grpc.aio.AioRpcError as error:
            raise self._failure(error) from error

    async def invoke(self, token: str, args: Properties, preview: bool) -> InvokeResult | None:
        """Call a function; None if the configuration is not known yet, so that the answer is unknown."""
        if not self._config_known:
            return None
        request = provider_pb2.InvokeRequest(tok=token, args=self._wire(args), preview=preview)
        try:
            response = await self._call(self._stub.Invoke, request)
        except grpc.aio.AioRpcError as error:
            raise self._failure(error) from error
        return InvokeResult(from_struct(getattr(response, "return")), _failures(response.failures))

    async def construct(self, request: provider_pb2.ConstructRequest) -> provider_pb2.ConstructResponse:
        """Have the plugin make a component; it registers the children itself."""
        try:
            return await self._call(self._stub.Construct, request)
        except grpc.aio.AioRpcError as error:
            raise self._failure(error) from error

    async def call(self, request: provider_pb2.CallRequest) -> provider_pb2.CallResponse:
        """Call a method of a resource."""
        try:
            return await self._call(self._stub.Call, request)
        except grpc.aio.AioRpcError as error:
            raise self._failure(error) from error

    async def parameterize(self, request: provider_pb2.ParameterizeRequest) -> provider_pb2.ParameterizeResponse:
        """Make the plugin serve the package that the parameters describe."""
        try:
            return await self._call(self._stub.Parameterize, request)
        except grpc.aio.AioRpcError as error:
            raise self._failure(error) from error

    async def get_schema(self) -> str:
        """The package's schema as JSON text."""
        try:
            return (await self._call(self._stub.GetSchema, provider_pb2.GetSchemaRequest(version=0))).schema
        except grpc.aio.AioRpcError as error:
            raise self._failure(error) from error

    async def cancel(self) -> None:
        """Tell the plugin to stop what it does; a plugin that is gone or does not know the call is fine."""
        try:
            await self._call(self._stub.Cancel, empty_pb2.Empty(), timeout=5)
        except grpc.aio.AioRpcError:
            return

    @property
    def accepts_outputs(self) -> bool:
        """Whether the plugin's components take output values."""
        return self._abilities.accept_outputs

    @property
    def configured(self) -> bool:
        """Whether the plugin has its whole configuration."""
        return self._config_known

    def _require_config(self, urn: str) -> None:
        if not self._config_known:
            raise ProviderError(f"cannot operate on {urn}: {_UNAVAILABLE_CONFIG}")

    def _wire(self, properties: Mapping[str, Value]) -> Any:
        return to_struct(
            properties,
            keep_secrets=self._abilities.accept_secrets,
            keep_resources=self._abilities.accept_resources,
        )

    def _marked(self, answer: Properties, asked: Properties) -> Properties:
        return answer if self._abilities.accept_secrets else with_secrets_of(answer, asked)

    def _failure(self, error: grpc.aio.AioRpcError, inputs: Properties | None = None) -> ProviderError:
        init = _init_failure(error)
        if init is not None:
            properties = self._marked(from_struct(init.properties), inputs or {})
            read_inputs = from_struct(init.inputs) if init.HasField("inputs") else None
            return InitError(list(init.reasons), init.id, properties, read_inputs)
        if error.code() == grpc.StatusCode.UNAVAILABLE:
            return PluginGoneError(f"the plugin of package '{self.package}' is gone: {error.details()}")
        return ProviderError(error.details() or str(error.code()))

    def _configure_failure(self, error: grpc.aio.AioRpcError) -> ProviderError:
        for detail in _details(error):
            missing = provider_pb2.ConfigureErrorMissingKeys()
            if detail.Unpack(missing):
                keys = "".join(f"\n\t{key.name}: {key.description}" for key in missing.missingKeys)
                return ProviderError(f"provider {self.package} has missing required configuration:{keys}")
        return self._failure(error)


def _is_unimplemented(error: grpc.aio.AioRpcError) -> bool:
    if error.code() == grpc.StatusCode.UNIMPLEMENTED:
        return True
    # Some plugins answer UNKNOWN with the text that Go's stubs use.
    return error.code() == grpc.StatusCode.UNKNOWN and "not yet implemented" in (error.details() or "").lower()


def _details(error: grpc.aio.AioRpcError) -> list[Any]:
    for key, value in error.trailing_metadata() or ():
        if key == "grpc-status-details-bin":
            return list(status_pb2.Status.FromString(value).details)  # type: ignore[arg-type]
    return []


def _init_failure(error: grpc.aio.AioRpcError) -> provider_pb2.ErrorResourceInitFailed | None:
    for detail in _details(error):
        failed = provider_pb2.ErrorResourceInitFailed()
        if detail.Unpack(failed):
            return failed
    return None


def _failures(failures: Any) -> tuple[CheckFailure, ...]:
    return tuple(CheckFailure(failure.property, failure.reason) for failure in failures)


def _diff_result(response: provider_pb2.DiffResponse) -> DiffResult:
    detailed = None
    if response.hasDetailedDiff or response.detailedDiff:
        detailed = {path: (_DIFF_KINDS[item.kind], item.inputDiff) for path, item in response.detailedDiff.items()}
    return DiffResult(
        changes=("unknown", "none", "some")[response.changes],
        replace_keys=tuple(response.replaces),
        stable_keys=tuple(response.stables),
        changed_keys=tuple(response.diffs),
        delete_before_replace=response.deleteBeforeReplace,
        detailed=detailed,
    )


def _variable(value: Value) -> str:
    plain = value.value if isinstance(value, Secret) else value
    return plain if isinstance(plain, str) else dumps(to_json(plain, None, show_secrets=True))


def with_secrets_of(answer: Properties, asked: Properties) -> Properties:
    """The answer with what was secret secret again, for plugins that drop the mark.

    An object is marked within; a list with a secret in it becomes secret as a whole, for its elements may have moved.
    """
    return {key: _marked_again(value, asked[key]) if key in asked else value for key, value in answer.items()}


def _marked_again(answer: Value, asked: Value) -> Value:
    if isinstance(answer, dict) and isinstance(asked, dict):
        return with_secrets_of(answer, asked)
    return as_secret(answer) if contains_secrets(asked) else answer
