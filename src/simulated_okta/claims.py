"""Which claims ride in the ID token, in `/userinfo` and in the access token.

Okta: "fat" ID tokens for the code flow of the org server, "thin" ones when an access token
comes with them from an implicit flow, and from custom servers.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable
from typing import Any, Final

from simulated_okta.errors import OAuthError
from simulated_okta.simulation import AccessToken, Grant, Simulation, random_id
from simulated_okta.world import AuthorizationServer, Client, GroupsClaim, Person

LIFETIME: Final = 3600
GROUPS_LIMIT: Final = 100
TOO_MANY: Final = (
    "The groups claim matched too many groups and must be configured to match fewer groups."
)
_THIN: Final = ("email", "name", "preferred_username")


def profile(person: Person, scopes: tuple[str, ...], updated: int) -> dict[str, Any]:
    """Return the standard claims that `scopes` open (OIDC Core, 5.4)."""
    claims: dict[str, Any] = {}
    if "profile" in scopes:
        claims |= {
            "name": person.name,
            "preferred_username": person.login,
            "given_name": person.first_name,
            "family_name": person.last_name,
            "locale": person.profile.get("locale", "en_US"),
            "zoneinfo": person.profile.get("zoneinfo", "America/Los_Angeles"),
            "updated_at": updated,
        }
    if "email" in scopes:
        claims |= {"email": person.email, "email_verified": True}
    return claims


def groups(
    simulation: Simulation,
    claim: GroupsClaim,
    person: Person,
    *,
    unlimited: bool,
) -> list[str]:
    """Return the names of the matching groups, or raise `OAuthError` above the limit."""
    names = [group.name for group in simulation.world.groups_of(person) if claim.matches(group)]
    if len(names) > GROUPS_LIMIT and not unlimited:
        simulation.record(
            "app.oauth2.as.token.grant.id_token",
            "FAILURE",
            reason="too_many_groups_in_groups_claim",
            actor=person.login,
        )
        raise OAuthError("server_error", TOO_MANY)
    return names


def groups_claim(
    server: AuthorizationServer, client: Client, scopes: tuple[str, ...]
) -> GroupsClaim | None:
    """Return the claim that applies: the application's at the org server, or the server's."""
    if server.is_org:
        return client.groups_claim if "groups" in scopes else None
    if server.groups_claim is None:
        return None
    scoped = "groups" in server.scopes
    return server.groups_claim if not scoped or "groups" in scopes else None


def custom(
    server: AuthorizationServer, person: Person, scopes: tuple[str, ...], *, in_id_token: bool
) -> dict[str, Any]:
    """Return the server's own claims, those that nobody's profile fills being left out."""
    known = {"login": person.login, "email": person.email, "firstName": person.first_name}
    values = known | {"lastName": person.last_name} | person.profile
    return {
        claim.name: values[claim.attribute]
        for claim in server.claims
        if claim.attribute in values
        and (not claim.scope or claim.scope in scopes)
        and (claim.always or not in_id_token)
    }


def id_token(
    simulation: Simulation, grant: Grant, server: AuthorizationServer, *, access_token: str = ""
) -> str:
    """Return the signed ID token, or raise `OAuthError` for too many groups."""
    client, person = parties(simulation, grant)
    request = grant.request
    now = simulation.now()
    code_flow = request.response_type == "code"
    claims = profile(person, request.scopes, now)
    if not (server.is_org and (code_flow or not access_token)):
        claims = {name: value for name, value in claims.items() if name in _THIN}
    thin_implicit = not code_flow and bool(access_token)
    claim = groups_claim(server, client, request.scopes)
    if claim is not None and not thin_implicit:
        unlimited = server.is_org and code_flow and claim.kind == "filter"
        claims[claim.name] = groups(simulation, claim, person, unlimited=unlimited)
    claims |= custom(server, person, request.scopes, in_id_token=True)
    claims |= {
        "sub": person.id,
        "ver": 1,
        "iss": request.issuer,
        "aud": client.client_id,
        "iat": now,
        "exp": now + LIFETIME,
        "jti": random_id("ID."),
        "amr": grant.amr,
        "idp": simulation.world.id,
        "auth_time": grant.auth_time,
    }
    if request.nonce:
        claims["nonce"] = request.nonce
    if grant.acr is not None:
        claims["acr"] = grant.acr
    if access_token:
        claims["at_hash"] = half_hash(access_token)
    name = f"client:{client.client_id}" if client.pinned_key else server.id
    return simulation.ring(name).sign(claims)


def access_token(simulation: Simulation, grant: Grant, server: AuthorizationServer) -> str:
    """Return an access token and remember it.

    The org server signs its own with a key that is published nowhere: they are opaque to us.
    """
    client, person = parties(simulation, grant)
    now = simulation.now()
    claims: dict[str, Any] = {
        "ver": 1,
        "jti": random_id("AT."),
        "iss": grant.request.issuer,
        "aud": grant.request.issuer if server.is_org else server.audience,
        "sub": person.login,
        "iat": now,
        "exp": now + LIFETIME,
        "cid": client.client_id,
        "uid": person.id,
        "auth_time": grant.auth_time,
        "scp": list(grant.request.scopes),
    }
    if not server.is_org:
        claims |= custom(server, person, grant.request.scopes, in_id_token=False)
    token = simulation.ring("unpublished" if server.is_org else server.id).sign(claims)
    simulation.access_tokens[token] = AccessToken(grant, claims, now + LIFETIME)
    return token


def parties(simulation: Simulation, grant: Grant) -> tuple[Client, Person]:
    """Return who asked and who signed in, or raise `OAuthError` when one of them is gone."""
    client = simulation.world.client(grant.request.client_id)
    person = simulation.world.person(grant.person_id)
    if client is None or person is None or not person.active:
        raise OAuthError("invalid_grant", "The authorization code is invalid or has expired.")
    return client, person


def half_hash(token: str, digest: Callable[[bytes], Any] = hashlib.sha256) -> str:
    """Return the left half of the hash of `token` (OIDC Core, 3.1.3.6)."""
    whole: bytes = digest(token.encode()).digest()
    return base64.urlsafe_b64encode(whole[: len(whole) // 2]).rstrip(b"=").decode()
