"""What stands before every endpoint: ThreatInsight, rate limits, faults, and the record.

An ASGI middleware, so that each answer carries `X-Okta-Request-Id` and the `X-Rate-Limit-*`
headers, refusals included.
"""

from __future__ import annotations

import asyncio
import ipaddress
import re
from typing import Final

from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from simulated_okta import pages
from simulated_okta.errors import OktaError
from simulated_okta.rate_limits import Allowance, Limiter
from simulated_okta.simulation import Seen, Simulation, random_id
from simulated_okta.world import Surface

_OAUTH: Final = re.compile(r"/oauth2/(?:[^/]+/)?v1/(\w+)")
_BROWSER: Final = frozenset({"authorize", "sign_in", "logout"})
_SURFACE: Final[dict[str, Surface]] = {
    "sign_in": "sign_in",
    "authorize": "authorize",
    "token": "token",
    "introspect": "token",
    "revoke": "token",
    "userinfo": "userinfo",
    "users": "api",
    "groups": "api",
}


def endpoint_of(path: str) -> str:
    """Return the name of the endpoint at `path`; empty for what nothing limits."""
    if path.startswith("/login/"):
        return "sign_in"
    if path.startswith("/api/v1/users/"):
        return "groups" if path.endswith("/groups") else "users"
    if "/.well-known/" in path:
        return "metadata"
    match = _OAUTH.fullmatch(path)
    return match.group(1) if match else ""


class Gate:
    """The middleware."""

    def __init__(self, app: ASGIApp, simulation: Simulation) -> None:
        self._app = app
        self._simulation = simulation
        self._limiter = Limiter(simulation)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse, or let through; in both cases add the headers and remember the request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request = Request(scope)
        endpoint = endpoint_of(request.url.path)
        allowance = self._limiter.take(endpoint, request)
        status = 500

        async def sending(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                self._mark(MutableHeaders(scope=message), allowance, request)
            await send(message)

        refusal = await self._refusal(endpoint, allowance, request)
        try:
            await (refusal or self._app)(scope, receive, sending)
        finally:
            self._remember(request, status)

    async def _refusal(
        self, endpoint: str, allowance: Allowance | None, request: Request
    ) -> Response | None:
        """Return why the request goes no further."""
        browser = endpoint in _BROWSER
        if self._suspected(endpoint, request):
            text = "Access to this organization is denied from this address."
            return pages.error(403, "403 - Forbidden", text) if browser else _forbidden()
        if allowance is not None and allowance.exceeded:
            error = OktaError("E0000047")
            if browser:
                return pages.error(429, "429 - Too Many Requests", error.summary)
            return error.response()
        faults = self._simulation.world.faults
        if delay := faults.delay.get(endpoint, 0.0):
            await asyncio.sleep(delay)
        if status := faults.status.get(endpoint, 0):
            response = OktaError("E0000009").response()
            response.status_code = status
            return response
        return None

    def _suspected(self, endpoint: str, request: Request) -> bool:
        """Whether ThreatInsight blocks the address; in both modes it is logged."""
        threat = self._simulation.world.threat_insight
        surface = _SURFACE.get(endpoint)
        if threat.action == "none" or surface not in threat.surfaces:
            return False
        address = _address(request)
        if not _within(address, threat.addresses) or _within(address, threat.exclude):
            return False
        blocked = threat.action == "block"
        self._simulation.record(
            "security.threat.detected", "DENY" if blocked else "SUCCESS", address=address
        )
        return blocked

    def _mark(self, headers: MutableHeaders, allowance: Allowance | None, request: Request) -> None:
        headers["x-okta-request-id"] = random_id()
        if allowance is not None:
            headers["x-rate-limit-limit"] = str(allowance.limit)
            headers["x-rate-limit-remaining"] = str(allowance.remaining)
            headers["x-rate-limit-reset"] = str(allowance.reset)
        # The device cookie is part of the key of the client-based limit.
        if endpoint_of(request.url.path) == "authorize" and "dt" not in request.cookies:
            headers.append("set-cookie", f"dt={random_id('DI')}; Path=/; HttpOnly; SameSite=Lax")

    def _remember(self, request: Request, status: int) -> None:
        if request.url.path.startswith("/simulator"):
            return
        self._simulation.seen.append(
            Seen(
                at=self._simulation.clock(),
                method=request.method,
                path=request.url.path,
                query=request.url.query,
                address=_address(request),
                user_agent=request.headers.get("user-agent", ""),
                status=status,
            )
        )


def _forbidden() -> Response:
    return OktaError("E0000006").response()


def _address(request: Request) -> str:
    return request.client.host if request.client is not None else ""


def _within(address: str, networks: list[str]) -> bool:
    """Whether `address` is in one of `networks` (addresses or CIDR)."""
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return address in networks
    return any(ip in ipaddress.ip_network(network, strict=False) for network in networks)
