"""What somebody gets who has not proved anything: access.md 2.3 to 2.7, 5 (1, 2), 8.1."""

from __future__ import annotations

import json
import re
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.end_to_end.reference_world import ORIGIN, World
from tests.end_to_end.visitor import NAVIGATION, Reply, claims_of

pytestmark = pytest.mark.envoy

NOT_CACHED = "private, max-age=0, no-store, no-cache, must-revalidate"


def test_the_first_answer_is_a_302_to_the_login_page(world: World) -> None:
    """5.1, 2.6, 12.9 (2): status, path, kid, relative and encoded redirect_url, meta."""
    visitor = world.visitor()
    reply = visitor.ask(visitor.url("wiki.localhost", "/a/b?x=1&y=%2Fz"), **NAVIGATION)
    assert reply.status == 302
    there = urlsplit(reply.header("location"))
    assert there.netloc == world.team
    assert there.path == "/cdn-cgi/access/login/wiki.localhost"
    query = parse_qs(there.query, strict_parsing=True)
    assert query["kid"] == [world.demo.ready["applications"][0]["aud"]]
    assert query["redirect_url"] == ["/a/b?x=1&y=%2Fz"]
    assert "redirect_url=%2Fa%2Fb%3Fx%3D1%26y%3D%252Fz" in there.query
    meta = claims_of(query["meta"][0])
    assert (meta["type"], meta["auth_status"]) == ("meta", "NONE")
    assert meta["service_token_status"] is False


def test_the_first_answer_sets_the_application_session_and_is_not_cached(world: World) -> None:
    """4.3, 5.1, 12.5 (1): CF_AppSession with Expires, Secure, HttpOnly, SameSite=None."""
    visitor = world.visitor()
    reply = visitor.ask(visitor.url("wiki.localhost"), **NAVIGATION)
    cookie = reply.set_cookies["CF_AppSession"]
    assert re.match(r"CF_AppSession=n[0-9a-f]{16,}; ", cookie)
    assert {"Secure", "HttpOnly", "SameSite=None"} <= set(cookie.split("; "))
    assert "Expires=" in cookie
    assert "Domain=" not in cookie
    assert reply.header("cache-control") == NOT_CACHED


def test_the_302_names_the_metadata_of_the_resource(world: World) -> None:
    """2.6, 2.10: Www-Authenticate, and the document that it names."""
    visitor = world.visitor()
    challenge = visitor.ask(visitor.url("wiki.localhost", "/a/b"), **NAVIGATION).header(
        "www-authenticate"
    )
    url = visitor.url("wiki.localhost", "/.well-known/cloudflare-access-protected-resource/a/b")
    assert challenge == f'Cloudflare-Access resource_metadata="{url}"'
    told = json.loads(visitor.ask(url).text)
    assert told["resource"] == visitor.url("wiki.localhost", "/a/b")
    assert told["protected"] is True
    assert told["team_domain"] == world.team
    assert told["authorization_servers"]


def test_the_login_page_names_the_application_and_works_without_meta(world: World) -> None:
    """5.1, 5.2, 2.6: Cf-Access-Aud, Cf-Access-Domain, CF_Session; only kid and redirect_url."""
    visitor = world.visitor()
    aud = world.aud("Wiki")
    path = f"/cdn-cgi/access/login/wiki.localhost?kid={aud}&redirect_url=%2F"
    page = visitor.ask(visitor.url("team.localhost", path), **NAVIGATION)
    assert page.status == 200
    assert page.header("cf-access-domain") == "wiki.localhost"
    assert page.header("cf-access-aud") == aud
    assert "CF_Session" in page.set_cookies
    assert "Wiki" in page.text
    entered = world.visitor()
    there = entered.sign_in(entered.url("team.localhost", path), world.person("alice"))
    assert there.url == entered.url("wiki.localhost")
    assert there.status == 200


