"""Tokens, cookies, keys, identity and sessions: access.md 2.4, 4.1 to 4.7, 5, 6."""

from __future__ import annotations

import json
import re
import threading
import time
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.end_to_end.reference_world import Document, World, eventually
from tests.end_to_end.visitor import NAVIGATION, Visitor, claims_of, part

pytestmark = pytest.mark.envoy


def test_the_certs_document_has_the_shape_that_clients_read(world: World) -> None:
    """4.2: keys, public_cert, public_certs; selected by kid; the certificate parses."""
    visitor = world.visitor()
    reply = visitor.ask(visitor.url("team.localhost", "/cdn-cgi/access/certs"))
    assert reply.status == 200
    assert len(reply.body) < 1 << 20
    document = json.loads(reply.text)
    assert set(document) == {"keys", "public_cert", "public_certs"}
    kids = set[str]()
    for key in document["keys"]:
        assert set(key) == {"kid", "kty", "alg", "use", "e", "n"}
        assert (key["kty"], key["alg"], key["use"]) == ("RSA", "RS256", "sig")
        assert re.fullmatch(r"[0-9a-f]{64}", key["kid"])
        kids.add(key["kid"])
    assert {one["kid"] for one in document["public_certs"]} == kids
    assert document["public_cert"]["kid"] in kids
    for one in [document["public_cert"], *document["public_certs"]]:
        public = x509.load_pem_x509_certificate(one["cert"].encode()).public_key()
        assert isinstance(public, rsa.RSAPublicKey)
    same = visitor.ask(visitor.url("wiki.localhost", "/cdn-cgi/access/certs"))
    assert json.loads(same.text) == document


def test_the_application_token_has_the_claims_that_origins_read(world: World) -> None:
    """4.1, 4.2, 4.5: header and claims; the kid is among the certs."""
    visitor = world.signed_in("alice", "east.localhost", "/echo")
    seen = json.loads(visitor.ask(visitor.url("east.localhost", "/echo")).text)["headers"]
    token = seen["cf-access-jwt-assertion"]
    header, claims = part(token, 0), claims_of(token)
    assert (header["alg"], header["typ"]) == ("RS256", "JWT")
    certs = json.loads(visitor.ask(visitor.url("team.localhost", "/cdn-cgi/access/certs")).text)
    assert header["kid"] in {one["kid"] for one in certs["keys"]}
    assert claims["type"] == "app"
    assert claims["aud"] == [world.aud("Two houses")]
    assert claims["iss"] == f"http://{world.team}"
    assert claims["email"] == "alice@example.com"
    assert seen["cf-access-authenticated-user-email"] == "alice@example.com"
    assert "hwk" in claims["amr"]
    assert claims["identity_nonce"]
    assert claims["iat"] <= claims["nbf"] + 1 <= claims["exp"]
    assert abs(claims["exp"] - claims["iat"] - 24 * 3600) <= 2
    assert len(token) < 1500
    assert f"CF_Authorization={token}" in seen["cookie"]
    for name in ("CF_AppSession", "CF_Binding", "CF_Session"):
        assert name not in seen["cookie"]


def test_the_global_token_opens_no_application(world: World) -> None:
    """1, 13 (15): type org, on the team domain alone."""
    visitor = world.signed_in("alice")
    token = visitor.cookie("team.localhost", "CF_Authorization")
    claims = claims_of(token)
    assert claims["type"] == "org"
    assert claims["iss"] == f"http://{world.team}"
    assert {"sub", "email", "iat", "nbf", "exp", "identity_nonce", "aud"} <= set(claims)
    stranger = world.visitor()
    for sent in ({"Cookie": f"CF_Authorization={token}"}, {"Cf-Access-Token": token}):
        url = stranger.url("wiki.localhost")
        assert stranger.ask(url, with_cookies=False, **sent, **NAVIGATION).status == 302


def test_cookies_have_the_attributes_of_the_table(world: World) -> None:
    """4.3, 2.2: Secure, host-only, HttpOnly, SameSite, and an Expires."""
    visitor = world.signed_in("alice", "strict.localhost", "/echo")
    visitor.open(visitor.url("wiki.localhost"))
    set_by = {
        (reply.url.split("/")[2].split(":")[0], name): line
        for reply in visitor.trail
        for name, line in reply.set_cookies.items()
    }
    for line in (one for (host, _), one in set_by.items() if host.endswith(".localhost")):
        assert "Secure" in line.split("; ")
        assert "Domain=" not in line
        assert "Expires=" in line
    assert "HttpOnly" in set_by["team.localhost", "CF_Authorization"]
    assert "SameSite=None" in set_by["team.localhost", "CF_Authorization"]
    assert "HttpOnly" in set_by["team.localhost", "CF_Session"]
    assert "HttpOnly" in set_by["wiki.localhost", "CF_Authorization"]
    assert "SameSite=None" in set_by["wiki.localhost", "CF_Authorization"]
    mine = set_by["strict.localhost", "CF_Authorization"]
    assert "SameSite=Strict" in mine
    assert "HttpOnly" not in mine


