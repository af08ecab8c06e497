"""The registered claims of a token (RFC 7519, 4.1), judged at a moment."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from types import MappingProxyType

from vestibule.model.values import Json
from vestibule.protocols.jose.errors import Reason, TokenRejected
from vestibule.protocols.json_values import as_texts

SKEW = timedelta(seconds=60)
_LAST_SECOND = 253_402_300_799  # 9999-12-31T23:59:59Z, the last that a datetime can hold


@dataclass(frozen=True, slots=True)
class Claims:
    """What a verified token says. `values` are all its claims, read-only."""

    values: Mapping[str, Json]
    issuer: str
    subject: str
    audience: tuple[str, ...]
    issued_at: datetime | None = None
    not_before: datetime | None = None
    expires_at: datetime | None = None


def check_claims(
    values: Mapping[str, Json],
    *,
    issuer: str | None,
    audience: str | None,
    now: datetime,
    skew: timedelta = SKEW,
    max_token_age: timedelta | None = None,
    required: frozenset[str] = frozenset({"iss", "aud", "exp", "iat"}),
) -> Claims:
    """Return the claims of a verified token that is meant for `audience` at `now`.

    `issuer` is compared as a string, octet by octet; None says that any will do, for a
    provider whose issuer nobody configured. `audience` must be among the token's; None
    leaves that to the caller. `max_token_age` refuses tokens issued longer ago.
    Raises `TokenRejected`.
    """
    if missing := sorted(name for name in required if values.get(name) in (None, "", [])):
        raise TokenRejected(f"the token lacks {', '.join(missing)}", Reason.CLAIM)
    claims = Claims(
        values=MappingProxyType(dict(values)),
        issuer=_text(values, "iss"),
        subject=_text(values, "sub"),
        audience=_audience(values),
        issued_at=numeric_date(values, "iat"),
        not_before=numeric_date(values, "nbf"),
        expires_at=numeric_date(values, "exp"),
    )
    if issuer is not None and claims.issuer != issuer:
        raise TokenRejected(
            f"the token is from another issuer: expected {issuer!r}, found {claims.issuer[:200]!r}",
            Reason.ISSUER,
        )
    if audience is not None and audience not in claims.audience:
        raise TokenRejected("the token is meant for another audience", Reason.AUDIENCE)
    _check_times(claims, now, skew, max_token_age)
    return claims


def _check_times(
    claims: Claims, now: datetime, skew: timedelta, max_token_age: timedelta | None
) -> None:
    if claims.expires_at is not None and now >= claims.expires_at + skew:
        raise TokenRejected(f"the token expired at {claims.expires_at:%FT%TZ}", Reason.EXPIRED)
    for moment, meaning in ((claims.not_before, "valid only from"), (claims.issued_at, "issued")):
        if moment is not None and now + skew < moment:
            raise TokenRejected(
                f"the token is {meaning} {moment:%FT%TZ}, which is in the future: "
                "compare the clocks of both sides",
                Reason.NOT_YET_VALID,
            )
    if (
        max_token_age is not None
        and claims.issued_at is not None
        and now - claims.issued_at > max_token_age + skew
    ):
        raise TokenRejected(
            f"the token was issued at {claims.issued_at:%FT%TZ}, too long ago", Reason.STALE
        )


def numeric_date(values: Mapping[str, Json], name: str) -> datetime | None:
    """A NumericDate (RFC 7519, 2), None when absent; raises `TokenRejected` on anything odd."""
    value: Json = values.get(name)
    if value is None:
        return None
    if (
        isinstance(value, bool)
        or not isinstance(value, int | float)
        or not math.isfinite(value)
        or not 0 <= value <= _LAST_SECOND
    ):
        raise TokenRejected(f"the token's {name} is not a date", Reason.CLAIM)
    return datetime.fromtimestamp(value, UTC)


def _text(values: Mapping[str, Json], name: str) -> str:
    value: Json = values.get(name, "")
    if not isinstance(value, str):
        raise TokenRejected(f"the token's {name} should be text", Reason.CLAIM)
    return value


def _audience(values: Mapping[str, Json]) -> tuple[str, ...]:
    audience = as_texts(values.get("aud", []))
    if audience is None:
        raise TokenRejected("the token's aud should be text or a list of texts", Reason.CLAIM)
    return audience
