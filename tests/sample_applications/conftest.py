"""Applications in process, with a team domain that publishes a key and signs tokens."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import KeySet, RSAKey
from starlette.testclient import TestClient

from sample_applications import echo, payroll, wiki
from sample_applications.configuration import Application
from sample_applications.identity import Verifier
from sample_applications.pages import Desk

TEAM = "https://team.test"
AUDIENCE = "a" * 64


def new_key(kid: str = "one") -> RSAKey:
    key = RSAKey.generate_key(2048, private=True)
    return RSAKey.import_key(key.as_dict(private=True) | {"kid": kid, "use": "sig"})


@dataclass
class PublishedKeys:
    """Stands in for the team domain's keys."""

    key: RSAKey = field(default_factory=new_key)

    async def containing(self, _: str) -> KeySet:
        return KeySet([RSAKey.import_key(self.key.as_dict(private=False))])


@dataclass
class Team:
    """Signs tokens, and holds a client for each application."""

    keys: PublishedKeys
    clients: dict[str, TestClient]

    def headers(self, key: RSAKey | None = None, **claims: Any) -> dict[str, str]:
        """Return what the gateway adds to a request of Alice, with `claims` changed."""
        now = int(time.time())
        told = {
            "type": "app",
            "aud": [AUDIENCE],
            "iss": TEAM,
            "sub": "u-1",
            "email": "alice@example.com",
            "iat": now,
            "nbf": now,
            "exp": now + 600,
            "amr": ["pwd", "hwk"],
            **claims,
        }
        used = key or self.keys.key
        token = jwt.encode({"alg": "RS256", "kid": str(used.kid)}, told, used)
        return {"cf-access-jwt-assertion": token}


@pytest.fixture(scope="session")
def published() -> PublishedKeys:
    return PublishedKeys()


@pytest.fixture
def team(published: PublishedKeys) -> Iterator[Team]:
    told = Application(certs_url=f"{TEAM}/certs", issuer=TEAM, audience=AUDIENCE)
    made = {"wiki": wiki.create_app, "echo": echo.create_app, "payroll": payroll.create_app}
    verifier = Verifier(told, published)  # pyright: ignore[reportArgumentType] - a fake
    clients = {
        name: TestClient(make(Desk(name, told, verifier)), base_url=f"http://{name}.test")
        for name, make in made.items()
    }
    yield Team(published, clients)
    for client in clients.values():
        client.close()
