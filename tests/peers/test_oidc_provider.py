"""A whole sign-in with a provider that is not ours, over real connections."""

from __future__ import annotations

from collections.abc import Generator
from datetime import UTC, datetime
from secrets import token_urlsafe

import pytest

from tests.peers.oidc_provider import Peer, running, sign_in
from vestibule.connectors import CONNECTORS, Expected, SignIn, SignInFailed
from vestibule.model.identity import Identity, IdentityProvider
from vestibule.model.values import Secret
from vestibule.outbound.network import SafeNetwork
from vestibule.protocols.exchange import run
from vestibule.protocols.oauth2 import code_challenge

OIDC = CONNECTORS["oidc"]
REDIRECT_URI = "https://team.example/cdn-cgi/access/callback"
CLIENT_ID = "vestibule"
SECRET = "a-secret:with%odd+signs/and=more"
METHODS = ("client_secret_basic", "client_secret_post")


@pytest.fixture(scope="module", params=METHODS)
def peer(request: pytest.FixtureRequest) -> Generator[tuple[Peer, IdentityProvider]]:
    with running(CLIENT_ID, SECRET, REDIRECT_URI, request.param) as provider:
        config = {
            "client_id": CLIENT_ID,
            "issuer": provider.issuer,
            "scopes": ["openid", "email", "profile", "groups"],
            "token_endpoint_auth_method": request.param,
        }
        valid = OIDC.validate(config, frozenset({"client_secret"}), "config")
        yield (
            provider,
            IdentityProvider(
                id="idp",
                name="Peer",
                type="oidc",
                config=valid,
                secrets={"client_secret": Secret(SECRET)},
            ),
        )


@pytest.fixture
def network() -> Generator[SafeNetwork]:
    opened = SafeNetwork(["127.0.0.1"])
    yield opened
    opened.close()


class Attempt:
    """One sign-in: what a login flow would remember of it."""

    def __init__(self, provider: IdentityProvider, network: SafeNetwork) -> None:
        self.provider, self.network = provider, network
        self.verifier, self.nonce, self.state = token_urlsafe(48), token_urlsafe(), token_urlsafe()
        self.answer: dict[str, tuple[str, ...]] = {}

    def begin(self, login: str) -> Attempt:
        begun = SignIn(
            redirect_uri=REDIRECT_URI,
            state=self.state,
            nonce=self.nonce,
            code_challenge=code_challenge(self.verifier),
        )
        url = run(OIDC.begin(self.provider, begun), self.network.send)
        self.answer = sign_in(url, login, REDIRECT_URI)
        return self

    def complete(self) -> Identity:
        expected = Expected(
            redirect_uri=REDIRECT_URI,
            nonce=self.nonce,
            code_verifier=self.verifier,
            now=datetime.now(UTC),
        )
        return run(OIDC.complete(self.provider, self.answer, expected), self.network.send)


def test_a_person_signs_in_and_again_after_the_keys_were_rotated(
    peer: tuple[Peer, IdentityProvider], network: SafeNetwork
) -> None:
    provider, configured = peer
    first = Attempt(configured, network).begin("ada")
    assert first.answer["state"] == (first.state,)
    assert first.answer["iss"] == (provider.issuer,)
    identity = first.complete()
    assert identity.subject == "ada"
    assert identity.email == "ada@example.com"
    assert identity.name == "Test ada"
    assert [group.name for group in identity.groups] == ["testers", "everyone"]

    second = Attempt(configured, network).begin("bob")
    provider.rotate_keys()
    assert second.complete().email == "bob@example.com"


def test_a_code_serves_once(peer: tuple[Peer, IdentityProvider], network: SafeNetwork) -> None:
    attempt = Attempt(peer[1], network).begin("ada")
    attempt.complete()
    with pytest.raises(SignInFailed) as failure:
        attempt.complete()
    assert failure.value.code == "invalid_grant"


def test_a_code_without_its_verifier_is_worth_nothing(
    peer: tuple[Peer, IdentityProvider], network: SafeNetwork
) -> None:
    attempt = Attempt(peer[1], network).begin("ada")
    attempt.verifier = token_urlsafe(48)
    with pytest.raises(SignInFailed) as failure:
        attempt.complete()
    assert failure.value.code == "invalid_grant"


def test_an_answer_serves_no_other_attempt(
    peer: tuple[Peer, IdentityProvider], network: SafeNetwork
) -> None:
    attempt = Attempt(peer[1], network).begin("ada")
    attempt.nonce = token_urlsafe()
    with pytest.raises(SignInFailed) as failure:
        attempt.complete()
    assert failure.value.code == "id_token_nonce"


def test_an_unverified_address_is_refused(
    peer: tuple[Peer, IdentityProvider], network: SafeNetwork
) -> None:
    with pytest.raises(SignInFailed) as failure:
        Attempt(peer[1], network).begin("unverified").complete()
    assert failure.value.code == "email_not_verified"


def test_a_wrong_secret_is_told_to_the_administrator(
    peer: tuple[Peer, IdentityProvider], network: SafeNetwork
) -> None:
    configured = peer[1]
    wrong = IdentityProvider(
        id="idp",
        name="Peer",
        type="oidc",
        config=configured.config,
        secrets={"client_secret": Secret("wrong")},
    )
    with pytest.raises(SignInFailed) as failure:
        Attempt(wrong, network).begin("ada").complete()
    assert failure.value.code == "invalid_client"
    assert "wrong" not in str(failure.value.detail)


def test_a_probe_finds_the_keys(peer: tuple[Peer, IdentityProvider], network: SafeNetwork) -> None:
    result = run(OIDC.probe(peer[1]), network.send)
    assert result.facts == {"issuer": peer[0].issuer, "keys": "1"}
    assert result.warnings == ()


def test_o4_an_unlisted_private_provider_is_not_called(
    peer: tuple[Peer, IdentityProvider],
) -> None:
    closed = SafeNetwork()
    with pytest.raises(SignInFailed) as failure:
        run(OIDC.probe(peer[1]), closed.send)
    closed.close()
    assert failure.value.code == "outbound_forbidden"
    assert "outbound.allow" in failure.value.detail["reason"]
