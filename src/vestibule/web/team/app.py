"""The web application behind `web.sock`: the team domain, and the applications' reserved paths.

Envoy sends here every request for the team domain; of an application's host only what lies
under `/cdn-cgi/` and one well-known address; and the requests of unmatched hosts and of
applications without an origin, with their path rewritten to `/-/...`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp, Receive, Scope, Send

from vestibule.flows import transfer
from vestibule.flows.door import Door, host_of
from vestibule.model.errors import VestibuleError
from vestibule.model.organization import Brand
from vestibule.web.errors import shown
from vestibule.web.facts import normalised_host
from vestibule.web.pages import render, views
from vestibule.web.pages.static import routes as static_routes
from vestibule.web.team import endpoints as at
from vestibule.web.team.calls import read_call
from vestibule.web.team.responses import json_document, text

ACCESS = "/cdn-cgi/access"
LONG_POLL = 50.0
_POLL_EACH = 0.5
_MOST_POLLING = 200


@dataclass(frozen=True, slots=True)
class WebDeps:
    """What the web application needs. `aliases` are answered as the team domain.

    `team_routes` are further endpoints of the team domain (API, SCIM, dashboard).
    """

    door: Door
    aliases: tuple[str, ...] = ()
    team_routes: Sequence[BaseRoute] = field(default=())
    long_poll: float = LONG_POLL


def create_web_app(deps: WebDeps) -> ASGIApp:
    """Return the ASGI application."""
    team, applications = _team_app(deps), _applications_app(deps)

    async def by_host(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await team(scope, receive, send)
            return
        chosen = applications
        if not scope["path"].startswith("/-/") and await run_in_threadpool(_is_team, deps, scope):
            chosen = team
        await chosen(scope, receive, send)

    return by_host


def _is_team(deps: WebDeps, scope: Scope) -> bool:
    hosts = [value for name, value in scope["headers"] if name == b"host"]
    try:
        host, _ = normalised_host(hosts[0].decode("latin-1")) if len(hosts) == 1 else ("", "")
        auth_domain = deps.door.store.configuration().organization.auth_domain
    except VestibuleError:
        # Whichever application answers, it finds the same error and says so.
        return False
    return host == host_of(auth_domain) or host in deps.aliases


def _team_app(deps: WebDeps) -> Starlette:
    def route(path: str, get: at.Endpoint, post: at.Endpoint | None = None) -> list[Route]:
        return _routes(deps, path, get, post, at_team_domain=True)

    table = [
        route("/", at.show_launcher),
        route(f"{ACCESS}/login/{{host}}", at.login_page),
        route(f"{ACCESS}/callback", at.complete_login),
        route(f"{ACCESS}/purpose/{{id}}", at.ask_purpose, at.give_purpose),
        route(f"{ACCESS}/waiting/{{id}}", at.wait),
        route(f"{ACCESS}/waiting/{{id}}/state", at.waiting_state),
        route(f"{ACCESS}/waiting/{{id}}/continue", at.go_on),
        route(f"{ACCESS}/approval/{{id}}", at.show_decision, at.decide),
        route(f"{ACCESS}/refresh-identity", at.refresh_identity),
        route(f"{ACCESS}/logout", at.log_out, at.log_out_confirmed),
        route(f"{ACCESS}/get-identity", at.get_identity),
        route(f"{ACCESS}/certs", at.certs),
        route(f"{ACCESS}/public-cert", at.public_cert),
        route(f"{ACCESS}/cli", at.terminal),
        route(f"{ACCESS}/cli/{{id}}", at.nothing_here, at.approve_terminal),
    ]
    polling = asyncio.Semaphore(_MOST_POLLING)
    transfers = [
        Route(path, _transfer(deps, polling), methods=["GET"])
        for path in (f"{ACCESS}/transfer/{{key}}", "/transfer/{key}")
    ]
    certificates = Route(f"{ACCESS}/cert_sign", _no_authority, methods=["POST"])
    routes = [*(one for group in table for one in group), certificates]
    return _application(deps, [*_static(deps), *routes, *transfers, *deps.team_routes])


def _applications_app(deps: WebDeps) -> Starlette:
    def route(path: str, get: at.Endpoint) -> list[Route]:
        return _routes(deps, path, get, None, at_team_domain=False)

    table = [
        route("/-/unmatched", at.unmatched),
        route("/-/no-origin", at.no_origin),
        route(f"{ACCESS}/authorized", at.authorized),
        route(f"{ACCESS}/logout", at.log_out),
        route(f"{ACCESS}/get-identity", at.get_identity),
        route(f"{ACCESS}/certs", at.certs),
        route(f"{ACCESS}/cli", at.terminal),
        route("/.well-known/cloudflare-access-protected-resource", at.protected_resource),
        route(
            "/.well-known/cloudflare-access-protected-resource/{path:path}", at.protected_resource
        ),
    ]
    return _application(deps, [*_static(deps), *(one for group in table for one in group)])


def _application(deps: WebDeps, routes: Sequence[BaseRoute]) -> Starlette:
    async def failed(request: Request, error: Exception) -> Response:
        return await run_in_threadpool(_error_page, deps, request, error)

    app = Starlette(
        routes=list(routes),
        exception_handlers={HTTPException: failed, VestibuleError: failed, Exception: failed},
    )
    # A path with a slash too many is another path, and is not there.
    app.router.redirect_slashes = False
    return app


def _static(deps: WebDeps) -> list[Route]:
    def brand() -> Brand:
        return deps.door.store.configuration().organization.brand

    return static_routes(brand)


def _routes(
    deps: WebDeps,
    path: str,
    get: at.Endpoint,
    post: at.Endpoint | None,
    *,
    at_team_domain: bool,
) -> list[Route]:
    async def endpoint(request: Request) -> Response:
        call = await read_call(
            deps.door, request, at_team_domain=at_team_domain, takes_form=post is not None
        )
        chosen = post if request.method == "POST" and post is not None else get
        return await run_in_threadpool(chosen, deps.door, call)

    # The two pages that stand for an origin are shown whatever was asked of it.
    methods = ["GET", "POST"] if post is not None else ["GET"]
    if path.startswith("/-/"):
        methods = ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]
    return [Route(path, endpoint, methods=methods)]


async def _no_authority(_: Request) -> Response:
    """Tell a terminal that asks for an SSH certificate, in JSON, that none is given (8.4, 12.8)."""
    message = "Bad Request. Please create a ca for application"
    return json_document({"status": 400, "message": message}, 400)


def _transfer(
    deps: WebDeps, polling: asyncio.Semaphore
) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        """Hold the terminal's request until its tokens are there, or nearly a minute is over."""
        if request.method != "GET":
            raise HTTPException(405)
        key = str(request.path_params["key"])
        if not transfer.is_public_key(key) or polling.locked():
            raise HTTPException(404)
        async with polling:
            end = asyncio.get_running_loop().time() + deps.long_poll
            while True:
                found = await run_in_threadpool(transfer.collect, deps.door, key)
                if found is not None:
                    body, public_key = found
                    return text(body, headers={"service-public-key": public_key})
                if asyncio.get_running_loop().time() >= end or await request.is_disconnected():
                    return text("not yet\n", 404)
                await asyncio.sleep(_POLL_EACH)

    return endpoint


def _error_page(deps: WebDeps, request: Request, error: Exception) -> Response:
    """A page that says what went wrong; it needs no database."""
    reference = request.headers.get("x-request-id", "").replace("-", "").lower()[:16]
    what = shown(error, reference)
    try:
        organization = deps.door.store.configuration().organization
        brand, locale = organization.brand, organization.default_locale
    except VestibuleError:
        brand, locale = Brand(), "en"
    view = views.SignInErrorPage(what.message, reference=reference, status=what.status)
    rendered = render(
        view,
        brand=brand,
        locale=locale,
        accept_language=request.headers.get("accept-language", ""),
    )
    return Response(rendered.html, rendered.status, headers=dict(rendered.headers))
