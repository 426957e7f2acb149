"""Replaces the hot functions of one version of the Pulumi SDK by quicker ones of the same effect.

What the SDK makes for each output of a resource before anybody asks for it (five futures, a task, a lock, the typed value) is
made when it is asked for; most never are. The requests to the engine, and how the program ends, are as without it: a value is
converted at once unless an equal one of the same type was, so one of the wrong shape fails the resource as it would.

It depends on nothing but `pulumi`, for it runs in the program's virtual environment. `install` leaves any other version alone.

Source: sdk/python/lib/pulumi (runtime/rpc.py, runtime/resource.py, runtime/stack.py, output.py) of 3.272.0.
"""

from __future__ import annotations

import asyncio
import hashlib
import pathlib
import sys
from importlib.metadata import PackageNotFoundError, version
from typing import Any

VERSIONS = frozenset({"3.272.0"})
_MARK = b"4dabf18193072939515e22adb298388d"
_PLAIN = frozenset({str, bool, int, float})
_CALLS_OF_CONSTRUCTORS = 3


def install() -> bool:
    """Replace the functions; return whether the SDK is of a version that they stand in for."""
    try:
        if version("pulumi") not in VERSIONS:
            return False
    except PackageNotFoundError:
        return False
    from pulumi import output
    from pulumi.runtime import resource, rpc, stack

    setattr(output.Output, "_data", _Data())  # noqa: B010 - the SDK declares instances' attributes only
    fast = _Fast(rpc, output)
    rpc.transfer_properties = fast.transfer_properties
    rpc.resolve_outputs = fast.resolve_outputs
    rpc.serialize_properties = fast.serialize_properties
    for module in (rpc, output):
        setattr(module, "contains_unknowns", fast.contains_unknowns)  # noqa: B010
    resource._get_stack_trace = _StackTraces().take
    stack.wait_for_rpcs = _wait_for_rpcs
    return True


# --- outputs ---------------------------------------------------------------------------------------------------------


class _Cell:
    """What becomes of one output of a resource; it is called to resolve it, with the arguments of the SDK's `Resolver`."""

    __slots__ = ("convert", "deps", "failed", "future", "is_known", "is_secret", "resolved", "resource", "value")

    def __init__(self, resource: Any) -> None:
        self.resource = resource
        self.future: asyncio.Future | None = None
        self.resolved = False
        self.convert: Any = None

    def __call__(
        self,
        value: Any,
        is_known: bool,
        is_secret: bool,
        deps: set | None,
        failed: Exception | None,
        convert: Any = None,
    ) -> None:
        """Resolve the output; with `convert` its value is that function's of `value`, when somebody asks."""
        if self.resolved:
            raise asyncio.InvalidStateError("invalid state")
        self.value, self.is_known, self.is_secret = value, is_known, is_secret
        self.deps, self.failed, self.convert = deps, failed, convert
        self.resolved = True
        if self.future is not None:
            self._settle(self.future)

    def awaited(self) -> asyncio.Future:
        """The future of the output's data."""
        if self.future is None:
            self.future = asyncio.Future()
            if self.resolved:
                self._settle(self.future)
        return self.future

    def _settle(self, future: asyncio.Future) -> None:
        if self.failed is not None:
            future.set_exception(self.failed)
            return
        from pulumi.output import _OutputData

        value = self.value if self.convert is None else self.convert(self.value)
        resources = {self.resource, *(self.deps or ())}
        self.value = self.convert = None
        future.set_result(
            _OutputData(resources=resources, value=value, is_known=self.is_known, is_secret=self.is_secret)
        )


class _Data:
    """`Output._data` of an output that nobody has asked for: made on first use, and an attribute like any from then on."""

    def __get__(self, output: Any, owner: type | None = None) -> asyncio.Future:
        if output is not None:
            cell = output.__dict__.get("_cell")
            if cell is not None:
                future = output.__dict__["_data"] = cell.awaited()
                return future
        raise AttributeError("_data")


class _Resolvers(dict):
    """The cells of a resource's outputs, by name."""


