"""Asks external services about somebody who has just signed in (access.md 3.9)."""

from __future__ import annotations

import json
from collections.abc import Iterable

from vestibule.flows.door import Door
from vestibule.flows.identity import identity_document
from vestibule.flows.judgement import ExternalAnswers
from vestibule.model.configuration import Configuration
from vestibule.model.identity import User
from vestibule.model.machine import SigningKey
from vestibule.model.request import RequestFacts
from vestibule.model.rules import ExternalEvaluation
from vestibule.model.session import GlobalSession
from vestibule.protocols.exchange import Exchange, OutboundError, Request, run
from vestibule.protocols.jose.errors import Reason, TokenRejected
from vestibule.protocols.jose.keys import parse_key_set
from vestibule.protocols.jose.strict_json import parse_object
from vestibule.protocols.jose.verify import verify_token
from vestibule.tokens.application import seconds
from vestibule.tokens.keys import current
from vestibule.tokens.signing import sign

_ANSWER_LIFE = 60
_KEYS_KEPT = 300.0
_KEYS_SIGN = frozenset({"RS256"})


def ask_external(
    door: Door,
    configuration: Configuration,
    asked: Iterable[ExternalEvaluation],
    *,
    session: GlobalSession,
    user: User,
    facts: RequestFacts,
) -> ExternalAnswers:
    """Ask each service once. None stands for silence and for any answer that proves nothing."""
    services = sorted(asked, key=lambda service: service.evaluate_url)
    if not services:
        return {}
    with door.store.reading() as records:
        key = current(records.signing_keys())
    identity = identity_document(configuration, session, user, facts)
    issuer = door.team_url(configuration.organization)
    return {
        service: _ask(door, service, key, {"iss": issuer, "identity": identity})
        for service in services
    }


def _ask(
    door: Door, service: ExternalEvaluation, key: SigningKey, claims: dict[str, object]
) -> bool | None:
    now = door.clock.now()
    nonce = door.entropy.hexadecimal(16)
    question = sign(
        {
            **claims,
            "aud": service.evaluate_url,
            "nonce": nonce,
            "iat": seconds(now),
            "exp": seconds(now) + _ANSWER_LIFE,
        },
        key,
    )
    try:
        return run(_exchange(door, service, question, nonce), door.network.send)
    except (OutboundError, TokenRejected):
        return None


def _exchange(
    door: Door, service: ExternalEvaluation, question: str, nonce: str
) -> Exchange[bool | None]:
    body = json.dumps({"token": question}).encode()
    headers = {"content-type": "application/json", "accept": "application/json"}
    response = yield Request("POST", service.evaluate_url, headers, body)
    if response.status != 200:
        return None
    token = parse_object(response.body, "the answer").get("token")
    if not isinstance(token, str):
        return None
    for refresh in (False, True):
        published = yield Request("GET", service.keys_url, cache_for=_KEYS_KEPT, refresh=refresh)
        if published.status != 200:
            return None
        try:
            claims = verify_token(
                token,
                parse_key_set(published.body),
                algorithms=_KEYS_SIGN,
                issuer=None,
                audience=None,
                now=door.clock.now(),
                required=frozenset({"exp"}),
            )
        except TokenRejected as error:
            if error.reason is Reason.UNKNOWN_KEY and not refresh:
                continue
            return None
        if claims.values.get("nonce") != nonce:
            return None
        return claims.values.get("success") is True
    return None
