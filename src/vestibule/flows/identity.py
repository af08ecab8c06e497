"""What get-identity tells of somebody who is signed in (access.md 4.6)."""

from __future__ import annotations

from dataclasses import dataclass

from vestibule.flows.door import Door
from vestibule.flows.ports import Records
from vestibule.flows.signed_in import signed_in
from vestibule.flows.visit import covers
from vestibule.model.configuration import Configuration
from vestibule.model.identity import User
from vestibule.model.request import RequestFacts
from vestibule.model.session import GlobalSession
from vestibule.model.values import Json
from vestibule.sessions.cookies import AUTHORIZATION, BINDING
from vestibule.tokens.binding import is_bound
from vestibule.tokens.verify import Claims, TokenKind, TokenRejected, verify


@dataclass(frozen=True, slots=True)
class Holder:
    """Whoever holds a good application token: the sign-in behind it, and what it says."""

    session: GlobalSession
    user: User
    claims: Claims


def identity_document(
    configuration: Configuration, session: GlobalSession, user: User, facts: RequestFacts
) -> dict[str, Json]:
    """The identity as JSON: what the provider said at the sign-in, and the present request."""
    identity = session.identity
    certificate = facts.certificate
    auth_status = "SUCCESS" if certificate else "NONE"
    return {
        "id": identity.subject,
        "email": user.email,
        "name": identity.name,
        "user_uuid": user.id,
        "account_id": configuration.organization.id,
        "idp": {"id": identity.idp_id, "type": identity.idp_type},
        "amr": list(identity.amr or ()),
        "groups": [{"id": group.id, "name": group.name} for group in identity.groups],
        "oidc_fields": dict(identity.claims),
        "saml_attributes": dict(identity.saml_attributes),
        "geo": {"country": facts.country or session.country},
        "ip": facts.client_ip,
        "iat": int(session.created_at.timestamp()),
        "devicePosture": {},
        "device_id": "",
        "device_sessions": {},
        "gateway_account_id": "",
        "is_warp": False,
        "is_gateway": False,
        "auth_status": auth_status,
        "common_name": certificate.common_name if certificate else "",
        "mtls_auth": {
            "auth_status": auth_status,
            "cert_issuer_dn": certificate.issuer if certificate else "",
            "cert_issuer_ski": "",
            "cert_presented": certificate is not None,
            "cert_serial": certificate.serial if certificate else "",
        },
        "service_token_id": "",
        "service_token_status": False,
        "version": 2,
    }


def identity_at_team_domain(door: Door, facts: RequestFacts) -> dict[str, Json] | None:
    """The identity behind the global token; None when nobody is signed in."""
    configuration = door.store.configuration()
    with door.store.reading() as records:
        found = signed_in(door, records, configuration, facts)
    if found is None:
        return None
    session, user = found
    return identity_document(configuration, session, user, facts)


def identity_at_application(door: Door, facts: RequestFacts) -> dict[str, Json] | None:
    """The identity behind the application token of this host; None without a good one.

    The page shares its origin with the application, so it tells what the application may
    know anyway, and no token.
    """
    configuration = door.store.configuration()
    with door.store.reading() as records:
        holder = token_holder(door, records, configuration, facts)
    if holder is None:
        return None
    return identity_document(configuration, holder.session, holder.user, facts)


def token_holder(
    door: Door, records: Records, configuration: Configuration, facts: RequestFacts
) -> Holder | None:
    """Who holds the request's application token, if it is good for this host just now."""
    presented = facts.cookies.get(AUTHORIZATION, ())
    found = (_held(door, records, configuration, facts, raw) for raw in presented[:4])
    return next((holder for holder in found if holder is not None), None)


def _held(
    door: Door, records: Records, configuration: Configuration, facts: RequestFacts, raw: str
) -> Holder | None:
    from_here = {
        application.aud: application
        for application in configuration.applications.values()
        if application.enabled and covers(application, facts.host)
    }
    keys = records.signing_keys()
    try:
        claims = verify(
            raw,
            keys,
            kind=TokenKind.APPLICATION,
            issuer=door.team_url(configuration.organization),
            audiences=from_here,
            now=door.clock.now(),
        )
    except TokenRejected:
        return None
    grant = records.grant(claims.id)
    if grant is None or grant.revoked_at is not None or grant.session_id is None:
        return None
    if from_here[claims.audience].enable_binding_cookie and not any(
        is_bound(claims.id, key, value) for key in keys for value in facts.cookies.get(BINDING, ())
    ):
        return None
    session = records.session(grant.session_id)
    user = records.user(session.user_id) if session else None
    return None if session is None or user is None else Holder(session, user, claims)