KEYS = {
    *("email", "name", "id", "user_uuid", "account_id", "idp", "amr", "groups", "geo", "ip"),
    *("iat", "devicePosture", "device_id", "device_sessions", "gateway_account_id", "is_warp"),
    *("is_gateway", "auth_status", "common_name", "mtls_auth", "service_token_id"),
    *("service_token_status", "version"),
}


def test_get_identity_tells_everything_on_both_hosts(world: World) -> None:
    """4.6."""
    visitor = world.signed_in("alice")
    for host in ("wiki.localhost", "team.localhost"):
        reply = visitor.ask(visitor.url(host, "/cdn-cgi/access/get-identity"))
        assert reply.status == 200
        told = json.loads(reply.text)
        assert set(told) >= KEYS
        assert told["email"] == "alice@example.com"
        assert told["idp"]["type"] == "okta"
        assert {"engineering", "admins"} <= {one["name"] for one in told["groups"]}
        assert set(told["mtls_auth"]) == {
            *("auth_status", "cert_issuer_dn", "cert_issuer_ski", "cert_presented"),
            "cert_serial",
        }
        assert told["auth_status"] == "NONE"
        assert told["account_id"] == world.ready["account_id"]


def test_get_identity_without_a_token_is_a_401_in_json(world: World) -> None:
    """4.6."""
    visitor = world.visitor()
    for host in ("wiki.localhost", "team.localhost"):
        reply = visitor.ask(visitor.url(host, "/cdn-cgi/access/get-identity"), **NAVIGATION)
        assert reply.status == 401
        assert reply.header("content-type").startswith("application/json")
        assert json.loads(reply.text)


def test_refresh_identity_asks_the_provider_anew_and_ends_where_it_began(world: World) -> None:
    """4.6: a new login, success=true, another session."""
    visitor = world.signed_in("bob")
    before = claims_of(visitor.cookie("team.localhost", "CF_Authorization"))
    page = visitor.sign_in_again(
        visitor.url("team.localhost", "/cdn-cgi/access/refresh-identity"), world.person("bob")
    )
    assert page.url.endswith("/cdn-cgi/access/refresh-identity?success=true")
    assert page.status == 200
    after = claims_of(visitor.cookie("team.localhost", "CF_Authorization"))
    assert after["identity_nonce"] != before["identity_nonce"]
    assert after["sub"] == before["sub"]
    assert visitor.open(visitor.url("wiki.localhost")).status == 200


def test_rotating_the_keys_logs_nobody_out_and_fails_no_request(world: World) -> None:
    """4.2, 13 (3)."""
    visitor = world.signed_in("alice", "east.localhost", "/echo")
    url = visitor.url("east.localhost", "/echo")
    statuses: list[int] = []
    done = threading.Event()

    def keep_asking() -> None:
        mine = Visitor(visitor.port, cookies=visitor.cookies)
        while not done.is_set():
            statuses.append(mine.ask(url).status)

    asking = threading.Thread(target=keep_asking)
    asking.start()
    try:
        old = part(visitor.cookie("east.localhost", "CF_Authorization"), 0)["kid"]
        new = world.json("keys", "rotate")["kid"]

        def fresh() -> bool:
            other = world.signed_in("bob", "east.localhost", "/echo")
            return part(other.cookie("east.localhost", "CF_Authorization"), 0)["kid"] == new

        eventually(fresh, 15)
        time.sleep(0.5)
    finally:
        done.set()
        asking.join()
    assert new != old
    assert set(statuses) == {200}
    assert len(statuses) > 20
    certs = json.loads(visitor.ask(visitor.url("team.localhost", "/cdn-cgi/access/certs")).text)
    assert {old, new} <= {one["kid"] for one in certs["keys"]}
    assert certs["public_cert"]["kid"] == new
    # The team domain's token is of the old key too, and still opens further applications.
    assert visitor.open(visitor.url("lazy.localhost", "/echo")).status == 200
    assert not any("/login.htm" in one.url for one in visitor.trail[-8:])


