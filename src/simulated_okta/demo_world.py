"""A small organisation of made-up people, for the demonstration and for tests."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from simulated_okta.factors import Engine, Factor
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

OTHER_SERVER: Final = "aus1vestibuledemo0001"
MANY_GROUPS: Final = 140
GROUPS: Final = {
    "engineering": "People who build",
    "admins": "People who run what others build",
    "finance": "People who pay",
    "contractors": "People from elsewhere",
}


def people() -> list[Person]:
    """Return the five people; each password is its owner's alone."""
    return [
        Person(
            "alice@example.com",
            "alice-likes-granite",
            "Alice",
            "Moreau",
            factors=[Factor.OTP, Factor.SECURITY_KEY, Factor.PUSH],
            totp_secret="JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP",
            groups=["engineering", "admins"],
            profile={"department": "Platform", "employeeNumber": "1001"},
        ),
        Person(
            "bob@example.com",
            "bob-likes-lanterns",
            "Bob",
            "Okafor",
            factors=[Factor.OTP],
            totp_secret="KRSXG5CTMVRXEZLUKRSXG5CTMVRXEZLU",
            groups=["engineering"],
            profile={"department": "Platform", "employeeNumber": "1002"},
        ),
        Person(
            "carol@example.com",
            "carol-likes-orchards",
            "Carol",
            "Lindqvist",
            factors=[Factor.OTP, Factor.PUSH],
            totp_secret="MFRGGZDFMZTWQ2LKMFRGGZDFMZTWQ2LK",
            groups=["finance"],
            profile={"department": "Finance", "employeeNumber": "1003"},
        ),
        Person(
            "dave@contractor.example",
            "dave-likes-harbours",
            "Dave",
            "Tanaka",
            groups=["contractors"],
            password_only=True,
            profile={"department": "Contractors", "employeeNumber": "9001"},
        ),
        Person(
            "erin@example.com",
            "erin-likes-archives",
            "Erin",
            "Vasquez",
            factors=[Factor.OTP],
            totp_secret="NBSWY3DPO5XXE3DENBSWY3DPO5XXE3DE",
            groups=["engineering", *(f"project-{n:03}" for n in range(1, MANY_GROUPS))],
            password_only=True,
            profile={"department": "Programme office", "employeeNumber": "1004"},
        ),
    ]


def demo_world(
    *,
    client_id: str,
    client_secret: str,
    redirect_uris: Sequence[str],
    api_token: str = "",
    post_logout_redirect_uris: Sequence[str] = (),
    engine: Engine = Engine.CLASSIC,
    org_url: str = "",
    groups_claim: GroupsClaim | None = None,
) -> World:
    """Return the organisation with one OIDC client and, unless empty, one API token.

    Its custom server `aus1…` has the `groups` scope and claim, and a `department` claim; its
    server `default` has neither.
    """
    names = [f"project-{n:03}" for n in range(1, MANY_GROUPS)]
    return World(
        people=people(),
        groups=[Group(name, text) for name, text in GROUPS.items()] + [Group(n) for n in names],
        clients=[
            Client(
                client_id,
                client_secret,
                list(redirect_uris),
                list(post_logout_redirect_uris),
                name="Vestibule",
                groups_claim=groups_claim or GroupsClaim(),
            )
        ],
        servers=[
            AuthorizationServer(
                OTHER_SERVER,
                audience="api://vestibule",
                scopes=["groups"],
                claims=[CustomClaim("department", "department", "profile")],
                groups_claim=GroupsClaim(),
            )
        ],
        api_tokens=[ApiToken(api_token, "alice@example.com")] if api_token else [],
        engine=engine,
        org_url=org_url,
        name="Example, the simulated organisation",
    )