def test_the_login_page_of_a_wildcard_names_it_as_configured(world: World) -> None:
    """2.6, 12.2: Cf-Access-Domain is the domain as configured."""
    visitor = world.visitor()
    page = visitor.open(visitor.url("some.wild.localhost"))
    assert page.header("cf-access-domain") == "*.wild.localhost"


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param({"X-Requested-With": "XMLHttpRequest"}, id="said-to-be"),
        pytest.param({"X-Requested-With": "XMLHttpRequest", "Accept": "text/html"}, id="html"),
        pytest.param({"Sec-Fetch-Mode": "cors", "Accept": "*/*"}, id="fetch"),
    ],
)
def test_a_background_request_gets_401_with_what_it_needs(
    world: World, headers: dict[str, str]
) -> None:
    """2.6: X-Requested-With: XMLHttpRequest; and a browser that says that it fetches."""
    visitor = world.visitor()
    reply = visitor.ask(visitor.url("wiki.localhost", "/data"), **headers)
    assert reply.status == 401
    assert reply.header("location") == ""
    assert "resource_metadata=" in reply.header("www-authenticate")
    assert reply.header("cf-access-aud") == world.aud("Wiki")
    assert reply.header("cf-access-domain") == "wiki.localhost"
    assert reply.header("cache-control") == NOT_CACHED
    assert json.loads(reply.text)["error"] == "unauthenticated"


def test_a_policy_that_nobody_can_meet_is_a_forbidden_page_at_once(world: World) -> None:
    """2.6, 3.3, 9.3: from the wrong address no login page is shown; Cf-Access-Error on 403."""
    visitor = world.visitor()
    page = visitor.ask(visitor.url("elsewhere.localhost"), **NAVIGATION)
    assert page.status == 403
    assert page.header("cf-access-error") == "forbidden"
    assert page.header("cf-access-domain") == "elsewhere.localhost"
    assert re.search(r"\b[0-9a-f]{16}\b", page.text), "the page shows its reference"
    assert "203.0.113.7" not in page.text


def test_a_refusal_without_identity_can_lead_elsewhere(world: World) -> None:
    """9.3: custom_non_identity_deny_url."""
    visitor = world.visitor()
    page = visitor.ask(visitor.url("elsewhere2.localhost"), **NAVIGATION)
    assert (page.status, page.header("location")) == (302, "http://denied.example/where")


def test_a_host_without_an_application_is_refused(world: World) -> None:
    """2.3: deny_unmatched_requests, on by default."""
    visitor = world.visitor()
    page = visitor.ask(visitor.url("nobody.localhost"), **NAVIGATION)
    assert page.status == 403
    assert "nobody.localhost" in page.text
    for host in ("wild.localhost", "a.b.wild.localhost"):
        assert visitor.ask(visitor.url(host), **NAVIGATION).status == 403


def test_an_application_without_an_origin_says_so(world: World) -> None:
    """2.3 and issue 2: somebody who was let in is told that nothing stands behind it."""
    visitor = world.visitor()
    page = visitor.sign_in(visitor.url("nowhere.localhost"), world.person("alice"))
    assert page.status >= 500
    assert "Nowhere" in page.text
    assert visitor.cookie("nowhere.localhost", "CF_Authorization")


def test_a_bypass_has_no_assertion_and_no_record(world: World) -> None:
    """3.1, 4.5, 11: no login, no token, no log entry; also with a good cookie in hand."""
    visitor = world.signed_in("alice", "echo.localhost")
    before = len(world.log(host="echo.localhost"))
    for kept in (False, True):
        reply = visitor.ask(visitor.url("echo.localhost", "/public"), with_cookies=kept)
        assert reply.status in (200, 404)
        assert not reply.set_cookies

    def freed(document: dict[str, object]) -> None:
        for one in document["applications"]:  # type: ignore[attr-defined]
            if one["name"] == "Echo, a part of it":
                one["policies"] = ["Anybody"]

    with world.changed(freed):
        url = visitor.url("echo.localhost", "/echo/part")
        for kept in (False, True):
            seen = json.loads(visitor.ask(url, with_cookies=kept).text)
            assert "cf-access-jwt-assertion" not in seen["headers"]
            assert "cf-access-authenticated-user-email" not in seen["headers"]
    assert len(world.log(host="echo.localhost")) == before


PREFLIGHT = {
    "Origin": ORIGIN,
    "Access-Control-Request-Method": "PUT",
    "Access-Control-Request-Headers": "x-one, x-two",
}
VARY = "Origin, Access-Control-Request-Method, Access-Control-Request-Headers"


def test_a_preflight_is_refused_by_default_also_for_somebody_signed_in(world: World) -> None:
    """2.5, 2.6: 403; a browser never sends the cookie with a preflight."""
    visitor = world.signed_in("alice")
    url = visitor.url("wiki.localhost", "/echo")
    reply = visitor.ask(url, "OPTIONS", with_cookies=False, **PREFLIGHT)
    assert reply.status == 403
    assert reply.header("access-control-allow-origin") == ""


