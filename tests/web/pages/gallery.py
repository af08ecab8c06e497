"""A real server that shows every sample page, with the headers that it goes out with."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from tests.web.pages.samples import BARE, BRANDED, FULL, PLAIN, hostile
from vestibule.web.pages import local_reply, render, static
from vestibule.web.pages.views import PurposePage

SETS = {"full": FULL, "bare": BARE}
BRANDS = {"plain": PLAIN, "branded": BRANDED}


def show(request: Request) -> Response:
    page = SETS[request.path_params["set"]][request.path_params["name"]]
    if text := request.query_params.get("text"):
        page = hostile(page, text)
    brand = BRANDS[request.query_params.get("brand", "plain")]
    shown = render(page, brand=brand, accept_language=request.query_params.get("lang", ""))
    html = shown.html
    if request.query_params.get("dir") == "rtl":
        html = html.replace('dir="ltr"', 'dir="rtl"', 1)
    return HTMLResponse(html, shown.status, dict(shown.headers))


def offline(request: Request) -> Response:
    return HTMLResponse(local_reply(BRANDED), 503)


def form(request: Request) -> Response:
    to, origin = request.query_params["to"], request.query_params.get("origin", "")
    page = PurposePage("Payroll", "", f"/away?to={to}", "t", form_origins=(origin,))
    shown = render(page, brand=PLAIN)
    return HTMLResponse(shown.html, shown.status, dict(shown.headers))


def away(request: Request) -> Response:
    return RedirectResponse(request.query_params["to"], 303)


def application() -> Starlette:
    # A branded page asks for its stylesheet with a version; both brands share this server.
    return Starlette(
        routes=[
            Route("/offline", offline),
            Route("/form", form),
            Route("/poll", lambda request: JSONResponse({"state": "approved"})),
            Route("/onward", lambda request: HTMLResponse("in")),
            Route("/away", away, methods=["POST"]),
            *static.routes(lambda: BRANDED),
            Route("/{set}/{name}", show),
        ]
    )


@contextmanager
def gallery() -> Iterator[str]:
    """The base URL of a server that is running; it stops when the block ends."""
    listener = socket.create_server(("127.0.0.1", 0))
    # The socket listens already: a request that comes early waits.
    server = uvicorn.Server(uvicorn.Config(application(), log_level="error", lifespan="off"))
    thread = threading.Thread(target=server.run, args=([listener],), daemon=True)
    thread.start()
    port = listener.getsockname()[1]
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join(10)
