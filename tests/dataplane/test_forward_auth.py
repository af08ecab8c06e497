"""What foreign proxies are told (H1-H3, P1): the same verdict, and nothing by hearsay."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from tests.fakes.control_plane import deny
from tests.fakes.gateway import Answered, RunningGateway, application, eventually, policy
from vestibule.dataplane.gateway import ListenAt
from vestibule.model.machine import ForwardAuthClient
from vestibule.model.rules import Decision
from vestibule.model.values import Secret

pytestmark = pytest.mark.envoy

WIKI = application("wiki")
SHOP = application("shop", "shop.test/cart")
OPEN = application("open", "shop.test/open", policies=("open",))
STRIPPED = application("stripped", strip_authorization_cookie=True)
PROOF = {"X-Vestibule-Secret": "s3cret"}


@pytest.fixture(scope="module")
def gateway() -> Iterator[RunningGateway]:
    running = RunningGateway({"forward_auth": ListenAt("127.0.0.1", 0)})
    running.start(
        policy("open", Decision.BYPASS),
        *(WIKI, SHOP, OPEN, STRIPPED),
        ForwardAuthClient("traefik", "Traefik", Secret("other")),
        ForwardAuthClient("nginx", "nginx", Secret("s3cret")),
    )
    try:
        eventually(lambda: forwarded(running, "shop.test", "/open").status == 200)
        yield running
    finally:
        running.stop()


@pytest.fixture(autouse=True)
def _denying(gateway: RunningGateway) -> None:
    gateway.control.check = deny


def question(host: str, path: str, **changes: str | None) -> dict[str, str]:
    headers = {
        "X-Forwarded-Method": "GET",
        "X-Forwarded-Proto": "https",
        "X-Forwarded-Host": host,
        "X-Forwarded-Uri": path,
        "X-Forwarded-For": "203.0.113.9",
        **changes,
    }
    return {name: value for name, value in headers.items() if value is not None}


def forwarded(
    gateway: RunningGateway, host: str, path: str = "/", *, token: str = "", **changes: str | None
) -> Answered:
    headers = {**PROOF, **question(host, path, **changes)}
    return gateway.ask(
        "gateway",
        "/-/forward-auth",
        token=token,
        headers=headers,
        port=gateway.gateway.forward_auth_port,
    )


def proxied(
    gateway: RunningGateway, host: str, path: str, headers: Mapping[str, str], **rest: Any
) -> Answered:
    """What a visitor gets to whom the path is passed on as it is."""
    said = {**PROOF, "X-Forwarded-For": "203.0.113.9", "X-Forwarded-Proto": "https", **headers}
    port = gateway.gateway.forward_auth_port
    return gateway.ask(host, path, headers=said, port=port, **rest)


def direct(
    gateway: RunningGateway, host: str, path: str, headers: Mapping[str, str], **rest: Any
) -> Answered:
    """The question of a proxy that asks by prefix, as Envoy's ext_authz does."""
    return proxied(gateway, host, f"/-/forward-auth/path{path}", headers, **rest)


def test_a_verified_token_is_answered_without_asking(gateway: RunningGateway) -> None:
    token = gateway.token(WIKI)
    for ask in (
        lambda: forwarded(gateway, "wiki.test", "/a?b=c", token=token),
        lambda: direct(gateway, "wiki.test", "/a?b=c", {}, token=token),
        lambda: proxied(
            gateway,
            "gateway",
            "/-/forward-auth/original-url",
            {"X-Original-URL": "https://wiki.test/a?b=c", "X-Original-Method": "POST"},
            token=token,
        ),
    ):
        asked, answered = gateway.was_asked(ask)
        assert not asked
        assert answered.status == 200, answered.body
        assert answered.header("cf-access-jwt-assertion") == token
        assert answered.header("cf-access-authenticated-user-email") == "ada@example.com"
        assert answered.header("cookie") == f"CF_Authorization={token}"


def test_the_control_plane_is_told_what_is_asked_and_by_whom(gateway: RunningGateway) -> None:
    asked, answered = gateway.was_asked(
        lambda: forwarded(gateway, "wiki.test", "/a/b?c=d", **{"X-Forwarded-Method": "PUT"})
    )
    assert asked
    assert answered.status == 403
    told = gateway.control.asked[-1]
    assert (told.method, told.path) == ("PUT", "/check/a/b?c=d")
    assert told.headers["host"] == "wiki.test"
    assert told.headers["x-vestibule-client-ip"] == "203.0.113.9"
    assert told.headers["x-vestibule-scheme"] == "https"
    assert told.headers["x-vestibule-mode"] == "forward-auth"
    assert "x-vestibule-secret" not in told.headers
    assert "x-forwarded-uri" not in told.headers


