"""Purpose justification and temporary access (access.md 3.6, 3.7)."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import httpx2
import pytest

from tests.fakes.front_door import (
    LAUNCHER,
    TEAM,
    WIKI,
    Browser,
    FrontDoor,
    Person,
    allow,
    configuration,
)
from vestibule.model.rules import ApprovalGroup
from vestibule.model.session import ApprovalState

PAGE = "https://wiki.example/page"
REASON = "the printer is on fire"


def ask_purpose() -> FrontDoor:
    policy = allow(purpose_justification_required=True, purpose_justification_prompt="Ticket?")
    return FrontDoor(configuration(WIKI, policies=(policy,)))


def give(browser: Browser, shown: httpx2.Response, purpose: str = REASON) -> httpx2.Response:
    action, fields = browser.form(shown)
    answer = browser.send("POST", action, form={**fields, "purpose": purpose})
    if answer.status_code != 303:
        return answer
    return browser.follow(answer.headers["location"])


def test_a_reason_is_asked_for_and_written_down() -> None:
    door = ask_purpose()
    browser = door.browser()
    shown = browser.sign_in(PAGE)
    assert "Ticket?" in shown.text
    assert "form-action 'self' https://wiki.example" in shown.headers["content-security-policy"]
    assert give(browser, shown).status_code == 200
    assert browser.hops[-1] == PAGE
    [login] = [record for record in door.log() if record.action == "login" and record.allowed]
    assert login.purpose_justification_response == REASON
    assert login.purpose_justification_prompt == "Ticket?"


@pytest.mark.parametrize("purpose", ["", "  \t ", "x" * 1001])
def test_f5_an_empty_or_endless_reason_is_none(purpose: str) -> None:
    door = ask_purpose()
    browser = door.browser()
    shown = browser.sign_in(PAGE)
    assert give(browser, shown, purpose).status_code == 400
    assert not browser.cookie("wiki.example", "CF_Authorization")
    # The form still serves.
    assert give(browser, shown).status_code == 200


def test_f5_an_empty_post_moves_nothing() -> None:
    door = ask_purpose()
    browser = door.browser()
    action, _ = browser.form(browser.sign_in(PAGE))
    assert browser.send("POST", action, form={}).status_code in (403, 415)
    assert browser.send("POST", action).status_code == 415
    assert browser.get(PAGE).status_code == 302


def test_a_form_serves_once_and_only_in_its_browser() -> None:
    door = ask_purpose()
    browser = door.browser()
    shown = browser.sign_in(PAGE)
    action, fields = browser.form(shown)
    other = door.browser()
    other.sign_in(PAGE)
    stolen = other.send("POST", action, form={**fields, "purpose": REASON})
    assert stolen.status_code == 403
    assert give(browser, shown).status_code == 200
    assert browser.send("POST", action, form={**fields, "purpose": REASON}).status_code == 400


def test_the_reason_is_asked_again_when_the_token_has_expired() -> None:
    door = ask_purpose()
    door.change(allow(purpose_justification_required=True, session_duration=timedelta(hours=1)))
    browser = door.browser()
    give(browser, browser.sign_in(PAGE))
    door.clock.pass_by(hours=2)
    assert "Why do you need" in browser.follow(PAGE).text


GROUPS = (ApprovalGroup(1, ("boss@example.com",)), ApprovalGroup(1, ("owner@example.com",)))


@pytest.fixture
def door() -> FrontDoor:
    policy = allow(
        purpose_justification_required=True, approval_required=True, approval_groups=GROUPS
    )
    launcher = replace(LAUNCHER, policy_ids=("p-launcher",))
    return FrontDoor(configuration(WIKI, launcher, policies=(policy, allow("p-launcher"))))


def signed_in(door: FrontDoor, email: str, url: str = f"https://{TEAM}/") -> Browser:
    before, door.provider.person = door.provider.person, Person(email)
    browser = door.browser()
    browser.sign_in(url)
    door.provider.person = before
    return browser


def request(door: FrontDoor) -> tuple[Browser, str, str]:
    """Somebody waits: their browser, the page they wait on, and the approver's link."""
    browser = door.browser()
    shown = give(browser, browser.sign_in(PAGE))
    assert shown.status_code == 200, shown.text
    link = f"https://{TEAM}/cdn-cgi/access/approval/"
    assert link in shown.text
    code = shown.text.partition(link)[2][:43]
    return browser, browser.hops[-1], link + code


