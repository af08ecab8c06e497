"""The simulated Okta organisation as a process of its own, and a login flow against it."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from secrets import token_urlsafe
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx2

from simulated_okta.demo_world import demo_world
from simulated_okta.factors import Factor
from simulated_okta.visitor import Visitor
from simulated_okta.world import Person, World
from vestibule.connectors import CONNECTORS, Expected, RetryWithoutGroups, SignIn
from vestibule.model.identity import Identity, IdentityProvider
from vestibule.model.values import Secret
from vestibule.outbound.network import SafeNetwork
from vestibule.protocols.exchange import run
from vestibule.protocols.oauth2 import code_challenge

OKTA = CONNECTORS["okta"]
REDIRECT_URI = "https://team.example/cdn-cgi/access/callback"
CLIENT_ID, SECRET, API_TOKEN = "0oavestibule", "a-client-secret", "00-an-api-token"


@dataclass(frozen=True)
class Organisation:
    """A running organisation: its address, its people by first name, its control surface."""

    url: str
    world: World

    def person(self, first_name: str) -> Person:
        return next(p for p in self.world.people if p.first_name == first_name)

    def control(self, method: str, command: str, **body: Any) -> Any:
        """Do what an administrator, the passing of time, or bad luck would do."""
        answer = httpx2.request(method, f"{self.url}/simulator/{command}", json=body)
        answer.raise_for_status()
        return answer.json()

    def reset(self) -> None:
        """Take back every fault."""
        for command in ("faults", "rate-limits", "threat-insight"):
            self.control("PUT", command)
        self.control("POST", "clients/assign", client_id=CLIENT_ID, assigned=None)
        self.control("POST", "engine", engine="v1")
        self.control("DELETE", "requests")


@contextmanager
def running(directory: Path) -> Generator[Organisation]:
    """Run `python -m simulated_okta` with the demo's people and small pages."""
    world = demo_world(
        client_id=CLIENT_ID,
        client_secret=SECRET,
        redirect_uris=[REDIRECT_URI],
        api_token=API_TOKEN,
    )
    world.page_size = 50
    config, ready = directory / "okta.json", directory / "ready.json"
    config.write_text(json.dumps({"world": asdict(world)}))
    command = [sys.executable, "-m", "simulated_okta", "--config", config, "--ready-file", ready]
    process = subprocess.Popen(
        [str(part) for part in command], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        limit = time.monotonic() + 30
        while not ready.exists():
            assert process.poll() is None, process.communicate()[1][-2000:]
            assert time.monotonic() < limit, "the simulated organisation did not start"
            time.sleep(0.02)
        yield Organisation(json.loads(ready.read_text())["url"], world)
    finally:
        process.terminate()
        try:
            process.communicate(timeout=10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()


def configured(
    organisation: Organisation, *, api_token: str = "", **config: Any
) -> IdentityProvider:
    """The organisation as an operator configures it."""
    secrets = {"client_secret": Secret(SECRET)}
    if api_token:
        secrets["api_token"] = Secret(api_token)
    wanted = {"client_id": CLIENT_ID, "okta_account": organisation.url, **config}
    valid = OKTA.validate(wanted, frozenset(secrets), "config")
    return IdentityProvider("okta", "Okta", "okta", config=valid, secrets=secrets)


@dataclass
class Login:
    """One sign-in, with what a login flow would remember of it."""

    provider: IdentityProvider
    network: SafeNetwork
    person: Person
    factor: Factor | None = Factor.OTP
    acr_values: tuple[str, ...] = ()
    without_groups: bool = False

    def answer(self) -> Mapping[str, tuple[str, ...]]:
        """Go to Okta's pages and come back with the callback's parameters."""
        self.verifier, self.nonce = token_urlsafe(48), token_urlsafe()
        begun = SignIn(
            redirect_uri=REDIRECT_URI,
            state=token_urlsafe(),
            nonce=self.nonce,
            code_challenge=code_challenge(self.verifier),
            acr_values=self.acr_values,
            without_groups=self.without_groups,
        )
        url = run(OKTA.begin(self.provider, begun), self.network.send)
        with httpx2.Client() as browser:
            left = Visitor(browser).sign_in(url, self.person, self.factor)
        location = left.headers.get("location", "")
        assert location.startswith(REDIRECT_URI), left.text[:500]
        answer = parse_qs(urlsplit(location).query)
        assert answer["state"] == [begun.state]
        return {name: tuple(values) for name, values in answer.items()}

    def complete(self, answer: Mapping[str, tuple[str, ...]]) -> Identity:
        expected = Expected(
            redirect_uri=REDIRECT_URI,
            nonce=self.nonce,
            code_verifier=self.verifier,
            now=datetime.now(UTC),
            without_groups=self.without_groups,
            acr_values=self.acr_values,
        )
        return run(OKTA.complete(self.provider, answer, expected), self.network.send)

    def identity(self) -> Identity:
        """The whole sign-in, begun once more without groups where the connector asks for it."""
        try:
            return self.complete(self.answer())
        except RetryWithoutGroups:
            if self.without_groups:
                raise
            self.without_groups = True
            return self.complete(self.answer())
