"""Serve the provider over gRPC, as Pulumi's engines ask for it."""

import json
import logging
from collections.abc import Callable
from typing import Any, NoReturn

import grpc
from google.protobuf import any_pb2, empty_pb2
from google.rpc import status_pb2

from embedded.provider import data_sources, description
from embedded.provider.checks import Checked, Naming
from embedded.provider.errors import ProviderError
from embedded.provider.protocol import plugin_pb2, provider_pb2, provider_pb2_grpc
from embedded.provider.provider import PartialFailure, Provider
from embedded.provider.values import decode, decode_struct, encode_struct

_LOG = logging.getLogger(__name__)
_KINDS = provider_pb2.PropertyDiff.Kind


def _answers(method: Callable[..., Any]) -> Callable[..., Any]:
    """Turn the provider's errors into gRPC's."""

    def call(self: "Service", request: Any, context: grpc.ServicerContext) -> Any:
        try:
            return method(self, request, context)
        except PartialFailure as failure:
            _abort_partially(context, failure)
        except (ProviderError, ValueError) as error:
            context.abort(grpc.StatusCode.UNKNOWN, str(error))
        except Exception as error:  # an engine would only show "Exception calling application"
            if isinstance(error, grpc.RpcError) or context.code() is not None:  # type: ignore[attr-defined]
                raise
            _LOG.exception("%s failed", method.__name__)
            context.abort(
                grpc.StatusCode.INTERNAL, f"the embedded Snowflake provider failed: {type(error).__name__}: {error}"
            )

    call.__name__ = method.__name__
    return call


def _abort_partially(context: grpc.ServicerContext, failure: PartialFailure) -> NoReturn:
    detail = any_pb2.Any()
    detail.Pack(
        provider_pb2.ErrorResourceInitFailed(
            id=failure.id,
            properties=encode_struct(failure.outputs),
            reasons=[str(failure)],
            inputs=encode_struct(failure.inputs),
        )
    )
    status = status_pb2.Status(code=grpc.StatusCode.UNKNOWN.value[0], message=str(failure), details=[detail])
    context.set_trailing_metadata((("grpc-status-details-bin", status.SerializeToString()),))
    context.abort(grpc.StatusCode.UNKNOWN, str(failure))
    raise AssertionError("abort does not return")


def _token(request: Any) -> str:
    return request.type or request.urn.split("::")[2].split("$")[-1]


def _name(request: Any) -> str:
    return request.name or request.urn.split("::", 3)[3]


