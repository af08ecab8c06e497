"""What an application token says (access.md 4.1), and how it stays small.

Envoy keeps verified tokens only up to 4,096 octets, and browsers cut long cookies: a token
stays under 1.5 KB. What an application wants to know beyond that, get-identity tells.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from vestibule.model.application import Application
from vestibule.model.session import GlobalSession, Grant
from vestibule.model.values import Json
from vestibule.tokens.signing import payload

LARGEST_TOKEN = 1500
_HEADER_AND_SIGNATURE = 500
"""The header with its `kid`, the RS256 signature of a 2,048-bit key, and the two dots."""


@dataclass(frozen=True, slots=True)
class Standing:
    """What the data plane must know to accept a token by itself (design.md, "The hot path").

    `version` is that of the application's continuous plan when the token was issued, and
    `conditions` the clauses that its policy relied upon. ASK never fits: whoever bears it
    is asked about on each request.
    """

    version: str = ""
    conditions: tuple[str, ...] = ()


ASK = Standing()


def person_claims(
    *,
    issuer: str,
    application: Application,
    session: GlobalSession,
    grant: Grant,
    email: str,
    standing: Standing,
) -> dict[str, Json]:
    """Return the claims of somebody who signed in; `grant` says policy, times and country."""
    claims = _common(issuer, application, grant, subject=session.user_id)
    claims["email"] = email
    claims["identity_nonce"] = session.id
    if session.identity.amr:
        claims["amr"] = list(session.identity.amr)
    return _fitted(_standing(claims, standing), session.identity.claims)


def machine_claims(
    *,
    issuer: str,
    application: Application,
    grant: Grant,
    common_name: str,
    standing: Standing,
) -> dict[str, Json]:
    """Return the claims of a service token (its client id) or a certificate (its name)."""
    claims = _common(issuer, application, grant, subject="")
    claims["common_name"] = common_name
    return _fitted(_standing(claims, standing), {})


def standing_of(claims: Mapping[str, Json]) -> Standing:
    """Return what a token was issued with, to see whether it is still up to date."""
    return Standing(claims.get("policy_version", ""), tuple(claims.get("conditions", ())))


def _common(
    issuer: str, application: Application, grant: Grant, *, subject: str
) -> dict[str, Json]:
    claims: dict[str, Json] = {
        "type": "app",
        "aud": [application.aud],
        "iss": issuer,
        "sub": subject,
        "iat": seconds(grant.issued_at),
        "nbf": seconds(grant.issued_at),
        "exp": seconds(grant.expires_at),
        "jti": grant.id,
        "policy_id": grant.policy_id,
    }
    if grant.country:
        claims["country"] = grant.country
    return claims


def _standing(claims: dict[str, Json], standing: Standing) -> dict[str, Json]:
    """Add the clauses, or have every request asked about when there is no room for them."""
    full = {**claims, "policy_version": standing.version}
    if standing.conditions:
        full["conditions"] = list(standing.conditions)
    return full if _fits(full) else {**claims, "policy_version": ASK.version}


def _fitted(claims: dict[str, Json], custom: Mapping[str, Json]) -> dict[str, Json]:
    """Add the custom claims in their configured order, leaving out each that does not fit."""
    kept: dict[str, Json] = {}
    for name, value in custom.items():
        if _fits({**claims, "custom": {**kept, name: value}}):
            kept[name] = value
    return {**claims, "custom": kept} if kept else claims


def _fits(claims: Mapping[str, Json]) -> bool:
    return _HEADER_AND_SIGNATURE + -(-len(payload(claims)) * 4 // 3) <= LARGEST_TOKEN


def seconds(time: datetime) -> int:
    """Return `time` as a NumericDate (RFC 7519, 2)."""
    return int(time.timestamp())
