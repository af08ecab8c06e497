"""What somebody gets who has proved nothing (access.md 2.6, 2.7, 5.1)."""

from __future__ import annotations

from dataclasses import replace
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.flows.gate import (
    ALLOW_STAFF,
    AUD,
    CERTIFICATE,
    EVERYONE,
    HERE,
    HOST,
    OFFICE,
    SERVICE,
    TEAM,
    XHR,
    Decision,
    Gate,
    policy,
    request,
    signing_key,
)
from vestibule.flows.answers import (
    Admitted,
    Answered,
    Forbidden,
    Looping,
    SentAway,
    SentToLogin,
    Unauthenticated,
    Unmatched,
)
from vestibule.model.machine import ClientCertificate
from vestibule.sessions import loops
from vestibule.sessions.cookies import hash_app_session
from vestibule.tokens.meta import verify_meta

CURL = {"accept": "*/*", "sec-fetch-mode": ""}
NAKED = {"accept": "", "sec-fetch-mode": ""}


@pytest.mark.parametrize(
    ("headers", "method", "query", "expected"),
    [
        pytest.param({}, "GET", "", SentToLogin, id="navigation"),
        pytest.param({}, "POST", "", SentToLogin, id="form"),
        pytest.param(CURL, "GET", "", SentToLogin, id="curl"),
        pytest.param(NAKED, "GET", "", SentToLogin, id="says nothing"),
        pytest.param(NAKED, "HEAD", "", SentToLogin, id="HEAD is as GET"),
        pytest.param(
            {"x-requested-with": "XMLHttpRequest"}, "GET", "", Unauthenticated, id="XHR header"
        ),
        pytest.param(XHR, "GET", "", Unauthenticated, id="fetch"),
        pytest.param({"sec-fetch-mode": "no-cors"}, "GET", "", Unauthenticated, id="image"),
        pytest.param(
            {"sec-fetch-mode": "", "accept": "application/json"},
            "GET",
            "",
            Unauthenticated,
            id="JSON client",
        ),
        pytest.param(
            {"sec-fetch-mode": "", "accept": "text/event-stream"},
            "GET",
            "",
            Unauthenticated,
            id="event source",
        ),
        pytest.param(
            {"sec-fetch-mode": "", "accept": "", "content-type": "application/grpc"},
            "POST",
            "",
            Unauthenticated,
            id="gRPC",
        ),
        pytest.param(
            {"upgrade": "websocket", "sec-fetch-mode": "websocket", "accept": ""},
            "GET",
            "",
            SentToLogin,
            id="WebSocket gets 302 (12.8)",
        ),
        pytest.param(
            {"sec-websocket-version": "13", "sec-fetch-mode": "websocket", "accept": "*/*"},
            "GET",
            "",
            SentToLogin,
            id="WebSocket as the data plane asks about it",
        ),
        pytest.param(
            {"user-agent": "cloudflared/2026.8.2", "accept": "application/json"},
            "GET",
            "",
            SentToLogin,
            id="cloudflared",
        ),
        pytest.param(
            XHR, "GET", "cloudflared_token_check=true", SentToLogin, id="token check gets 302"
        ),
    ],
)
def test_only_what_can_follow_a_redirect_is_sent_to_the_login_page(
    headers: dict[str, str], method: str, query: str, expected: type
) -> None:
    gate = Gate()
    gate.protect(ALLOW_STAFF)
    decided = gate.ask(request(headers=headers, method=method, query=query))
    assert isinstance(decided.answer, expected)


def test_the_login_redirect_carries_what_the_login_page_needs() -> None:
    gate = Gate()
    gate.protect(ALLOW_STAFF)
    decided = gate.ask(request("/a/b", query="q=1&r=%2F"))
    assert isinstance(decided.answer, SentToLogin)
    location = urlsplit(decided.answer.location)
    assert f"{location.scheme}://{location.netloc}" == f"https://{TEAM}"
    assert location.path == f"/cdn-cgi/access/login/{HOST}"
    query = parse_qs(location.query)
    assert query["kid"] == [AUD]
    assert query["redirect_url"] == ["/a/b?q=1&r=%2F"]
    meta = verify_meta(
        query["meta"][0],
        [signing_key()],
        issuer=f"https://{TEAM}",
        application_aud=AUD,
        now=gate.clock.now(),
    )
    by_name = {cookie.name: cookie for cookie in decided.answer.cookies}
    app_session = by_name["CF_AppSession"]
    assert meta.app_session == hash_app_session(app_session.value)
    assert (meta.origin, meta.hostname, meta.ip, meta.country) == (
        f"https://{HOST}",
        HOST,
        "192.0.2.7",
        "PT",
    )
    assert app_session.path == "/cdn-cgi/access"
    assert decided.answer.challenge == (
        f'Cloudflare-Access resource_metadata="https://{HOST}'
        '/.well-known/cloudflare-access-protected-resource/a/b"'
    )
    assert decided.record is None


