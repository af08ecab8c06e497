"""What command-line clients count on: access.md 12.2, 12.5, 12.7, 12.8, 12.9."""

from __future__ import annotations

import base64
import json
import time
from urllib.parse import parse_qs, quote, urlsplit

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.x509 import load_pem_x509_certificate
from nacl.public import Box, PrivateKey, PublicKey

from tests.end_to_end.reference_world import World
from tests.end_to_end.visitor import Visitor, claims_of, part

pytestmark = pytest.mark.envoy

AGENT = {"User-Agent": "cloudflared/2026.8.2"}
METADATA = {**AGENT, "cf-access-metadata-request": "true"}
UPGRADE = {
    **AGENT,
    "Connection": "Upgrade",
    "Upgrade": "websocket",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
}


def verified(world: World, token: str) -> dict[str, object]:
    """The claims of a token whose signature is checked as a client would, by its kid."""
    import base64

    visitor = world.visitor()
    certs = json.loads(visitor.ask(visitor.url("team.localhost", "/cdn-cgi/access/certs")).text)
    kid = part(token, 0)["kid"]
    pem = next(one["cert"] for one in certs["public_certs"] if one["kid"] == kid)
    signed, _, signature = token.rpartition(".")
    octets = base64.urlsafe_b64decode(signature + "=" * (-len(signature) % 4))
    key = load_pem_x509_certificate(pem.encode()).public_key()
    key.verify(octets, signed.encode(), padding.PKCS1v15(), hashes.SHA256())  # type: ignore[union-attr, call-arg, arg-type]
    return claims_of(token)


@pytest.mark.parametrize(
    ("host", "path", "name", "configured"),
    [
        pytest.param("wiki.localhost", "/a?b=c", "Wiki", "wiki.localhost", id="plain"),
        pytest.param("x.wild.localhost", "/", "Wild", "*.wild.localhost", id="wildcard"),
        pytest.param(
            "echo.localhost", "/public", "Echo (public pages)", "echo.localhost", id="bypassed"
        ),
        pytest.param("machines.localhost", "/", "Machines", "machines.localhost", id="machines"),
        pytest.param(
            "elsewhere.localhost", "/", "Elsewhere only", "elsewhere.localhost", id="forbidden"
        ),
    ],
)
def test_discovery_is_answered_before_any_policy(
    world: World, host: str, path: str, name: str, configured: str
) -> None:
    """12.2: HEAD with cf-access-metadata-request; a compact JWS, RS256, with these claims."""
    visitor = world.visitor()
    reply = visitor.ask(visitor.url(host, path), "HEAD", **METADATA)
    token = reply.header("cf-access-metadata")
    assert token, reply.status
    header = part(token, 0)
    assert header["alg"] == "RS256"
    claims = verified(world, token)
    assert claims["type"] == "match"
    assert claims["hostname"] == host
    assert claims["auth_domain"] == world.team.partition(":")[0]
    assert claims["aud"] == world.aud(name)
    assert claims["app_hostname"] == configured
    assert abs(time.time() - float(str(claims["iat"]))) < 60
    assert "exp" not in claims


def test_older_clients_find_the_application_at_the_login_page(world: World) -> None:
    """12.2: HEAD following redirects: path, kid, host, and CF-Access-Domain."""
    visitor = world.visitor()
    first = visitor.ask(visitor.url("wiki.localhost", "/a"), "HEAD", **AGENT)
    assert first.status == 302
    login = visitor.ask(first.location, "HEAD", **AGENT)
    there = urlsplit(login.url)
    assert there.path.startswith("/cdn-cgi/access/login")
    assert parse_qs(there.query)["kid"] == [world.aud("Wiki")]
    assert there.netloc == world.team
    assert login.header("cf-access-domain") == "wiki.localhost"


def test_older_clients_find_a_refused_application_by_its_headers(world: World) -> None:
    """12.2: otherwise the AUD is the header CF-Access-Aud of a 401 or 403."""
    visitor = world.visitor()
    for host, name in [
        ("machines.localhost", "Machines"),
        ("elsewhere.localhost", "Elsewhere only"),
    ]:
        reply = visitor.ask(visitor.url(host), "HEAD", **AGENT)
        assert reply.status in (401, 403)
        assert reply.header("cf-access-aud") == world.aud(name)
        assert reply.header("cf-access-domain") == host


def exchange(visitor: Visitor, url: str, org_token: str) -> str:
    """What a terminal does: HEAD only, no cookie jar; returns the Set-Cookie it takes."""
    session = ""
    for _ in range(8):
        path = urlsplit(url).path
        headers = dict(AGENT)
        if "/cdn-cgi/access/login" in path:
            headers["Cookie"] = f"CF_Authorization={org_token}"
        elif "/cdn-cgi/access/authorized" in path:
            headers["Cookie"] = f"CF_AppSession={session}"
        reply = visitor.ask(url, "HEAD", with_cookies=False, **headers)
        assert reply.status == 302, (url, reply.status)
        if "/cdn-cgi/access/authorized" in path:
            return reply.set_cookies["CF_Authorization"]
        if "/cdn-cgi/access/login" not in path:
            session = reply.set_cookies["CF_AppSession"].partition("=")[2].partition(";")[0]
        url = reply.location
    raise AssertionError("no end of redirects")


