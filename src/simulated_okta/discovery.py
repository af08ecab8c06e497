"""Discovery documents, key sets and the organisation's metadata, all without sign-in."""

from __future__ import annotations

from typing import Any, Final

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from simulated_okta.errors import OktaError
from simulated_okta.factors import Engine
from simulated_okta.keys import CACHE_CONTROL
from simulated_okta.simulation import Simulation
from simulated_okta.world import AuthorizationServer

_STANDARD_SCOPES: Final = ["openid", "profile", "email", "address", "phone", "offline_access"]
_CUSTOM_SCOPES: Final = [*_STANDARD_SCOPES, "device_sso"]
_CLIENT_METHODS: Final = [
    "client_secret_basic",
    "client_secret_post",
    "client_secret_jwt",
    "private_key_jwt",
    "none",
]
_GRANT_TYPES: Final = [
    "authorization_code",
    "implicit",
    "refresh_token",
    "password",
    "urn:ietf:params:oauth:grant-type:device_code",
]
_RESPONSE_TYPES: Final = [
    "code",
    "id_token",
    "code id_token",
    "code token",
    "id_token token",
    "code id_token token",
]
_CLAIMS: Final = [
    "iss",
    "ver",
    "sub",
    "aud",
    "iat",
    "exp",
    "jti",
    "auth_time",
    "amr",
    "idp",
    "nonce",
    "name",
    "nickname",
    "preferred_username",
    "given_name",
    "middle_name",
    "family_name",
    "email",
    "email_verified",
    "profile",
    "zoneinfo",
    "locale",
    "address",
    "phone_number",
    "picture",
    "website",
    "gender",
    "birthdate",
    "updated_at",
    "at_hash",
    "c_hash",
]


def scopes(server: AuthorizationServer) -> list[str]:
    """Return what may be asked of `server`: `groups` at the org server, else if created."""
    if server.is_org:
        return [*_STANDARD_SCOPES, "groups"]
    return [*_CUSTOM_SCOPES, *server.scopes]


def metadata(org: str, issuer: str, server: AuthorizationServer) -> dict[str, Any]:
    """Return the members that the OIDC and the OAuth documents share."""
    base = f"{org}/oauth2/v1" if server.is_org else f"{issuer}/v1"
    return {
        "issuer": issuer,
        "authorization_endpoint": f"{base}/authorize",
        "token_endpoint": f"{base}/token",
        "registration_endpoint": f"{org}/oauth2/v1/clients",
        "jwks_uri": f"{base}/keys",
        "response_types_supported": _RESPONSE_TYPES,
        "response_modes_supported": ["query", "fragment", "form_post", "okta_post_message"],
        "grant_types_supported": _GRANT_TYPES,
        "subject_types_supported": ["public"],
        "scopes_supported": scopes(server),
        "token_endpoint_auth_methods_supported": _CLIENT_METHODS,
        "claims_supported": [*_CLAIMS, *(claim.name for claim in server.claims)],
        "code_challenge_methods_supported": ["S256"],
        "introspection_endpoint": f"{base}/introspect",
        "introspection_endpoint_auth_methods_supported": _CLIENT_METHODS,
        "revocation_endpoint": f"{base}/revoke",
        "revocation_endpoint_auth_methods_supported": _CLIENT_METHODS,
        "end_session_endpoint": f"{base}/logout",
        "request_parameter_supported": True,
        "request_object_signing_alg_values_supported": ["HS256", "RS256", "ES256"],
        "device_authorization_endpoint": f"{base}/device/authorize",
        "pushed_authorization_request_endpoint": f"{base}/par",
    }


def openid(org: str, issuer: str, server: AuthorizationServer) -> dict[str, Any]:
    """Return the OpenID Connect document.

    `authorization_response_iss_parameter_supported` is absent, as it is from Okta's.
    """
    base = f"{org}/oauth2/v1" if server.is_org else f"{issuer}/v1"
    return metadata(org, issuer, server) | {
        "userinfo_endpoint": f"{base}/userinfo",
        "id_token_signing_alg_values_supported": ["RS256"],
    }


def routes(simulation: Simulation) -> list[Route]:
    """Return the routes of this module over `simulation`."""

    def server_of(request: Request) -> AuthorizationServer:
        name = str(request.path_params.get("server", ""))
        if (server := simulation.world.server(name)) is None:
            raise OktaError(
                "E0000007", f"Not found: Resource not found: {name} (AuthorizationServer)"
            )
        return server

    async def openid_configuration(request: Request) -> Response:
        server = server_of(request)
        issuer = simulation.issuer(request, server.id)
        return JSONResponse(openid(simulation.org_url(request), issuer, server))

    async def oauth_metadata(request: Request) -> Response:
        server = server_of(request)
        issuer = simulation.issuer(request, server.id)
        return JSONResponse(metadata(simulation.org_url(request), issuer, server))

    async def keys(request: Request) -> Response:
        server = server_of(request)
        listed = simulation.ring(server.id).public()
        client = simulation.world.client(request.query_params.get("client_id", ""))
        if client is not None and client.pinned_key:
            listed = simulation.ring(f"client:{client.client_id}").public()
        return JSONResponse({"keys": listed}, headers={"cache-control": CACHE_CONTROL})

    async def organization(request: Request) -> Response:
        org = simulation.org_url(request)
        pipeline = "idx" if simulation.world.engine is Engine.IDENTITY else "v1"
        links = {"organization": {"href": org}}
        body = {"id": simulation.world.id, "_links": links, "pipeline": pipeline}
        return JSONResponse(body)

    oidc, oauth = "/.well-known/openid-configuration", "/.well-known/oauth-authorization-server"
    return [
        Route(oidc, openid_configuration),
        Route(oauth, oauth_metadata),
        Route("/.well-known/okta-organization", organization),
        Route(oauth + "/oauth2/{server}", oauth_metadata),
        Route("/oauth2/v1/keys", keys),
        Route("/oauth2/{server}/v1/keys", keys),
        Route("/oauth2/{server}" + oidc, openid_configuration),
        Route("/oauth2/{server}" + oauth, oauth_metadata),
    ]
