"""A visitor at the login page: for which application, from where, and where back to."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from urllib.parse import urlencode

from vestibule.flows.door import Door, host_of
from vestibule.login.browser import Browser
from vestibule.login.returns import return_path
from vestibule.model.application import Application, ApplicationType
from vestibule.model.configuration import Configuration
from vestibule.model.errors import NotFound
from vestibule.model.identity import IdentityProvider
from vestibule.model.machine import ClientCertificate, SigningKey
from vestibule.model.request import RequestFacts
from vestibule.model.session import LoginAttempt
from vestibule.policy.destinations import parse
from vestibule.tokens.meta import Meta, verify_meta
from vestibule.tokens.verify import TokenRejected

LOGIN_PATH = "/cdn-cgi/access/login"
CALLBACK_PATH = "/cdn-cgi/access/callback"
_HOST = re.compile(r"[a-z0-9_](?:[a-z0-9_.-]*[a-z0-9_])?", re.ASCII)


@dataclass(frozen=True, slots=True)
class AskedLogin:
    """The login page's URL, taken apart; nothing of it is believed.

    `chosen` is a provider's id, `again` asks for a fresh sign-in although there is a
    session, `acr` is what a stronger one should be asked for by.
    """

    host: str
    kid: str = ""
    redirect_url: str = "/"
    fragment: str = ""
    meta: str = ""
    chosen: str = ""
    again: bool = False
    acr: str = ""


@dataclass(frozen=True, slots=True)
class Visit:
    """A login with everything about it looked up.

    `origin` is the scheme and authority to return to, `app_session` the hash of the
    `CF_AppSession` that the application's host gave this browser (empty when it did not
    say), `certificate` the common name that was verified there. `browser` is what
    the login is bound to.
    """

    configuration: Configuration
    application: Application
    facts: RequestFacts
    host: str
    origin: str
    return_to: str
    browser: Browser
    app_session: str = ""
    certificate: str = ""
    again: bool = False
    acr: str = ""
    meta: str = field(default="", repr=False)

    @property
    def at_team_domain(self) -> bool:
        """Whether it leads back to the team domain, not to an application's host."""
        return self.host == host_of(self.configuration.organization.auth_domain)

    @property
    def judged_facts(self) -> RequestFacts:
        """The request's facts, with the certificate that only the application's host saw."""
        if not self.certificate:
            return self.facts
        return replace(self.facts, certificate=ClientCertificate(common_name=self.certificate))

    def login_path(self, **more: str) -> str:
        """This login page's own path and query, with `more` parameters."""
        query = {"kid": self.application.aud, "redirect_url": self.return_to}
        if self.meta:
            query["meta"] = self.meta
        return f"{LOGIN_PATH}/{self.host}?{urlencode({**query, **more})}"


def visit_for(
    door: Door,
    configuration: Configuration,
    facts: RequestFacts,
    asked: AskedLogin,
    browser: Browser,
) -> Visit:
    """Look up what `asked` speaks of; raises `NotFound` when it is no application's login."""
    organization = configuration.organization
    host = host_of(asked.host)
    if not _HOST.fullmatch(host):
        # It becomes an address: behind `#` or `@`, a wildcard pattern would cover anything.
        raise NotFound("this sign-in link belongs to no application")
    return_to = return_path(asked.redirect_url, asked.fragment)
    application = _application(configuration, asked.kid, host)
    visit = Visit(
        configuration=configuration,
        application=application,
        facts=facts,
        host=host,
        origin=door.host_url(organization, host),
        return_to=return_to,
        browser=browser,
        again=asked.again,
        acr=asked.acr,
    )
    if not asked.meta:
        return visit
    with door.store.reading() as records:
        keys = records.signing_keys()
    meta = _meta(door, visit, keys, asked.meta, door.clock.now())
    if meta is None:
        return visit
    return replace(
        visit,
        origin=meta.origin or visit.origin,
        app_session=meta.app_session,
        certificate=meta.certificate,
        meta=asked.meta,
    )


def visit_of_attempt(
    door: Door,
    configuration: Configuration,
    facts: RequestFacts,
    attempt: LoginAttempt,
    browser: Browser,
) -> Visit:
    """The visit that an attempt keeps; raises `NotFound` when its application is gone."""
    application = configuration.applications.get(attempt.application_id or "")
    if application is None or not application.enabled:
        raise NotFound("the application that you were signing in to no longer exists")
    return Visit(
        configuration=configuration,
        application=application,
        facts=facts,
        host=attempt.host,
        origin=str(attempt.facts.get("origin", "")),
        return_to=attempt.return_to,
        browser=browser,
        app_session=str(attempt.facts.get("app_session", "")),
        certificate=str(attempt.facts.get("certificate", "")),
    )


def attempt_facts(visit: Visit, **more: str) -> dict[str, str]:
    """What an attempt must remember of `visit`."""
    return {
        "origin": visit.origin,
        "app_session": visit.app_session,
        "certificate": visit.certificate,
        **{name: value for name, value in more.items() if value},
    }


def providers_for(door: Door, visit: Visit) -> tuple[IdentityProvider, ...]:
    """The providers by which one may sign in to this application now."""
    allowed = visit.application.allowed_idps
    return tuple(
        provider
        for provider in visit.configuration.identity_providers.values()
        if provider.enabled
        and provider.type in door.connectors
        and (not allowed or provider.id in allowed)
    )


def launcher_of(configuration: Configuration) -> Application | None:
    """The App Launcher application, when it is on: it has at least one policy."""
    for application in configuration.applications.values():
        if (
            application.type is ApplicationType.APP_LAUNCHER
            and application.enabled
            and application.policy_ids
        ):
            return application
    return None


def covers(application: Application, host: str) -> bool:
    """Whether `host` is one of the application's."""
    return any(parse(destination).matches_host(host) for destination in application.destinations)


def _application(configuration: Configuration, kid: str, host: str) -> Application:
    team = host == host_of(configuration.organization.auth_domain)
    for application in configuration.applications.values():
        if application.aud != kid or not application.enabled:
            continue
        if application.type is ApplicationType.BOOKMARK:
            break
        if team or covers(application, host):
            return application
        break
    raise NotFound("this sign-in link belongs to no application")


def _meta(
    door: Door, visit: Visit, keys: Sequence[SigningKey], raw: str, now: datetime
) -> Meta | None:
    """What the application's host saw; None when that cannot be proved any more."""
    try:
        meta = verify_meta(
            raw,
            keys,
            issuer=door.team_url(visit.configuration.organization),
            application_aud=visit.application.aud,
            now=now,
        )
    except TokenRejected:
        return None
    return meta if meta.hostname == visit.host else None
