"""A terminal gets its token through the browser (access.md 12.5, 12.6)."""

from __future__ import annotations

import base64
import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from urllib.parse import quote

import httpx2
import pytest
from nacl.public import Box, PrivateKey, PublicKey

from tests.fakes.front_door import TEAM, WIKI, Browser, FrontDoor, allow, application, configuration
from vestibule.login.transfer_box import is_public_key


class Terminal:
    """The client: a key pair for one login."""

    def __init__(self, door: FrontDoor) -> None:
        self.secret = PrivateKey.generate()
        self.key = base64.urlsafe_b64encode(bytes(self.secret.public_key)).decode()
        self.outside = door.browser()

    def url(self, host: str = "wiki.example", **more: str) -> str:
        query = f"aud={WIKI.aud}&edge_token_transfer=true&send_org_token=true&token={self.key}"
        query += f"&redirect_url={quote(f'https://{host}/?token={self.key}', safe='')}"
        query += "".join(f"&{name}={value}" for name, value in more.items())
        return f"https://{host}/cdn-cgi/access/cli?{query}"

    def poll(self, where: str = "/transfer/") -> httpx2.Response:
        return self.outside.get(f"https://{TEAM}{where}{self.key}")

    def open(self, answer: httpx2.Response) -> dict[str, str]:
        server = PublicKey(base64.urlsafe_b64decode(answer.headers["service-public-key"]))
        sealed = base64.b64decode(answer.text)
        return json.loads(Box(self.secret, server).decrypt(sealed))


@pytest.fixture
def door() -> FrontDoor:
    return FrontDoor(configuration(WIKI, application("docs", "docs.example")))


def approve(browser: Browser, shown: httpx2.Response) -> httpx2.Response:
    action, fields = browser.form(shown)
    return browser.send("POST", action, form=fields)


@pytest.mark.parametrize("where", ["/transfer/", "/cdn-cgi/access/transfer/"])
def test_approved_tokens_reach_the_terminal_once_and_open_the_application(
    door: FrontDoor, where: str
) -> None:
    browser, terminal = door.browser(), Terminal(door)
    shown = browser.sign_in(terminal.url())
    assert "Let a terminal in?" in shown.text
    assert terminal.poll(where).status_code == 404
    assert "terminal is signed in" in approve(browser, shown).text
    tokens = terminal.open(terminal.poll(where))
    assert terminal.poll(where).status_code == 404
    again = door.browser()
    again.set_cookie("wiki.example", "CF_Authorization", tokens["app_token"])
    assert again.get("https://wiki.example/").status_code == 200
    again = door.browser()
    again.set_cookie(TEAM, "CF_Authorization", tokens["org_token"])
    assert again.get(f"https://{TEAM}/cdn-cgi/access/get-identity").status_code == 200


def test_a_person_who_is_signed_in_is_still_asked(door: FrontDoor) -> None:
    browser, terminal = door.browser(), Terminal(door)
    browser.sign_in("https://wiki.example/")
    assert "Let a terminal in?" in browser.follow(terminal.url()).text
    assert terminal.poll().status_code == 404


def test_s7_the_question_is_asked_on_the_team_domain_alone(door: FrontDoor) -> None:
    browser, terminal = door.browser(), Terminal(door)
    browser.sign_in("https://wiki.example/")
    sent = browser.get(terminal.url())
    assert sent.headers["location"].startswith(f"https://{TEAM}/cdn-cgi/access/cli?")
    on_app = "https://wiki.example/cdn-cgi/access/cli/anything"
    assert browser.send("POST", on_app, form={"token": "x"}).status_code in (404, 405)


