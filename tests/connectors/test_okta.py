"""Okta: the account, the groups and the refusals (identity.md 2.1 to 2.7)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from email.utils import format_datetime
from typing import Any

import pytest

from tests.fakes.identity_provider import (
    CLIENT_ID,
    CLIENT_SECRET,
    NOW,
    REDIRECT_URI,
    FakeProvider,
    query_of,
)
from tests.fakes.network import FakeNetwork, json_response
from vestibule.connectors import CONNECTORS, Expected, RetryWithoutGroups, SignIn, SignInFailed
from vestibule.connectors.errors import GROUPS_FAILED
from vestibule.model.errors import InvalidConfiguration
from vestibule.model.identity import Identity, IdentityProvider
from vestibule.model.values import Secret
from vestibule.protocols.exchange import OutboundError, Request, Response, run

OKTA = CONNECTORS["okta"]
ACCOUNT = "https://example.okta.com"
API = f"{ACCOUNT}/api/v1/users/00u1/groups"
EXPECTED = Expected(redirect_uri=REDIRECT_URI, nonce="a-nonce", code_verifier="v" * 43, now=NOW)
SIGN_IN = SignIn(redirect_uri=REDIRECT_URI, state="s", nonce="n", code_challenge="c")
ANSWER = {"code": ("a-code",), "state": ("s",)}
TOO_MANY = json_response(
    {
        "error": "server_error",
        "error_description": "The groups claim matched too many groups and must be configured to "
        "match fewer groups.",
    },
    400,
)


def fake_okta(server: str = "", **settings: Any) -> FakeProvider:
    issuer = f"{ACCOUNT}/oauth2/{server}" if server else ACCOUNT
    endpoints = f"{ACCOUNT}/oauth2/{server}/v1" if server else f"{ACCOUNT}/oauth2/v1"
    return FakeProvider(issuer=issuer, endpoints=endpoints, **settings)


def okta(*, api_token: str = "", **config: Any) -> IdentityProvider:
    secrets = {"client_secret": Secret(CLIENT_SECRET)}
    if api_token:
        secrets["api_token"] = Secret(api_token)
    named = {"client_id": CLIENT_ID, "okta_account": ACCOUNT, **config}
    return IdentityProvider(id="okta-1", name="Okta", type="okta", config=named, secrets=secrets)


def complete(
    fake: FakeProvider,
    provider: IdentityProvider | None = None,
    *,
    answer: Mapping[str, tuple[str, ...]] = ANSWER,
    expected: Expected = EXPECTED,
) -> Identity:
    return run(OKTA.complete(provider or okta(), answer, expected), fake.network.send)


def names(identity: Identity) -> list[str]:
    return [group.name for group in identity.groups]


def group(name: str) -> dict[str, Any]:
    return {"id": f"00g{name}", "type": "OKTA_GROUP", "profile": {"name": name}}


def pages(network: FakeNetwork, count: int, size: int = 200) -> list[str]:
    """Serve `count` groups on pages of `size`, linked as Okta links them."""
    listed = [f"group-{n:04}" for n in range(count)]

    def answer(request: Request) -> Response:
        after = request.url.partition("after=")[2]
        start = int(after) if after else 0
        page = listed[start : start + size]
        links = [("link", f'<{request.url}>; rel="self"')]
        if start + size < len(listed):
            links.append(("link", f'<{API}?limit=200&after={start + size}>; rel="next"'))
        found = json_response([group(name) for name in page])
        return replace(found, header_list=(*found.header_list, *links))

    network.on("GET", API, answer)
    return listed


@pytest.mark.parametrize(
    ("server", "issuer", "base"),
    [
        ("", ACCOUNT, f"{ACCOUNT}/oauth2/v1"),
        ("default", f"{ACCOUNT}/oauth2/default", f"{ACCOUNT}/oauth2/default/v1"),
        ("aus1a2b3", f"{ACCOUNT}/oauth2/aus1a2b3", f"{ACCOUNT}/oauth2/aus1a2b3/v1"),
    ],
    ids=["org", "default", "custom"],
)
def test_the_server_is_chosen_by_its_id(server: str, issuer: str, base: str) -> None:
    fake = fake_okta(server, claims={"groups": ["a"]})
    provider = okta(authorization_server_id=server)
    url = run(OKTA.begin(provider, SIGN_IN), fake.network.send)
    assert url.startswith(f"{base}/authorize?")
    assert query_of(url)["scope"] == "openid email profile groups"
    assert names(complete(fake, provider)) == ["a"]
    [keys] = fake.network.sent("GET", f"{base}/keys")
    assert keys.url == f"{base}/keys?client_id={CLIENT_ID}"


def test_a_fresh_sign_in_is_asked_for_so_that_both_engines_understand() -> None:
    for max_age, sent in ((0, "1"), (1, "1"), (300, "300")):
        asked = replace(SIGN_IN, max_age=max_age, prompt="login")
        query = query_of(run(OKTA.begin(okta(), asked), FakeNetwork().send))
        assert query["max_age"] == sent


def test_an_issuer_with_another_host_is_explained_with_both() -> None:
    with pytest.raises(SignInFailed) as failure:
        complete(fake_okta(claims={"iss": "https://login.example.com"}))
    detail = str(failure.value.detail)
    assert ACCOUNT in detail
    assert "https://login.example.com" in detail
    assert failure.value.code == "id_token_issuer"


@pytest.mark.parametrize("count", [0, 1, 99, 100, 101, 400])
def test_without_an_api_token_the_claim_is_the_list(count: int) -> None:
    listed = [f"g{n}" for n in range(count)]
    assert names(complete(fake_okta(claims={"groups": listed}))) == listed


@pytest.mark.parametrize(
    ("claimed", "asked"),
    [(None, True), (0, False), (99, False), (100, True), (101, True)],
    ids=["missing", "0", "99", "100", "101"],
)
def test_with_an_api_token_100_is_the_trigger(claimed: int | None, asked: bool) -> None:
    claims = {} if claimed is None else {"groups": [f"claimed-{n}" for n in range(claimed)]}
    fake = fake_okta(claims=claims, userinfo={})
    listed = pages(fake.network, 3)
    identity = complete(fake, okta(api_token="t"))
    assert bool(fake.network.sent("GET", API)) == asked
    assert names(identity) == (listed if asked else [f"claimed-{n}" for n in range(claimed or 0)])


@pytest.mark.parametrize("count", [0, 1, 200, 201, 5000])
def test_every_page_is_read(count: int) -> None:
    fake = fake_okta(userinfo={})
    listed = pages(fake.network, count)
    assert names(complete(fake, okta(api_token="t"))) == listed
    for request in fake.network.sent("GET", API):
        assert request.headers["Authorization"] == "SSWS t"


def test_a_token_that_was_read_from_a_file_loses_its_line_break() -> None:
    fake = fake_okta(userinfo={})
    pages(fake.network, 1)
    complete(fake, okta(api_token="t\n"))
    assert fake.network.sent("GET", API)[0].headers["Authorization"] == "SSWS t"


def test_a_thin_id_token_is_filled_in_from_userinfo() -> None:
    fake = fake_okta(claims={"name": None}, userinfo={"groups": ["a"], "department": "Platform"})
    identity = complete(fake, okta(claims=["department"]))
    assert names(identity) == ["a"]
    assert identity.claims == {"department": "Platform"}


def test_no_groups_claim_at_all_is_noted_with_the_remedy() -> None:
    identity = complete(fake_okta(userinfo={}))
    assert identity.groups == ()
    assert "Matches regex" in identity.notes[0]


def test_too_many_groups_for_the_token_begin_once_more_without_them() -> None:
    fake = fake_okta(token_answer=TOO_MANY)
    provider = okta(api_token="t")
    with pytest.raises(RetryWithoutGroups):
        complete(fake, provider)

    again = replace(SIGN_IN, without_groups=True)
    assert query_of(run(OKTA.begin(provider, again), fake.network.send))["scope"] == (
        "openid email profile"
    )
    fake.token_answer = None
    fake.userinfo = {}
    listed = pages(fake.network, 250)
    expected = replace(EXPECTED, without_groups=True)
    assert names(complete(fake, provider, expected=expected)) == listed


@pytest.mark.parametrize(
    ("provider", "expected"),
    [
        (okta(), EXPECTED),
        (okta(api_token="t"), replace(EXPECTED, without_groups=True)),
    ],
    ids=["no-api-token", "already-without-groups"],
)
def test_too_many_groups_end_the_sign_in_where_the_api_cannot_help(
    provider: IdentityProvider, expected: Expected
) -> None:
    with pytest.raises(SignInFailed) as failure:
        complete(fake_okta(token_answer=TOO_MANY), provider, expected=expected)
    assert not isinstance(failure.value, RetryWithoutGroups)
    assert failure.value.message == GROUPS_FAILED
    assert failure.value.detail["code"] == "too_many_groups"
    assert "api_token" in failure.value.detail["hint"]


def test_a_sign_in_without_groups_and_without_api_is_never_one_of_nobody() -> None:
    expected = replace(EXPECTED, without_groups=True)
    with pytest.raises(SignInFailed, match=GROUPS_FAILED):
        complete(fake_okta(userinfo={}), expected=expected)


def test_userinfo_refusing_the_groups_is_mended_by_the_api_alone() -> None:
    refused = Response(400, {"content-type": "application/json"}, TOO_MANY.body)
    fake = fake_okta()
    fake.network.on("GET", f"{ACCOUNT}/oauth2/v1/userinfo", refused)
    with pytest.raises(SignInFailed, match=GROUPS_FAILED) as failure:
        complete(fake)
    assert failure.value.code == "too_many_groups"
    listed = pages(fake.network, 2)
    assert names(complete(fake, okta(api_token="t"))) == listed


def error(status: int, code: str, **headers: str) -> Response:
    named = {"X-Okta-Request-Id": "req-1", "Date": format_datetime(NOW), **headers}
    return json_response({"errorCode": code, "errorSummary": "<b>words</b>"}, status, named)


ME = f"{ACCOUNT}/api/v1/users/me"
API_FAILURES: dict[str, tuple[Callable[[FakeNetwork], Any], str]] = {
    "expired-token": (
        lambda n: n.on("GET", API, error(401, "E0000011")),
        "okta_api_token_rejected",
    ),
    "threat-insight": (
        lambda n: n.on("GET", API, error(403, "E0000006")).on("GET", ME, error(403, "E0000006")),
        "okta_address_blocked",
    ),
    "no-permission": (
        lambda n: n.on("GET", API, error(403, "E0000006")).on("GET", ME, json_response({})),
        "okta_api_token_permission",
    ),
    "unknown-user": (lambda n: n.on("GET", API, error(404, "E0000007")), "okta_user_not_found"),
    "rate-limit": (lambda n: n.on("GET", API, error(429, "E0000047")), "okta_rate_limited"),
    "server-error": (lambda n: n.on("GET", API, error(500, "E0000009")), "okta_unavailable"),
    "redirect": (lambda n: n.on("GET", API, Response(302)), "okta_unavailable"),
    "timeout": (lambda n: n.on("GET", API, OutboundError("slow")), "okta_unreachable"),
    "not-a-list": (lambda n: n.on("GET", API, json_response({})), "okta_malformed"),
    "not-json": (lambda n: n.on("GET", API, Response(200, body=b"<html>")), "okta_malformed"),
    "a-group-without-name": (lambda n: n.on("GET", API, json_response([{}])), "okta_malformed"),
}


@pytest.mark.parametrize(("arrange", "code"), API_FAILURES.values(), ids=API_FAILURES)
def test_a_failing_api_is_told_apart_for_the_administrator_alone(
    arrange: Callable[[FakeNetwork], Any], code: str
) -> None:
    # The claim has 100 groups; they must not be taken for the whole when the API fails.
    fake = fake_okta(claims={"groups": [f"g{n}" for n in range(100)]})
    arrange(fake.network)
    with pytest.raises(SignInFailed) as failure:
        complete(fake, okta(api_token="secret-token"))
    assert failure.value.message == GROUPS_FAILED
    assert failure.value.code == code
    assert failure.value.detail["hint"]
    assert "secret-token" not in f"{failure.value.detail}{failure.value}"


def test_status_error_code_and_request_id_are_kept_for_the_log() -> None:
    fake = fake_okta(userinfo={})
    fake.network.on("GET", API, error(401, "E0000011"))
    with pytest.raises(SignInFailed) as failure:
        complete(fake, okta(api_token="t"))
    detail = failure.value.detail
    assert (detail["status"], detail["error_code"], detail["request_id"]) == (
        401,
        "E0000011",
        "req-1",
    )


def limited(reset_in: float, now: datetime = NOW) -> Response:
    reset = str(int(now.timestamp() + reset_in))
    headers = {"X-Rate-Limit-Limit": "600", "X-Rate-Limit-Remaining": "0"}
    return error(429, "E0000047", **headers, **{"X-Rate-Limit-Reset": reset})


ZEROS = {"X-Rate-Limit-Limit": "0", "X-Rate-Limit-Remaining": "0", "X-Rate-Limit-Reset": "1"}


@pytest.mark.parametrize(
    ("refusal", "delay"),
    [
        (limited(2), 2.2),
        (limited(3), 3.2),
        (limited(-5), 0.2),
        (limited(4), None),
        (limited(60), None),
        (error(429, "E0000047", **ZEROS), 1.0),
        (error(429, "E0000047"), None),
        (error(429, "E0000047", **{"X-Rate-Limit-Reset": "nan"}), None),
    ],
    ids=["2s", "3s", "past", "4s", "60s", "concurrency", "unsaid", "nonsense"],
)
def test_a_rate_limit_that_ends_soon_is_waited_for(refusal: Response, delay: float | None) -> None:
    fake = fake_okta(userinfo={})
    fake.network.on("GET", API, refusal, json_response([group("a")]))
    if delay is None:
        with pytest.raises(SignInFailed) as failure:
            complete(fake, okta(api_token="t"))
        assert failure.value.code == "okta_rate_limited"
    else:
        assert names(complete(fake, okta(api_token="t"))) == ["a"]
        assert [r.delay for r in fake.network.sent("GET", API)] == [0.0, pytest.approx(delay)]


def test_a_limit_that_does_not_end_is_not_waited_for_forever() -> None:
    fake = fake_okta(userinfo={})
    fake.network.on("GET", API, limited(1))
    with pytest.raises(SignInFailed):
        complete(fake, okta(api_token="t"))
    assert len(fake.network.sent("GET", API)) == 3


LINKS: dict[str, str] = {
    "other-host": "https://evil.example/api/v1/users/00u1/groups?after=1",
    "other-port": f"{ACCOUNT}:8443/api/v1/users/00u1/groups?after=1",
    "user-info": "https://example.okta.com@evil.example/api/v1/users/00u1/groups",
    "plain-http": "http://example.okta.com/api/v1/users/00u1/groups?after=1",
    "other-path": f"{ACCOUNT}/api/v1/users/00u2/groups?after=1",
    "relative": "/api/v1/users/00u1/groups?after=1",
    "metadata": "http://169.254.169.254/latest",
    "broken": "https://[::1/api/v1/users/00u1/groups",
    "itself": f"{API}?limit=200",
}


@pytest.mark.parametrize("target", LINKS.values(), ids=LINKS)
def test_o4_a_next_page_elsewhere_never_gets_the_api_token(target: str) -> None:
    fake = fake_okta(userinfo={})
    page = json_response([group("a")], headers={"Link": f'<{target}>; rel="next"'})
    fake.network.on("GET", API, page)
    with pytest.raises(SignInFailed) as failure:
        complete(fake, okta(api_token="t"))
    assert failure.value.code in ("okta_foreign_link", "okta_paging")
    assert [request.url for request in fake.network.requests[-1:]] == [f"{API}?limit=200"]


@pytest.mark.parametrize("subject", ["..", "a/b", "a?b", "a%2fb", "ada@example.com"])
def test_a_subject_never_becomes_part_of_another_path(subject: str) -> None:
    fake = fake_okta(claims={"sub": subject, "groups": [f"g{n}" for n in range(100)]})
    with pytest.raises(SignInFailed) as failure:
        complete(fake, okta(api_token="t"))
    assert failure.value.code == "okta_user_id"


CALLBACK_ERRORS = [
    (
        "access_denied",
        "User is not assigned to the client application.",
        "User is not assigned to the client application.",
    ),
    (
        "access_denied",
        "Policy evaluation failed for this request, please check the policy configurations.",
        "Okta's access policy does not allow this sign-in.",
    ),
    (
        "access_denied",
        "The request is made from outside the client's permitted network zones.",
        "Okta does not accept sign-ins to this application from your network.",
    ),
    (
        "access_denied",
        "The resource owner or authorization server denied the request.",
        "The sign-in was cancelled or denied at Okta.",
    ),
    (
        "login_required",
        "The client specified not to prompt, but the user is not logged in.",
        "You are not signed in to Okta. Please try again.",
    ),
    (
        "unmet_authentication_requirements",
        "Unable to meet the authentication requirements imposed by 'acr_values' parameter.",
        "Okta could not carry out the stronger sign-in that is required here.",
    ),
    ("something_new", "Words\x00 of Okta", "Okta refused the sign-in: Words of Okta"),
]


@pytest.mark.parametrize(
    ("code", "description", "message"),
    CALLBACK_ERRORS,
    ids=[row[1][:40] for row in CALLBACK_ERRORS],
)
def test_oktas_refusals_become_sentences(code: str, description: str, message: str) -> None:
    answer = {"error": (code,), "error_description": (description,), "state": ("s",)}
    with pytest.raises(SignInFailed) as failure:
        complete(fake_okta(), answer=answer)
    assert failure.value.message == message
    assert failure.value.code == code


def test_a_blocked_token_endpoint_is_the_gateways_own_address() -> None:
    fake = fake_okta(token_answer=error(403, "E0000006"))
    with pytest.raises(SignInFailed) as failure:
        complete(fake)
    assert failure.value.message == GROUPS_FAILED
    assert failure.value.code == "okta_address_blocked"
    assert "egress IP" in failure.value.detail["hint"]


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("company.okta.com", "https://company.okta.com"),
        ("https://company.okta.com", "https://company.okta.com"),
        ("https://Company.Okta.com/", "https://company.okta.com"),
        ("http://company.okta.com", "https://company.okta.com"),
        (" dev-abc123.oktapreview.com ", "https://dev-abc123.oktapreview.com"),
        ("login.example.com", "https://login.example.com"),
        ("http://localhost:8600", "http://localhost:8600"),
    ],
)
def test_the_account_is_normalised(given: str, kept: str) -> None:
    config = {"client_id": "x", "okta_account": given}
    valid = OKTA.validate(config, frozenset({"client_secret"}), "x")
    assert valid["okta_account"] == kept
    assert OKTA.validate(valid, frozenset({"client_secret"}), "x") == valid


@pytest.mark.parametrize(
    ("given", "complaint"),
    [
        ("", "is needed"),
        ("https://company.okta.com/oauth2/default", "without a path"),
        ("https://company.okta.com?x=1", "without a path"),
        ("https://company-admin.okta.com", "company.okta.com"),
        ("https://u:p@company.okta.com", "expected an address"),
        ("ftp://company.okta.com", "expected an address"),
        ("company okta com", "expected an address"),
    ],
)
def test_an_account_that_cannot_be_right_is_refused(given: str, complaint: str) -> None:
    config = {"client_id": "x", "okta_account": given}
    with pytest.raises(InvalidConfiguration, match=complaint):
        OKTA.validate(config, frozenset({"client_secret"}), "x")


def test_a_server_id_is_an_id() -> None:
    config = {"client_id": "x", "okta_account": ACCOUNT, "authorization_server_id": "../admin"}
    with pytest.raises(InvalidConfiguration, match="aus1a2b3c4d5e6f7g8h9"):
        OKTA.validate(config, frozenset({"client_secret"}), "x")


@pytest.mark.parametrize(
    ("pipeline", "equivalents", "warned"),
    [("idx", {}, True), ("idx", {"pop": "hwk"}, False), ("v1", {}, False)],
)
def test_a_probe_warns_of_what_the_engine_calls_a_security_key(
    pipeline: str, equivalents: dict[str, str], warned: bool
) -> None:
    network = FakeNetwork().on(
        "GET",
        f"{ACCOUNT}/.well-known/okta-organization",
        json_response({"id": "00o1", "pipeline": pipeline}),
    )
    network.on("GET", ME, json_response({}))
    provider = okta(api_token="t", amr_equivalents=equivalents)
    result = run(OKTA.probe(provider), network.send)
    assert result.facts["id"] == "00o1"
    assert any("pop" in warning for warning in result.warnings) == warned


def test_a_probe_says_that_the_api_token_has_expired() -> None:
    network = FakeNetwork().on(
        "GET", f"{ACCOUNT}/.well-known/okta-organization", json_response({"pipeline": "v1"})
    )
    network.on("GET", ME, error(401, "E0000011"))
    [warning] = run(OKTA.probe(okta(api_token="t")), network.send).warnings
    assert "30 days" in warning


def test_a_probe_of_something_else_fails() -> None:
    with pytest.raises(SignInFailed, match="does not answer as an Okta organisation"):
        run(OKTA.probe(okta()), FakeNetwork().send)
