"""Logout ends everything, and only when the person wants it (S4, S7; decision 0003)."""

from __future__ import annotations

from urllib.parse import quote

import pytest

from tests.fakes.front_door import TEAM, WIKI, Browser, FrontDoor, allow, application, configuration

PAGE = "https://wiki.example/page"
AT_TEAM = f"https://{TEAM}/cdn-cgi/access/logout"
AT_APP = "https://wiki.example/cdn-cgi/access/logout"


@pytest.fixture
def door() -> FrontDoor:
    return FrontDoor(configuration(WIKI, application("docs", "docs.example")))


@pytest.fixture
def browser(door: FrontDoor) -> Browser:
    entered = door.browser()
    entered.sign_in(PAGE)
    entered.follow("https://docs.example/")
    return entered


def is_in(door: FrontDoor, kept: Browser) -> bool:
    """Whether the cookies that somebody copied before still open the application."""
    door.clock.pass_by(seconds=1)
    return kept.get(PAGE).status_code == 200


def copy_of(door: FrontDoor, browser: Browser) -> Browser:
    return door.browser(cookies=dict(browser.cookies))


@pytest.mark.parametrize("url", [AT_TEAM, AT_APP])
def test_logout_on_either_host_ends_everything_everywhere(
    door: FrontDoor, browser: Browser, url: str
) -> None:
    kept = copy_of(door, browser)
    assert is_in(door, kept)
    shown = browser.get(url)
    assert shown.status_code == 200
    assert "signed out" in shown.text
    assert not is_in(door, kept)
    assert kept.get("https://docs.example/").status_code == 302
    assert kept.get(f"https://{TEAM}/cdn-cgi/access/get-identity").status_code == 401
    assert door.log()[-1].action == "logout"


def test_logout_takes_the_cookie_of_its_host_away(browser: Browser) -> None:
    browser.get(AT_APP)
    assert not browser.cookie("wiki.example", "CF_Authorization")


def fetched(site: str, mode: str, destination: str = "document") -> dict[str, str]:
    return {"sec-fetch-site": site, "sec-fetch-mode": mode, "sec-fetch-dest": destination}


NOT_MEANT = {
    "another-site": fetched("cross-site", "navigate"),
    "an-image": fetched("same-site", "no-cors", "image"),
    "a-fetch": fetched("same-origin", "cors", "empty"),
    "a-frame": fetched("same-site", "navigate", "iframe"),
}


@pytest.mark.parametrize("headers", NOT_MEANT.values(), ids=NOT_MEANT)
@pytest.mark.parametrize("url", [AT_TEAM, AT_APP])
def test_s4_a_get_that_the_person_did_not_mean_ends_nothing(
    door: FrontDoor, browser: Browser, url: str, headers: dict[str, str]
) -> None:
    shown = browser.get(url, headers=headers)
    if url == AT_APP:
        # The question is asked where no script of the application can answer it.
        assert shown.headers["location"] == AT_TEAM
        shown = browser.get(AT_TEAM, headers=headers)
    assert "Sign out?" in shown.text
    assert is_in(door, browser)
    action, fields = browser.form(shown)
    assert browser.send("POST", action, form=fields).status_code == 200
    assert not is_in(door, copy_of(door, browser))


def test_s7_the_form_is_refused_without_its_token_or_from_elsewhere(
    door: FrontDoor, browser: Browser
) -> None:
    shown = browser.get(AT_TEAM, headers=NOT_MEANT["another-site"])
    action, fields = browser.form(shown)
    for form, headers in [
        ({}, {}),
        ({"token": ""}, {}),
        ({"token": "0" * 64}, {}),
        (fields, {"sec-fetch-site": "cross-site"}),
        (fields, {"sec-fetch-site": "same-site"}),
        (fields, {"origin": "https://wiki.example"}),
        (fields, {"origin": "https://evil.example"}),
    ]:
        refused = browser.send("POST", action, form=form, headers=headers)
        assert refused.status_code in (403, 415), (form, headers)
    other = door.browser()
    other.get(AT_TEAM, headers=NOT_MEANT["another-site"])
    assert other.send("POST", action, form=fields).status_code == 403
    assert is_in(door, browser)


def test_s7_the_page_on_an_applications_host_takes_no_post(browser: Browser) -> None:
    assert browser.send("POST", AT_APP, form={"token": "x"}).status_code == 405


ALLOWED = [
    f"https://{TEAM}/",
    f"https://help.{TEAM}/bye",
    "https://wiki.example/goodbye?x=1",
    "https://DOCS.example/",
]
REFUSED = [
    "https://evil.example/",
    "http://wiki.example/",
    "//wiki.example/",
    "/goodbye",
    "https://wiki.example@evil.example/",
    "https://wiki.example\\@evil.example/",
    "https://wiki.example.evil.example/",
    "https://evilteam.example/",
    "https://wiki.example:8443/",
    "javascript:alert(1)",
    "https://wiki.example/\r\nx: y",
    "https://wiki.example/ x",
    "",
]


@pytest.mark.parametrize("target", ALLOWED)
def test_return_to_leads_to_our_own_hosts(browser: Browser, target: str) -> None:
    answer = browser.get(f"{AT_TEAM}?returnTo={quote(target, safe='')}")
    assert answer.status_code == 302
    assert answer.headers["location"].lower() == target.lower()


@pytest.mark.parametrize("target", REFUSED)
@pytest.mark.parametrize("url", [AT_TEAM, AT_APP])
def test_r1_return_to_anywhere_else_is_refused_and_ends_nothing(
    door: FrontDoor, browser: Browser, url: str, target: str
) -> None:
    assert browser.get(f"{url}?returnTo={quote(target, safe='')}").status_code == 400
    assert is_in(door, browser)


def test_r1_two_targets_are_one_too_many(browser: Browser) -> None:
    ours = f"https://{TEAM}/"
    assert browser.get(f"{AT_TEAM}?returnTo={ours}&returnTo={ours}").status_code == 400


def test_a_login_that_waits_for_a_reason_ends_with_the_session(door: FrontDoor) -> None:
    door.change(allow(purpose_justification_required=True))
    browser = door.browser()
    shown = browser.sign_in(PAGE)
    action, fields = browser.form(shown)
    browser.get(AT_TEAM)
    answer = browser.send("POST", action, form={**fields, "purpose": "work"})
    assert answer.status_code == 400
