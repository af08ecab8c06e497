"""Whole sign-ins at a simulated Okta organisation (identity.md 2 and the OIDC row of 12)."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import pytest

from simulated_okta.demo_world import MANY_GROUPS, OTHER_SERVER
from simulated_okta.factors import Factor
from tests.peers.simulated_okta import (
    API_TOKEN,
    OKTA,
    Login,
    Organisation,
    configured,
    running,
)
from vestibule.connectors import RetryWithoutGroups, SignInFailed
from vestibule.connectors.errors import GROUPS_FAILED
from vestibule.outbound.network import SafeNetwork
from vestibule.protocols.exchange import run

ALL_OF_ERIN = {
    "Everyone",
    "engineering",
    *(f"project-{number:03}" for number in range(1, MANY_GROUPS)),
}


@pytest.fixture(scope="module")
def process(tmp_path_factory: pytest.TempPathFactory) -> Generator[Organisation]:
    with running(tmp_path_factory.mktemp("okta")) as organisation:
        yield organisation


@pytest.fixture
def okta(process: Organisation) -> Organisation:
    process.reset()
    return process


@pytest.fixture
def network() -> Generator[SafeNetwork]:
    opened = SafeNetwork(["127.0.0.1"], timeout=2.0)
    yield opened
    opened.close()


def names(login: Login) -> set[str]:
    return {group.name for group in login.identity().groups}


def test_alice_signs_in_at_the_org_server(okta: Organisation, network: SafeNetwork) -> None:
    alice = okta.person("Alice")
    identity = Login(configured(okta), network, alice).identity()
    assert identity.subject == alice.id
    assert identity.email == "alice@example.com"
    assert identity.name == "Alice Moreau"
    assert {group.name for group in identity.groups} == {"Everyone", "engineering", "admins"}
    assert set(identity.amr or ()) >= {"pwd", "otp", "mfa"}
    assert identity.authenticated_at is not None


def test_a_custom_server_gives_its_claims(okta: Organisation, network: SafeNetwork) -> None:
    provider = configured(okta, authorization_server_id=OTHER_SERVER, claims=["department"])
    identity = Login(provider, network, okta.person("Alice")).identity()
    assert identity.claims == {"department": "Platform"}
    assert {group.name for group in identity.groups} == {"Everyone", "engineering", "admins"}


def test_a_server_without_the_groups_scope_is_explained(
    okta: Organisation, network: SafeNetwork
) -> None:
    alice = okta.person("Alice")
    with pytest.raises(SignInFailed) as failure:
        Login(configured(okta, authorization_server_id="default"), network, alice).identity()
    assert failure.value.code == "invalid_scope"
    assert "groups scope" in failure.value.detail["hint"]

    scopes = ["openid", "email", "profile"]
    provider = configured(okta, authorization_server_id="default", scopes=scopes)
    identity = Login(provider, network, alice).identity()
    assert identity.groups == ()
    assert "groups claim filter" in identity.notes[0]
    assert names(
        Login(
            configured(okta, authorization_server_id="default", scopes=scopes, api_token=API_TOKEN),
            network,
            alice,
        )
    ) == {"Everyone", "engineering", "admins"}


@pytest.mark.parametrize("server", ["", OTHER_SERVER], ids=["org", "custom"])
def test_141_groups_are_all_there_with_an_api_token(
    okta: Organisation, network: SafeNetwork, server: str
) -> None:
    provider = configured(okta, authorization_server_id=server, api_token=API_TOKEN)
    login = Login(provider, network, okta.person("Erin"), factor=None)
    assert names(login) == ALL_OF_ERIN
    # The org server's filter has no limit; a custom server cannot put so many into a token.
    assert login.without_groups == bool(server)
    asked = [seen for seen in okta.control("GET", "requests") if seen["path"].endswith("/groups")]
    assert len(asked) == 3, "141 groups are on three pages of 50"


def test_141_groups_without_an_api_token_are_whole_or_nothing(
    okta: Organisation, network: SafeNetwork
) -> None:
    erin = okta.person("Erin")
    assert names(Login(configured(okta), network, erin, factor=None)) == ALL_OF_ERIN
    provider = configured(okta, authorization_server_id=OTHER_SERVER)
    with pytest.raises(SignInFailed) as failure:
        Login(provider, network, erin, factor=None).identity()
    assert not isinstance(failure.value, RetryWithoutGroups)
    assert failure.value.message == GROUPS_FAILED
    assert failure.value.code == "too_many_groups"


TROUBLES: dict[str, tuple[str, dict[str, Any], str]] = {
    "threat-insight-on-the-api": (
        "threat-insight",
        {"action": "block", "addresses": ["127.0.0.1"], "surfaces": ["api"]},
        "okta_address_blocked",
    ),
    "threat-insight-on-the-token-endpoint": (
        "threat-insight",
        {"action": "block", "addresses": ["127.0.0.1"], "surfaces": ["token"]},
        "okta_address_blocked",
    ),
    "rate-limit": ("rate-limits", {"endpoints": {"groups": 1}}, "okta_rate_limited"),
    "concurrency": ("rate-limits", {"endpoints": {"groups": 0}}, "okta_rate_limited"),
    "server-error": ("faults", {"status": {"groups": 500}}, "okta_unavailable"),
    "silence": ("faults", {"delay": {"groups": 4.0}}, "okta_unreachable"),
    "foreign-next-page": (
        "faults",
        {"next_link_origin": "http://127.0.0.1:1"},
        "okta_foreign_link",
    ),
}


@pytest.mark.parametrize(("command", "body", "code"), TROUBLES.values(), ids=TROUBLES)
def test_trouble_at_okta_is_told_apart_in_the_log_alone(
    okta: Organisation, network: SafeNetwork, command: str, body: dict[str, Any], code: str
) -> None:
    provider = configured(okta, api_token=API_TOKEN)
    login = Login(provider, network, okta.person("Erin"), factor=None)
    answer = login.answer()
    okta.control("PUT", command, **body)
    with pytest.raises(SignInFailed) as failure:
        login.complete(answer)
    assert failure.value.message == GROUPS_FAILED
    assert failure.value.code == code
    assert failure.value.detail["hint"]


def test_a_userinfo_that_is_blocked_is_the_same_story(
    okta: Organisation, network: SafeNetwork
) -> None:
    provider = configured(okta, claims=["department"])
    login = Login(provider, network, okta.person("Alice"))
    answer = login.answer()
    okta.control(
        "PUT",
        "threat-insight",
        action="block",
        addresses=["127.0.0.1"],
        surfaces=["userinfo"],
    )
    with pytest.raises(SignInFailed, match=GROUPS_FAILED) as failure:
        login.complete(answer)
    assert failure.value.code == "okta_address_blocked"
    assert failure.value.detail["during"] == "userinfo"


def test_an_api_token_that_is_not_valid_is_named(okta: Organisation, network: SafeNetwork) -> None:
    provider = configured(okta, api_token="expired")
    with pytest.raises(SignInFailed, match=GROUPS_FAILED) as failure:
        Login(provider, network, okta.person("Erin"), factor=None).identity()
    assert failure.value.code == "okta_api_token_rejected"
    assert failure.value.detail["error_code"] == "E0000011"


def test_somebody_who_is_not_assigned_reads_why(okta: Organisation, network: SafeNetwork) -> None:
    okta.control("POST", "clients/assign", client_id=okta.world.clients[0].client_id, assigned=[])
    with pytest.raises(SignInFailed) as failure:
        Login(configured(okta), network, okta.person("Alice")).identity()
    assert failure.value.message == "User is not assigned to the client application."


def test_an_answer_about_somebody_else_is_refused(okta: Organisation, network: SafeNetwork) -> None:
    okta.control("PUT", "faults", userinfo_subject="00usomebodyelse")
    provider = configured(okta, claims=["absent"])
    with pytest.raises(SignInFailed) as failure:
        Login(provider, network, okta.person("Alice")).identity()
    assert failure.value.code == "userinfo_subject"


@pytest.mark.parametrize("server", ["", OTHER_SERVER], ids=["org", "custom"])
def test_keys_may_rotate_in_the_middle_of_a_sign_in(
    okta: Organisation, network: SafeNetwork, server: str
) -> None:
    provider = configured(okta, authorization_server_id=server)
    assert Login(provider, network, okta.person("Alice")).identity()
    login = Login(provider, network, okta.person("Bob"))
    answer = login.answer()
    okta.control("POST", "keys/rotate", server=server, emergency=True)
    assert login.complete(answer).email == "bob@example.com"


def test_the_engines_call_a_security_key_differently_and_an_operator_may_equate_them(
    okta: Organisation, network: SafeNetwork
) -> None:
    alice = okta.person("Alice")

    def methods(**config: Any) -> set[str]:
        login = Login(configured(okta, **config), network, alice, Factor.SECURITY_KEY)
        return set(login.identity().amr or ())

    assert "hwk" in methods()
    okta.control("POST", "engine", engine="idx")
    assert methods() >= {"pop"}
    assert "hwk" not in methods()
    assert methods(amr_equivalents={"pop": "hwk"}) >= {"pop", "hwk"}


def test_a_stronger_sign_in_is_asked_for_and_checked(
    okta: Organisation, network: SafeNetwork
) -> None:
    wanted = ("urn:okta:loa:2fa:any",)
    login = Login(configured(okta), network, okta.person("Bob"), acr_values=wanted)
    assert login.identity().acr == wanted[0]
    # Okta ignores values that it does not know, and answers without acr: that is a refusal.
    unknown = Login(configured(okta), network, okta.person("Bob"), acr_values=("urn:unknown",))
    with pytest.raises(SignInFailed) as failure:
        unknown.identity()
    assert failure.value.code == "id_token_claim"


def test_a_probe_names_the_engine(okta: Organisation, network: SafeNetwork) -> None:
    provider = configured(okta, api_token=API_TOKEN)
    assert run(OKTA.probe(provider), network.send).warnings == ()
    okta.control("POST", "engine", engine="idx")
    result = run(OKTA.probe(provider), network.send)
    assert result.facts["engine"] == "Identity Engine"
    assert "pop" in result.warnings[0]