class _Fast:
    """The replacements for `pulumi.runtime.rpc`, with what they call and what they know of values."""

    def __init__(self, rpc: Any, output: Any) -> None:
        self._rpc = rpc
        self._output = output.Output
        self._resolve_outputs = rpc.resolve_outputs
        self._serialize_properties = rpc.serialize_properties
        self._serialize_property = rpc.serialize_property
        self._contains_unknowns = rpc.contains_unknowns
        self._is_unknown = rpc.known_types.is_unknown
        self._convertible: set[tuple] = set()

    def contains_unknowns(self, val: Any) -> bool:
        """As `rpc.contains_unknowns`."""
        return False if val is None or type(val) in _PLAIN else self._contains_unknowns(val)

    def transfer_properties(self, res: Any, props: Any, custom: bool) -> dict[str, Any]:
        """As `rpc.transfer_properties`."""
        resolvers = _Resolvers()
        make, kind, attributes = object.__new__, self._output, res.__dict__
        for name in props:
            if name == "urn" or (name == "id" and custom):
                continue
            cell = resolvers[name] = _Cell(res)
            output = attributes[name] = make(kind)
            output.__dict__["_cell"] = cell
        return resolvers

    # -- inputs --------------------------------------------------------------------------------------------------------

    async def serialize_properties(
        self,
        inputs: Any,
        property_deps: dict,
        resource_obj: Any = None,
        input_transformer: Any = None,
        typ: Any = None,
        keep_output_values: bool = False,
        exclude_resource_refs_from_deps: bool = False,
    ) -> Any:
        """As `rpc.serialize_properties`: what is not set is passed over, plain values go as they are."""
        rpc = self._rpc
        rest = (keep_output_values, exclude_resource_refs_from_deps)
        if rpc.settings.excessive_debug_output:
            return await self._serialize_properties(inputs, property_deps, resource_obj, input_transformer, typ, *rest)
        names = rpc._types.input_type_py_to_pulumi_names(typ) if typ is not None else {}
        struct = rpc.struct_pb2.Struct()
        for key in inputs:
            value = inputs[key]
            if value is None:
                continue
            if type(value) not in _PLAIN:
                # One property by the SDK's own function, whose errors name it.
                one = await self._serialize_properties(
                    {key: value}, property_deps, resource_obj, input_transformer, typ, *rest
                )
                struct.MergeFrom(one)
                continue
            if typ is not None:
                name = names.get(key) or key
            else:
                name = key if input_transformer is None else input_transformer(key)
            struct[name] = value
            property_deps[name] = []
        return struct

    # -- outputs -------------------------------------------------------------------------------------------------------

    def resolve_outputs(
        self,
        res: Any,
        serialized_props: Any,
        outputs: Any,
        deps: Any,
        resolvers: Any,
        custom: bool,
        transform_using_type_metadata: bool = False,
        keep_unknowns: bool = False,
        resolve_missing_as_unknown: bool = False,
    ) -> None:
        """As `rpc.resolve_outputs`: values of a shape that is known to convert are converted when they are asked for."""
        rpc, settings = self._rpc, self._rpc.settings
        if (
            not transform_using_type_metadata
            or type(resolvers) is not _Resolvers
            or rpc._special_sig_key in outputs.fields
            or settings.excessive_debug_output
        ):
            self._resolve_outputs(
                res,
                serialized_props,
                outputs,
                deps,
                resolvers,
                custom,
                transform_using_type_metadata,
                keep_unknowns,
                resolve_missing_as_unknown,
            )
            return
        names = rpc._types.resource_pulumi_to_py_names(type(res))
        dry_run = settings.is_dry_run()
        found: dict[str, _Found] = {}
        answer = _Reader(self, res, keep_unknowns, is_input=False)
        for key, value in outputs.fields.items():
            item = answer.read(key, names.get(key) or key, value)
            if item is not None:
                found[names.get(key) or key] = item
        if not dry_run or settings.is_legacy_apply_enabled():
            given = _Reader(self, res, None, is_input=True)
            for key, value in serialized_props.fields.items():
                name = names.get(key) or key
                if name not in found:
                    found[name] = given.read(key, name, value) or (None, None)
        translated_deps = {names.get(key) or key: value for key, value in deps.items()}
        self._resolve(resolvers, found, translated_deps, custom, dry_run, resolve_missing_as_unknown)

    def _resolve(
        self, resolvers: _Resolvers, found: dict[str, _Found], deps: dict, custom: bool, dry_run: bool, unknown: bool
    ) -> None:
        rpc = self._rpc
        for name, (value, convert) in found.items():
            if name == "urn" or (name == "id" and custom):
                continue
            cell = resolvers.get(name)
            if cell is None:
                continue
            is_secret = convert is None and rpc.is_rpc_secret(value)
            plain = rpc.unwrap_rpc_secret(value) if is_secret else value
            cell(plain, not dry_run or plain is not None, is_secret, deps.get(name), None, convert)
        is_known = not dry_run and not unknown
        for name, cell in resolvers.items():
            if name not in found:
                cell(None, is_known, False, deps.get(name), None)


_Found = tuple[Any, Any]
"""A value and what converts it when it is asked for; None: it is converted."""


