"""An identity provider sends the browser back (access.md 5.4-6; identity.md 8.1)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from vestibule.connectors import Expected, RetryWithoutGroups, SignInFailed
from vestibule.flows.access_records import login_record
from vestibule.flows.admission import Entrant, advance
from vestibule.flows.attempts import take_attempt
from vestibule.flows.door import Door
from vestibule.flows.login import callback_url, failed, go_to_provider
from vestibule.flows.login_answers import Answer, ShowFailure
from vestibule.flows.ports import Records
from vestibule.flows.question import reference
from vestibule.flows.refresh import refresh_visit, refreshed
from vestibule.flows.signed_in import signed_in
from vestibule.flows.visit import Visit, providers_for, visit_of_attempt
from vestibule.login.browser import Browser
from vestibule.model.identity import Identity, IdentityProvider, User
from vestibule.model.request import RequestFacts
from vestibule.model.session import AttemptStage, GlobalSession, LoginAttempt
from vestibule.protocols.exchange import run
from vestibule.sessions.lifetimes import session_expiry

INVALID_SESSION = "Invalid session. Please try logging in again"
_INVALID_CAUSES = (
    "The sign-in took longer than ten minutes, or this page was opened a second time.",
    "It was begun in another browser or in a private window.",
    "Cookies are blocked for this site.",
)
_BARRED = "Your sessions have just been revoked. Please try again in a minute"


def complete_login(
    door: Door,
    facts: RequestFacts,
    parameters: Mapping[str, tuple[str, ...]],
    browser: Browser,
) -> Answer:
    """Answer the callback. The provider is the one that the attempt names, never another."""
    configuration = door.store.configuration()
    attempt = _attempt(door, parameters, browser)
    if attempt is None:
        return ShowFailure(
            INVALID_SESSION, causes=_INVALID_CAUSES, reference=reference(facts), status=400
        )
    if attempt.application_id is None:
        visit = refresh_visit(door, configuration, facts, browser)
    else:
        visit = visit_of_attempt(door, configuration, facts, attempt, browser)
    again = bool(attempt.facts.get("again"))
    visit = replace(visit, again=again, acr=str(attempt.facts.get("acr", "")))
    provider = next((one for one in providers_for(door, visit) if one.id == attempt.idp_id), None)
    if provider is None:
        return _provider_gone(door, visit, attempt)
    try:
        identity = _identity(door, visit, provider, attempt, parameters)
    except RetryWithoutGroups as error:
        if attempt.facts.get("without_groups"):
            return failed(door, visit, provider, error)
        return go_to_provider(door, visit, provider, without_groups=True)
    except SignInFailed as error:
        door.signed_in(provider.type, error.code)
        return failed(door, visit, provider, error)
    door.signed_in(provider.type, "proved")
    return _enter(door, replace(visit, again=False, acr=""), identity)


def _attempt(
    door: Door, parameters: Mapping[str, tuple[str, ...]], browser: Browser
) -> LoginAttempt | None:
    """The attempt that `state` names; deleted before anything is asked of the provider."""
    states = parameters.get("state", ())
    if len(states) != 1:
        return None
    with door.store.transaction() as records:
        return take_attempt(door, records, states[0], browser, AttemptStage.AT_PROVIDER)


def _identity(
    door: Door,
    visit: Visit,
    provider: IdentityProvider,
    attempt: LoginAttempt,
    parameters: Mapping[str, tuple[str, ...]],
) -> Identity:
    repeated = sorted(name for name, values in parameters.items() if len(values) != 1)
    if repeated:
        raise SignInFailed(
            "The identity provider's answer could not be used.",
            code="repeated_parameter",
            detail={"repeated": repeated[:10]},
        )
    expected = Expected(
        redirect_uri=callback_url(door, visit),
        nonce=attempt.nonce,
        code_verifier=attempt.code_verifier,
        now=door.clock.now(),
        max_age=_max_age(attempt, door.clock.now()),
        without_groups=bool(attempt.facts.get("without_groups")),
    )
    connector = door.connectors[provider.type]
    identity = run(connector.complete(provider, parameters, expected), door.network.send)
    if "@" not in identity.email:
        raise SignInFailed("User email was not returned", code="no_email")
    if identity.idp_id != provider.id:
        raise SignInFailed("The sign-in failed.", code="wrong_provider")
    return identity


def _max_age(attempt: LoginAttempt, now: datetime) -> int | None:
    """A fresh sign-in was asked for: it happened after the attempt began, or it was none."""
    if not attempt.facts.get("again"):
        return None
    return max(0, int((now - attempt.created_at).total_seconds()))


def _enter(door: Door, visit: Visit, identity: Identity) -> Answer:
    """Make the user and a session of a new id of it (S1), and go on."""
    now = door.clock.now()
    configuration = visit.configuration
    with door.store.transaction() as records:
        user = _user(door, records, identity, now)
        replaces = signed_in(door, records, configuration, visit.facts)
        if user.login_barred_until is not None and user.login_barred_until > now:
            records.log(
                login_record(
                    visit.facts,
                    now,
                    allowed=False,
                    application=visit.application,
                    identity=identity,
                    user=user,
                    reason=_BARRED,
                )
            )
            return ShowFailure(
                _BARRED, retry_url=visit.login_path(), reference=reference(visit.facts), status=403
            )
        records.put_user(user)
    session = GlobalSession(
        id=door.entropy.token(16),
        user_id=user.id,
        identity=identity,
        created_at=now,
        expires_at=session_expiry(now, configuration.organization),
        ip=visit.facts.client_ip,
        country=visit.facts.country or "",
    )
    if not visit.application.id:
        return refreshed(door, visit, identity, user, session)
    before = replaces[0] if replaces is not None else None
    return advance(door, visit, Entrant(session, user, fresh=True, replaces=before))


def _user(door: Door, records: Records, identity: Identity, now: datetime) -> User:
    """The person with this address: one for each, compared lower-cased."""
    email = identity.email.strip().lower()
    known = records.user_by_email(email)
    if known is None:
        return User(door.entropy.uuid(), email, identity.name, created_at=now, last_login_at=now)
    return replace(known, name=identity.name or known.name, last_login_at=now)


def _provider_gone(door: Door, visit: Visit, attempt: LoginAttempt) -> ShowFailure:
    """The provider was switched off, deleted or disallowed while the visitor was there."""
    provider = IdentityProvider(id=attempt.idp_id or "", name="", type="")
    error = SignInFailed(
        "This way to sign in was switched off. Please choose another",
        code="provider_disabled",
    )
    return failed(door, visit, provider, error)