def test_one_login_plants_the_cookie_on_every_host_of_the_application(world: World) -> None:
    """2.4: eager; the requested host answers `authorized` first."""
    visitor = world.signed_in("alice", "west.localhost", "/echo")
    hops = [one.url for one in visitor.trail if "/cdn-cgi/access/authorized" in one.url]
    assert [url.split("/")[2].split(":")[0] for url in hops] == ["west.localhost", "east.localhost"]
    assert visitor.trail[-1].url == visitor.url("west.localhost", "/echo")
    mine = [
        claims_of(visitor.cookie(host, "CF_Authorization"))["aud"]
        for host in ("west.localhost", "east.localhost")
    ]
    assert mine[0] == mine[1]
    assert visitor.ask(visitor.url("east.localhost", "/echo")).status == 200


def test_lazily_each_host_gets_its_cookie_when_it_is_visited(world: World) -> None:
    """2.4: silently, by the global session."""
    visitor = world.signed_in("alice", "lazy.localhost", "/echo")
    assert not visitor.cookie("lazier.localhost", "CF_Authorization")
    visitor.trail.clear()
    assert visitor.open(visitor.url("lazier.localhost", "/echo")).status == 200
    assert not any("/login/login.htm" in one.url for one in visitor.trail)
    assert visitor.cookie("lazier.localhost", "CF_Authorization")


def test_a_path_cookie_does_not_carry_to_another_path(world: World) -> None:
    """4.3."""
    visitor = world.signed_in("alice", "paths.localhost", "/echo/one/deep")
    assert set(visitor.cookies["paths.localhost"]) >= {("/echo/one", "CF_Authorization")}
    assert ("/", "CF_Authorization") not in visitor.cookies["paths.localhost"]
    assert visitor.ask(visitor.url("paths.localhost", "/echo/two"), **NAVIGATION).status == 302
    assert visitor.open(visitor.url("paths.localhost", "/echo/two")).status == 200
    assert visitor.ask(visitor.url("paths.localhost", "/echo/one")).status == 200
    assert visitor.ask(visitor.url("paths.localhost", "/echo/two")).status == 200


def test_applications_on_one_host_are_told_apart_and_never_loop(world: World) -> None:
    """2.3, 4.3, 13 (16): the more specific inherits nothing; silent re-issue back and forth."""
    visitor = world.signed_in("alice", "echo.localhost", "/echo")
    assert visitor.ask(visitor.url("echo.localhost", "/echo/part"), **NAVIGATION).status == 302
    whole, a_part = world.aud("Echo"), world.aud("Echo, a part of it")
    for path, aud in [("/echo/part", a_part), ("/echo", whole)] * 4:
        page = visitor.open(visitor.url("echo.localhost", path), most=6)
        assert page.status == 200
        seen = json.loads(page.text)["headers"]
        assert claims_of(seen["cf-access-jwt-assertion"])["aud"] == [aud]
    assert not any("/login/login.htm" in one.url for one in visitor.trail[-20:])


def test_a_bound_token_is_worth_nothing_without_its_binding(world: World) -> None:
    """4.3: and the origin never sees the binding."""
    visitor = world.signed_in("alice", "bound.localhost", "/echo")
    url = visitor.url("bound.localhost", "/echo")
    reply = visitor.ask(url)
    assert reply.status == 200
    assert "CF_Binding" not in json.loads(reply.text)["headers"]["cookie"]
    token = visitor.cookie("bound.localhost", "CF_Authorization")
    alone = {"Cookie": f"CF_Authorization={token}"}
    assert visitor.ask(url, with_cookies=False, **alone, **NAVIGATION).status == 302
    assert visitor.ask(url, with_cookies=False, Cf_Access_Token=token, **NAVIGATION).status == 302
    other = world.signed_in("bob", "bound.localhost", "/echo").cookie(
        "bound.localhost", "CF_Binding"
    )
    wrong = {"Cookie": f"CF_Authorization={token}; CF_Binding={other}"}
    assert visitor.ask(url, with_cookies=False, **wrong, **NAVIGATION).status == 302
    binding = next(
        one.set_cookies["CF_Binding"] for one in visitor.trail if "CF_Binding" in one.set_cookies
    )
    assert {"HttpOnly", "Secure", "SameSite=None"} <= set(binding.split("; "))


