"""Transforms: functions of the program that change registrations and invokes before the engine sees them.

A resource's own transforms run first, then those of its parents from the inside out, then the stack's.

Source: pkg/resource/deploy/source_eval.go (wrapTransformCallback) of Pulumi 3.260.0.
"""

from __future__ import annotations

from typing import Any

from pulumi.runtime.proto import callback_pb2, resource_pb2

from embedded.engine.deployment.callbacks import Callbacks

# Options whose field has the same name and shape in the registration and in the transform's options.
_SAME_LISTS = {"ignore_changes": "ignoreChanges", "replace_on_changes": "replaceOnChanges", "aliases": "aliases"}
_LISTS = {
    **_SAME_LISTS,
    "depends_on": "dependencies",
    "additional_secret_outputs": "additionalSecretOutputs",
    "hide_diff": "hideDiffs",
    "replace_with": "replace_with",
}
_TEXTS = {
    "version": "version",
    "provider": "provider",
    "plugin_download_url": "pluginDownloadURL",
    "deleted_with": "deletedWith",
    "import": "importId",
}
_MESSAGES = {"custom_timeouts": "customTimeouts", "hooks": "hooks", "replacement_trigger": "replacement_trigger"}
_MAPS = {"providers": "providers", "plugin_checksums": "pluginChecksums"}


class Transforms:
    """The transforms of a run."""

    def __init__(self, callbacks: Callbacks) -> None:
        self._callbacks = callbacks
        self._stack: list[callback_pb2.Callback] = []
        self._invokes: list[callback_pb2.Callback] = []
        self._resources: dict[str, list[callback_pb2.Callback]] = {}
        self._parents: dict[str, str] = {}

    def register_stack_transform(self, callback: callback_pb2.Callback) -> None:
        """Keep a transform for every resource registered from now on."""
        self._stack.append(callback)

    def register_invoke_transform(self, callback: callback_pb2.Callback) -> None:
        """Keep a transform for every invoke from now on."""
        self._invokes.append(callback)

    def remember(self, urn: str, request: resource_pb2.RegisterResourceRequest) -> None:
        """Keep a resource's transforms for its children."""
        self._parents[urn] = request.parent
        if request.transforms:
            self._resources[urn] = list(request.transforms)

    async def apply(self, request: resource_pb2.RegisterResourceRequest) -> resource_pb2.RegisterResourceRequest:
        """The registration as the transforms leave it."""
        callbacks = list(request.transforms)
        parent = request.parent
        while parent:
            callbacks.extend(self._resources.get(parent, ()))
            parent = self._parents.get(parent, "")
        callbacks.extend(self._stack)
        if not callbacks:
            return request
        changed = resource_pb2.RegisterResourceRequest()
        changed.CopyFrom(request)
        for callback in callbacks:
            await self._apply_one(callback, changed)
        return changed

    async def _apply_one(self, callback: callback_pb2.Callback, request: Any) -> None:
        message = resource_pb2.TransformRequest(
            type=request.type,
            name=request.name,
            custom=request.custom,
            parent=request.parent,
            properties=request.object,
            options=_options_of(request),
        )
        response = await self._callbacks.invoke(callback, message, resource_pb2.TransformResponse)
        if response.HasField("properties"):
            request.object.CopyFrom(response.properties)
        if response.HasField("options"):
            _set_options(request, response.options)

    async def apply_to_invoke(self, request: Any) -> Any:
        """The invoke as the transforms leave it."""
        for callback in self._invokes:
            options = resource_pb2.TransformInvokeOptions(
                provider=request.provider, plugin_download_url=request.pluginDownloadURL, version=request.version
            )
            message = resource_pb2.TransformInvokeRequest(token=request.tok, args=request.args, options=options)
            response = await self._callbacks.invoke(callback, message, resource_pb2.TransformInvokeResponse)
            changed = resource_pb2.ResourceInvokeRequest()
            changed.CopyFrom(request)
            if response.HasField("args"):
                changed.args.CopyFrom(response.args)
            if response.HasField("options"):
                changed.provider = response.options.provider
                changed.pluginDownloadURL = response.options.plugin_download_url
                changed.version = response.options.version
            request = changed
        return request


def _options_of(request: Any) -> resource_pb2.TransformResourceOptions:
    options = resource_pb2.TransformResourceOptions()
    for name, field in _LISTS.items():
        getattr(options, name).extend(getattr(request, field))
    for name, field in _TEXTS.items():
        setattr(options, name, getattr(request, field))
    for name, field in _MESSAGES.items():
        if request.HasField(field):
            getattr(options, name).CopyFrom(getattr(request, field))
    for name, field in _MAPS.items():
        getattr(options, name).update(getattr(request, field))
    if request.HasField("protect"):
        options.protect = request.protect
    if request.HasField("retainOnDelete"):
        options.retain_on_delete = request.retainOnDelete
    if request.deleteBeforeReplaceDefined:
        options.delete_before_replace = request.deleteBeforeReplace
    return options


def _set_options(request: Any, options: Any) -> None:
    for name, field in _LISTS.items():
        request.ClearField(field)
        getattr(request, field).extend(getattr(options, name))
    for name, field in _TEXTS.items():
        setattr(request, field, getattr(options, name))
    for name, field in _MESSAGES.items():
        request.ClearField(field)
        if options.HasField(name):
            getattr(request, field).CopyFrom(getattr(options, name))
    for name, field in _MAPS.items():
        request.ClearField(field)
        getattr(request, field).update(getattr(options, name))
    _set_flags(request, options)


def _set_flags(request: Any, options: resource_pb2.TransformResourceOptions) -> None:
    request.ClearField("protect")
    if options.HasField("protect"):
        request.protect = options.protect
    request.ClearField("retainOnDelete")
    if options.HasField("retain_on_delete"):
        request.retainOnDelete = options.retain_on_delete
    request.deleteBeforeReplaceDefined = options.HasField("delete_before_replace")
    request.deleteBeforeReplace = options.delete_before_replace
