"""Application tokens given out while a request is decided, without a login page.

A person whose token is of an older configuration gets one of the present one, ending when
the old one would have. A machine gets one for its origin to read.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta

from vestibule.flows.present import Forwarder, Person
from vestibule.flows.question import Question
from vestibule.model.rules import Policy
from vestibule.model.session import Grant
from vestibule.model.values import Json
from vestibule.policy import continuous
from vestibule.policy.context import Context
from vestibule.sessions.lifetimes import token_expiry
from vestibule.tokens.application import ASK, Standing, machine_claims, person_claims

_UNKEPT_LIFE = timedelta(minutes=10)
"""Of a token that only the origin sees: its machine proves itself again each time."""
_DECISIVE = ("policy_id", "policy_version", "conditions")


@dataclass(frozen=True, slots=True)
class Draft:
    """A token to be issued. `grant` has no id yet; `key` says who else may share the token."""

    key: Hashable
    grant: Grant
    claims: Callable[[Grant], dict[str, Json]]


def for_person(question: Question, person: Person, policy: Policy, context: Context) -> Draft:
    """Draft the token with which `person` goes on under `policy`."""
    standing = standing_under(question, policy, context)
    expires_at = token_expiry(
        question.now, policy, question.application, not_after=person.grant.expires_at
    )

    def claims(grant: Grant) -> dict[str, Json]:
        return person_claims(
            issuer=question.view.issuer,
            application=question.application,
            session=person.session,
            grant=grant,
            email=person.user.email,
            standing=standing,
        )

    grant = replace(
        person.grant,
        id="",
        policy_id=policy.id,
        issued_at=question.now,
        expires_at=expires_at,
        ip=question.facts.client_ip,
    )
    return Draft(("person", person.grant.id, policy.id, standing), grant, claims)


def is_up_to_date(held: Mapping[str, Json], draft: Draft) -> bool:
    """Whether a token that says `held` would be issued just so again."""
    wanted = draft.claims(draft.grant)
    return all(held.get(name) == wanted.get(name) for name in _DECISIVE)


def for_forwarder(question: Question, forwarder: Forwarder, policy: Policy) -> Draft:
    """Draft the token that carries a forwarded identity to this application's origin."""
    latest = min(forwarder.grant.expires_at, question.now + _UNKEPT_LIFE)
    expires_at = token_expiry(question.now, policy, question.application, not_after=latest)
    session, user = forwarder.session, forwarder.user
    name = forwarder.token.claims.text("common_name")

    def claims(grant: Grant) -> dict[str, Json]:
        if session is None or user is None:
            return _machine_claims(question, grant, name, ASK)
        return person_claims(
            issuer=question.view.issuer,
            application=question.application,
            session=session,
            grant=grant,
            email=user.email,
            standing=ASK,
        )

    grant = replace(
        forwarder.grant,
        id="",
        application_id=question.application.id,
        policy_id=policy.id,
        issued_at=question.now,
        expires_at=expires_at,
    )
    return Draft(("forwarder", forwarder.grant.id, policy.id), grant, claims)


def for_machine(question: Question, policy: Policy, context: Context, *, kept: bool) -> Draft:
    """Draft a token for a machine: a service token, a certificate, or merely an address.

    `kept` says that the machine gets it as a cookie and may come back with it.
    """
    facts = question.facts
    tokens = question.view.configuration.service_tokens
    service_token = tokens.get(context.service_token_id or "")
    certificate = facts.certificate
    latest = None if kept else question.now + _UNKEPT_LIFE
    if service_token is not None:
        latest = min(latest or service_token.expires_at, service_token.expires_at)
        key, name = ("service token", service_token.id), service_token.client_id
    elif certificate is not None:
        key, name = ("certificate", certificate.fingerprint_sha256), certificate.common_name
    else:
        key, name = ("address", facts.client_ip), ""
    standing = standing_under(question, policy, context) if kept else ASK
    grant = Grant(
        id="",
        application_id=question.application.id,
        policy_id=policy.id,
        issued_at=question.now,
        expires_at=token_expiry(question.now, policy, question.application, not_after=latest),
        service_token_id=service_token.id if service_token else None,
        ip=facts.client_ip,
        country=facts.country or "",
    )
    return Draft(
        (*key, policy.id, standing, kept),
        grant,
        lambda grant: _machine_claims(question, grant, name, standing),
    )


def standing_under(question: Question, policy: Policy, context: Context) -> Standing:
    """Return with what a token issued now under `policy` can pass the data plane alone.

    The bearer of a token whose policy cannot be compiled is asked about each time.
    """
    protected = question.protected
    conditions = continuous.conditions(protected.policies, context, policy.id)
    return ASK if conditions is None else Standing(protected.plan.version, conditions)


def _machine_claims(
    question: Question, grant: Grant, name: str, standing: Standing
) -> dict[str, Json]:
    return machine_claims(
        issuer=question.view.issuer,
        application=question.application,
        grant=grant,
        common_name=name,
        standing=standing,
    )