def test_s7_an_approval_needs_the_forms_token_and_this_browser(door: FrontDoor) -> None:
    browser, terminal = door.browser(), Terminal(door)
    shown = browser.sign_in(terminal.url())
    action, fields = browser.form(shown)
    other = door.browser()
    other.sign_in("https://wiki.example/")
    assert other.send("POST", action, form=fields).status_code == 403
    assert browser.send("POST", action, form={"token": "0" * 64}).status_code == 403
    cross = {"sec-fetch-site": "cross-site"}
    assert browser.send("POST", action, form=fields, headers=cross).status_code == 403
    assert browser.get(action).status_code == 404
    assert terminal.poll().status_code == 404
    assert approve(browser, shown).status_code == 200
    assert approve(browser, shown).status_code == 400


def test_an_approval_page_is_good_for_ten_minutes(door: FrontDoor) -> None:
    browser, terminal = door.browser(), Terminal(door)
    shown = browser.sign_in(terminal.url())
    door.clock.pass_by(minutes=11)
    assert approve(browser, shown).status_code == 400


def test_tokens_that_nobody_fetches_are_forgotten(door: FrontDoor) -> None:
    browser, terminal = door.browser(), Terminal(door)
    approve(browser, browser.sign_in(terminal.url()))
    door.clock.pass_by(minutes=11)
    assert terminal.poll().status_code == 404


def test_a_person_whom_the_policies_refuse_gives_no_token(door: FrontDoor) -> None:
    browser, terminal = door.browser(), Terminal(door)
    shown = browser.sign_in(terminal.url())
    from vestibule.model.rules import Rule

    door.change(allow(include=(Rule("email", {"email": "eve@example.com"}),)))
    assert approve(browser, shown).status_code == 403
    assert terminal.poll().status_code == 404


def test_a_reason_is_asked_for_before_the_terminals_question(door: FrontDoor) -> None:
    door.change(allow(purpose_justification_required=True))
    browser, terminal = door.browser(), Terminal(door)
    shown = browser.sign_in(terminal.url())
    action, fields = browser.form(shown)
    answer = browser.send("POST", action, form={**fields, "purpose": "work"})
    shown = browser.follow(answer.headers["location"])
    assert "Let a terminal in?" in shown.text
    approve(browser, shown)
    assert terminal.open(terminal.poll())["app_token"]


def test_the_question_is_skipped_where_the_application_says_so(door: FrontDoor) -> None:
    door.change(replace(WIKI, skip_interstitial=True))
    browser, terminal = door.browser(), Terminal(door)
    browser.sign_in("https://wiki.example/")
    asked = browser.follow(terminal.url())
    assert "Let a terminal in?" in asked.text
    login = browser.get(browser.hops[1]).headers["location"]
    cleared = browser.get(login).headers["location"]
    typed = browser.get(cleared, headers={"sec-fetch-site": "none"})
    assert "terminal is signed in" in typed.text
    assert terminal.poll().status_code == 200


@pytest.mark.parametrize(
    "key",
    [
        "",
        "short",
        "A" * 44,
        "A" * 43 + "=",
        "A" * 43,
        "+" * 43 + "=",
        base64.urlsafe_b64encode(bytes([1]) + bytes(31)).decode(),
    ],
    ids=["empty", "short", "no-padding", "zero", "unpadded", "other-alphabet", "low-order"],
)
def test_what_is_no_public_key_is_refused(door: FrontDoor, key: str) -> None:
    assert not is_public_key(key)
    terminal = Terminal(door)
    terminal.key = quote(key, safe="")
    assert door.browser().get(terminal.url()).status_code == 400


def test_the_key_of_another_application_leads_nowhere(door: FrontDoor) -> None:
    browser = door.browser()
    assert browser.get(Terminal(door).url("docs.example")).status_code == 400


def test_a_terminal_that_waits_gets_its_tokens_as_soon_as_they_are_there() -> None:
    door = FrontDoor(configuration(WIKI), long_poll=20)
    browser, terminal = door.browser(), Terminal(door)
    shown = browser.sign_in(terminal.url())
    with ThreadPoolExecutor(1) as waiting:
        answer = waiting.submit(terminal.poll)
        approve(browser, shown)
        assert answer.result(timeout=15).status_code == 200
