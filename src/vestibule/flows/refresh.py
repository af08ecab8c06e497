"""refresh-identity: the provider is asked anew, and the session begins again (access.md 4.6)."""

from __future__ import annotations

from dataclasses import replace

from vestibule.flows.access_records import login_record
from vestibule.flows.door import Door, host_of
from vestibule.flows.login_answers import Answer, GoTo, ShowFailure
from vestibule.flows.question import reference
from vestibule.flows.signed_in import global_cookie, signed_in
from vestibule.flows.visit import Visit
from vestibule.login.browser import Browser
from vestibule.model.application import Application, ApplicationType
from vestibule.model.configuration import Configuration
from vestibule.model.identity import Identity, User
from vestibule.model.request import RequestFacts
from vestibule.model.session import GlobalSession

REFRESH_PATH = "/cdn-cgi/access/refresh-identity"
_NOBODY = "You are not signed in here."
_SOMEBODY_ELSE = "You signed in with another account than before"


def refresh_visit(
    door: Door, configuration: Configuration, facts: RequestFacts, browser: Browser
) -> Visit:
    """A visit that is for no application, only for the team domain itself."""
    organization = configuration.organization
    return Visit(
        configuration=configuration,
        application=Application(
            id="",
            aud="",
            name=organization.name,
            type=ApplicationType.APP_LAUNCHER,
            destinations=(organization.auth_domain,),
        ),
        facts=facts,
        host=host_of(organization.auth_domain),
        origin=door.team_url(organization),
        return_to=f"{REFRESH_PATH}?success=true",
        browser=browser,
        again=True,
    )


def refreshed(
    door: Door, visit: Visit, identity: Identity, user: User, session: GlobalSession
) -> Answer:
    """Put `session` in the place of the one before, of the same person.

    The grants below the old one end, so that each application is asked for anew and judges
    by the new identity.
    """
    now, facts = door.clock.now(), visit.facts
    with door.store.transaction() as records:
        before = signed_in(door, records, visit.configuration, facts)
        allowed = before is not None and before[1].id == user.id
        reason = "" if allowed else (_SOMEBODY_ELSE if before else _NOBODY)
        records.log(
            login_record(facts, now, allowed=allowed, identity=identity, user=user, reason=reason)
        )
        if before is None or not allowed:
            return ShowFailure(reason, reference=reference(facts), status=403)
        grants = records.live_grants(now, session_id=before[0].id)
        records.revoke_grants([grant.id for grant in grants], now)
        records.end_sessions([before[0].id], now)
        records.put_user(replace(user, last_login_at=now))
        records.add_session(session)
        cookie = global_cookie(door, records, visit.configuration, session, user.email)
    return GoTo(f"{visit.origin}{visit.return_to}", (cookie,))


def nobody(facts: RequestFacts) -> ShowFailure:
    """What is said to somebody who has nothing to refresh."""
    return ShowFailure(_NOBODY, reference=reference(facts), status=401)
