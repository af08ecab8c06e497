"""R1, O2, S1, S4, S7: the way to a session and out of it, in hostile hands."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from itertools import product
from urllib.parse import parse_qs, quote, urlsplit

import pytest

from tests.end_to_end.attacking import Target, Visitor

pytestmark = pytest.mark.envoy

EVIL = "evil.example"
SCHEMES = (
    "//",
    "///",
    "/\\",
    "\\\\",
    "https://",
    "HTTPS:",
    "http:/\\",
    "javascript:",
    "data:",
    "/\t/",
)
BEFORE = ("", "%00", "%09", " ", "\r\n", "/%2f", "/%5c", "/./", "/..//", "raw.localhost@", "\u2028")
AFTER = (
    "",
    "/x",
    "#.raw.localhost",
    "?raw.localhost",
    "\\@raw.localhost",
    "%2f..",
    ":80",
    "\u3002x",
)
CORPUS = [f"{b}{s}{EVIL}{a}" for b, s, a in product(BEFORE, SCHEMES, AFTER)]


def leads(location: str) -> str:
    """The host that a browser would go to (WHATWG URL: `\\` is `/`; tabs and ends vanish)."""
    plain = re.sub(r"[\t\r\n]", "", location).replace("\\", "/").strip()
    return (urlsplit(plain).hostname or "").lower()


@pytest.fixture(scope="module")
def visitor(target: Target) -> Visitor:
    return target.signed_in()


def test_r1_no_login_leads_away(target: Target, visitor: Visitor) -> None:
    first = target.send("/start").one("location")
    given = re.search(r"redirect_url=([^&]*)", first)
    assert given
    for asked in CORPUS:
        url = first.replace(given[0], f"redirect_url={quote(asked, safe='')}")
        location = visitor.ask(url).one("location")
        assert leads(location) in ("raw.localhost", "team.localhost", ""), asked
        assert EVIL not in urlsplit(location).netloc


@pytest.mark.parametrize("name", ["team", "raw"])
def test_r1_no_logout_leads_away(target: Target, name: str) -> None:
    for asked in [*CORPUS, f"http://{EVIL}.team.localhost@{EVIL}", f"http://team.localhost.{EVIL}"]:
        path = f"/cdn-cgi/access/logout?returnTo={quote(asked, safe='')}"
        answer = target.send(path, host=target.host(name))
        assert answer.status in (400, 403), asked
        assert not answer.one("location")


def test_r1_no_terminal_leads_away(target: Target, visitor: Visitor) -> None:
    aud = parse_qs(urlsplit(target.send("/start").one("location")).query)["kid"][0]
    for asked in CORPUS[:: max(1, len(CORPUS) // 60)]:
        path = f"/cdn-cgi/access/cli?aud={aud}&token={'A' * 43}%3D&redirect_url="
        at = f"http://{target.host()}{path}{quote(asked, safe='')}"
        answer = visitor.ask(at)
        assert leads(answer.one("location")) in ("team.localhost", ""), asked


def returning(target: Target, email: str = "bob@example.com") -> tuple[Visitor, str]:
    """A visitor who comes from the provider, and the callback that they are sent to."""
    visitor = Visitor(target.port)
    url = f"http://{target.host()}/start"
    return visitor, visitor.sign_in(target.demo.ready, url, email, until="/cdn-cgi/access/callback")


def arriving(target: Target) -> tuple[Visitor, str]:
    """A visitor who signed in, and the handover that they are sent to."""
    visitor, callback = returning(target)
    return visitor, visitor.ask(callback).one("location")


def test_o2_a_callback_serves_one_browser_once(target: Target) -> None:
    visitor, callback = returning(target)
    other, theirs = returning(target, "alice@example.com")
    stolen = Visitor(target.port)
    assert stolen.ask(callback).status == 400
    assert other.ask(callback).status == 400
    state = re.search(r"state=[^&]*", theirs)
    assert state
    assert visitor.ask(f"{callback}&{state[0]}").status == 400
    assert visitor.ask(callback).status == 302
    assert visitor.ask(callback).status == 400
    _, injected = returning(target)
    assert other.ask(re.sub(r"state=[^&]*", state[0], injected)).status == 403
    assert "CF_Authorization" not in other.jar[target.host("team")]


def test_o2_a_handover_serves_its_own_host_and_browser(target: Target) -> None:
    visitor, handover = arriving(target)
    assert "/cdn-cgi/access/authorized" in handover
    assert Visitor(target.port).ask(handover).status == 400
    assert visitor.ask(handover).status == 400, "a nonce that somebody tried is spent"
    visitor, handover = arriving(target)
    jar = visitor.jar[target.host()]
    visitor.jar[target.host("wiki")] = dict(jar)
    assert visitor.ask(handover.replace(target.host(), target.host("wiki"))).status == 400
    assert "CF_Authorization" not in visitor.jar[target.host("wiki")]


def test_o2_of_many_redemptions_at_once_one_wins(target: Target) -> None:
    visitor, handover = arriving(target)
    cookie = f"Cookie: {visitor.cookie(target.host())}"
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda _: visitor.ask(handover, cookie), range(16)))
    won = [one for one in answers if "CF_Authorization=ey" in str(one.all("set-cookie"))]
    assert len(won) == 1
    assert {one.status for one in answers if one not in won} == {400}


@pytest.mark.parametrize(
    "headers",
    [
        ["Origin: http://evil.example"],
        ["Origin: http://raw.localhost:{port}"],
        ["Sec-Fetch-Site: cross-site"],
        ["Sec-Fetch-Site: same-site", "Origin: null"],
        ["Sec-Fetch-Site: none"],
        [],
    ],
    ids=str,
)
@pytest.mark.parametrize("path", ["logout", "purpose/x", "approval/x", "cli/x"])
def test_s7_no_other_site_posts_in_a_visitors_name(
    target: Target, visitor: Visitor, path: str, headers: list[str]
) -> None:
    url = f"http://{target.host('team')}/cdn-cgi/access/{path}"
    told = [header.format(port=target.port) for header in headers]
    told.append(f"Cookie: {visitor.cookie(target.host('team'))}")
    assert visitor.ask(url, *told, form={"token": "guessed", "decision": "approve"}).status == 403
    assert visitor.ask(url, *told, form={"decision": "approve"}).status == 403
    identity = f"http://{target.host('team')}/cdn-cgi/access/get-identity"
    assert visitor.ask(identity).status == 200


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("raw", "/start"),
        ("raw", "/public/x"),
        ("raw", "/cdn-cgi/access/certs"),
        ("raw", "/cdn-cgi/access/nothing"),
        ("raw", "/cdn-cgi/access/get-identity"),
        ("raw", "/public;x"),
        ("team", "/cdn-cgi/access/certs"),
        ("team", "/nothing"),
        ("nowhere", "/"),
    ],
)
def test_head_says_what_get_says(target: Target, name: str, path: str) -> None:
    asked = target.send(path, host=target.host(name))
    head = target.send(path, host=target.host(name), method="HEAD")
    assert head.status == asked.status
    for header in ("content-type", "cache-control", "www-authenticate"):
        assert head.one(header) == asked.one(header)