def test_a_session_of_no_length_works_without_a_loop(world: World) -> None:
    """6, 13 (7): immediate timeout: every navigation by the login endpoint, silently."""
    visitor = world.signed_in("alice", "once.localhost", "/echo")
    for _ in range(6):
        page = visitor.open(visitor.url("once.localhost", "/echo"), most=6)
        assert page.status == 200
        assert json.loads(page.text)["path"] == "/echo"
    claims = claims_of(visitor.cookie("once.localhost", "CF_Authorization") or _last(visitor))
    assert claims["exp"] - claims["iat"] <= 60


def test_the_most_specific_level_says_how_long_a_session_lasts(world: World) -> None:
    """6: policy, else application, else the global one; here 30 m, 2 s and 24 h."""
    visitor = world.signed_in("alice", "payroll.localhost")
    visitor.open(visitor.url("short.localhost", "/echo"))
    for host, seconds in [
        ("payroll.localhost", 1800),
        ("short.localhost", 2),
        ("team.localhost", 86400),
    ]:
        claims = claims_of(visitor.cookie(host, "CF_Authorization"))
        assert claims["exp"] - claims["iat"] == seconds


def test_an_application_accepts_the_token_of_one_that_is_linked_to_it(world: World) -> None:
    """4.4: forwarded in Cf-Access-Token; the person's identity is carried on; else refused."""
    visitor = world.signed_in("alice", "echo.localhost", "/echo")
    seen = json.loads(visitor.ask(visitor.url("echo.localhost", "/echo")).text)["headers"]
    assertion = seen["cf-access-jwt-assertion"]
    url = visitor.url("linked.localhost", "/echo")
    reply = visitor.ask(url, with_cookies=False, Cf_Access_Token=assertion)
    assert reply.status == 200
    told = json.loads(reply.text)["headers"]
    assert told["cf-access-authenticated-user-email"] == "alice@example.com"
    assert claims_of(told["cf-access-jwt-assertion"])["aud"] == [world.aud("Linked")]
    other = world.signed_in("alice").cookie("wiki.localhost", "CF_Authorization")
    assert visitor.ask(url, with_cookies=False, Cf_Access_Token=other).status in (401, 403)
    cookie = {"Cookie": f"CF_Authorization={assertion}"}
    assert visitor.ask(url, with_cookies=False, **cookie).status in (401, 403)


def _last(visitor: Visitor) -> str:
    line = next(
        one.set_cookies["CF_Authorization"]
        for one in reversed(visitor.trail)
        if "CF_Authorization" in one.set_cookies
    )
    return line.partition("=")[2].partition(";")[0]


def test_an_expired_token_is_replaced_silently(world: World) -> None:
    """5, 6: steps 1, 2, 6 and 7 run without anybody seeing it."""
    visitor = world.signed_in("alice", "short.localhost", "/echo")
    url = visitor.url("short.localhost", "/echo")
    eventually(lambda: visitor.ask(url, with_cookies=False, **_cookie(visitor)).status == 302)
    visitor.trail.clear()
    assert visitor.open(url).status == 200
    assert not any("/login/login.htm" in one.url for one in visitor.trail)


def _cookie(visitor: Visitor) -> dict[str, str]:
    token = visitor.cookie("short.localhost", "CF_Authorization")
    return {"Cookie": f"CF_Authorization={token}", **NAVIGATION}


def test_one_provider_alone_may_be_gone_to_at_once(world: World) -> None:
    """2.2: auto_redirect_to_identity."""
    visitor = world.visitor()
    page = visitor.open(visitor.url("straight.localhost", "/echo"))
    assert "/login/login.htm" in page.url
    assert visitor.sign_in(visitor.url("straight.localhost", "/echo"), world.person("bob")).status
    assert visitor.trail[-1].url == visitor.url("straight.localhost", "/echo")


@pytest.mark.parametrize("where", ["wiki.localhost", "team.localhost"])
def test_logout_ends_every_application(world: World, where: str) -> None:
    """4.7: from either host; cookie gone at once, tokens soon, and it is logged."""
    visitor = world.signed_in("carol")
    second = world.signed_in("carol", "east.localhost", "/echo")
    tokens = {
        "wiki.localhost": visitor.cookie("wiki.localhost", "CF_Authorization"),
        "east.localhost": second.cookie("east.localhost", "CF_Authorization"),
    }
    page = visitor.ask(visitor.url(where, "/cdn-cgi/access/logout"), **NAVIGATION)
    assert page.status == 200
    assert not visitor.cookie(where, "CF_Authorization")
    began = time.monotonic()
    stranger = world.visitor()
    for host, token in tokens.items():
        url = stranger.url(host, "/echo")
        sent = {"Cookie": f"CF_Authorization={token}", **NAVIGATION}
        eventually(
            lambda url=url, sent=sent: stranger.ask(url, with_cookies=False, **sent).status == 302,
            2,
        )
    print(f"logout at {where}: all tokens refused after {time.monotonic() - began:.3f} s")
    assert "/login/" in second.open(second.url("lazy.localhost", "/echo")).url
    assert world.logged(action="logout", user_email="carol@example.com")


