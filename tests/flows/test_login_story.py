"""A person's way through the door, from the first visit to the application."""

from __future__ import annotations

from dataclasses import replace

from tests.fakes.front_door import (
    LAUNCHER,
    TEAM,
    WIKI,
    FrontDoor,
    Person,
    allow,
    application,
    configuration,
)
from vestibule.connectors import RetryWithoutGroups
from vestibule.model.rules import Rule

PAGE = "https://wiki.example/pages/Ada?version=2&q=a%2Fb"


def test_a_first_visit_leads_through_the_provider_to_the_page_that_was_asked_for() -> None:
    door = FrontDoor(configuration(WIKI))
    browser = door.browser()
    entered = browser.sign_in(PAGE)
    assert entered.status_code == 200
    assert browser.hops[-1] == PAGE
    assert entered.headers["cf-access-authenticated-user-email"] == "ada@example.com"
    assert "Expires=" in str(entered.headers) or browser.cookie("wiki.example", "CF_Authorization")
    [login] = [record for record in door.log() if record.action == "login"]
    assert (login.allowed, login.user_email) == (True, "ada@example.com")
    assert login.trace["outcome"] == "allow"


def test_a_second_application_needs_no_second_login() -> None:
    door = FrontDoor(configuration(WIKI, application("docs", "docs.example")))
    browser = door.browser()
    browser.sign_in(PAGE)
    assert browser.follow("https://docs.example/x").status_code == 200
    assert len(door.provider.begun) == 1


def test_one_provider_is_skipped_to_when_the_organization_wants_so() -> None:
    door = FrontDoor(configuration(WIKI, straight=True))
    assert "idp.example" in door.browser().follow(PAGE).headers["location"]


def test_an_application_offers_only_its_own_providers() -> None:
    only = replace(WIKI, allowed_idps=("okta-2",))
    door = FrontDoor(configuration(only, providers=("okta-1", "okta-2")))
    shown = door.browser().follow(PAGE)
    assert "idp=okta-2" in shown.text
    assert "idp=okta-1" not in shown.text


def test_a_session_of_a_provider_that_the_application_does_not_allow_is_not_enough() -> None:
    only = replace(application("docs", "docs.example"), allowed_idps=("okta-2",))
    door = FrontDoor(configuration(WIKI, only, providers=("okta-1", "okta-2")))
    browser = door.browser()
    browser.sign_in(PAGE)
    shown = browser.follow("https://docs.example/")
    assert "idp=okta-2" in shown.text


def test_a_refusal_says_what_was_missing_and_offers_a_stronger_sign_in() -> None:
    strong = allow(require=(Rule("auth_method", {"auth_method": "hwk"}),))
    door = FrontDoor(configuration(WIKI, policies=(strong,)))
    browser = door.browser()
    shown = browser.sign_in(PAGE)
    assert shown.status_code == 403
    assert "hwk" in shown.text
    assert not browser.cookie(TEAM, "CF_Authorization")
    [refused] = [record for record in door.log() if not record.allowed]
    assert refused.ray_id in shown.text
    door.provider.person = Person(amr=("pwd", "hwk"))
    at_provider = browser.get(browser.link(shown, "again=1&idp="))
    assert door.provider.begun[-1].prompt == "login"
    assert door.provider.begun[-1].max_age == 0
    assert door.provider.begun[-1].acr_values == ("phr",)
    assert browser.follow(browser.answer(at_provider)).status_code == 200
    assert browser.hops[-1] == PAGE


def test_a_fragment_that_the_page_hands_on_comes_back_byte_for_byte() -> None:
    door = FrontDoor(configuration(WIKI))
    browser = door.browser()
    shown = browser.follow("https://wiki.example/app")
    chosen = browser.choose(shown) + "&fragment=%2Froute%3Fa%3D1%26b%3D%253B%3B"
    browser.follow(browser.answer(browser.get(chosen)))
    assert browser.hops[-1] == "https://wiki.example/app#/route?a=1&b=%3B;"