def test_a_redirect_to_the_login_page_needs_no_database() -> None:
    gate = Gate()
    gate.protect(ALLOW_STAFF)
    gate.live.current()
    gate.store.fail()
    answer = gate.check.at_once(request())
    assert answer is not None
    assert isinstance(answer.answer, SentToLogin)


def test_tabs_that_sign_in_at_once_do_not_undo_one_another() -> None:
    gate = Gate()
    gate.protect(ALLOW_STAFF)
    jar: dict[str, str] = {}
    values = []
    for number in range(3):
        answer = gate.ask(request(f"/{number}")).answer
        assert isinstance(answer, SentToLogin)
        for cookie in answer.cookies:
            jar[cookie.name] = cookie.value
        values.append(next(c.value for c in answer.cookies if c.name == "CF_AppSession"))
    assert set(values) <= set(jar.values())


@pytest.mark.parametrize(
    "path",
    [
        pytest.param("//evil.example/x", id="protocol-relative"),
        pytest.param("///evil.example", id="three slashes"),
        pytest.param("/ok/..//evil.example", id="dots"),
    ],
)
def test_R1_the_way_back_stays_on_the_host(path: str) -> None:
    gate = Gate()
    gate.protect(ALLOW_STAFF)
    answer = gate.ask(request(path)).answer
    assert isinstance(answer, SentToLogin)
    back = parse_qs(urlsplit(answer.location).query)["redirect_url"][0]
    assert back.startswith("/")
    assert not back.startswith(("//", "/\\"))


@pytest.mark.parametrize(
    "path",
    ["/a%2fb", "/a%5cb", "/..;/admin", "/%00", "/a%252e", "/a\\b", "/../../x", "/%c0%af"],
)
def test_P1_a_path_that_two_servers_read_differently_is_refused(path: str) -> None:
    gate = Gate()
    gate.protect(policy(Decision.BYPASS, EVERYONE))
    assert gate.ask(request(path)).answer == Answered(400)


@pytest.mark.parametrize(
    ("policies", "facts", "expected"),
    [
        pytest.param([ALLOW_STAFF], {}, SentToLogin, id="somebody may pass after login"),
        pytest.param([SERVICE], {}, Forbidden, id="only Service Auth policies"),
        pytest.param(
            [policy(Decision.ALLOW, EVERYONE, require=(HERE,))],
            {"country": "US"},
            Forbidden,
            id="wrong country",
        ),
        pytest.param(
            [policy(Decision.ALLOW, EVERYONE, require=(HERE,))],
            {"country": None},
            SentToLogin,
            id="unknown country: a doubt admits nobody, and is not yet a refusal",
        ),
        pytest.param(
            [policy(Decision.NON_IDENTITY, CERTIFICATE)], {}, Forbidden, id="no certificate"
        ),
        pytest.param([], {}, Forbidden, id="no policies"),
        pytest.param(
            [policy(Decision.BYPASS, OFFICE), ALLOW_STAFF], {}, Admitted, id="bypass matches"
        ),
        pytest.param(
            [policy(Decision.BYPASS, OFFICE), ALLOW_STAFF],
            {"ip": "203.0.113.1"},
            SentToLogin,
            id="bypass does not match",
        ),
        pytest.param(
            [policy(Decision.DENY, EVERYONE), ALLOW_STAFF], {}, Forbidden, id="a block for all"
        ),
    ],
)
def test_a_login_page_is_shown_only_when_a_login_could_help(
    policies: list, facts: dict, expected: type
) -> None:
    gate = Gate()
    gate.protect(*policies)
    assert isinstance(gate.ask(request(**facts)).answer, expected)


def test_a_switched_off_application_lets_nobody_in_not_even_by_bypass() -> None:
    gate = Gate()
    gate.protect(policy(Decision.BYPASS, EVERYONE), id="all", host=HOST, aud="c" * 64)
    gate.protect(policy(Decision.BYPASS, EVERYONE), destinations=(f"{HOST}/admin",), enabled=False)
    assert isinstance(gate.ask(request("/admin/x")).answer, Forbidden)
    assert isinstance(gate.ask(request("/elsewhere")).answer, Admitted)


def test_a_policy_that_is_missing_lets_nobody_in() -> None:
    gate = Gate()
    application = gate.protect(policy(Decision.BYPASS, EVERYONE))
    gate.put(replace(application, policy_ids=("lost",)))
    with pytest.raises(KeyError):
        gate.ask(request())


