"""The same door with the real connector, and a simulated Okta behind it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime

import httpx2
import pytest
from starlette.testclient import TestClient

from simulated_okta import Factor, create_app, demo_world
from simulated_okta.visitor import Visitor
from simulated_okta.world import Person
from tests.fakes.front_door import TEAM, WIKI, Browser, FrontDoor, allow, configuration
from vestibule.connectors import CONNECTORS
from vestibule.model.identity import IdentityProvider
from vestibule.model.rules import Rule
from vestibule.model.values import Secret
from vestibule.protocols.exchange import Request, Response

OKTA = "https://example.okta.com"
PAGE = "https://wiki.example/"
ENGINEERS = (Rule("okta", {"identity_provider_id": "okta-1", "name": "engineering"}),)
CALLBACK = f"https://{TEAM}/cdn-cgi/access/callback"


class Wire:
    """A network that ends in the simulated organisation."""

    def __init__(self, client: TestClient) -> None:
        self.client = client

    def send(self, request: Request) -> Response:
        answer = self.client.request(
            request.method,
            request.url,
            headers=dict(request.headers),
            content=request.body,
            follow_redirects=False,
        )
        headers = {name.lower(): value for name, value in answer.headers.items()}
        return Response(answer.status_code, headers, answer.content)


class Okta:
    """The organisation, a door that trusts it, and a person's browser there."""

    def __init__(
        self, http: TestClient, wire: TestClient, *, require: tuple[Rule, ...] = ()
    ) -> None:
        self.world = demo_world(client_id="c", client_secret="s", redirect_uris=[CALLBACK])
        provider = IdentityProvider(
            "okta-1",
            "Okta",
            "okta",
            {"client_id": "c", "okta_account": OKTA},
            {"client_secret": Secret("s")},
        )
        config = configuration(WIKI, policies=(allow(include=ENGINEERS, require=require),))
        checked = CONNECTORS["okta"].validate(
            provider.config, frozenset(provider.secrets), "identity_providers[0]"
        )
        config = replace(
            config, identity_providers={"okta-1": replace(provider, config=dict(checked))}
        )
        self.door = FrontDoor(config, connector=CONNECTORS["okta"], network=Wire(wire))
        self.door.clock.time = datetime.now(UTC)
        self.browser: Browser = self.door.browser()
        self.http = http

    def person(self, name: str) -> Person:
        return next(one for one in self.world.people if one.login.startswith(name))

    def enter(self, name: str, factor: Factor | None, chosen: str = "") -> httpx2.Response:
        """Sign in at the provider, and come back."""
        url = chosen or self.browser.choose(self.browser.follow(PAGE))
        at_okta = self.browser.get(url).headers["location"]
        back = Visitor(self.http).sign_in(at_okta, self.person(name), factor)
        return self.browser.follow(back.headers["location"])


@pytest.fixture
def clients() -> Iterator[tuple[TestClient, TestClient]]:
    world = demo_world(client_id="c", client_secret="s", redirect_uris=[CALLBACK], org_url=OKTA)
    app = create_app(world)
    with TestClient(app, base_url=OKTA) as http, TestClient(app, base_url=OKTA) as wire:
        yield http, wire


def test_somebody_of_the_right_group_enters(clients: tuple[TestClient, TestClient]) -> None:
    okta = Okta(*clients)
    entered = okta.enter("alice", Factor.OTP)
    assert entered.status_code == 200, entered.text
    assert okta.browser.hops[-1] == PAGE


def test_somebody_of_another_group_is_refused_with_a_reason(
    clients: tuple[TestClient, TestClient],
) -> None:
    refused = Okta(*clients).enter("carol", Factor.OTP)
    assert refused.status_code == 403


def test_a_hardware_key_opens_what_a_code_did_not(clients: tuple[TestClient, TestClient]) -> None:
    okta = Okta(*clients, require=(Rule("auth_method", {"auth_method": "hwk"}),))
    refused = okta.enter("alice", Factor.OTP)
    assert refused.status_code == 403
    again = okta.browser.link(refused, "again=1&idp=")
    entered = okta.enter("alice", Factor.SECURITY_KEY, again)
    assert entered.status_code == 200, entered.text


def test_somebody_who_is_not_assigned_reads_why(clients: tuple[TestClient, TestClient]) -> None:
    okta = Okta(*clients)
    at_okta = okta.browser.get(okta.browser.choose(okta.browser.follow(PAGE)))
    answer = okta.browser.answer(
        at_okta,
        error="access_denied",
        error_description="User is not assigned to the client application.",
    ).replace("code=a-code&", "")
    shown = okta.browser.get(answer)
    assert shown.status_code == 403
    assert "not assigned" in shown.text
