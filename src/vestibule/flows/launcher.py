"""The App Launcher: what this person may open (access.md 9.1)."""

from __future__ import annotations

from vestibule.flows.door import Door, host_of
from vestibule.flows.judgement import case_of, judge
from vestibule.flows.login_answers import (
    Answer,
    GoTo,
    ShowDenied,
    ShowForbidden,
    ShowLauncher,
    ShowMessage,
    Tile,
)
from vestibule.flows.question import reference
from vestibule.flows.signed_in import signed_in
from vestibule.flows.visit import AskedLogin, launcher_of, visit_for
from vestibule.login.browser import Browser
from vestibule.model.application import Application, ApplicationType
from vestibule.model.configuration import Configuration
from vestibule.model.identity import User
from vestibule.model.request import RequestFacts
from vestibule.model.session import GlobalSession
from vestibule.policy.verdict import Outcome, Verdict

LAUNCHER_OFF = ShowMessage(
    "The App Launcher is off",
    "It shows people the applications that they may open, once an administrator has made an "
    "application of the type app_launcher and given it a policy.",
)


def show_launcher(door: Door, facts: RequestFacts) -> Answer:
    """Answer the root of the team domain."""
    configuration = door.store.configuration()
    launcher = launcher_of(configuration)
    if launcher is None:
        return LAUNCHER_OFF
    with door.store.reading() as records:
        found = signed_in(door, records, configuration, facts)
    if found is None:
        return GoTo(login_to_launcher(door, configuration, facts, launcher, "/"))
    session, user = found
    verdict = judge(case_of(configuration, launcher, facts, session.identity, user, {}))
    if refusal := refused(door, configuration, facts, launcher, user, verdict):
        return refusal
    return ShowLauncher(
        email=user.email,
        name=user.name,
        tiles=_tiles(door, configuration, facts, session, user),
        expires_at=session.expires_at.isoformat(),
    )


def refused(
    door: Door,
    configuration: Configuration,
    facts: RequestFacts,
    launcher: Application,
    user: User,
    verdict: Verdict,
) -> ShowDenied | ShowForbidden | None:
    """Why this person may not use the launcher; None when they may."""
    if verdict.admits:
        return None
    if verdict.outcome is Outcome.FORBIDDEN:
        return ShowForbidden(launcher, verdict.unmet(), reference(facts))
    again = login_to_launcher(door, configuration, facts, launcher, "/", again=True)
    return ShowDenied(
        launcher, user.email, verdict.unmet(), reference(facts), other_account_url=again
    )


def login_to_launcher(
    door: Door,
    configuration: Configuration,
    facts: RequestFacts,
    launcher: Application,
    return_to: str,
    *,
    again: bool = False,
) -> str:
    """The login page that leads back to `return_to` on the team domain."""
    host = host_of(configuration.organization.auth_domain)
    asked = AskedLogin(host, launcher.aud, return_to)
    visit = visit_for(door, configuration, facts, asked, Browser(""))
    path = visit.login_path(again="1") if again else visit.login_path()
    return door.team_url(configuration.organization, path)


def _tiles(
    door: Door,
    configuration: Configuration,
    facts: RequestFacts,
    session: GlobalSession,
    user: User,
) -> tuple[Tile, ...]:
    tiles: list[Tile] = []
    for application in configuration.applications.values():
        url = tile_url(door, configuration, application)
        if not url or not application.enabled or not application.app_launcher_visible:
            continue
        if _may_open(configuration, application, facts, session, user):
            domain = url.partition("://")[2].rstrip("/")
            tiles.append(
                Tile(application.name, url, application.logo_url, domain, application.tags)
            )
    return tuple(sorted(tiles, key=lambda tile: tile.name.lower()))


def _may_open(
    configuration: Configuration,
    application: Application,
    facts: RequestFacts,
    session: GlobalSession,
    user: User,
) -> bool:
    if application.type is ApplicationType.BOOKMARK and not application.policy_ids:
        return True
    if application.allowed_idps and session.identity.idp_id not in application.allowed_idps:
        return False
    verdict = judge(case_of(configuration, application, facts, session.identity, user, {}))
    return verdict.outcome in (Outcome.ALLOW, Outcome.BYPASS)


def tile_url(door: Door, configuration: Configuration, application: Application) -> str:
    """Where a tile leads: the first destination with a concrete host; empty for none."""
    if application.type is ApplicationType.APP_LAUNCHER:
        return ""
    for destination in application.destinations:
        if destination.startswith(("https://", "http://")):
            return destination if application.type is ApplicationType.BOOKMARK else ""
        host, _, rest = destination.partition("/")
        if "*" in host:
            continue
        path = "/" + rest.partition("*")[0]
        if application.type is ApplicationType.BOOKMARK:
            return f"https://{host}{path}"
        return door.host_url(configuration.organization, host, path)
    return ""