class Service(provider_pb2_grpc.ResourceProviderServicer):
    """The gRPC service of one provider process."""

    def __init__(self, provider: Provider) -> None:
        self._provider = provider

    # -- about the plugin ----------------------------------------------------------------------------------------------

    def Handshake(self, request: Any, context: Any) -> Any:  # noqa: ARG002
        """Tell the engine what the provider understands."""
        return provider_pb2.ProviderHandshakeResponse(supports_autonaming_configuration=True)

    def GetPluginInfo(self, request: Any, context: Any) -> Any:  # noqa: ARG002
        """Return the version of the official plugin that this one stands in for."""
        return plugin_pb2.PluginInfo(version=description.raw_schema()["version"])

    def GetSchema(self, request: Any, context: Any) -> Any:  # noqa: ARG002
        """Return the package's name, version and resource types."""
        raw = description.raw_schema()
        resources = {
            item["token"]: {
                "inputProperties": {
                    prop["n"]: {} for prop in item["properties"].values() if "o" not in prop.get("f", "")
                },
                "properties": {prop["n"]: {} for prop in item["properties"].values()},
            }
            for item in raw["resources"].values()
        }
        schema = {"name": "snowflake", "version": raw["version"], "resources": resources}
        return provider_pb2.GetSchemaResponse(schema=json.dumps(schema))

    def GetMapping(self, request: Any, context: Any) -> Any:  # noqa: ARG002
        """Return no mapping."""
        return provider_pb2.GetMappingResponse()

    def GetMappings(self, request: Any, context: Any) -> Any:  # noqa: ARG002
        """Return no mappings."""
        return provider_pb2.GetMappingsResponse()

    def Attach(self, request: Any, context: Any) -> Any:  # noqa: ARG002
        """Accept the engine."""
        return empty_pb2.Empty()

    def Cancel(self, request: Any, context: Any) -> Any:  # noqa: ARG002
        """Stop what runs and refuse what follows."""
        self._provider.cancel()
        return empty_pb2.Empty()

    # -- configuration -------------------------------------------------------------------------------------------------

    @_answers
    def CheckConfig(self, request: Any, context: Any) -> Any:  # noqa: ARG002
        """Check the provider's configuration."""
        return _checked(self._provider.check_config(decode_struct(request.news)))

    @_answers
    def DiffConfig(self, request: Any, context: Any) -> Any:  # noqa: ARG002
        """Tell which configuration changed; none of it replaces the provider."""
        old, new = decode_struct(request.old_inputs or request.olds), decode_struct(request.news)
        changed = sorted(key for key in {*old, *new} - {"version"} if old.get(key) != new.get(key))
        some = provider_pb2.DiffResponse.DIFF_SOME if changed else provider_pb2.DiffResponse.DIFF_NONE
        return provider_pb2.DiffResponse(changes=some, diffs=changed)

    @_answers
    def Configure(self, request: Any, context: Any) -> Any:  # noqa: ARG002
        """Take over the configuration."""
        given = decode_struct(request.args)
        if not given:
            prefix = "snowflake:config:"
            given = {key.removeprefix(prefix): value for key, value in request.variables.items()}
        self._provider.configure(given)
        self._provider.warm()
        return provider_pb2.ConfigureResponse(supportsPreview=True, supports_autonaming_configuration=True)

    # -- resources -----------------------------------------------------------------------------------------------------

    @_answers
    def Check(self, request: Any, context: Any) -> Any:  # noqa: ARG002
        """Check a resource's inputs and fill in defaults."""
        naming = Naming(_name(request), request.randomSeed)
        if request.HasField("autonaming"):
            naming.proposed = request.autonaming.proposed_name
            naming.disabled = request.autonaming.mode == provider_pb2.CheckRequest.AutonamingOptions.Mode.DISABLE
        return _checked(self._provider.check(_token(request), request.news, request.olds, naming))

    @_answers
    def Diff(self, request: Any, context: Any) -> Any:  # noqa: ARG002
        """Compare a resource's state with its inputs."""
        found = self._provider.diff(
            _token(request), request.olds, request.news, request.old_inputs, list(request.ignoreChanges)
        )
        if not found.changed:
            return provider_pb2.DiffResponse(changes=provider_pb2.DiffResponse.DIFF_NONE, hasDetailedDiff=True)
        details = {
            _path(path): provider_pb2.PropertyDiff(kind=_KINDS.Value(f"{verb}_REPLACE" if replace else verb))
            for path, (verb, replace) in found.details.items()
        }
        return provider_pb2.DiffResponse(
            changes=provider_pb2.DiffResponse.DIFF_SOME,
            diffs=found.changed,
            replaces=found.replaces,
            deleteBeforeReplace=found.delete_first,
            detailedDiff=details,
            hasDetailedDiff=True,
        )

    @_answers
    def Create(self, request: Any, context: Any) -> Any:
        """Create an object; the call's metadata may say that a killed run was at it before."""
        interrupted = ("pulumi-interrupted-create", "true") in context.invocation_metadata()
        result = self._provider.create(
            _token(request), request.properties, request.timeout, preview=request.preview, interrupted=interrupted
        )
        return provider_pb2.CreateResponse(id=result.id, properties=encode_struct(result.outputs))

    @_answers
    def Update(self, request: Any, context: Any) -> Any:  # noqa: ARG002
        """Change an object in place."""
        outputs = self._provider.update(
            _token(request),
            request.id,
            request.olds,
            request.news,
            request.old_inputs,
            request.timeout,
            preview=request.preview,
        )
        return provider_pb2.UpdateResponse(properties=encode_struct(outputs))

    @_answers
    def Delete(self, request: Any, context: Any) -> Any:  # noqa: ARG002
        """Delete an object."""
        self._provider.delete(_token(request), request.id, request.properties, request.timeout)
        return empty_pb2.Empty()

    @_answers
    def Read(self, request: Any, context: Any) -> Any:  # noqa: ARG002
        """Read an object as it is now."""
        found = self._provider.read(_token(request), request.id, request.properties, request.inputs, request.timeout)
        if not found.id:
            return provider_pb2.ReadResponse()
        return provider_pb2.ReadResponse(
            id=found.id, properties=encode_struct(found.outputs), inputs=encode_struct(found.inputs)
        )

    @_answers
    def Invoke(self, request: Any, context: Any) -> Any:
        """Answer a data source; one that is not supported is refused by name."""
        if request.tok not in data_sources.FUNCTIONS:
            context.abort(grpc.StatusCode.UNIMPLEMENTED, f"{request.tok} is not supported by the embedded provider")
        answer = self._provider.ask(data_sources.FUNCTIONS[request.tok], request.args)
        response = provider_pb2.InvokeResponse()
        getattr(response, "return").CopyFrom(encode_struct(answer))  # a keyword of Python
        return response

    @_answers
    def Call(self, request: Any, context: Any) -> Any:
        """Refuse method calls; the package has none."""
        context.abort(grpc.StatusCode.UNIMPLEMENTED, f"{request.tok} is not supported by the embedded provider")

    @_answers
    def Construct(self, request: Any, context: Any) -> Any:
        """Refuse components; the package has none."""
        context.abort(grpc.StatusCode.UNIMPLEMENTED, f"{request.type} is no component of package snowflake")


def _checked(checked: Checked) -> Any:
    failures: list[Any] = [provider_pb2.CheckFailure(property=path, reason=reason) for path, reason in checked.failures]
    return provider_pb2.CheckResponse(inputs=encode_struct(checked.inputs), failures=failures)


def _path(path: tuple[str | int, ...]) -> str:
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path).lstrip(".")


__all__ = ["Service", "decode"]
