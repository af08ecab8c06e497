"""The ID token: everything that must hold before a word of it is believed (OIDC Core, 3.1.3.7)."""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from vestibule.model.values import Json
from vestibule.protocols.jose import Claims, KeySet, Reason, TokenRejected, check_claims
from vestibule.protocols.jose.claims import SKEW, numeric_date
from vestibule.protocols.jose.verify import verify_signed
from vestibule.protocols.json_values import as_texts, text
from vestibule.protocols.oauth2.messages import half_hash

_MAX_AGE_OF_TOKEN = timedelta(minutes=10)
_MAX_SUBJECT = 255


@dataclass(frozen=True, slots=True)
class IdTokenExpectations:
    """What the token must say. `issuer` None accepts any, where none is configured.

    `max_age` is what was asked for, in seconds: then `auth_time` must be there and fresh.
    `acr_values` are those asked for: then `acr` must be one of them.
    """

    client_id: str
    issuer: str | None
    nonce: str
    now: datetime
    algorithms: frozenset[str]
    access_token: str = ""
    max_age: int | None = None
    acr_values: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class IdToken:
    """A verified ID token. `amr` is None when the provider said nothing of methods."""

    claims: Claims
    amr: tuple[str, ...] | None
    acr: str | None
    authenticated_at: datetime | None

    @property
    def subject(self) -> str:
        """The provider's own name for the person."""
        return self.claims.subject

    @property
    def values(self) -> Mapping[str, Json]:
        """All claims."""
        return self.claims.values


def verify_id_token(token: str, keys: KeySet, expected: IdTokenExpectations) -> IdToken:
    """Return what an ID token proves, or raise `TokenRejected`."""
    signed = verify_signed(token, keys, algorithms=expected.algorithms)
    claims = check_claims(
        signed.payload,
        issuer=expected.issuer,
        audience=expected.client_id,
        now=expected.now,
        max_token_age=_MAX_AGE_OF_TOKEN,
        required=frozenset({"iss", "sub", "aud", "exp", "iat"}),
    )
    _check_subject(claims)
    _check_audience(claims, expected.client_id)
    _check_nonce(claims, expected.nonce)
    _check_access_token(claims, expected.access_token, signed.algorithm)
    return IdToken(
        claims=claims,
        amr=_methods(claims),
        acr=_check_acr(claims, expected.acr_values),
        authenticated_at=_check_authentication_time(claims, expected),
    )


def _check_subject(claims: Claims) -> None:
    if not claims.subject or len(claims.subject) > _MAX_SUBJECT or not claims.subject.isprintable():
        raise TokenRejected("the ID token's sub is not an identifier", Reason.CLAIM)


def _check_audience(claims: Claims, client_id: str) -> None:
    """Nobody else may be trusted with the token, and it must have been made for us."""
    azp: Json = claims.values.get("azp")
    if set(claims.audience) != {client_id}:
        raise TokenRejected(
            "the ID token is also meant for others, whom nobody here trusts", Reason.AUDIENCE
        )
    if (azp is not None or len(claims.audience) > 1) and azp != client_id:
        raise TokenRejected("the ID token was made for another client (azp)", Reason.AUDIENCE)


def _check_nonce(claims: Claims, nonce: str) -> None:
    found = text(claims.values, "nonce")
    if not nonce or not hmac.compare_digest(found.encode(), nonce.encode()):
        raise TokenRejected("the ID token belongs to another sign-in (nonce)", Reason.NONCE)


def _check_access_token(claims: Claims, access_token: str, algorithm: str) -> None:
    """`at_hash` (3.1.3.8): optional in the code flow, but never wrong or unverifiable."""
    found: Json = claims.values.get("at_hash")
    if found is None:
        return
    expected = half_hash(access_token, algorithm) if access_token else None
    if (
        not isinstance(found, str)
        or expected is None
        or not hmac.compare_digest(found.encode(), expected.encode())
    ):
        raise TokenRejected("the ID token does not fit the access token (at_hash)", Reason.HASH)


def _check_acr(claims: Claims, wanted: tuple[str, ...]) -> str | None:
    acr = text(claims.values, "acr") or None
    if wanted and acr not in wanted:
        # Okta silently ignores values that it does not know, so absence is failure too.
        raise TokenRejected(
            f"the sign-in was weaker than asked: expected acr {' or '.join(wanted)}, "
            f"found {acr or 'none'}",
            Reason.CLAIM,
        )
    return acr


def _check_authentication_time(claims: Claims, expected: IdTokenExpectations) -> datetime | None:
    moment = numeric_date(claims.values, "auth_time")
    if moment is not None and moment > expected.now + SKEW:
        raise TokenRejected("the ID token's auth_time is in the future", Reason.NOT_YET_VALID)
    if expected.max_age is None:
        return moment
    if moment is None:
        raise TokenRejected(
            "the ID token does not say when the person signed in, though a fresh sign-in was "
            "asked for (auth_time)",
            Reason.CLAIM,
        )
    if expected.now - moment > timedelta(seconds=expected.max_age) + SKEW:
        raise TokenRejected("the person signed in too long ago (auth_time)", Reason.STALE)
    return moment


def _methods(claims: Claims) -> tuple[str, ...] | None:
    """`amr` as texts: an array, or one text with spaces or commas (identity.md 5.3)."""
    value: Json = claims.values.get("amr")
    if value is None:
        return None
    if isinstance(value, str):
        return tuple(dict.fromkeys(value.replace(",", " ").split()))
    methods = as_texts(value)
    if methods is None:
        raise TokenRejected("the ID token's amr should be a list of texts", Reason.CLAIM)
    return tuple(dict.fromkeys(method.strip() for method in methods if method.strip()))
