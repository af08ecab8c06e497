"""The one road from a token that somebody sent to claims that may be believed."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import MappingProxyType

from joserfc import jws
from joserfc.errors import BadSignatureError, JoseError
from joserfc.util import urlsafe_b64decode

from vestibule.model.values import Json
from vestibule.protocols.jose.claims import SKEW, Claims, check_claims
from vestibule.protocols.jose.errors import Reason, TokenRejected
from vestibule.protocols.jose.keys import KNOWN_ALGORITHMS, KeySet
from vestibule.protocols.jose.strict_json import parse_object

DEFAULT_ALGORITHMS = frozenset({"RS256", "RS512", "PS512", "ES256", "ES384", "ES512"})
"""What an ID token may be signed with unless an operator says otherwise (identity.md 1.4)."""

MAX_TOKEN_LENGTH = 16 * 1024
_MAX_TRIES = 5
_COMPACT = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+")

_KEYS_IN_HEADERS = frozenset({"jwk", "jku", "x5u", "x5c"})
"""A token must not bring or point to its own key (OIDC Core, 2; RFC 8725, 3.10)."""


class _Registry(jws.JWSRegistry):
    """joserfc's own limits, made to fit ours; unknown header members are ignored (RFC 7515, 4)."""

    max_header_length = 4096


@dataclass(frozen=True, slots=True)
class Signed:
    """What a key of the set has signed, and by which algorithm."""

    algorithm: str
    payload: Mapping[str, Json]


def verify_jws(
    token: str,
    keys: KeySet,
    *,
    algorithms: Collection[str],
    types: Collection[str] | None = None,
) -> Mapping[str, Json]:
    """Return the claims that `verify_signed` proves; nothing is known yet of whom they are for."""
    return verify_signed(token, keys, algorithms=algorithms, types=types).payload


def verify_signed(
    token: str,
    keys: KeySet,
    *,
    algorithms: Collection[str],
    types: Collection[str] | None = None,
) -> Signed:
    """Return what a key of `keys` has signed by one of `algorithms`.

    `types`, where given, are the only values of `typ` accepted (RFC 8725, 3.11), without
    `application/` and in lower case. Raises `TokenRejected`; its reason is `UNKNOWN_KEY`
    when the token names a key that is not in the set, so that the caller may look again.
    """
    if len(token) > MAX_TOKEN_LENGTH:
        raise TokenRejected("the token is too long", Reason.MALFORMED)
    if not _COMPACT.fullmatch(token):
        raise TokenRejected("the token is not a compact JWS", Reason.MALFORMED)
    header = parse_object(_decode(token.split(".")[0]), "the token's header")
    algorithm = _check_header(header, frozenset(algorithms) & KNOWN_ALGORITHMS, types)
    payload = _check_signature(token, keys, header.get("kid"), algorithm)
    return Signed(algorithm, MappingProxyType(parse_object(payload, "the token's payload")))


def verify_token(
    token: str,
    keys: KeySet,
    *,
    algorithms: Collection[str],
    issuer: str | None,
    audience: str | None,
    now: datetime,
    types: Collection[str] | None = None,
    skew: timedelta = SKEW,
    max_token_age: timedelta | None = None,
    required: frozenset[str] = frozenset({"iss", "aud", "exp", "iat"}),
) -> Claims:
    """Return what `token` proves at `now`, or raise `TokenRejected` (RFC 7519, 7.2)."""
    return check_claims(
        verify_jws(token, keys, algorithms=algorithms, types=types),
        issuer=issuer,
        audience=audience,
        now=now,
        skew=skew,
        max_token_age=max_token_age,
        required=required,
    )


def _check_header(
    header: Mapping[str, Json], algorithms: frozenset[str], types: Collection[str] | None
) -> str:
    algorithm: Json = header.get("alg")
    if not isinstance(algorithm, str) or algorithm not in algorithms:
        raise TokenRejected(
            f"the token is signed by {str(algorithm)[:20]!r}; accepted are "
            f"{', '.join(sorted(algorithms))}",
            Reason.ALGORITHM,
        )
    if "crit" in header or "b64" in header:
        # No extension is understood here, so whatever is critical is not (RFC 7515, 4.1.11).
        raise TokenRejected("the token demands an extension that is not known", Reason.HEADER)
    if brought := sorted(_KEYS_IN_HEADERS & header.keys()):
        raise TokenRejected(f"the token brings its own key ({', '.join(brought)})", Reason.HEADER)
    if not isinstance(header.get("kid", ""), str):
        raise TokenRejected("the token's kid should be text", Reason.HEADER)
    if types is not None:
        typ = str(header.get("typ", "")).lower().removeprefix("application/")
        if typ not in types:
            raise TokenRejected("the token is of another type", Reason.TYPE)
    return algorithm


def _check_signature(token: str, keys: KeySet, kid: str | None, algorithm: str) -> bytes:
    candidates = keys.candidates(kid, algorithm)
    if not candidates:
        if keys.knows(kid):
            raise TokenRejected(f"the key that is named cannot have made {algorithm}", Reason.KEY)
        raise TokenRejected("the token names a key that is not published", Reason.UNKNOWN_KEY)
    registry = _Registry(algorithms=[algorithm], strict_check_header=False)
    for key in candidates[:_MAX_TRIES]:
        try:
            return jws.deserialize_compact(token, key.material, registry=registry).payload
        except BadSignatureError:
            continue
        except (JoseError, ValueError, TypeError) as error:
            raise TokenRejected("the token is not a compact JWS", Reason.MALFORMED) from error
    if kid is None:
        # The signer may have rotated; a token without a kid cannot say so.
        raise TokenRejected("no published key has signed the token", Reason.UNKNOWN_KEY)
    raise TokenRejected("the token's signature is wrong", Reason.SIGNATURE)


def _decode(segment: str) -> bytes:
    try:
        return urlsafe_b64decode(segment.encode("ascii"))
    except ValueError as error:
        raise TokenRejected("the token is not base64url", Reason.MALFORMED) from error
