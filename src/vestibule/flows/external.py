"""Asks external services about somebody who has just signed in (access.md 3.9)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from vestibule.flows.door import Door
from vestibule.flows.identity import identity_document
from vestibule.flows.judgement import ExternalAnswers
from vestibule.model.configuration import Configuration
from vestibule.model.identity import User
from vestibule.model.machine import SigningKey
from vestibule.model.request import RequestFacts
from vestibule.model.rules import ExternalEvaluation
from vestibule.model.session import GlobalSession
from vestibule.model.values import Json
from vestibule.protocols.exchange import run
from vestibule.protocols.external_evaluation import evaluate, request_claims
from vestibule.tokens.keys import current
from vestibule.tokens.signing import sign

_REMEMBERED = "external "


def remembered(answers: ExternalAnswers) -> dict[str, str]:
    """The answers as a handover carries them; silence is not carried, and stays unknown."""
    return {
        f"{_REMEMBERED}{service.keys_url} {service.evaluate_url}": str(said)
        for service, said in answers.items()
        if said is not None
    }


def external_of(remembered: Mapping[str, Json]) -> ExternalAnswers:
    """What external evaluations said at the sign-in."""
    answers: dict[ExternalEvaluation, bool | None] = {}
    for name, said in remembered.items():
        if name.startswith(_REMEMBERED):
            keys_url, _, evaluate_url = name.removeprefix(_REMEMBERED).partition(" ")
            answers[ExternalEvaluation(evaluate_url, keys_url)] = said == "True"
    return answers


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
    return {service: _ask(door, service, key, issuer, identity) for service in services}


def _ask(
    door: Door,
    service: ExternalEvaluation,
    key: SigningKey,
    issuer: str,
    identity: Mapping[str, Json],
) -> bool | None:
    now = door.clock.now()
    nonce = door.entropy.hexadecimal(16)
    claims = request_claims(service, issuer=issuer, identity=identity, nonce=nonce, now=now)
    return run(evaluate(service, sign(claims, key), nonce=nonce, now=now), door.network.send)
