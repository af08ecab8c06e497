"""What somebody hostile may try at the login, each row of the checklist by its id."""

from __future__ import annotations

from dataclasses import replace
from urllib.parse import parse_qs, quote, urlsplit

import pytest

from tests.fakes.front_door import (
    LAUNCHER,
    TEAM,
    WIKI,
    Browser,
    FrontDoor,
    Person,
    allow,
    application,
    configuration,
    without,
)
from vestibule.model.rules import Rule
from vestibule.model.session import AttemptStage

PAGE = "https://wiki.example/page"
CALLBACK = f"https://{TEAM}/cdn-cgi/access/callback"
INVALID = "Invalid session. Please try logging in again"


@pytest.fixture
def door() -> FrontDoor:
    docs = application("docs", "docs.example")
    return FrontDoor(configuration(WIKI, docs, LAUNCHER, providers=("okta-1", "okta-2")))


def at_provider(browser: Browser) -> str:
    """The callback URL of a login that has been to the provider."""
    return browser.answer(browser.get(browser.choose(browser.follow(PAGE))))


def handover(browser: Browser) -> str:
    """A redeemable `authorized` URL."""
    return browser.get(at_provider(browser)).headers["location"]


def nobody_is_in(browser: Browser) -> bool:
    return not any(name == "CF_Authorization" for _, name, _ in browser.cookies)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda url: CALLBACK,
        lambda url: f"{CALLBACK}?code=a-code",
        lambda url: f"{CALLBACK}?code=a-code&state=",
        lambda url: f"{CALLBACK}?code=a-code&state=guessed",
        lambda url: url + "x",
        lambda url: url + "&" + url.rpartition("&")[2],
        lambda url: url.replace("state=", "State="),
    ],
    ids=["empty", "no-state", "blank-state", "guessed", "longer", "twice", "other-case"],
)
def test_o2_a_state_that_is_not_exactly_ours_is_refused(door: FrontDoor, spoil) -> None:
    browser = door.browser()
    shown = browser.get(spoil(at_provider(browser)))
    assert shown.status_code == 400
    assert INVALID in shown.text
    assert not door.provider.completed
    assert nobody_is_in(browser)


def test_o2_a_repeated_code_is_refused(door: FrontDoor) -> None:
    browser = door.browser()
    assert browser.get(at_provider(browser) + "&code=other").status_code == 403
    assert not door.provider.completed
    assert nobody_is_in(browser)


def test_o2_a_state_serves_once_even_when_the_provider_fails(door: FrontDoor) -> None:
    browser = door.browser()
    url = at_provider(browser)
    assert browser.get(url.replace("a-code", "wrong")).status_code == 403
    assert browser.get(url).status_code == 400
    assert nobody_is_in(browser)


def test_o2_a_callback_is_not_replayed(door: FrontDoor) -> None:
    browser = door.browser()
    url = at_provider(browser)
    assert browser.get(url).status_code == 302
    assert browser.get(url).status_code == 400


def test_o2_a_login_ends_only_in_the_browser_where_it_began(door: FrontDoor) -> None:
    browser, other = door.browser(), door.browser()
    url = at_provider(browser)
    other.follow(PAGE)
    assert other.get(url).status_code == 400
    assert nobody_is_in(other)
    # And a stranger who has seen the address cannot spoil it.
    assert browser.get(url).status_code == 302


def test_o2_a_login_that_took_too_long_is_over(door: FrontDoor) -> None:
    browser = door.browser()
    url = at_provider(browser)
    door.clock.pass_by(minutes=11)
    assert browser.get(url).status_code == 400


def test_o2_state_nonce_and_challenge_are_sent_and_differ(door: FrontDoor) -> None:
    browser = door.browser()
    at_provider(browser)
    at_provider(browser)
    one, two = door.provider.begun
    for begun in (one, two):
        assert min(len(begun.state), len(begun.nonce), len(begun.code_challenge)) >= 43
    assert one.state != two.state
    assert one.nonce != two.nonce
    assert one.code_challenge != two.code_challenge


def test_o2_the_provider_is_the_attempts_never_the_callbacks(door: FrontDoor) -> None:
    browser = door.browser()
    browser.get(at_provider(browser) + "&idp=okta-2&idp_id=okta-2")
    assert [name for name, _, _ in door.provider.completed] == ["okta-1"]


@pytest.mark.parametrize("how", ["disabled", "disallowed"])
def test_o3_a_provider_switched_off_meanwhile_completes_nothing(door: FrontDoor, how: str) -> None:
    browser = door.browser()
    url = at_provider(browser)
    if how == "disabled":
        door.change(without(door.store.configuration(), "okta-1"))
    else:
        door.change(replace(WIKI, allowed_idps=("okta-2",)))
    assert browser.get(url).status_code == 403
    assert not door.provider.completed
    assert nobody_is_in(browser)


def test_o3_a_session_of_a_provider_switched_off_opens_nothing(door: FrontDoor) -> None:
    browser = door.browser()
    browser.sign_in(PAGE)
    door.change(without(door.store.configuration(), "okta-1"))
    assert "idp=okta-2" in browser.follow("https://docs.example/").text