def test_an_unmatched_host_is_refused_and_an_ambiguous_path_with_it() -> None:
    gate = Gate()
    gate.protect(ALLOW_STAFF)
    refused = gate.ask(request(host="other.example.com"))
    assert isinstance(refused.answer, Unmatched)
    assert refused.record is not None
    assert refused.record.ray_id == refused.answer.reference
    gate.organize(deny_unmatched_requests=False)
    passed = gate.ask(request(host="other.example.com", cookies={"CF_Authorization": ("x",)}))
    assert isinstance(passed.answer, Admitted)
    assert "cf-access-jwt-assertion" in passed.answer.remove
    gate.protect(ALLOW_STAFF, destinations=(f"{HOST}/admin",))
    assert isinstance(gate.ask(request("/admin;x")).answer, Unmatched)


def test_nothing_is_recorded_of_bypassed_traffic() -> None:
    gate = Gate()
    gate.protect(policy(Decision.BYPASS, EVERYONE))
    decided = gate.ask(request(cookies={"a": ("1",), "CF_Authorization": ("forged",)}))
    assert isinstance(decided.answer, Admitted)
    assert decided.record is None
    assert decided.answer.headers == {"cookie": "a=1"}
    assert {"cf-access-jwt-assertion", "cf-access-authenticated-user-email"} <= set(
        decided.answer.remove
    )


def test_a_certificate_opens_what_asks_for_one_and_is_kept_in_a_cookie() -> None:
    gate = Gate()
    gate.protect(policy(Decision.NON_IDENTITY, CERTIFICATE))
    certificate = ClientCertificate("device-7", fingerprint_sha256="f" * 64)
    decided = gate.ask(request(certificate=certificate))
    assert isinstance(decided.answer, Admitted)
    assert [cookie.name for cookie in decided.answer.cookies] == ["CF_Authorization"]
    assert decided.record is not None
    assert decided.record.mtls_common_name == "device-7"
    without = gate.ask(request(token=decided.answer.cookies[0].value))
    assert isinstance(without.answer, Forbidden)


@pytest.mark.parametrize(
    ("policies", "headers", "expected"),
    [
        pytest.param([ALLOW_STAFF, SERVICE], XHR, 401, id="program"),
        pytest.param([ALLOW_STAFF, SERVICE], {}, 302, id="browser"),
        pytest.param([SERVICE], {}, 403, id="browser, machines only"),
        pytest.param([SERVICE], XHR, 401, id="program, machines only"),
        pytest.param(
            [ALLOW_STAFF, SERVICE], {"upgrade": "websocket"}, 302, id="WebSocket keeps its 302"
        ),
    ],
)
def test_401_for_service_auth_spares_browsers(policies: list, headers: dict, expected: int) -> None:
    gate = Gate()
    gate.protect(*policies, service_auth_401_redirect=True)
    answer = gate.ask(request(headers=headers)).answer
    status = {SentToLogin: 302, Unauthenticated: 401, Forbidden: 403}[type(answer)]
    assert status == expected


def test_addresses_for_the_refused_are_used_for_navigations_alone() -> None:
    gate = Gate()
    gate.protect(SERVICE, custom_non_identity_deny_url="https://help.example/no")
    assert gate.ask(request()).answer == SentAway("https://help.example/no")
    assert isinstance(gate.ask(request(headers=XHR)).answer, Forbidden)


def arrived(gate: Gate, held: dict[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
    """What the browser holds once a sign-in for the page has arrived."""
    circle = loops.circle_of(held.get("CF_Redirects", ()), request().path, gate.clock.now())
    return {"CF_Redirects": (loops.cookie(loops.came_back(circle)).value,)}


def test_R3_the_third_redirect_in_a_row_becomes_a_page_that_says_why() -> None:
    gate = Gate()
    gate.protect(ALLOW_STAFF)
    held: dict[str, tuple[str, ...]] = {}
    answers = []
    for _ in range(3):
        answer = gate.ask(request(cookies=held)).answer
        answers.append(type(answer))
        assert isinstance(answer, SentToLogin | Looping)
        given = {c.name: (c.value,) for c in answer.cookies if c.name == "CF_Redirects"}
        held = arrived(gate, given or held)
        gate.clock.turn(seconds=2)
    assert answers == [SentToLogin, SentToLogin, Looping]
    assert isinstance(answer, Looping)
    assert "CF_Authorization" in answer.findings[0]
    assert answer.cookies[0].value == ""


def test_ten_tabs_and_terminals_are_no_loop() -> None:
    gate = Gate()
    gate.protect(ALLOW_STAFF)
    for method in ("GET", "HEAD"):
        for _ in range(10):
            answer = gate.ask(request(method=method)).answer
            assert isinstance(answer, SentToLogin)
            assert "CF_Redirects" not in {cookie.name for cookie in answer.cookies}


@pytest.mark.parametrize("value", ["", "9", "x.y", "2.9999999999", "-1.1772366401", "2.1" * 500])
def test_F1_a_forged_counter_is_no_loop(value: str) -> None:
    gate = Gate()
    gate.protect(ALLOW_STAFF)
    assert isinstance(gate.ask(request(cookies={"CF_Redirects": (value,)})).answer, SentToLogin)
