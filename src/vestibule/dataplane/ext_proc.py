"""Envoy's external processing protocol on asyncio: the one place that meets untyped gRPC.

Only what the agent needs: read a message, acknowledge it unchanged, or abort.
"""
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false, reportAttributeAccessIssue=false
# The classes of grpcio and xds-protos carry no types.

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable
from typing import Any, Protocol, TypeAlias

# We fork only to become Envoy; gRPC need not prepare itself for a child that uses it.
os.environ.setdefault("GRPC_ENABLE_FORK_SUPPORT", "0")

import grpc
import grpc.aio
from envoy.service.ext_proc.v3 import external_processor_pb2 as messages

Question: TypeAlias = Any  # a ProcessingRequest


class Call(Protocol):
    """One bidirectional stream."""

    async def read(self) -> Question | None:
        """The next message, None when the other side is done."""
        ...

    async def write(self, message: Any) -> None:
        """Send a message."""
        ...

    async def abort(self, reason: str) -> None:
        """End the stream with an error."""
        ...


class _Call:
    def __init__(self, context: Any) -> None:
        self._context = context

    async def read(self) -> Question | None:
        message = await self._context.read()
        return None if message is grpc.aio.EOF else message

    async def write(self, message: Any) -> None:
        await self._context.write(message)

    async def abort(self, reason: str) -> None:
        await self._context.abort(grpc.StatusCode.PERMISSION_DENIED, reason)


async def serve(address: str, watch: Callable[[Question, Call], Awaitable[None]]) -> Any:
    """Start a server whose every stream is handled by `watch`, given its first message."""

    async def process(_requests: Any, context: Any) -> None:
        call = _Call(context)
        question = await call.read()
        if question is not None:
            await watch(question, call)

    method = grpc.stream_stream_rpc_method_handler(
        process,
        request_deserializer=messages.ProcessingRequest.FromString,
        response_serializer=messages.ProcessingResponse.SerializeToString,
    )
    server = grpc.aio.server()
    server.add_generic_rpc_handlers(
        [
            grpc.method_handlers_generic_handler(
                "envoy.service.ext_proc.v3.ExternalProcessor", {"Process": method}
            )
        ]
    )
    server.add_insecure_port(address)
    await server.start()
    return server


def header_of(question: Question, name: str) -> str:
    """Return the request header `name` in `question`, empty when there is none."""
    for entry in question.request_headers.headers.headers:
        if entry.key == name:
            return entry.raw_value.decode("ascii", "replace") or entry.value
    return ""


async def acknowledge(call: Call, question: Question) -> None:
    """Let the part of the request or response that `question` shows pass unchanged."""
    part = question.WhichOneof("request")
    answers = {
        "request_headers": {"request_headers": messages.HeadersResponse()},
        "response_headers": {"response_headers": messages.HeadersResponse()},
        "request_trailers": {"request_trailers": messages.TrailersResponse()},
        "response_trailers": {"response_trailers": messages.TrailersResponse()},
    }
    if part in answers:
        await call.write(messages.ProcessingResponse(**answers[part]))


async def abort(call: Call, reason: str) -> None:
    """End the stream with an error, which resets the request it belongs to."""
    await call.abort(reason)
