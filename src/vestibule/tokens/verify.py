"""Proves our own tokens, each kind apart: its type, audience, issuer, times and key."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import lru_cache
from typing import Any, cast

from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import OctKey

from vestibule.model.errors import VestibuleError
from vestibule.model.machine import SigningKey
from vestibule.model.values import Json
from vestibule.tokens.keys import verifying
from vestibule.tokens.signing import derived, verifier

LONGEST_TOKEN = 8192
_TOKENS_REMEMBERED = 2048
_CLOCKS_DIFFER = 60
_LATEST_TIME = 253_402_300_799
"""The last second of the year 9999: no token of ours names a later one."""


class TokenKind(StrEnum):
    """The `type` of a token of ours; none is ever taken for another."""

    APPLICATION = "app"
    ORGANIZATION = "org"
    META = "meta"


class Flaw(StrEnum):
    """Why a token was rejected, so far as somebody can act upon it."""

    MALFORMED = "malformed"
    UNKNOWN_KEY = "unknown_key"
    BAD_SIGNATURE = "bad_signature"
    WRONG_KIND = "wrong_kind"
    WRONG_ISSUER = "wrong_issuer"
    WRONG_AUDIENCE = "wrong_audience"
    EXPIRED = "expired"
    NOT_YET_VALID = "not_yet_valid"


class TokenRejected(VestibuleError):
    """The token proves nothing."""

    code = "token_rejected"

    def __init__(self, flaw: Flaw, message: str) -> None:
        super().__init__(message)
        self.flaw = flaw


@dataclass(frozen=True, slots=True)
class Claims:
    """What a token of ours says, proved. `all` holds every claim, also those named here."""

    kind: TokenKind
    audience: str
    subject: str
    id: str
    issued_at: int
    expires_at: int
    all: Mapping[str, Json]

    def text(self, name: str) -> str:
        """The claim `name` if it is a string, else an empty one."""
        value = self.all.get(name)
        return value if isinstance(value, str) else ""

    def texts(self, name: str) -> tuple[str, ...]:
        """The strings of the claim `name` if it is a list, else nothing."""
        value = self.all.get(name)
        if not isinstance(value, list):
            return ()
        return tuple(item for item in cast("list[Any]", value) if isinstance(item, str))


def verify(
    raw: str,
    keys: Sequence[SigningKey],
    *,
    kind: TokenKind,
    issuer: str,
    audiences: Collection[str],
    now: datetime,
) -> Claims:
    """Return what `raw` proves at `now`, or raise `TokenRejected` (RFC 7519, 7.2).

    Its one audience must be among `audiences`. Tokens of kind META are read by nobody but
    us and have a key of their own.
    """
    header = _header(raw)
    for_ourselves = kind is TokenKind.META
    algorithm = "HS256" if for_ourselves else "RS256"
    if header != {"alg": algorithm, "kid": header.get("kid"), "typ": "JWT"}:
        # Also what keeps `jwk`, `jku`, `x5u`, `crit` and `b64` out: we never write them.
        raise TokenRejected(Flaw.MALFORMED, f"the token's header is not that of a {kind} token")
    key = next((key for key in verifying(keys, now) if key.kid == header["kid"]), None)
    if key is None:
        raise TokenRejected(Flaw.UNKNOWN_KEY, "the token was signed with a key that is not ours")
    try:
        payload = _sealed(raw, key, kind) if for_ourselves else _signed(raw, key)
    except (JoseError, ValueError) as error:
        raise TokenRejected(Flaw.BAD_SIGNATURE, "the token's signature is wrong") from error
    return _judge(_object(payload), kind, issuer, audiences, int(now.timestamp()))


@lru_cache(maxsize=_TOKENS_REMEMBERED)
def _signed(raw: str, key: SigningKey) -> bytes:
    """Return the payload that `key` signed. What it says is judged anew each time."""
    return jws.deserialize_compact(raw, verifier(key), algorithms=["RS256"]).payload


def _sealed(raw: str, key: SigningKey, kind: TokenKind) -> bytes:
    secret = OctKey.import_key(derived(key, kind))
    return jws.deserialize_compact(raw, secret, algorithms=["HS256"]).payload


def _judge(
    claims: Mapping[str, Json], kind: TokenKind, issuer: str, audiences: Collection[str], now: int
) -> Claims:
    if claims.get("type") != kind.value:
        raise TokenRejected(Flaw.WRONG_KIND, f"the token is not a {kind} token")
    if claims.get("iss") != issuer:
        raise TokenRejected(Flaw.WRONG_ISSUER, "the token was issued by another team domain")
    issued_at = _time(claims, "iat")
    expires_at = _time(claims, "exp")
    named: Any = claims.get("aud")
    if not isinstance(named, list) or len(cast("list[Any]", named)) != 1:
        raise TokenRejected(Flaw.MALFORMED, "the token does not name exactly one audience")
    audience: Any = cast("list[Any]", named)[0]
    if not isinstance(audience, str) or audience not in audiences:
        raise TokenRejected(Flaw.WRONG_AUDIENCE, "the token is for something else")
    if expires_at <= now:
        raise TokenRejected(Flaw.EXPIRED, "the token has expired")
    if max(_time(claims, "nbf", issued_at), issued_at) > now + _CLOCKS_DIFFER:
        raise TokenRejected(Flaw.NOT_YET_VALID, "the token is not valid yet")
    subject, token_id = claims.get("sub", ""), claims.get("jti", "")
    if not isinstance(subject, str) or not isinstance(token_id, str):
        raise TokenRejected(Flaw.MALFORMED, "the token's subject or id is not text")
    return Claims(kind, audience, subject, token_id, issued_at, expires_at, claims)


def _time(claims: Mapping[str, Json], name: str, default: int | None = None) -> int:
    value = claims.get(name, default)
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= _LATEST_TIME:
        raise TokenRejected(Flaw.MALFORMED, f"the token's {name} is not a time")
    return value


def _header(raw: str) -> dict[str, Json]:
    if len(raw) > LONGEST_TOKEN or raw.count(".") != 2 or not raw.isascii():
        raise TokenRejected(Flaw.MALFORMED, "this is not a token")
    encoded = raw.partition(".")[0]
    try:
        decoded = base64.b64decode(
            encoded + "=" * (-len(encoded) % 4), altchars=b"-_", validate=True
        )
    except (ValueError, binascii.Error) as error:
        raise TokenRejected(Flaw.MALFORMED, "this is not a token") from error
    return _object(decoded)


def _object(document: bytes) -> dict[str, Json]:
    try:
        value: Any = json.loads(document)
    except (ValueError, RecursionError) as error:
        raise TokenRejected(Flaw.MALFORMED, "the token holds something that is not JSON") from error
    if not isinstance(value, dict):
        raise TokenRejected(Flaw.MALFORMED, "the token holds something that is not an object")
    return cast("dict[str, Json]", value)
