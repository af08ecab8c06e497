"""`/token`, `/userinfo`, `/introspect` and `/revoke`."""

from __future__ import annotations

import base64
import hashlib
import secrets
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from simulated_okta import claims
from simulated_okta.client_authentication import authenticate, parameters
from simulated_okta.errors import BearerError, OAuthError, OktaError
from simulated_okta.simulation import AccessToken, AuthorizationCode, Simulation
from simulated_okta.world import AuthorizationServer, Client

_SPENT = "The authorization code is invalid or has expired."
_NO_STORE = {"cache-control": "no-cache, no-store", "pragma": "no-cache"}


def routes(simulation: Simulation) -> list[Route]:
    """Return the endpoints that an application's server calls."""

    def server_of(request: Request) -> AuthorizationServer:
        name = str(request.path_params.get("server", ""))
        if (server := simulation.world.server(name)) is None:
            raise OktaError(
                "E0000007", f"Not found: Resource not found: {name} (AuthorizationServer)"
            )
        return server

    async def token(request: Request) -> Response:
        server = server_of(request)
        form = await parameters(request)
        client = authenticate(request, form, simulation.world)
        if form.get("grant_type") != "authorization_code":
            text = (
                "The authorization grant type is not supported by the authorization server. "
                "Configured grant types: [authorization_code]."
            )
            raise OAuthError("unsupported_grant_type", text)
        code = _redeem(simulation, form, client, server)
        access_token = claims.access_token(simulation, code.grant, server)
        id_token = claims.id_token(simulation, code.grant, server, access_token=access_token)
        body = {
            "token_type": "Bearer",
            "expires_in": claims.LIFETIME,
            "access_token": access_token,
            "scope": " ".join(code.grant.request.scopes),
            "id_token": id_token,
        }
        return JSONResponse(body, headers=_NO_STORE)

    async def userinfo(request: Request) -> Response:
        server = server_of(request)
        found = _live(simulation, _bearer(request), server)
        if found is None:
            raise BearerError("invalid_token", "The access token is invalid", 401)
        grant, scopes = found.grant, found.grant.request.scopes
        if "openid" not in scopes:
            text = "The access token must provide access to at least one of these scopes - openid"
            raise BearerError("insufficient_scope", text, 403)
        client, person = claims.parties(simulation, grant)
        body: dict[str, Any] = {"sub": simulation.world.faults.userinfo_subject or person.id}
        body |= claims.profile(person, scopes, simulation.now())
        if (claim := claims.groups_claim(server, client, scopes)) is not None:
            body[claim.name] = claims.groups(simulation, claim, person, unlimited=False)
        body |= claims.custom(server, person, scopes, in_id_token=False)
        return JSONResponse(body, headers=_NO_STORE)

    async def introspect(request: Request) -> Response:
        server = server_of(request)
        form = await parameters(request)
        client = authenticate(request, form, simulation.world)
        found = _live(simulation, form.get("token", ""), server)
        if found is None or found.grant.request.client_id != client.client_id:
            return JSONResponse({"active": False}, headers=_NO_STORE)
        members = ("iss", "aud", "sub", "iat", "exp", "jti", "uid")
        body = {name: found.claims[name] for name in members} | {
            "active": True,
            "scope": " ".join(found.grant.request.scopes),
            "username": found.claims["sub"],
            "client_id": client.client_id,
            "token_type": "Bearer",
        }
        return JSONResponse(body, headers=_NO_STORE)

    async def revoke(request: Request) -> Response:
        form = await parameters(request)
        client = authenticate(request, form, simulation.world)
        if not form.get("token"):
            raise OAuthError("invalid_request", "The 'token' parameter is required.")
        found = simulation.access_tokens.get(form["token"])
        if found is not None and found.grant.request.client_id == client.client_id:
            found.grant.revoked = True
        # Unknown tokens are answered alike, so that nobody learns which exist (RFC 7009, 2.2).
        return Response(status_code=200, headers=_NO_STORE)

    both = ("/oauth2/v1", "/oauth2/{server}/v1")
    return [
        route
        for base in both
        for route in (
            Route(f"{base}/token", token, methods=["POST"]),
            Route(f"{base}/userinfo", userinfo, methods=["GET", "POST"]),
            Route(f"{base}/introspect", introspect, methods=["POST"]),
            Route(f"{base}/revoke", revoke, methods=["POST"]),
        )
    ]


def _redeem(
    simulation: Simulation, form: dict[str, str], client: Client, server: AuthorizationServer
) -> AuthorizationCode:
    """Spend the code, or raise `OAuthError`. A second use also ends what the first gave."""
    if not form.get("code"):
        raise OAuthError("invalid_request", "The 'code' parameter is required.")
    code = simulation.codes.get(form["code"])
    if code is None or code.expires <= simulation.clock():
        raise OAuthError("invalid_grant", _SPENT)
    asked = code.grant.request
    if (asked.client_id, asked.server_id) != (client.client_id, server.id):
        raise OAuthError("invalid_grant", _SPENT)
    if code.used:
        code.grant.revoked = True
        raise OAuthError("invalid_grant", _SPENT)
    code.used = True
    if form.get("redirect_uri") != asked.redirect_uri:
        text = "The 'redirect_uri' does not match the redirection URI used in the authorization "
        raise OAuthError("invalid_grant", text + "request.")
    verifier = form.get("code_verifier", "")
    if asked.code_challenge:
        digest = hashlib.sha256(verifier.encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        if not secrets.compare_digest(challenge, asked.code_challenge):
            raise OAuthError("invalid_grant", "PKCE verification failed.")
    elif verifier:
        raise OAuthError("invalid_grant", "PKCE verification failed.")
    return code


def _bearer(request: Request) -> str:
    scheme, _, value = request.headers.get("authorization", "").partition(" ")
    return value.strip() if scheme.casefold() == "bearer" else ""


def _live(simulation: Simulation, token: str, server: AuthorizationServer) -> AccessToken | None:
    """Return what `token` is, while it and its owner live."""
    found = simulation.access_tokens.get(token)
    if found is None or found.grant.revoked or found.expires <= simulation.clock():
        return None
    person = simulation.world.person(found.grant.person_id)
    mine = found.grant.request.server_id == server.id
    return found if mine and person is not None and person.active else None
