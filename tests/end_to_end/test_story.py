"""The story that the product exists for, in a real browser, through a real Envoy."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.end_to_end.conftest import Demo
from tests.end_to_end.signing_in import at_okta, person, sign_in

pytestmark = [pytest.mark.browser, pytest.mark.envoy]


def test_a_person_enters_is_refused_comes_back_with_the_key_and_leaves(
    demo: Demo, page: Page
) -> None:
    alice = person(demo.ready, "alice@example.com")
    wiki, payroll = demo.url("Wiki"), demo.url("Payroll")

    # First visit: the login page, then Okta, then the page that was asked for.
    page.goto(f"{wiki}pages/start?x=1&y=a%2Bb")
    expect(page).to_have_url(re.compile(r"team\.localhost:\d+/cdn-cgi/access/login/"))
    page.get_by_role("link", name="Okta").first.click()
    at_okta(page, alice, factor="otp")
    expect(page).to_have_url(f"{wiki}pages/start?x=1&y=a%2Bb")
    expect(page.locator("body")).to_contain_text("alice@example.com")

    # Payroll wants a security key; a code is not one, and the page says so.
    page.goto(payroll)
    expect(page.locator("body")).to_contain_text("hwk")
    expect(page.locator("body")).to_contain_text("otp")
    assert "payroll.localhost" not in page.url.split("/")[2]

    # One click sends her back to Okta; with the key she enters.
    page.get_by_role("link", name=re.compile("Sign in again")).click()
    at_okta(page, alice, factor="hwk")
    expect(page).to_have_url(re.compile(r"^http://payroll\.localhost:\d+/"))
    expect(page.locator("body")).to_contain_text("alice@example.com")

    # The launcher lists what she may open; another application opens without a second login.
    page.goto(demo.ready["team_url"])
    expect(page.get_by_role("link", name=re.compile("Wiki"))).to_be_visible()
    page.get_by_role("link", name=re.compile("Echo")).first.click()
    expect(page).to_have_url(re.compile(r"^http://echo\.localhost:\d+/"))

    # Out, everywhere.
    page.goto(f"{wiki}cdn-cgi/access/logout")
    page.goto(payroll)
    expect(page).to_have_url(re.compile(r"team\.localhost:\d+/cdn-cgi/access/login/"))
    page.goto(wiki)
    expect(page).to_have_url(re.compile(r"team\.localhost:\d+/cdn-cgi/access/login/"))


def test_a_refusal_is_explained_by_its_reference_code(demo: Demo, page: Page) -> None:
    sign_in(page, demo.url("Payroll"), person(demo.ready, "bob@example.com"), factor="otp")
    text = page.locator("body").inner_text()
    code = re.search(r"\b[0-9a-f]{16}\b", text)
    assert code is not None, text
    explained = demo.command("logs", "--why", code[0])
    assert "refused" in explained
    assert "bob@example.com" in explained
    assert "security key" in explained  # the policy's name, with each of its rules


def test_somebody_in_140_groups_is_known_by_all_of_them(demo: Demo, page: Page) -> None:
    sign_in(page, demo.url("Echo"), person(demo.ready, "erin@example.com"), factor="none")
    expect(page).to_have_url(re.compile(r"^http://echo\.localhost:\d+/"))
    page.goto(f"{demo.url('Echo')}cdn-cgi/access/get-identity")
    assert "project-139" in page.locator("body").inner_text()


def test_the_cookie_of_one_application_opens_no_other(
    demo: Demo, page: Page, context: BrowserContext
) -> None:
    sign_in(page, demo.url("Wiki"), person(demo.ready, "bob@example.com"), factor="otp")
    token = next(
        one["value"]
        for one in context.cookies(demo.url("Wiki"))
        if one["name"] == "CF_Authorization"
    )
    assert demo.get("wiki.localhost", "/", Cookie=f"CF_Authorization={token}").status_code == 200
    for host in ("payroll.localhost", "echo.localhost"):
        answer = demo.get(host, "/", Cookie=f"CF_Authorization={token}", Accept="text/html")
        assert answer.status_code == 302, host
        assert "/cdn-cgi/access/login/" in answer.headers["location"]


def test_what_is_public_needs_nobody(demo: Demo) -> None:
    assert demo.get("echo.localhost", "/public/page").status_code == 200
    assert demo.get("echo.localhost", "/private").status_code in (302, 401)


def test_a_host_that_nobody_configured_is_refused(demo: Demo) -> None:
    answer = demo.get("stranger.localhost", "/")
    assert answer.status_code == 403
