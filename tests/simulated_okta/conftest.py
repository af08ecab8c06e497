"""A small organisation, served in process."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from joserfc.jwk import RSAKey
from starlette.testclient import TestClient

from simulated_okta import create_app
from simulated_okta.factors import Factor
from simulated_okta.keys import mint
from simulated_okta.world import (
    ApiToken,
    AuthorizationServer,
    Client,
    CustomClaim,
    Group,
    GroupsClaim,
    Person,
    World,
)
from tests.simulated_okta.organisation import ORG, REDIRECT_URI, Organisation, StillClock


@pytest.fixture(scope="session")
def some_keys() -> list[RSAKey]:
    return [mint() for _ in range(2)]


@pytest.fixture
def org(some_keys: list[RSAKey]) -> Iterator[Organisation]:
    alice = Person(
        "alice@example.com",
        "alice-password",
        "Alice",
        "Moreau",
        factors=[Factor.OTP, Factor.SECURITY_KEY, Factor.PUSH],
        groups=["engineering", "admins"],
        profile={"department": "Platform"},
    )
    dave = Person("dave@example.com", "dave-password", groups=["contractors"])
    erin = Person(
        "erin@example.com",
        "erin-password",
        factors=[Factor.OTP],
        groups=[f"g{n:03}" for n in range(139)],
        password_only=True,
    )
    world = World(
        people=[alice, dave, erin],
        groups=[Group(n) for n in ("engineering", "admins", "contractors", *erin.groups)]
        + [Group("directory-import", type="APP_GROUP")],
        clients=[
            Client("app", "secret", [REDIRECT_URI], ["http://app.test/bye"]),
            Client("spa", "", [REDIRECT_URI]),
            Client("strict", "secret", [REDIRECT_URI], pkce_required=True),
            Client(
                "implicit",
                "secret",
                [REDIRECT_URI],
                response_types=["code", "id_token", "id_token token"],
            ),
        ],
        servers=[
            AuthorizationServer(
                "aus1other",
                "api://other",
                scopes=["groups"],
                claims=[
                    CustomClaim("department", "department", "profile"),
                    CustomClaim("quiet", "department", "profile", always=False),
                ],
                groups_claim=GroupsClaim(),
            )
        ],
        api_tokens=[ApiToken("00api", "alice@example.com")],
    )
    clock = StillClock()
    keys = iter(some_keys)
    # Making RSA keys takes time; a run needs few that are really distinct.
    app = create_app(world, clock=clock, make_key=lambda: next(keys, None) or mint())
    with TestClient(app, base_url=ORG) as browser, TestClient(app, base_url=ORG) as backend:
        yield Organisation(world, clock, app.state.simulation, browser, backend, alice)