def test_what_the_control_plane_allows_is_passed_on(gateway: RunningGateway) -> None:
    gateway.control.check = lambda _: (
        200,
        {
            "cf-access-jwt-assertion": "anew",
            "cookie": "kept=1",
            "set-cookie": "CF_Authorization=anew",
            "x-envoy-auth-headers-to-remove": "cf-access-authenticated-user-email",
        },
        b"",
    )
    answered = forwarded(gateway, "wiki.test")
    assert answered.status == 200
    assert answered.header("cf-access-jwt-assertion") == "anew"
    assert answered.header("cf-access-authenticated-user-email") == ""
    assert answered.header("cookie") == "kept=1"
    assert answered.header("set-cookie") == "CF_Authorization=anew"


def test_a_redirect_becomes_401_for_a_proxy_that_cannot_pass_it_on(
    gateway: RunningGateway,
) -> None:
    gateway.control.check = lambda _: (302, {"location": "https://team.test/x"}, b"")
    plain = forwarded(gateway, "wiki.test")
    assert (plain.status, plain.header("location")) == (302, "https://team.test/x")
    nginx = forwarded(gateway, "wiki.test", **{"X-Vestibule-Redirects": "401"})
    assert (nginx.status, nginx.header("location")) == (401, "https://team.test/x")


def test_h2_nobody_asks_without_proof(gateway: RunningGateway) -> None:
    port, token = gateway.gateway.forward_auth_port, gateway.token(WIKI)
    for proof in ({}, {"X-Vestibule-Secret": "wrong"}, {"X-Vestibule-Secret": ""}):
        headers = {**question("wiki.test", "/"), **proof}
        for path in ("/-/forward-auth", "/", "/cdn-cgi/access/login"):
            asked, answered = gateway.was_asked(
                lambda headers=headers, path=path: gateway.ask(
                    "wiki.test", path, token=token, headers=headers, port=port
                )
            )
            assert (asked, answered.status) == (False, 403)


AMBIGUOUS: Mapping[str, Mapping[str, str | None]] = {
    "no host": {"X-Forwarded-Host": None},
    "two hosts": {"X-Forwarded-Host": "shop.test, wiki.test"},
    "a host with a path": {"X-Forwarded-Host": "shop.test/open"},
    "no path": {"X-Forwarded-Uri": None},
    "an empty path": {"X-Forwarded-Uri": ""},
    "a URL as path": {"X-Forwarded-Uri": "https://shop.test/open"},
    "no method": {"X-Forwarded-Method": None},
    "an odd method": {"X-Forwarded-Method": "get it"},
    "an odd scheme": {"X-Forwarded-Proto": "javascript"},
    "h3 no address": {"X-Forwarded-For": None},
    "h3 an empty address": {"X-Forwarded-For": ""},
    "h3 garbage for an address": {"X-Forwarded-For": "unknown"},
}


@pytest.mark.parametrize("changes", AMBIGUOUS.values(), ids=AMBIGUOUS.keys())
def test_h1_what_is_ambiguous_is_refused(
    gateway: RunningGateway, changes: Mapping[str, str | None]
) -> None:
    answered = forwarded(gateway, "shop.test", "/open", **changes)
    assert answered.status in (400, 403)


def test_h1_a_visitors_hearsay_changes_nothing_where_the_path_is_asked_about(
    gateway: RunningGateway,
) -> None:
    hearsay = {
        **question("shop.test", "/open"),
        "X-Original-URL": "https://shop.test/open",
        "X-Original-URI": "/open",
        "X-Rewrite-URL": "/open",
    }
    asked, answered = gateway.was_asked(lambda: direct(gateway, "wiki.test", "/x", hearsay))
    assert asked
    assert answered.status == 403
    assert gateway.control.asked[-1].path == "/check/x"


DECEITFUL = (
    *("/open/../cart", "/open/%2e%2e/cart", "/open/%2E./cart", "/open//x", "/open/./x"),
    *("/open%2f..%2fcart", "/open/..%5ccart", "/open\\..\\cart", "/open/..;/cart"),
    *("/open/.%3b/cart", "/open%00", "/open/%c0%ae%c0%ae/cart", "/op%65n", "/open/%zz", "/open#x"),
    *("/open%", "/open/..", "//open", "/open/%0d%0aSet-Cookie:x", "/open/caf\xe9"),
)


@pytest.mark.parametrize("path", DECEITFUL)
def test_p1_p4_a_path_that_servers_read_differently_is_refused(
    gateway: RunningGateway, path: str
) -> None:
    assert forwarded(gateway, "shop.test", path).status in (400, 403)
    if path.isascii():
        assert direct(gateway, "shop.test", path, {}).status in (400, 403)


