"""Asking somebody else's service about a visitor (access.md 3.9).

The request is a token of ours, and the answer one of theirs. Whatever is not a clear answer
is None: no policy may let anybody in because of it, and one that keeps people out counts it
against the visitor.
"""

from __future__ import annotations

import hmac
import json
from collections.abc import Mapping
from datetime import datetime, timedelta

from vestibule.model.rules import ExternalEvaluation
from vestibule.model.values import Json
from vestibule.protocols.exchange import Exchange, OutboundError, Request, Response
from vestibule.protocols.jose import KeySet, TokenRejected, check_claims, parse_object, verify_jws
from vestibule.protocols.json_values import text
from vestibule.protocols.oauth2 import OAuthFailure
from vestibule.protocols.oidc import verify_with_published_keys

_LIFETIME = timedelta(seconds=60)
_KEEP_KEYS = 300.0
_TIMEOUT = 5.0


def request_claims(
    evaluation: ExternalEvaluation,
    *,
    issuer: str,
    identity: Mapping[str, Json],
    nonce: str,
    now: datetime,
) -> dict[str, Json]:
    """What our signed request says; `identity` is the visitor's, as get-identity shows it."""
    return {
        "iss": issuer,
        "aud": evaluation.evaluate_url,
        "iat": int(now.timestamp()),
        "exp": int((now + _LIFETIME).timestamp()),
        "nonce": nonce,
        "identity": dict(identity),
    }


def evaluate(
    evaluation: ExternalEvaluation, signed_request: str, *, nonce: str, now: datetime
) -> Exchange[bool | None]:
    """Return what the service says: True, False, or None when it said nothing we may believe."""
    body = json.dumps({"token": signed_request}).encode("ascii")
    headers = {"Content-Type": "application/json", "Accept": "application/json"}
    try:
        answer = yield Request(
            "POST", evaluation.evaluate_url, headers=headers, body=body, timeout=_TIMEOUT
        )
        token = _token(answer)

        def verify(keys: KeySet) -> bool:
            return _verdict(token, keys, nonce, now)

        return (
            yield from verify_with_published_keys(evaluation.keys_url, verify, keep_for=_KEEP_KEYS)
        )
    except (OutboundError, OAuthFailure, TokenRejected):
        return None


def _token(answer: Response) -> str:
    if answer.status != 200:
        raise OAuthFailure(f"the external evaluation answered {answer.status}", answer=answer)
    return text(parse_object(answer.body, "the external evaluation's answer"), "token")


def _verdict(token: str, keys: KeySet, nonce: str, now: datetime) -> bool:
    """`success` of an answer that is signed, fresh, and given to this question."""
    claims = check_claims(
        verify_jws(token, keys, algorithms={"RS256"}),
        issuer=None,
        audience=None,
        now=now,
        required=frozenset({"exp", "nonce"}),
    )
    if not hmac.compare_digest(text(claims.values, "nonce").encode(), nonce.encode()):
        raise OAuthFailure("the external evaluation answered another question", code="nonce")
    return claims.values.get("success") is True