def test_s1_every_login_has_a_session_id_of_its_own_and_the_one_before_is_dead(
    door: FrontDoor,
) -> None:
    browser = door.browser()
    browser.sign_in(PAGE)
    before = browser.cookie(TEAM, "CF_Authorization")
    login = f"https://{TEAM}/cdn-cgi/access/login/wiki.example?kid={WIKI.aud}&again=1"
    chosen = browser.choose(browser.get(login))
    browser.follow(browser.answer(browser.get(chosen)))
    after = browser.cookie(TEAM, "CF_Authorization")
    assert before != after
    thief = door.browser()
    thief.set_cookie(TEAM, "CF_Authorization", before)
    assert thief.get(f"https://{TEAM}/cdn-cgi/access/get-identity").status_code == 401


def test_s1_a_login_cookie_from_before_opens_nothing(door: FrontDoor) -> None:
    browser, thief = door.browser(), door.browser()
    browser.sign_in(PAGE)
    thief.set_cookie(TEAM, "__Host-CF_Session", browser.cookie(TEAM, "__Host-CF_Session"))
    assert "idp=okta-1" in thief.follow(PAGE).text


def test_s5_a_cookie_that_a_sibling_host_tossed_is_not_believed(door: FrontDoor) -> None:
    browser = door.browser()
    url = at_provider(browser)
    for name in [name for host, name, _ in browser.cookies if host == TEAM]:
        browser.set_cookie(TEAM, name, "attackers-session-value-000", "/cdn-cgi")
    assert browser.get(url).status_code == 400


def test_ten_tabs_at_once_all_arrive(door: FrontDoor) -> None:
    door.change(replace(WIKI, auto_redirect_to_identity=True, allowed_idps=("okta-1",)))
    tabs = []
    for _ in range(10):
        # Each is sent off before the browser has a cookie.
        tab = door.browser()
        tabs.append((tab, tab.answer(tab.follow(PAGE))))
    together = door.browser()
    for tab, _ in tabs:
        together.cookies |= tab.cookies
    arrived = [together.follow(url).status_code for _, url in tabs]
    # Slots are few, and so two tabs in ten may share one.
    assert arrived.count(200) >= 5
    assert arrived[-1] == 200


def test_a_nonce_serves_once(door: FrontDoor) -> None:
    browser = door.browser()
    url = handover(browser)
    assert browser.get(url).status_code == 302
    again = browser.get(url)
    assert again.status_code == 400
    assert "Invalid login session" in again.text


@pytest.mark.parametrize("host", ["docs.example", "evil.example"])
def test_a_nonce_is_of_no_use_on_another_host(door: FrontDoor, host: str) -> None:
    browser = door.browser()
    url = handover(browser).replace("wiki.example", host)
    browser.get("https://docs.example/")
    assert browser.get(url).status_code == 400
    assert not browser.cookie(host, "CF_Authorization")


def test_a_nonce_is_of_no_use_in_another_browser(door: FrontDoor) -> None:
    attacker, victim = door.browser(), door.browser()
    url = handover(attacker)
    victim.get(PAGE)
    assert victim.get(url).status_code == 400
    assert nobody_is_in(victim)


def test_a_nonce_is_over_after_a_minute(door: FrontDoor) -> None:
    browser = door.browser()
    url = handover(browser)
    door.clock.pass_by(seconds=61)
    assert browser.get(url).status_code == 400


@pytest.mark.parametrize("query", ["", "?nonce=", "?nonce=a&nonce=b", "?state=abc"])
def test_without_one_nonce_nothing_is_redeemed(door: FrontDoor, query: str) -> None:
    shown = door.browser().get(f"https://wiki.example/cdn-cgi/access/authorized{query}")
    assert shown.status_code == 400


def test_the_policies_are_judged_again_where_the_application_is(door: FrontDoor) -> None:
    door.change(allow(require=(Rule("geo", {"country_code": "PT"}),)))
    browser = door.browser()
    url = handover(browser)
    browser.country = "US"
    assert browser.get(url).status_code == 403
    assert not browser.cookie("wiki.example", "CF_Authorization")


RETURNS = [
    "https://evil.example/",
    "//evil.example/",
    "/\\evil.example/",
    "javascript:alert(1)",
    "/\t/evil.example",
    "@evil.example",
    ".evil.example/",
    "/cdn-cgi/access/logout",
]


@pytest.mark.parametrize("asked", RETURNS)
def test_r1_a_login_leads_back_to_its_own_host(door: FrontDoor, asked: str) -> None:
    browser = door.browser()
    first = browser.get(PAGE).headers["location"]
    given = parse_qs(urlsplit(first).query)["redirect_url"][0]
    login = first.replace(quote(given, safe=""), quote(asked, safe=""))
    assert login != first
    browser.follow(browser.answer(browser.get(browser.choose(browser.get(login)))))
    assert browser.hops[-1] == "https://wiki.example/"


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example%2Fwiki.example", "wiki.example.evil"]
)
def test_r1_no_login_leads_to_a_host_that_is_not_the_applications(
    door: FrontDoor, host: str
) -> None:
    shown = door.browser().get(f"https://{TEAM}/cdn-cgi/access/login/{host}?kid={WIKI.aud}")
    assert shown.status_code == 404


