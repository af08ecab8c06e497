"""What a test of the simulated Okta holds in its hand."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

import httpx2
from joserfc import jwt
from joserfc.jwk import KeySet
from starlette.testclient import TestClient

from simulated_okta.factors import Factor
from simulated_okta.simulation import Simulation
from simulated_okta.visitor import Visitor, parameters
from simulated_okta.world import Person, World

START = 1_800_000_000
REDIRECT_URI = "http://app.test/callback"
ORG = "http://okta.test"
VERIFIER = "v" * 43
CHALLENGE = "7w_YNF9DSfIdPf_pRjSq646_kPr-2-o9NAl16JGghdM"  # of VERIFIER, S256


@dataclass
class StillClock:
    """Time that passes only when a test says so."""

    now: float = START

    def __call__(self) -> float:
        return self.now


@dataclass
class Organisation:
    """The application under test with everything a test needs at hand."""

    world: World
    clock: StillClock
    simulation: Simulation
    browser: TestClient
    backend: TestClient
    alice: Person
    defaults: dict[str, str] = field(
        default_factory=lambda: {
            "client_id": "app",
            "redirect_uri": REDIRECT_URI,
            "response_type": "code",
            "scope": "openid profile email groups",
            "state": "state-1",
            "nonce": "nonce-1",
        }
    )

    @property
    def visitor(self) -> Visitor:
        return Visitor(self.browser, clock=self.clock())

    def url(self, server: str = "", **changes: str | None) -> str:
        """Return an authorization URL; a parameter changed to None is left out."""
        path = f"/oauth2/{server}/v1/authorize" if server else "/oauth2/v1/authorize"
        scope = {"scope": "openid profile email"} if server == "default" else {}
        merged = {**self.defaults, **scope, **changes}
        sent = {name: value for name, value in merged.items() if value is not None}
        return f"{path}?{urlencode(sent)}"

    def sign_in(
        self,
        factor: Factor | None = Factor.OTP,
        person: Person | None = None,
        server: str = "",
        **changes: str | None,
    ) -> dict[str, str]:
        """Sign in and return what the application receives."""
        url = self.url(server, **changes)
        return parameters(self.visitor.sign_in(url, person or self.alice, factor))

    def redeem(self, code: str, server: str = "", **changes: str | None) -> httpx2.Response:
        """Trade a code for tokens as the confidential application."""
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": REDIRECT_URI,
            "client_id": "app",
            "client_secret": "secret",
            **changes,
        }
        path = f"/oauth2/{server}/v1/token" if server else "/oauth2/v1/token"
        return self.backend.post(path, data={k: v for k, v in form.items() if v is not None})

    def tokens(
        self,
        factor: Factor | None = Factor.OTP,
        person: Person | None = None,
        server: str = "",
        **changes: str | None,
    ) -> httpx2.Response:
        """Sign in, and answer with what the token endpoint says."""
        return self.redeem(self.sign_in(factor, person, server, **changes)["code"], server)

    def claims(self, token: str, server: str = "") -> dict[str, Any]:
        """Return what a token of a server proves, by the keys that the server publishes."""
        path = f"/oauth2/{server}/v1/keys" if server else "/oauth2/v1/keys"
        keys = KeySet.import_key_set(self.backend.get(path).json())
        return jwt.decode(token, keys, algorithms=["RS256"]).claims

    def identity(self, received: dict[str, str]) -> dict[str, Any]:
        """Return the claims of the ID token behind a code."""
        return self.claims(self.redeem(received["code"]).json()["id_token"])