class _Reader:
    """Reads the properties of one message for one resource."""

    def __init__(self, fast: _Fast, res: Any, keep_unknowns: bool | None, is_input: bool) -> None:
        self._fast = fast
        self._rpc = fast._rpc
        self._types = self._rpc._types.resource_types(type(res))
        self._label = str(res._name)
        self._keep_unknowns = keep_unknowns
        self._is_input = is_input

    def read(self, key: str, name: str, value: Any) -> _Found | None:
        """One property; None if it counts as not there."""
        typ = self._types.get(key)
        kind = value.WhichOneof("kind")
        if kind == "string_value" and (typ is None or typ is str):
            text = value.string_value
            if text != self._rpc.UNKNOWN:
                return text, None
        elif kind == "bool_value" and (typ is None or typ is bool):
            return value.bool_value, None
        elif kind == "struct_value" or kind == "list_value":
            return self._read_nested(name, typ, getattr(value, kind))
        converted = self._converted(name, typ, self._rpc.struct_pb2.Struct(fields={"": value})[""])
        return None if converted is None and not self._is_input else (converted, None)

    def _read_nested(self, name: str, typ: Any, value: Any) -> _Found | None:
        data = value.SerializeToString()
        if _MARK in data:  # secrets, assets and references: each is an object of its own
            converted = self._converted(name, typ, value)
            return None if converted is None and not self._is_input else (converted, None)
        shape = (typ, type(value), self._keep_unknowns, self._is_input, hashlib.blake2b(data, digest_size=16).digest())
        if shape in self._fast._convertible:
            return value, lambda later: self._converted(name, typ, later)
        converted = self._converted(name, typ, value)
        if converted is None:
            return (None, None) if self._is_input else None
        self._fast._convertible.add(shape)
        return converted, None

    def _converted(self, name: str, typ: Any, value: Any) -> Any:
        """The value as the SDK's own functions convert it."""
        rpc = self._rpc
        plain = rpc.deserialize_property(value, self._keep_unknowns)
        if plain is None and not self._is_input:
            return None
        path = rpc._Path(name, resource=self._label)
        return rpc.translate_output_properties(plain, _same, typ, True, path, self._is_input)


def _same(name: str) -> str:
    return name


# --- where a resource was made ---------------------------------------------------------------------------------------


class _StackTraces:
    """Takes the call stack without reading the source files."""

    def __init__(self) -> None:
        self._uris: dict[str, str | None] = {}

    def take(self) -> Any:
        """As `resource._get_stack_trace`."""
        from pulumi.runtime.proto import source_pb2

        frame, constructors = sys._getframe(), 0
        while frame is not None:
            constructors += frame.f_code.co_name == "__init__"
            if constructors == _CALLS_OF_CONSTRUCTORS:
                break
            frame = frame.f_back
        frames = []
        frame = frame.f_back if frame is not None else None
        while frame is not None:
            uri = self._uri(frame.f_code.co_filename)
            position = None
            if uri is not None and frame.f_lineno is not None:
                position = source_pb2.SourcePosition(uri=uri, line=frame.f_lineno)
            frames.append(source_pb2.StackFrame(pc=position))
            frame = frame.f_back
        return source_pb2.StackTrace(frames=frames)

    def _uri(self, filename: str) -> str | None:
        if filename not in self._uris:
            try:
                self._uris[filename] = pathlib.Path(filename).as_uri()
            except ValueError:  # a name like <string>
                self._uris[filename] = None
        return self._uris[filename]


# --- the end of the program ------------------------------------------------------------------------------------------


async def _wait_for_rpcs(await_all_outstanding_tasks: bool = True) -> None:
    """As `stack.wait_for_rpcs`, each outstanding output watched once: the SDK starts over with all of them for each that ends."""
    from pulumi.runtime import stack

    rpc_manager = stack._get_rpc_manager()
    while True:
        while rpc_manager.rpcs:
            await asyncio.sleep(0)
            try:
                await rpc_manager.rpcs.pop()
            except Exception as error:
                if rpc_manager.unhandled_exception is not None:
                    raise error from rpc_manager.unhandled_exception.with_traceback(rpc_manager.exception_traceback)
                raise
        if rpc_manager.unhandled_exception is not None:
            raise rpc_manager.unhandled_exception.with_traceback(rpc_manager.exception_traceback)
        if await_all_outstanding_tasks:
            await _wait_for_outputs(stack.SETTINGS)
        if not rpc_manager.rpcs:
            return


async def _wait_for_outputs(settings: Any) -> None:
    ended: asyncio.Queue[asyncio.Future] = asyncio.Queue()
    watched = 0
    while True:
        with settings.lock:
            outstanding = list(settings.outputs)
            settings.outputs.clear()
        for future in outstanding:
            future.add_done_callback(ended.put_nowait)
        watched += len(outstanding)
        if not watched:
            return
        future = await ended.get()
        watched -= 1
        await future


__all__ = ["VERSIONS", "install"]