@pytest.mark.parametrize(
    "label", ["3627734734%23", "3627734734%3F", "a%40b", "a%09b", "a%5C", "a%3A80", "[::1]%23", ""]
)
def test_r1_a_wildcard_covers_nothing_that_a_browser_reads_as_another_host(label: str) -> None:
    wild = application("wild", "*.apps.example")
    browser = FrontDoor(configuration(wild, WIKI, LAUNCHER)).browser()
    browser.follow(at_provider(browser))
    login = f"https://{TEAM}/cdn-cgi/access/login/{{}}.apps.example?kid={wild.aud}"
    assert browser.get(login.format(label)).status_code in (400, 404)
    onward = browser.get(login.format("one")).headers["location"]
    assert onward == "https://one.apps.example/"


def test_a_meta_of_another_application_counts_for_nothing(door: FrontDoor) -> None:
    browser = door.browser()
    meta = parse_qs(urlsplit(browser.get(PAGE).headers["location"]).query)["meta"][0]
    docs = door.store.configuration().applications["docs"]
    login = f"https://{TEAM}/cdn-cgi/access/login/docs.example?kid={docs.aud}&meta={meta}"
    assert "meta=" not in browser.get(login).text


def test_d_a_browser_has_few_logins_in_flight(door: FrontDoor) -> None:
    browser = door.browser()
    chosen = browser.choose(browser.follow(PAGE))
    urls = [browser.answer(browser.get(chosen)) for _ in range(22)]
    assert browser.get(urls[0]).status_code == 400
    assert browser.get(urls[1]).status_code == 400
    assert browser.get(urls[2]).status_code == 302
    assert browser.get(urls[-1]).status_code == 302


def test_m1_a_login_that_waits_for_a_reason_is_no_callback(door: FrontDoor) -> None:
    door.change(allow(purpose_justification_required=True))
    browser = door.browser()
    browser.sign_in(PAGE)
    waiting = browser.hops[-1].rpartition("/")[2]
    assert browser.get(f"{CALLBACK}?code=a-code&state={waiting}").status_code == 400
    assert browser.get(f"https://{TEAM}/cdn-cgi/access/waiting/{waiting}").status_code == 400
    url = f"https://wiki.example/cdn-cgi/access/authorized?nonce={waiting}"
    assert browser.get(url).status_code == 400
    assert browser.get(PAGE).status_code == 302
    assert not browser.cookie("wiki.example", "CF_Authorization")


def test_m1_a_login_at_the_provider_is_no_other_step(door: FrontDoor) -> None:
    browser = door.browser()
    state = door_state(browser)
    for place in ("purpose", "waiting", "cli"):
        shown = browser.get(f"https://{TEAM}/cdn-cgi/access/{place}/{state}")
        assert shown.status_code in (400, 404)
    with door.store.reading() as records:
        attempt = records.attempt(state)
    assert attempt is not None
    assert attempt.stage is AttemptStage.AT_PROVIDER


def door_state(browser: Browser) -> str:
    return parse_qs(urlsplit(at_provider(browser)).query)["state"][0]


def test_a_barred_person_waits_a_minute(door: FrontDoor) -> None:
    browser = door.browser()
    browser.sign_in(PAGE)
    with door.store.transaction() as records:
        user = records.user_by_email("ada@example.com")
        assert user is not None
        barred = door.clock.now().replace(microsecond=0)
        records.put_user(replace(user, login_barred_until=barred.replace(minute=barred.minute + 1)))
    other = door.browser()
    assert other.get(at_provider(other)).status_code == 403
    door.clock.pass_by(seconds=61)
    other = door.browser()
    assert other.get(at_provider(other)).status_code == 302


def test_one_user_for_each_address_however_it_is_written(door: FrontDoor) -> None:
    door.provider.person = Person("Ada@Example.com")
    door.browser().sign_in(PAGE)
    door.provider.person = Person("ada@example.COM")
    door.browser().sign_in(PAGE)
    with door.store.reading() as records:
        assert [user.email for user in records.users()] == ["ada@example.com"]


def test_another_person_in_the_same_browser_ends_what_the_first_one_had(door: FrontDoor) -> None:
    browser = door.browser()
    browser.sign_in(PAGE)
    first = browser.cookie("wiki.example", "CF_Authorization")
    door.provider.person = Person("bob@example.com")
    login = f"https://{TEAM}/cdn-cgi/access/login/docs.example?again=1&kid="
    login += door.store.configuration().applications["docs"].aud
    chosen = browser.choose(browser.get(login))
    browser.follow(browser.answer(browser.get(chosen)))
    thief = door.browser()
    thief.set_cookie("wiki.example", "CF_Authorization", first)
    assert thief.get(PAGE).status_code == 302
