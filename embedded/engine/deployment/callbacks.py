"""Callbacks into the program: transforms and hooks, served by the SDK at an address of its own."""

from __future__ import annotations

from typing import Any

import grpc
import grpc.aio
from pulumi.runtime.proto import callback_pb2, callback_pb2_grpc

from embedded.engine.errors import EngineError
from embedded.engine.plugins.client import CHANNEL_OPTIONS


class Callbacks:
    """Calls the functions that the program registered; one channel for each address."""

    def __init__(self) -> None:
        self._channels: dict[str, grpc.aio.Channel] = {}

    async def invoke(self, callback: callback_pb2.Callback, request: Any, response_type: Any) -> Any:
        """Call one function with a message; its answer is a message of the given type.

        Raises:
            EngineError: The function failed, or the program is gone.
        """
        channel = self._channels.get(callback.target)
        if channel is None:
            channel = grpc.aio.insecure_channel(callback.target, options=CHANNEL_OPTIONS)
            self._channels[callback.target] = channel
        message = callback_pb2.CallbackInvokeRequest(token=callback.token, request=request.SerializeToString())
        try:
            response = await callback_pb2_grpc.CallbacksStub(channel).Invoke(message)
        except grpc.aio.AioRpcError as error:
            raise EngineError(error.details() or str(error.code())) from error
        return response_type.FromString(response.response)

    async def close(self) -> None:
        """Close the channels."""
        for channel in self._channels.values():
            await channel.close()
        self._channels.clear()