@pytest.mark.parametrize("host", ["wiki.localhost", "west.localhost"])
def test_an_org_token_is_exchanged_without_a_browser(world: World, host: str) -> None:
    """12.5, 2.4: also for a multi-domain application; the cookie has an Expires ahead."""
    org_token = world.signed_in("alice").cookie("team.localhost", "CF_Authorization")
    visitor = world.visitor()
    line = exchange(visitor, visitor.url(host, "/echo"), org_token)
    assert "Expires=" in line
    token = line.partition("=")[2].partition(";")[0]
    reply = visitor.ask(visitor.url(host, "/echo"), with_cookies=False, Cf_Access_Token=token)
    assert reply.status in (200, 404)


def test_an_empty_org_token_is_nobodys(world: World) -> None:
    """12.4: the login page, not an error."""
    visitor = world.visitor()
    first = visitor.ask(visitor.url("wiki.localhost"), "HEAD", **AGENT)
    login = visitor.ask(first.location, "HEAD", Cookie="CF_Authorization=", **AGENT)
    assert login.status == 200
    assert login.header("cf-access-domain") == "wiki.localhost"


def test_a_token_check_tells_a_good_token_from_a_bad_one(world: World) -> None:
    """12.7: 204 from the gateway, else a 302 to /cdn-cgi/access/login, and never 401 or 403."""
    alice = world.signed_in("alice", "wiki.localhost")
    token = alice.cookie("wiki.localhost", "CF_Authorization")
    other = world.signed_in("bob", "east.localhost", "/echo")
    visitor = world.visitor()

    def check(host: str, token: str) -> tuple[int, str]:
        url = visitor.url(host, "/slow?seconds=30&cloudflared_token_check=true")
        reply = visitor.ask(url, with_cookies=False, Cf_Access_Token=token, **AGENT)
        return reply.status, urlsplit(reply.header("location")).path

    began = time.monotonic()
    assert check("wiki.localhost", token)[0] in (200, 204, 404)
    good = check("east.localhost", other.cookie("east.localhost", "CF_Authorization"))
    assert good == (204, ""), "a slow origin is not asked"
    assert time.monotonic() - began < 5
    for bad in (token, "nonsense", token[:-4] + "AAAA", ""):
        status, path = check("east.localhost", bad)
        assert status == 302, bad
        assert path.startswith("/cdn-cgi/access/login")
    status, path = check("elsewhere.localhost", "nonsense")
    assert (status, path.startswith("/cdn-cgi/access/login")) == (302, True)


@pytest.mark.parametrize(
    "host", ["wiki.localhost", "both.localhost", "east.localhost"], ids=["plain", "401", "two"]
)
def test_a_web_socket_without_a_token_gets_302(world: World, host: str) -> None:
    """12.8, 2.6: also where 2.7 is on; with the token it is opened."""
    visitor = world.visitor()
    reply = visitor.ask(visitor.url(host, "/ws"), **UPGRADE)
    assert reply.status == 302
    assert urlsplit(reply.location).path.startswith("/cdn-cgi/access/login")


def test_the_browser_hands_both_tokens_to_the_terminal_that_asked(world: World) -> None:
    """12.6: login, a click, then one retrieval, sealed to the terminal's key."""
    visitor = world.visitor()
    private = PrivateKey.generate()
    key = base64.urlsafe_b64encode(bytes(private.public_key)).decode()
    wiki = visitor.url("wiki.localhost")
    query = f"aud={world.aud('Wiki')}&edge_token_transfer=true&send_org_token=true&token={key}"
    asked = f"{wiki}cdn-cgi/access/cli?{query}&redirect_url={quote(f'{wiki}?{query}', safe='')}"
    page = visitor.sign_in(asked, world.person("alice"))
    assert page.status == 200
    assert "alice@example.com" in page.text
    done = visitor.submit(page)
    assert done.status == 200
    poll = visitor.url("team.localhost", f"/transfer/{key}")
    reply = visitor.ask(poll, with_cookies=False, **AGENT)
    assert reply.status == 200
    server = PublicKey(base64.urlsafe_b64decode(reply.header("service-public-key")))
    told = json.loads(Box(private, server).decrypt(base64.b64decode(reply.body)))
    assert verified(world, told["app_token"])["aud"] == [world.aud("Wiki")]
    assert verified(world, told["org_token"])["type"] == "org"
    sent = {"Cf-Access-Token": told["app_token"]}
    assert visitor.ask(wiki, with_cookies=False, **sent).status == 200


def test_a_terminal_that_wants_an_ssh_certificate_is_told_that_there_is_none(world: World) -> None:
    """8.4, 12.8: an error as the client reads it, in JSON."""
    visitor = world.visitor()
    url = visitor.url("team.localhost", "/cdn-cgi/access/cert_sign")
    reply = visitor.ask(url, "POST", body=b"{}", Content_Type="application/json")
    assert reply.status == 400
    assert json.loads(reply.text)["message"].startswith("Bad Request. Please create a ca")
