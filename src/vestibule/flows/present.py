"""Finds who stands behind the tokens that a request presents (access.md 4.4).

A token proves itself by its signature; that its session and its grant are still alive, only
the records can tell. Of several cookies of one name, each is tried: a sibling hostname may
have planted one (a foreign cookie must neither let in nor lock out).
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TypeAlias

from vestibule.flows.ports import Records
from vestibule.flows.question import Question
from vestibule.flows.view import Protected
from vestibule.model.identity import User
from vestibule.model.machine import ServiceToken
from vestibule.model.request import RequestFacts
from vestibule.model.session import GlobalSession, Grant
from vestibule.policy.context import Context
from vestibule.sessions.cookies import AUTHORIZATION, BINDING
from vestibule.tokens.binding import is_bound
from vestibule.tokens.verify import Claims, TokenKind, TokenRejected, verify

TOKEN_HEADER = "cf-access-token"  # noqa: S105 - the name of a header
_MOST_CANDIDATES = 8
_ENDED = "ended"
_UNBOUND = "unbound"


@dataclass(frozen=True, slots=True)
class Proven:
    """A token that is ours, for this application or for one linked to it."""

    raw: str
    claims: Claims
    by_cookie: bool


@dataclass(frozen=True, slots=True)
class Presented:
    """What the tokens of a request came to. `flaws` are for whoever wonders why they do not do."""

    proven: tuple[Proven, ...] = ()
    flaws: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who signed in and was let into this application before."""

    token: Proven
    grant: Grant
    session: GlobalSession
    user: User


@dataclass(frozen=True, slots=True)
class Machine:
    """A service token that came back with the application token it was given."""

    token: Proven
    grant: Grant
    service_token: ServiceToken


@dataclass(frozen=True, slots=True)
class Forwarder:
    """Another application that forwarded the token it had received (linked app token).

    `person` is None when a machine's token was forwarded.
    """

    token: Proven
    grant: Grant
    application_id: str
    session: GlobalSession | None
    user: User | None


Holder: TypeAlias = Person | Machine | Forwarder


@dataclass(slots=True)
class Holders:
    """Those found behind the proven tokens, and why others were not."""

    found: list[Holder] = field(default_factory=list["Holder"])
    flaws: list[str] = field(default_factory=list[str])


def presented_tokens(question: Question) -> Presented:
    """Return the request's tokens that bear our signature; nothing is looked up."""
    application, linked = question.application, question.protected.linked
    proven: list[Proven] = []
    flaws: list[str] = []
    for raw, by_cookie in _candidates(question.facts):
        try:
            claims = verify(
                raw,
                question.view.keys,
                kind=TokenKind.APPLICATION,
                issuer=question.view.issuer,
                # Only the header forwards: another application's cookie is just that.
                audiences=(application.aud,) if by_cookie else (application.aud, *linked),
                now=question.now,
            )
        except TokenRejected as rejected:
            flaws.append(rejected.flaw)
        else:
            proven.append(Proven(raw, claims, by_cookie))
    return Presented(tuple(proven), tuple(flaws))


def _candidates(facts: RequestFacts) -> list[tuple[str, bool]]:
    """The tokens in the order of trying. A header speaks for the whole request.

    An empty one is none at all (access.md 12.4).
    """
    if header := facts.headers.get(TOKEN_HEADER):
        return [(header, False)]
    cookies = dict.fromkeys(value for value in facts.cookies.get(AUTHORIZATION, ()) if value)
    return [(value, True) for value in list(cookies)[:_MOST_CANDIDATES]]


def holders(question: Question, presented: Presented, records: Records) -> Holders:
    """Return whoever stands behind the proven tokens and is still welcome."""
    result = Holders(flaws=list(presented.flaws))
    for token in presented.proven:
        grant = records.grant(token.claims.id)
        holder = None
        if grant is not None and _is_live(grant, token, question):
            holder = _holder(question, token, grant, records)
        if holder is None:
            result.flaws.append(_ENDED)
        elif not isinstance(holder, Forwarder) and not _has_binding(question, token):
            result.flaws.append(_UNBOUND)
        else:
            result.found.append(holder)
    return result


def _is_live(grant: Grant, token: Proven, question: Question) -> bool:
    linked = question.protected.linked
    meant_for = linked.get(token.claims.audience, question.application.id)
    return (
        grant.revoked_at is None
        and grant.expires_at > question.now
        and grant.application_id == meant_for
    )


def _holder(question: Question, token: Proven, grant: Grant, records: Records) -> Holder | None:
    session = user = None
    if grant.session_id is not None:
        session = records.session(grant.session_id)
        if session is None or session.ended_at is not None:
            return None
        user = records.user(session.user_id)
        if user is None or user.id != token.claims.subject or not _idp_serves(question, session):
            return None
    elif token.claims.subject:
        return None
    linked_id = question.protected.linked.get(token.claims.audience)
    if linked_id is not None:
        return Forwarder(token, grant, linked_id, session, user)
    if session is not None and user is not None:
        return Person(token, grant, session, user)
    return _machine(question, token, grant)


def _machine(question: Question, token: Proven, grant: Grant) -> Machine | None:
    """Strict mode knows no tokens in place of credentials (access.md 8.1).

    A certificate's token is not looked at either: the certificate itself is there again.
    """
    if question.is_strict or not question.protected.may_keep_machine_tokens:
        return None
    service_token = question.view.configuration.service_tokens.get(grant.service_token_id or "")
    if service_token is None or not service_token.enabled:
        return None
    return (
        None if service_token.expires_at <= question.now else Machine(token, grant, service_token)
    )


def _idp_serves(question: Question, session: GlobalSession) -> bool:
    """Whether the provider that vouched is still trusted, also for this application."""
    provider = question.view.configuration.identity_providers.get(session.identity.idp_id)
    allowed = question.application.allowed_idps
    return provider is not None and provider.enabled and (not allowed or provider.id in allowed)


def _has_binding(question: Question, token: Proven) -> bool:
    if not question.application.enable_binding_cookie:
        return True
    presented = question.facts.cookies.get(BINDING, ())
    return any(
        is_bound(token.claims.id, key, value)
        for key in question.view.keys
        for value in presented[:_MOST_CANDIDATES]
    )


def context_of(question: Question, holder: Holder | None = None) -> Context:
    """Return what a verdict on this request may depend on: fresh facts, the kept identity."""
    configuration = question.view.configuration
    context = Context(question.facts, groups=configuration.groups, lists=configuration.lists)
    match holder:
        case Person():
            return person_context(
                context, question.protected, holder.session, holder.user, holder.grant
            )
        case Machine():
            return replace(context, service_token_id=holder.service_token.id)
        case Forwarder():
            return replace(context, linked_application_ids=frozenset((holder.application_id,)))
        case None:
            return context


def person_context(
    context: Context, protected: Protected, session: GlobalSession, user: User, grant: Grant
) -> Context:
    """Return `context` with what is known of somebody who signed in.

    External evaluations are asked once, at login: what they said then counts.
    """
    external = {asked: grant.external.get(asked.evaluate_url) for asked in protected.external}
    return replace(
        context, identity=session.identity, risk_level=user.risk_level, external=external
    )