def test_a_preflight_is_answered_by_the_gateway_where_it_is_told_how(world: World) -> None:
    """2.5: success with Vary and the requested method, without asking the origin."""
    visitor = world.visitor()
    reply = visitor.ask(visitor.url("cors.localhost", "/echo"), "OPTIONS", **PREFLIGHT)
    assert reply.status == 200
    assert reply.body == b""
    assert reply.header("access-control-allow-origin") == ORIGIN
    assert "PUT" in reply.header("access-control-allow-methods")
    assert reply.header("access-control-allow-headers") == "x-one"
    assert reply.header("access-control-allow-credentials") == "true"
    assert reply.header("access-control-max-age") == "600"
    assert reply.header("vary") == VARY


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"Origin": "http://evil.example"}, id="origin"),
        pytest.param({"Access-Control-Request-Method": "DELETE"}, id="method"),
    ],
)
def test_a_preflight_for_more_than_is_allowed_is_refused(
    world: World, change: dict[str, str]
) -> None:
    """2.5."""
    visitor = world.visitor()
    url = visitor.url("cors.localhost", "/echo")
    reply = visitor.ask(url, "OPTIONS", **{**PREFLIGHT, **change})
    assert reply.status == 403
    assert reply.header("access-control-allow-origin") == ""


def test_preflights_may_be_left_to_the_origin(world: World) -> None:
    """2.5: options_preflight_bypass; anything but a preflight still needs a login."""
    visitor = world.visitor()
    url = visitor.url("passing.localhost", "/echo")
    seen = json.loads(visitor.ask(url, "OPTIONS", **PREFLIGHT).text)
    assert seen["method"] == "OPTIONS"
    assert "cf-access-jwt-assertion" not in seen["headers"]
    assert visitor.ask(url, "GET", **NAVIGATION).status == 302
    assert visitor.ask(url, "OPTIONS", Accept="application/json").status == 401


def test_the_real_cross_origin_request_passes_with_the_cookie(world: World) -> None:
    """2.5: and the gateway adds the headers without which the browser hides the answer."""
    visitor = world.signed_in("alice", "cors.localhost")
    url = visitor.url("cors.localhost", "/echo")
    reply = visitor.ask(url, Origin=ORIGIN, Sec_Fetch_Mode="cors")
    assert json.loads(reply.text)["method"] == "GET"


def test_head_is_answered_as_get_is(world: World) -> None:
    """5, 12.9 (1)."""
    visitor = world.signed_in("alice")
    aud = world.aud("Wiki")
    login = f"/cdn-cgi/access/login/wiki.localhost?kid={aud}&redirect_url=%2F"
    asked = [
        ("wiki.localhost", "/"),
        ("team.localhost", login),
        *(("team.localhost", f"/cdn-cgi/access/{one}") for one in ("certs", "get-identity")),
        *(("wiki.localhost", f"/cdn-cgi/access/{one}") for one in ("certs", "get-identity")),
        ("wiki.localhost", "/cdn-cgi/access/authorized?nonce=none"),
    ]
    for host, path in asked:
        for kept in (False, True):
            url = visitor.url(host, path)
            get = visitor.ask(url, "GET", with_cookies=kept, **NAVIGATION)
            head = visitor.ask(url, "HEAD", with_cookies=kept, **NAVIGATION)
            assert (head.status, head.body) == (get.status, b""), path
            assert urlsplit(head.header("location")).path == urlsplit(get.header("location")).path
            names = {"cf-access-domain", "cf-access-aud", "content-type"}
            for name in names:
                assert head.header(name) == get.header(name), (path, name)
            assert _kinds(head) == _kinds(get), path


def _kinds(reply: Reply) -> set[str]:
    """The cookies set; one that is set for many tabs has a number of its own each time."""
    return {re.sub(r"_[0-9]{2}$", "", name) for name in reply.set_cookies}


def test_nothing_below_the_reserved_path_reaches_an_origin(world: World) -> None:
    """The preface and 4.5: whoever asks, and whatever for."""
    visitor = world.signed_in("alice", "echo.localhost")
    for path in ("/cdn-cgi/anything", "/cdn-cgi/access/echo", "/cdn-cgi/../cdn-cgi/x"):
        reply = visitor.ask(visitor.url("echo.localhost", path))
        assert reply.status == 404
        assert '"path":' not in reply.text
