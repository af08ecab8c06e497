"""Sign-in at an OpenID provider that is not ours, in a browser, while its keys change."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.end_to_end.conftest import Demo, start_demo, stop_demo
from tests.peers.oidc_provider import Peer, running

pytestmark = [pytest.mark.browser, pytest.mark.envoy]
SECRET = "a-secret-of-the-test-alone-1234567890"


@pytest.fixture(scope="module")
def demo() -> Iterator[Demo]:
    """A demo that may call this machine, where the foreign provider runs."""
    started = start_demo(VESTIBULE_OUTBOUND__ALLOW='["127.0.0.1/32", "localhost"]')
    yield started
    stop_demo(started)


@pytest.fixture(scope="module")
def provider(demo: Demo) -> Iterator[Peer]:
    """npm's oidc-provider, configured as a second identity provider beside Okta."""
    callback = f"{demo.ready['team_url']}/cdn-cgi/access/callback"
    with running("vestibule", SECRET, callback, "client_secret_basic") as peer:
        document = json.loads(demo.command("export", "--json"))
        document["identity_providers"].append(
            {
                "name": "Foreign",
                "type": "oidc",
                "config": {"client_id": "vestibule", "discovery_url": discovery(peer)},
                "secrets": {"client_secret": SECRET},
            }
        )
        document["policies"].append(
            {
                "name": "From the foreign provider",
                "decision": "allow",
                "include": [{"login_method": {"id": "Foreign"}}],
            }
        )
        wiki = next(one for one in document["applications"] if one["name"] == "Wiki")
        wiki["policies"].append("From the foreign provider")
        file = demo.data / "foreign.json"
        file.write_text(json.dumps(document))
        demo.command("apply", "--yes", "--file", str(file))
        yield peer


def discovery(peer: Peer) -> str:
    return f"{peer.issuer}/.well-known/openid-configuration"


def sign_in(demo: Demo, page: Page, login: str) -> None:
    """Choose the foreign provider, and give it a name and any password."""
    page.goto(demo.url("Wiki"))
    page.get_by_role("link", name=re.compile("Foreign")).click()
    page.fill("input[name=login]", login)
    page.fill("input[name=password]", "any")
    page.click("button[type=submit]")
    consent = page.get_by_role("button", name=re.compile("continue|authorize|confirm", re.I))
    if "/interaction/" in page.url and consent.count():
        consent.first.click()
    expect(page).to_have_url(re.compile(r"^http://wiki\.localhost:\d+/"))
    expect(page.locator("body")).to_contain_text(f"{login}@")


def test_a_foreign_provider_lets_people_in_before_and_after_its_keys_change(
    demo: Demo, provider: Peer, browser: Browser
) -> None:
    for login in ("first", "second"):
        context = browser.new_context()
        sign_in(demo, context.new_page(), login)
        context.close()
        provider.rotate_keys()


def test_several_providers_are_offered_by_name(demo: Demo, provider: Peer, page: Page) -> None:
    page.goto(demo.url("Wiki"))
    assert provider.issuer
    expect(page.get_by_role("link", name=re.compile("Okta"))).to_be_visible()
    expect(page.get_by_role("link", name=re.compile("Foreign"))).to_be_visible()
