"""The cookies and their attributes (access.md 4.3), lifetimes (6), and what ends (4.7)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from http.cookies import SimpleCookie

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vestibule.model.application import Application, ApplicationType
from vestibule.model.identity import Identity
from vestibule.model.organization import Organization
from vestibule.model.rules import Decision, Policy
from vestibule.model.session import GlobalSession, Grant
from vestibule.sessions import cookies, lifetimes
from vestibule.sessions.cookies import Cookie, render
from vestibule.sessions.revocation import (
    OfApplication,
    OfGrant,
    OfServiceToken,
    OfSession,
    OfUser,
    Reach,
    reach,
)

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
LATER = NOW + timedelta(hours=1)


def application(**more) -> Application:
    return Application(
        "wiki", "a" * 64, "Wiki", ApplicationType.SELF_HOSTED, ("wiki.example.com",), **more
    )


ATTRIBUTES = "Path=/; Expires=Sun, 01 Mar 2026 13:00:00 GMT; Max-Age=3600; Secure"


@pytest.mark.parametrize(
    ("cookie", "expected"),
    [
        pytest.param(
            cookies.global_authorization("t", LATER),
            f"CF_Authorization=t; {ATTRIBUTES}; HttpOnly; SameSite=None",
            id="team domain",
        ),
        pytest.param(
            cookies.authorization("t", LATER, application()),
            f"CF_Authorization=t; {ATTRIBUTES}; HttpOnly; SameSite=None",
            id="application",
        ),
        pytest.param(
            cookies.authorization(
                "t", LATER, application(http_only_cookie=False, same_site="strict")
            ),
            f"CF_Authorization=t; {ATTRIBUTES}; SameSite=Strict",
            id="the administrator's choice",
        ),
        pytest.param(
            cookies.binding("b", LATER, application(same_site="lax")),
            f"CF_Binding=b; {ATTRIBUTES}; HttpOnly; SameSite=None",
            id="binding",
        ),
        pytest.param(
            cookies.csrf_session("s", NOW),
            "CF_Session=s; Path=/; Expires=Sun, 01 Mar 2026 16:00:00 GMT; Max-Age=14400; "
            "Secure; HttpOnly; SameSite=None",
            id="CF_Session",
        ),
        pytest.param(
            cookies.app_session_cookies("n" + "0" * 32, NOW)[0],
            f"CF_AppSession=n{'0' * 32}; Path=/cdn-cgi/access; "
            "Expires=Mon, 02 Mar 2026 12:00:00 GMT; Max-Age=86400; Secure; HttpOnly; SameSite=None",
            id="CF_AppSession",
        ),
        pytest.param(
            cookies.deleted(
                cookies.authorization("t", LATER, application(path_cookie=True), path="/eng")
            ),
            "CF_Authorization=; Path=/eng; Expires=Thu, 01 Jan 1970 00:00:00 GMT; Max-Age=0; "
            "Secure; HttpOnly; SameSite=None",
            id="deleted",
        ),
    ],
)
def test_every_cookie_has_its_attributes(cookie: Cookie, expected: str) -> None:
    assert render(cookie, NOW) == expected


@pytest.mark.parametrize(
    ("path_cookie", "destination", "expected"),
    [
        (False, "/eng", "/"),
        (True, "", "/"),
        (True, "/eng", "/eng"),
        (True, "/eng/", "/eng"),
        (True, "/eng/*", "/eng"),
        (True, "/foo*/bar", "/"),
        (True, "/a/foo*/bar", "/a"),
        (True, "/a;b", "/"),
        (True, "/a\r\nSet-Cookie: x", "/"),
    ],
)
def test_a_path_cookie_stays_below_its_application(
    path_cookie: bool, destination: str, expected: str
) -> None:
    assert cookies.cookie_path(application(path_cookie=path_cookie), destination) == expected


@given(st.text(max_size=40), st.text(max_size=20))
def test_nothing_in_a_value_or_a_path_breaks_out_of_the_header(value: str, path: str) -> None:
    try:
        rendered = render(Cookie("CF_Test", value, LATER, path=f"/{path}"), NOW)
    except ValueError:
        return
    assert not set("\r\n\x00") & set(rendered)
    assert rendered.count(";") == 6
    assert SimpleCookie(rendered)["CF_Test"]["path"].startswith("/")


@given(st.lists(st.text("0123456789abcdef", min_size=32, max_size=32), max_size=60))
def test_application_sessions_of_many_tabs_are_few_and_the_latest_is_found(values: list) -> None:
    jar: dict[str, tuple[str, ...]] = {}
    for value in values:
        session = cookies.new_app_session(value)
        for cookie in cookies.app_session_cookies(session, NOW):
            jar[cookie.name] = (cookie.value,)
        assert cookies.presents_app_session(jar, cookies.hash_app_session(session))
    assert len(jar) <= 33


def test_an_application_session_of_another_shape_is_none() -> None:
    jar = {"CF_AppSession": ("", "n123", "x" * 33), "CF_AppSessionX": ("n" + "0" * 32,)}
    assert cookies.presented_app_sessions(jar) == ()
    assert not cookies.presents_app_session(jar, cookies.hash_app_session(""))


def policy(duration: timedelta | None) -> Policy:
    return Policy("p", "p", Decision.ALLOW, (), session_duration=duration)


HOUR = timedelta(hours=1)


@pytest.mark.parametrize(
    ("of_policy", "of_application", "expected"),
    [
        (None, HOUR, HOUR),
        (HOUR / 2, HOUR, HOUR / 2),
        (timedelta(0), HOUR, lifetimes.SINGLE_USE),
        (None, timedelta(0), lifetimes.SINGLE_USE),
        (timedelta(days=400), HOUR, lifetimes.LONGEST),
    ],
)
def test_the_most_specific_lifetime_counts(of_policy, of_application, expected) -> None:
    app = application(session_duration=of_application)
    assert lifetimes.token_lifetime(policy(of_policy), app) == expected


def test_an_earlier_end_is_never_put_off() -> None:
    soon = NOW + timedelta(minutes=3)
    assert lifetimes.token_expiry(NOW, None, application(), not_after=soon) == soon
    late = NOW + timedelta(days=300)
    assert lifetimes.token_expiry(NOW, None, application(), not_after=late) == NOW + 24 * HOUR


def test_a_global_session_lasts_a_quarter_of_an_hour_at_least() -> None:
    organization = Organization("o", "o", "team.example.com", session_duration=timedelta(0))
    assert lifetimes.session_expiry(NOW, organization) == NOW + timedelta(minutes=15)


IDENTITY = Identity("idp", "okta", "s", "a@example.com")


def session(id: str, user: str) -> GlobalSession:
    return GlobalSession(id, user, IDENTITY, NOW, LATER)


def grant(
    id: str, app: str, of_session: str | None = None, user: str | None = None, **more
) -> Grant:
    return Grant(id, app, "p", NOW, LATER, session_id=of_session, user_id=user, **more)


SESSIONS = (session("s1", "ada"), session("s2", "ada"), session("s3", "bob"))
GRANTS = (
    grant("g1", "wiki", "s1", "ada"),
    grant("g2", "mail", "s2", "ada"),
    grant("g3", "wiki", "s3", "bob"),
    grant("g4", "wiki", service_token_id="robot"),
    grant("g5", "mail", "s1"),
)


@pytest.mark.parametrize(
    ("revocation", "expected"),
    [
        pytest.param(OfUser("ada"), Reach(("s1", "s2"), ("g1", "g2", "g5")), id="person"),
        pytest.param(OfSession("s1"), Reach(("s1",), ("g1", "g5")), id="session"),
        pytest.param(OfApplication("wiki"), Reach((), ("g1", "g3", "g4")), id="application"),
        pytest.param(OfGrant("g3"), Reach((), ("g3",)), id="grant"),
        pytest.param(OfServiceToken("robot"), Reach((), ("g4",)), id="service token"),
        pytest.param(OfUser("eve"), Reach((), ()), id="nobody"),
    ],
)
def test_a_revocation_reaches_what_is_below_it_and_no_bystander(revocation, expected) -> None:
    assert reach(revocation, SESSIONS, GRANTS) == expected
