"""What the application's host saw, carried to the login page (access.md 5.1)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from vestibule.model.machine import SigningKey
from vestibule.model.values import Json
from vestibule.tokens.application import seconds
from vestibule.tokens.signing import sign_for_ourselves
from vestibule.tokens.verify import TokenKind, verify

META_LIFE = timedelta(minutes=30)


@dataclass(frozen=True, slots=True)
class Meta:
    """The facts of a request that was sent to the login page.

    `origin` is scheme and authority as the visitor typed them, `app_session` the hash of
    the `CF_AppSession` that this visitor was given, `certificate` the verified common name.
    """

    origin: str
    hostname: str
    app_session: str
    ip: str = ""
    country: str = ""
    certificate: str = ""
    service_token: bool = False


def sign_meta(
    meta: Meta, *, issuer: str, application_aud: str, key: SigningKey, now: datetime
) -> str:
    """Return `meta` as a token for the login page of the application with that AUD tag."""
    claims: dict[str, Json] = {
        "type": TokenKind.META.value,
        "aud": [audience(application_aud)],
        "iss": issuer,
        "iat": seconds(now),
        "exp": seconds(now + META_LIFE),
        "hostname": meta.hostname,
        "origin": meta.origin,
        "app_session": meta.app_session,
        "ip": meta.ip,
        "country": meta.country,
        "auth_status": "SUCCESS" if meta.certificate else "NONE",
        "service_token_status": meta.service_token,
    }
    if meta.certificate:
        claims["common_name"] = meta.certificate
    return sign_for_ourselves(claims, key, TokenKind.META)


def verify_meta(
    raw: str, keys: Sequence[SigningKey], *, issuer: str, application_aud: str, now: datetime
) -> Meta:
    """Return what the application's host saw; raises `TokenRejected`."""
    claims = verify(
        raw,
        keys,
        kind=TokenKind.META,
        issuer=issuer,
        audiences=(audience(application_aud),),
        now=now,
    )
    return Meta(
        origin=claims.text("origin"),
        hostname=claims.text("hostname"),
        app_session=claims.text("app_session"),
        ip=claims.text("ip"),
        country=claims.text("country"),
        certificate=claims.text("common_name"),
        service_token=claims.all.get("service_token_status") is True,
    )


def audience(application_aud: str) -> str:
    """Return the `aud` of a meta token: never that of an application token."""
    return f"login:{application_aud}"
