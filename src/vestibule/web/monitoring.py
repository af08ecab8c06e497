"""Health and metrics of the control plane, for its private listener alone (attacks.md H9)."""

from __future__ import annotations

from collections.abc import Callable

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from vestibule.flows.health import unready
from vestibule.flows.ports import Store


def create_monitoring_app(store: Store, exposition: Callable[[], tuple[str, bytes]]) -> Starlette:
    """Return the ASGI application: `/healthz`, `/readyz`, `/metrics`.

    `exposition` gives the content type and the text of the metrics.
    """

    async def healthz(_: Request) -> Response:
        return PlainTextResponse("ok\n")

    async def readyz(_: Request) -> Response:
        reason = await run_in_threadpool(unready, store)
        if reason:
            return PlainTextResponse(f"not ready: {reason}\n", status_code=503)
        return PlainTextResponse("ready\n")

    async def metrics(_: Request) -> Response:
        content_type, text = exposition()
        return Response(text, headers={"content-type": content_type})

    return Starlette(
        routes=[
            Route("/healthz", healthz),
            Route("/readyz", readyz),
            Route("/metrics", metrics),
        ]
    )