def test_return_to_is_followed_only_within_the_organization(world: World) -> None:
    """4.7: 302, or 400 for a stranger's address."""
    for target, status in [
        (f"http://wiki.localhost:{world.demo.port}/bye", 302),
        (f"http://{world.team}/", 302),
        ("http://evil.example/", 400),
        ("//evil.example/", 400),
        ("javascript:alert(1)", 400),
    ]:
        visitor = world.visitor()
        url = visitor.url("team.localhost", f"/cdn-cgi/access/logout?returnTo={target}")
        reply = visitor.ask(url, **NAVIGATION)
        assert reply.status == status, target
        if status == 302:
            assert reply.header("location") == target


def test_an_authorized_link_is_good_once_and_in_its_own_browser(world: World) -> None:
    """5.6, 5.7: nonce and state; used, foreign and made-up ones are 400 with the sentence."""
    visitor = world.signed_in("alice", "lazy.localhost", "/echo")
    url = next(one.url for one in visitor.trail if "/cdn-cgi/access/authorized" in one.url)
    assert {"nonce", "state"} <= {one.partition("=")[0] for one in url.partition("?")[2].split("&")}
    for tried in (url, visitor.url("lazy.localhost", "/cdn-cgi/access/authorized?nonce=x")):
        page = visitor.ask(tried, **NAVIGATION)
        assert page.status == 400
        assert "Invalid login session" in page.text
        assert "Please try going to the URL of your application again" in page.text


def test_a_foreign_state_is_an_invalid_session(world: World) -> None:
    """5.4, 9.4."""
    visitor = world.visitor()
    url = visitor.url("team.localhost", "/cdn-cgi/access/callback?code=x&state=y")
    page = visitor.ask(url, **NAVIGATION)
    assert page.status in (400, 403)
    assert "Invalid session. Please try logging in again" in page.text


def test_somebody_refused_is_told_as_the_application_says(world: World) -> None:
    """2.2, 9.3: custom_deny_message, custom_deny_url; the refusal is logged."""
    visitor = world.visitor()
    page = visitor.sign_in(visitor.url("told.localhost"), world.person("alice"))
    assert page.status == 403
    assert "Ask Grace." in page.text
    assert "grace@example.com" not in page.text
    entered = world.signed_in("alice")
    away = entered.open_until(entered.url("away.localhost"), "http://denied.example")
    assert away.header("location") == "http://denied.example/why"
    record = world.logged(application_domain="told.localhost", user_email="alice@example.com")
    assert not record.get("allowed")
    assert record["reason"]


def no_staff(document: Document) -> None:
    """Let nobody of example.com in by Staff any more, but alice."""
    for one in document["policies"]:
        if one["name"] == "Staff":
            one["include"] = [{"email": {"email": "alice@example.com"}}]


def test_a_changed_policy_cuts_those_whom_it_no_longer_lets_in(world: World) -> None:
    """3.3, 4.7 and the design's sessions: at once, and nobody else."""
    bob, alice = (world.signed_in(one, "east.localhost", "/echo") for one in ("bob", "alice"))
    url = bob.url("east.localhost", "/echo")
    assert bob.ask(url).status == 200
    with world.changed(no_staff):
        began = time.monotonic()
        eventually(lambda: bob.ask(url, **NAVIGATION).status != 200, 3)
        print(f"a changed policy cut a live grant {time.monotonic() - began:.3f} s after apply")
        page = bob.open(url)
        assert page.status == 403
        assert alice.open(url).status == 200
    eventually(lambda: bob.open(url).status == 200, 5)


def test_a_token_of_an_earlier_policy_version_is_replaced_on_the_way(world: World) -> None:
    """5: no detour for somebody whom the changed policy still lets in."""
    alice = world.signed_in("alice", "east.localhost", "/echo")
    url = alice.url("east.localhost", "/echo")
    with world.changed(no_staff):
        replies: list[Any] = [alice.ask(url, **NAVIGATION) for _ in range(3)]
        assert [one.status for one in replies] == [200, 200, 200]