def vote(
    approver: Browser, link: str, decision: str = "approve", duration: str = "1h"
) -> httpx2.Response:
    shown = approver.get(link)
    assert shown.status_code == 200, shown.text
    action, fields = approver.form(shown)
    return approver.send(
        "POST", action, form={**fields, "decision": decision, "duration": duration}
    )


def test_enough_of_every_group_must_agree_and_the_shortest_time_counts(door: FrontDoor) -> None:
    browser, waiting, link = request(door)
    assert {mail.to for mail in door.post.mails} == {"boss@example.com", "owner@example.com"}
    assert link in door.post.mails[0].text
    assert browser.get(f"{waiting}/state").json() == {"state": "pending"}
    assert "approved" in vote(signed_in(door, "boss@example.com"), link, duration="4h").text
    assert browser.get(f"{waiting}/state").json() == {"state": "pending"}
    assert not browser.cookie("wiki.example", "CF_Authorization")
    vote(signed_in(door, "owner@example.com"), link, duration="30m")
    assert browser.get(f"{waiting}/state").json() == {"state": "approved"}
    assert browser.follow(f"{waiting}/continue").status_code == 200
    assert browser.hops[-1] == PAGE
    door.clock.pass_by(minutes=31)
    assert browser.get(PAGE).status_code == 302
    assert "Why do you need" in browser.follow(PAGE).text


def test_the_requester_may_close_the_window_and_come_back(door: FrontDoor) -> None:
    browser, _, link = request(door)
    assert "/waiting/" in str(browser.follow(PAGE) and browser.hops[-1])
    vote(signed_in(door, "boss@example.com"), link)
    vote(signed_in(door, "owner@example.com"), link)
    assert browser.follow(PAGE).status_code == 200
    assert browser.hops[-1] == PAGE


def test_an_approval_serves_one_application_session(door: FrontDoor) -> None:
    browser, _, link = request(door)
    vote(signed_in(door, "boss@example.com"), link)
    vote(signed_in(door, "owner@example.com"), link)
    browser.follow(PAGE)
    with door.store.reading() as records:
        approval = records.approval(link.rpartition("/")[2])
    assert approval is not None
    assert approval.state is ApprovalState.USED
    other = door.browser()
    assert "Why do you need" in other.sign_in(PAGE).text


def test_one_no_is_a_no(door: FrontDoor) -> None:
    browser, waiting, link = request(door)
    vote(signed_in(door, "boss@example.com"), link, "deny")
    assert browser.get(f"{waiting}/state").json() == {"state": "denied"}
    assert "declined" in signed_in(door, "owner@example.com").get(link).text
    assert browser.follow(f"{waiting}/continue").status_code == 403
    assert "Why do you need" in browser.follow(PAGE).text


def test_only_those_who_are_listed_decide(door: FrontDoor) -> None:
    _, _, link = request(door)
    assert signed_in(door, "eve@example.com").get(link).status_code == 404


def test_an_approver_who_signs_in_first_comes_back_to_the_request(door: FrontDoor) -> None:
    _, _, link = request(door)
    door.provider.person = Person("boss@example.com")
    boss = door.browser()
    assert "Who asks" in boss.sign_in(link).text
    assert boss.hops[-1] == link


def test_nobody_approves_their_own_request(door: FrontDoor) -> None:
    door.provider.person = Person("boss@example.com")
    browser, _, link = request(door)
    assert browser.get(link).status_code == 404
    assert {mail.to for mail in door.post.mails} == {"owner@example.com"}


@pytest.mark.parametrize("duration", ["25h", "0", "0s", "-1h", "", "1d", "100000000000h"])
def test_nobody_grants_more_than_a_day(door: FrontDoor, duration: str) -> None:
    browser, waiting, link = request(door)
    assert vote(signed_in(door, "boss@example.com"), link, duration=duration).status_code == 400
    assert browser.get(f"{waiting}/state").json() == {"state": "pending"}


def test_f5_an_approver_who_posts_nothing_decides_nothing(door: FrontDoor) -> None:
    browser, waiting, link = request(door)
    boss = signed_in(door, "boss@example.com")
    action, fields = boss.form(boss.get(link))
    assert boss.send("POST", action, form={}).status_code in (403, 415)
    assert boss.send("POST", action, form=fields).status_code == 400
    assert boss.get(action + "?decision=approve&duration=1h").status_code == 200
    assert browser.get(f"{waiting}/state").json() == {"state": "pending"}


def test_a_strangers_poll_learns_nothing(door: FrontDoor) -> None:
    _, waiting, _ = request(door)
    assert door.browser().get(f"{waiting}/state").status_code == 404