def test_p3_a_query_satisfies_no_path(gateway: RunningGateway) -> None:
    assert forwarded(gateway, "shop.test", "/cart?/open").status == 403
    assert forwarded(gateway, "shop.test", "/open?/../cart//%2f").status == 200


def test_our_own_paths_are_proxied_to_us_and_never_answered_as_a_question(
    gateway: RunningGateway,
) -> None:
    for path in ("/cdn-cgi/access/authorized?nonce=x", "/cdn-cgi"):
        assert forwarded(gateway, "wiki.test", path).status == 403
        assert direct(gateway, "wiki.test", path, {}).status == 403
        answered = proxied(gateway, "wiki.test", path, {})
        assert answered.status == 200
        assert answered.body == f"page {path}".encode()
        seen = gateway.control.visited[-1].headers
        assert seen["x-vestibule-client-ip"] == "203.0.113.9"
        assert seen["x-vestibule-scheme"] == "https"
        assert "x-vestibule-secret" not in seen


def test_h1_a_visitor_cannot_choose_the_way_of_asking(gateway: RunningGateway) -> None:
    hearsay = question("shop.test", "/open")
    for path in ("/-/forward-auth", "/-/forward-auth?x", "/-/forward-auth/path/open"):
        asked, answered = gateway.was_asked(
            lambda path=path: direct(gateway, "wiki.test", path, hearsay)
        )
        assert (asked, answered.status) == (True, 403), path
        told = gateway.control.asked[-1]
        assert (told.path, told.headers["host"]) == (f"/check{path}", "wiki.test")


def test_a_path_that_is_neither_ours_nor_a_question_is_refused(gateway: RunningGateway) -> None:
    token = gateway.token(WIKI)
    for path in ("/", "/a?b=c", "/-/forward-auth/", "/-/forward-auth/path", "/-/forward-authx"):
        asked, answered = gateway.was_asked(
            lambda path=path: proxied(gateway, "wiki.test", path, {}, token=token)
        )
        assert (asked, answered.status) == (False, 403), path
        assert not answered.header("cf-access-jwt-assertion")


def test_an_identity_that_is_not_there_is_told_as_empty(gateway: RunningGateway) -> None:
    """Proxies that overwrite only what they are told would pass on a visitor's own (H4)."""
    answered = forwarded(gateway, "shop.test", "/open")
    told = {name.lower(): value for name, value in answered.headers}
    for name in ("cf-access-jwt-assertion", "cf-access-authenticated-user-email", "cookie"):
        assert told.get(name) == "", name


def test_each_cookie_can_be_found_by_a_number(gateway: RunningGateway) -> None:
    cookies = ["CF_Authorization=a; Path=/; Secure", "CF_Binding=b; Path=/; Secure"]
    gateway.control.check = lambda _: (200, [("set-cookie", cookie) for cookie in cookies], b"")
    answered = forwarded(gateway, "wiki.test")
    assert [value for name, value in answered.headers if name == "set-cookie"] == cookies
    assert answered.header("x-vestibule-set-cookie-1") == cookies[0]
    assert answered.header("x-vestibule-set-cookie-2") == cookies[1]
    assert answered.header("x-vestibule-set-cookie-3") == ""

    # A refusal reaches the visitor, whose scripts may read every header but Set-Cookie (S7).
    gateway.control.check = lambda _: (401, [("set-cookie", cookie) for cookie in cookies], b"")
    refused = forwarded(gateway, "wiki.test")
    assert (refused.status, refused.header("set-cookie")) == (401, cookies[0])
    assert refused.header("x-vestibule-set-cookie-1") == ""


def test_an_unknown_host_is_refused(gateway: RunningGateway) -> None:
    assert forwarded(gateway, "nope.test").status == 403
    assert forwarded(gateway, "shop.test", "/elsewhere").status == 403


def test_h8_the_origin_is_given_the_cookies_it_may_see(gateway: RunningGateway) -> None:
    token = gateway.token(STRIPPED)
    answered = forwarded(gateway, "stripped.test", Cookie=f"a=1; CF_Authorization={token}; b=2")
    assert answered.status == 200
    assert answered.header("cookie") == "a=1; b=2"


def test_a_secret_that_is_withdrawn_counts_no_longer(gateway: RunningGateway) -> None:
    spare = ForwardAuthClient("spare", "Spare", Secret("spare"))
    gateway.publish(spare)
    port = gateway.gateway.forward_auth_port
    headers = {**question("shop.test", "/open"), "X-Vestibule-Secret": "spare"}

    def status() -> int:
        return gateway.ask("g", "/-/forward-auth", headers=headers, port=port).status

    eventually(lambda: status() == 200)
    with gateway.store.transaction() as records:
        records.delete(ForwardAuthClient, "spare")
    eventually(lambda: status() == 403)
