"""Purpose justification and temporary authentication, in two browsers: access.md 3.6, 3.7, 11."""

from __future__ import annotations

import re
import time

import pytest
from playwright.sync_api import Browser, expect

from tests.end_to_end.reference_world import PROMPT, World
from tests.end_to_end.signing_in import at_okta, choose_okta
from tests.end_to_end.visitor import claims_of

pytestmark = [pytest.mark.browser, pytest.mark.envoy]

REASON = "The harbour's wiring plan"


def test_somebody_asks_an_approver_grants_and_it_is_written_down(
    world: World, browser: Browser
) -> None:
    """3.6, 3.7: reason, approval for 15 minutes, entry; prompt, response, approvers logged."""
    wiki = f"http://wiki.localhost:{world.demo.port}/"
    dave, alice = world.person("dave"), world.person("alice")
    his, hers = browser.new_context(), browser.new_context()
    for context in (his, hers):
        context.set_default_timeout(20_000)
    asking, approving = his.new_page(), hers.new_page()
    try:
        asking.goto(wiki)
        choose_okta(asking)
        at_okta(asking, dave, factor="none")
        expect(asking.get_by_text(PROMPT)).to_be_visible()
        asking.get_by_label(PROMPT).fill(REASON)
        asking.get_by_role("button", name="Ask for approval").click()
        expect(asking.get_by_role("heading", name="Waiting for approval")).to_be_visible()
        link = asking.locator("code").first.inner_text()
        assert re.match(rf"http://{re.escape(world.team)}/cdn-cgi/access/approval/", link)

        # The link alone opens nothing: an approver proves who she is.
        approving.goto(link)
        choose_okta(approving)
        at_okta(approving, alice, factor="hwk")
        expect(approving.get_by_text(REASON)).to_be_visible()
        expect(approving.get_by_text("dave@contractor.example")).to_be_visible()
        approving.locator('input[name="duration"][value="15m"]').check(force=True)
        approving.get_by_role("button", name="Approve").click()
        expect(approving.get_by_text("You approved this request")).to_be_visible()

        # His page moves on by itself.
        expect(asking).to_have_url(wiki)
        expect(asking.locator("body")).to_contain_text("dave@contractor.example")
        token = next(
            str(one.get("value", ""))
            for one in his.cookies(wiki)
            if one.get("name") == "CF_Authorization"
        )
        claims = claims_of(token)
        assert 0 < claims["exp"] - time.time() <= 15 * 60
    finally:
        his.close()
        hers.close()
    record = world.logged(
        action="login",
        user_email="dave@contractor.example",
        purpose_justification_response=REASON,
    )
    assert record["allowed"] is True
    assert record["purpose_justification_prompt"] == PROMPT
    assert record["temporary_access_approvers"] == ["alice@example.com"]
    assert record["temporary_access_duration"] == 15 * 60


def test_nobody_approves_their_own_request(world: World) -> None:
    """3.7: the approver must be one of those named."""
    dave = world.visitor()
    page = dave.sign_in(dave.url("wiki.localhost"), world.person("dave"))
    page = dave.submit(page, purpose="Again")
    assert "/cdn-cgi/access/waiting/" in page.url
    link = re.search(r"http://[^<\s]+/cdn-cgi/access/approval/[^<\s]+", page.text)
    assert link is not None
    assert dave.open(link[0]).status in (403, 404)
    bob = world.signed_in("bob")
    assert bob.open(link[0]).status in (403, 404)
    # Visiting again does not ask again: the request is still there, and nobody is in.
    again = dave.open(dave.url("wiki.localhost"))
    assert "/cdn-cgi/access/waiting/" in again.url