def test_every_concrete_host_gets_its_cookie_at_once_the_requested_one_first() -> None:
    app = application("suite", "a.example", "b.example/x", "*.c.example")
    door = FrontDoor(configuration(app))
    browser = door.browser()
    assert browser.sign_in("https://b.example/x/page").status_code == 200
    redeemed = [hop.partition("/cdn-cgi")[0] for hop in browser.hops if "/authorized" in hop]
    assert redeemed == ["https://b.example", "https://a.example"]
    assert browser.hops[-1] == "https://b.example/x/page"
    assert browser.cookie("a.example", "CF_Authorization")


def test_a_lazy_application_plants_its_cookie_when_the_host_is_visited() -> None:
    app = application("suite", "a.example", "b.example", eager_redirect_cookie=False)
    door = FrontDoor(configuration(app))
    browser = door.browser()
    browser.sign_in("https://b.example/")
    assert not browser.cookie("a.example", "CF_Authorization")
    assert browser.follow("https://a.example/").status_code == 200


def test_a_bound_application_wants_both_cookies() -> None:
    door = FrontDoor(configuration(replace(WIKI, enable_binding_cookie=True)))
    browser = door.browser()
    assert browser.sign_in(PAGE).status_code == 200
    assert browser.cookie("wiki.example", "CF_Binding")


def test_the_login_page_works_without_meta() -> None:
    door = FrontDoor(configuration(WIKI))
    browser = door.browser()
    bare = f"https://{TEAM}/cdn-cgi/access/login/wiki.example?kid={WIKI.aud}&redirect_url=%2Fx"
    shown = browser.get(bare)
    assert shown.status_code == 200
    assert shown.headers["cf-access-domain"] == "wiki.example"
    done = browser.follow(browser.answer(browser.get(browser.choose(shown))))
    assert done.status_code == 200
    assert browser.hops[-1] == "https://wiki.example/x"


def test_a_head_request_is_answered_like_a_get_so_that_a_terminal_can_trade_its_token() -> None:
    door = FrontDoor(configuration(WIKI))
    browser = door.browser()
    browser.sign_in(PAGE)
    terminal = door.browser()
    first = terminal.send("HEAD", "https://wiki.example/")
    assert first.status_code == 302
    terminal.set_cookie(TEAM, "CF_Authorization", browser.cookie(TEAM, "CF_Authorization"))
    second = terminal.send("HEAD", first.headers["location"])
    assert second.status_code == 302
    third = terminal.send("HEAD", second.headers["location"])
    [cookie] = [c for c in third.headers.get_list("set-cookie") if c.startswith("CF_Auth")]
    assert "Expires=" in cookie


def test_groups_that_did_not_fit_are_asked_for_without_them_once() -> None:
    door = FrontDoor(configuration(WIKI))
    door.provider.fails = [RetryWithoutGroups()]
    browser = door.browser()
    at_provider = browser.get(browser.choose(browser.follow(PAGE)))
    again = browser.follow(browser.answer(at_provider))
    assert [sign_in.without_groups for sign_in in door.provider.begun] == [False, True]
    assert browser.follow(browser.answer(again)).status_code == 200


def test_the_launcher_is_off_until_it_has_a_policy() -> None:
    door = FrontDoor(configuration(WIKI, replace(LAUNCHER, policy_ids=())))
    assert "App Launcher is off" in door.browser().get(f"https://{TEAM}/").text


def test_the_launcher_shows_what_one_may_open_and_nothing_else() -> None:
    secret = application("secret", "secret.example", policies=("p-nobody",))
    nobody = allow("p-nobody", (Rule("email", {"email": "eve@example.com"}),))
    door = FrontDoor(configuration(WIKI, secret, LAUNCHER, policies=(allow(), nobody)))
    shown = door.browser().sign_in(f"https://{TEAM}/")
    assert "https://wiki.example/" in shown.text
    assert "secret.example" not in shown.text
