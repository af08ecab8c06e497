"""`/authorize`: what Okta demands of an application's request before anybody signs in."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from simulated_okta import pages
from simulated_okta.discovery import scopes as scopes_of
from simulated_okta.factors import Engine
from simulated_okta.responses import refuse
from simulated_okta.sign_in import SignInFlow
from simulated_okta.simulation import AuthorizationRequest, Simulation
from simulated_okta.world import AuthorizationServer, Client

Valid = Callable[[bool, str], None]
_STATE: Final = re.compile(r"[A-Za-z0-9,._-]+")
_CHALLENGE: Final = re.compile(r"[A-Za-z0-9_-]{43}")
_RESPONSE_TYPES: Final = ("code", "id_token", "id_token token")
_PROMPTS: Final = ("", "none", "login", "consent", "login consent")
REDIRECT_MISMATCH: Final = (
    "The 'redirect_uri' parameter must be a Login redirect URI in the client app settings"
)


class _PageError(Exception):
    """An error that must not travel to the redirect URI, because nothing vouches for it."""


class _Refusal(Exception):
    """An error for the application, at its redirect URI."""

    def __init__(self, request: AuthorizationRequest, error: str, description: str) -> None:
        super().__init__(error)
        self.response = refuse(request, error, description)


def routes(simulation: Simulation, flow: SignInFlow) -> list[Route]:
    """Return `/authorize` of every server."""

    async def authorize(request: Request) -> Response:
        server = simulation.world.server(str(request.path_params.get("server", "")))
        if server is None:
            return pages.error(404, "Page not found", "There is no such authorization server.")
        form = await request.form() if request.method == "POST" else request.query_params
        sent = [(name, value) for name, value in form.multi_items() if isinstance(value, str)]
        try:
            asked = _read(simulation, request, server, dict(sent))
            _check(server, _client(simulation, asked.client_id), asked, dict(sent), _twice(sent))
        except _PageError as error:
            return pages.error(400, "400 - Bad Request", str(error))
        except _Refusal as refusal:
            return refusal.response
        return flow.begin(request, asked)

    methods = ["GET", "POST"]
    return [
        Route("/oauth2/v1/authorize", authorize, methods=methods),
        Route("/oauth2/{server}/v1/authorize", authorize, methods=methods),
    ]


def _client(simulation: Simulation, client_id: str) -> Client:
    if (client := simulation.world.client(client_id)) is None:
        raise _PageError("Invalid value for 'client_id' parameter.")
    return client


def _twice(sent: list[tuple[str, str]]) -> list[str]:
    """Return the parameters that came more than once (RFC 6749, 3.1)."""
    names = [name for name, _ in sent]
    return sorted({name for name in names if names.count(name) > 1})


def _read(
    simulation: Simulation, request: Request, server: AuthorizationServer, sent: dict[str, str]
) -> AuthorizationRequest:
    """Return the request once client and redirect URI are known good, else a page."""
    client = _client(simulation, sent.get("client_id", ""))
    if sent.get("redirect_uri", "") not in client.redirect_uris:
        raise _PageError(REDIRECT_MISMATCH)
    response_type = " ".join(sorted(sent.get("response_type", "").split()))
    default_mode = "query" if response_type in ("", "code") else "fragment"
    asked = AuthorizationRequest(
        server_id=server.id,
        issuer=simulation.issuer(request, server.id),
        client_id=client.client_id,
        redirect_uri=sent["redirect_uri"],
        response_type=response_type,
        response_mode=sent.get("response_mode", default_mode),
        scopes=tuple(dict.fromkeys(sent.get("scope", "").split())),
        state=sent.get("state", ""),
        nonce=sent.get("nonce", ""),
        code_challenge=sent.get("code_challenge", ""),
        prompt=" ".join(sorted(sent.get("prompt", "").split(), reverse=True)),
        acr_values=tuple(sent.get("acr_values", "").split()),
        login_hint=sent.get("login_hint", ""),
    )
    if raw := sent.get("max_age", ""):
        if not raw.isascii() or not raw.isdigit():
            raise _Refusal(asked, "invalid_request", "The 'max_age' parameter is invalid.")
        seconds = int(raw)
        # Classic takes 0 for "not given"; only Identity Engine reads it as "always".
        if seconds or simulation.world.engine is Engine.IDENTITY:
            asked.max_age = seconds
    return asked


def _check(
    server: AuthorizationServer,
    client: Client,
    asked: AuthorizationRequest,
    sent: dict[str, str],
    twice: list[str],
) -> None:
    """Raise `_Refusal` for the first thing that Okta would object to."""

    def require(good: bool, error: str, description: str) -> None:
        if not good:
            raise _Refusal(asked, error, description)

    def valid(good: bool, description: str) -> None:
        require(good, "invalid_request", description)

    valid(not twice, f"The request has repeated parameters: {', '.join(twice)}.")
    valid(bool(asked.response_type), "The 'response_type' parameter is required.")
    require(
        asked.response_type in _RESPONSE_TYPES and asked.response_type in client.response_types,
        "unsupported_response_type",
        "The response type is not supported by the authorization server or the client. "
        f"Configured response types: {client.response_types}",
    )
    implicit = asked.response_type != "code"
    modes = ("fragment", "form_post") if implicit else ("query", "fragment", "form_post")
    valid(asked.response_mode in modes, "The response mode is not supported.")
    require(
        bool(asked.scopes),
        "invalid_scope",
        "The authorization server resource does not have any configured default scopes, "
        "'scope' must be provided.",
    )
    require(
        set(asked.scopes) <= set(scopes_of(server)),
        "invalid_scope",
        "One or more scopes are not configured for the authorization server resource.",
    )
    require("openid" in asked.scopes, "invalid_scope", "The 'openid' scope is required.")
    valid(
        _STATE.fullmatch(asked.state) is not None,
        "The authentication request has an invalid 'state' parameter.",
    )
    valid(
        asked.response_type == "code" or bool(asked.nonce),
        "The authentication request has an invalid 'nonce' parameter.",
    )
    valid(asked.prompt in _PROMPTS, "The 'prompt' parameter is invalid.")
    _check_pkce(client, asked, sent, valid)


def _check_pkce(
    client: Client,
    asked: AuthorizationRequest,
    sent: dict[str, str],
    valid: Valid,
) -> None:
    """PKCE: S256 alone, and required of public clients and where the application says so."""
    method = sent.get("code_challenge_method", "")
    needed = asked.response_type == "code" and (client.pkce_required or client.public)
    valid(
        bool(asked.code_challenge) or not needed,
        "PKCE code challenge is required by the application.",
    )
    if asked.code_challenge or method:
        valid(method == "S256", "The 'code_challenge_method' parameter must be S256.")
        valid(
            _CHALLENGE.fullmatch(asked.code_challenge) is not None,
            "The 'code_challenge' parameter is invalid.",
        )
