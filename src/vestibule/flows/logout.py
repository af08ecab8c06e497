"""Logout: every session and every grant of the person ends (access.md 4.7).

docs/decisions/0003-logout.md says when a GET logs out at once and when it asks first.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from urllib.parse import urlencode

from vestibule.flows.access_records import login_record
from vestibule.flows.door import Door, host_of, port_of
from vestibule.flows.identity import token_holder
from vestibule.flows.login_answers import Answer, GoTo, ShowFailure, ShowLoggedOut
from vestibule.flows.ports import Records
from vestibule.flows.question import reference
from vestibule.flows.signed_in import signed_in
from vestibule.flows.visit import covers
from vestibule.login.browser import Browser
from vestibule.model.configuration import Configuration
from vestibule.model.identity import User
from vestibule.model.request import RequestFacts
from vestibule.sessions.cookies import AUTHORIZATION, BINDING, Cookie, cookie_path

LOGOUT_PATH = "/cdn-cgi/access/logout"
FORM = "logout"
_RETURN = re.compile(
    r"(https?)://([a-z0-9.-]+)(:[0-9]{1,5})?((?:[/?#][!-\[\]-~]*)?)", re.IGNORECASE | re.ASCII
)
_SPEAKS_FOR_ITSELF = ("none", "same-origin", "same-site", "")


def log_out_here(
    door: Door, facts: RequestFacts, parameters: Mapping[str, tuple[str, ...]], browser: Browser
) -> Answer:
    """Answer a GET: log out when the visitor meant it, else ask first."""
    configuration = door.store.configuration()
    at_team = facts.host == host_of(configuration.organization.auth_domain)
    asked = parameters.get("returnTo", ())
    target = return_target(door, configuration, asked)
    if asked and target is None:
        return _not_allowed(facts)
    if meant_by_the_visitor(facts):
        return end_everything(door, configuration, facts, target or "")
    if not at_team:
        # The page that asks must not share its origin with an application, whose scripts
        # could press the button.
        return GoTo(door.team_url(configuration.organization, _path(target)))
    origins = tuple(filter(None, [target]))
    return ShowLoggedOut(action=_path(target), token=browser.token(FORM), form_origins=origins)


def log_out_confirmed(
    door: Door, facts: RequestFacts, parameters: Mapping[str, tuple[str, ...]]
) -> Answer:
    """Answer the form's POST; the web layer has checked its token."""
    configuration = door.store.configuration()
    asked = parameters.get("returnTo", ())
    target = return_target(door, configuration, asked)
    if asked and target is None:
        return _not_allowed(facts)
    return end_everything(door, configuration, facts, target or "")


def meant_by_the_visitor(facts: RequestFacts) -> bool:
    """Whether a GET looks like a person's own navigation, not another site's or a script's.

    Clients that do not say (`Sec-Fetch-*` is sent by browsers on secure origins) are taken
    at their word.
    """
    headers = facts.headers
    if headers.get("sec-fetch-site", "").lower() not in _SPEAKS_FOR_ITSELF:
        return False
    return (
        headers.get("sec-fetch-mode", "navigate").lower() == "navigate"
        and headers.get("sec-fetch-dest", "document").lower() == "document"
    )


def end_everything(
    door: Door, configuration: Configuration, facts: RequestFacts, target: str
) -> Answer:
    """End all sessions and grants of whoever asks; nobody's, when nobody is signed in."""
    now = door.clock.now()
    with door.store.transaction() as records:
        user = _who(door, records, configuration, facts)
        if user is not None:
            sessions = records.live_sessions(now, user_id=user.id)
            grants = records.live_grants(now, user_id=user.id)
            records.end_sessions([session.id for session in sessions], now)
            records.revoke_grants([grant.id for grant in grants], now)
            records.log(
                login_record(
                    facts,
                    now,
                    allowed=True,
                    user=user,
                    action="logout",
                    reason=f"ended {len(sessions)} sessions and {len(grants)} grants",
                )
            )
    cookies = _forgotten(configuration, facts)
    if target:
        return GoTo(target, cookies)
    sign_in_url = door.team_url(configuration.organization, "/")
    return ShowLoggedOut(sign_in_url=sign_in_url, cookies=cookies)


def return_target(door: Door, configuration: Configuration, asked: tuple[str, ...]) -> str | None:
    """Where `returnTo` may lead: the team domain, a host below it, or an application's."""
    match = _RETURN.fullmatch(asked[0]) if len(asked) == 1 else None
    if match is None:
        return None
    scheme, host, port, rest = match.groups()
    auth_domain = configuration.organization.auth_domain
    team = host_of(auth_domain)
    host = host.lower()
    known = (
        host == team
        or host.endswith(f".{team}")
        or any(covers(one, host) for one in configuration.applications.values() if one.enabled)
    )
    own_port = port_of(auth_domain)
    if not known or scheme.lower() != door.scheme or (port or "") not in ("", own_port):
        return None
    return f"{door.scheme}://{host}{port or ''}{rest}"


def _who(
    door: Door, records: Records, configuration: Configuration, facts: RequestFacts
) -> User | None:
    if facts.host == host_of(configuration.organization.auth_domain):
        found = signed_in(door, records, configuration, facts)
        return found[1] if found else None
    holder = token_holder(door, records, configuration, facts)
    return holder.user if holder else None


def _forgotten(configuration: Configuration, facts: RequestFacts) -> tuple[Cookie, ...]:
    """What deletes this host's cookies, at every path where one may lie."""
    past = datetime.fromtimestamp(0, UTC)
    paths = {"/"}
    for application in configuration.applications.values():
        if application.path_cookie and covers(application, facts.host):
            for destination in application.destinations:
                _, slash, rest = destination.partition("/")
                paths.add(cookie_path(application, f"{slash}{rest}" or "/"))
    return tuple(
        Cookie(name, "", past, path=path)
        for path in sorted(paths)
        for name in (AUTHORIZATION, BINDING)
    )


def _path(target: str | None) -> str:
    return f"{LOGOUT_PATH}?{urlencode({'returnTo': target})}" if target else LOGOUT_PATH


def _not_allowed(facts: RequestFacts) -> ShowFailure:
    return ShowFailure(
        "The address to return to is not one of this organization's.",
        reference=reference(facts),
        status=400,
    )
