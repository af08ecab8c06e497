"""What a hostile visitor of a foreign proxy may try: headers, hosts and paths (H1-H8, P1-P4)."""

from __future__ import annotations

import base64
import itertools
import json
import posixpath
from urllib.parse import parse_qs, unquote, urlsplit

import pytest

from tests.forward_auth.conftest import Front

pytestmark = [pytest.mark.browser, pytest.mark.envoy]

HTML = ("Accept", "text/html")

# What would matter if anybody believed it; `evil` marks what came from the visitor.
HEARSAY = (
    ("Cf-Access-Authenticated-User-Email", "evil@example.com"),
    ("CF-ACCESS-AUTHENTICATED-USER-EMAIL", "evil@example.com"),
    ("Cf_Access_Authenticated_User_Email", "evil@example.com"),
    ("Cf.Access.Authenticated.User.Email", "evil@example.com"),
    ("Cf-Access_Authenticated-User-Email", "evil@example.com"),
    ("Cf-Access-Authenticated.User.Email", "evil@example.com"),
    ("Cf-Access-Authenticated-User.Email", "evil@example.com"),
    ("Cf-Access-Jwt.Assertion", "evil.evil.evil"),
    ("Cf-Access-Jwt-Assertion", "evil.evil.evil"),
    ("Cf_Access_Jwt_Assertion", "evil.evil.evil"),
    ("Cf-Access-User", "evil"),
    ("X-Forwarded-For", "8.8.8.8, evil"),
    ("X-Forwarded-For", "8.8.8.8"),
    ("X-Forwarded-Proto", "evil"),
    ("X-Forwarded-Host", "evil.example.com"),
    ("X-Forwarded-Port", "evil"),
    ("X-Forwarded-Prefix", "/evil"),
    ("X-Forwarded-Server", "evil"),
    ("X-Forwarded-Uri", "/public?evil"),
    ("X-Forwarded-Method", "OPTIONS"),
    ("X-Forwarded-User", "evil"),
    ("X-Forwarded-Email", "evil@example.com"),
    ("X_Forwarded_Email", "evil@example.com"),
    ("X-Forwarded-Groups", "evil"),
    ("X-Original-URL", "http://echo.localhost/public?evil"),
    ("X-Original-URI", "/public?evil"),
    ("X-Original-Method", "OPTIONS"),
    ("X-Rewrite-URL", "/public?evil"),
    ("X-Real-IP", "8.8.8.8"),
    ("True-Client-IP", "8.8.8.8"),
    ("CF-Connecting-IP", "8.8.8.8"),
    ("Forwarded", "for=8.8.8.8;host=evil"),
    ("X-HTTP-Method-Override", "OPTIONS"),
    ("X-Vestibule-Mode", "evil"),
    ("X-Vestibule-Client-Ip", "8.8.8.8"),
    ("X-Vestibule-Scheme", "evil"),
    ("X-Vestibule-Secret", "evil"),
    ("X-Vestibule-Grant", "evil"),
    ("X-Vestibule-Set-Cookie-1", "CF_Authorization=evil"),
    ("X_Vestibule_Secret", "evil"),
)
IDS = [f"{number}-{name}" for number, (name, _) in enumerate(HEARSAY)]


@pytest.mark.parametrize("header", HEARSAY, ids=IDS)
def test_h1_h4_a_visitors_hearsay_changes_nothing_for_whoever_is_signed_in(
    front: Front, cookie: str, header: tuple[str, str]
) -> None:
    front.origin.served.clear()
    answer = front.ask("wiki.localhost", "/private", header, cookie=cookie)
    if not answer.by_origin:
        # A name that might be read as one of ours may be refused, as nginx's peers do.
        assert answer.status in (400, 403)
        assert not front.origin.served
        return
    (served,) = front.origin.served
    assert (served.method, served.target) == ("GET", "/private")
    assert served.all("cf-access-authenticated-user-email") == ["alice@example.com"]
    (token,) = served.all("cf-access-jwt-assertion")
    assert f"CF_Authorization={token}" == cookie
    # No application reads what is ours alone.
    said = [value for name, value in served.headers if not name.lower().startswith("x-vestibule")]
    assert not any("evil" in value or "8.8.8.8" in value for value in said), served.headers
    assert not any("evil" in value for _, value in answer.headers)


@pytest.mark.parametrize("header", HEARSAY, ids=IDS)
def test_h1_h4_a_visitors_hearsay_changes_nothing_for_strangers(
    front: Front, header: tuple[str, str]
) -> None:
    front.origin.served.clear()
    answer = front.ask("echo.localhost", "/private", HTML, header)
    assert not front.origin.served
    assert answer.status in (302, 400, 403)
    if answer.status == 302:
        where = urlsplit(answer.header("location"))
        assert f"{where.scheme}://{where.netloc}" == front.demo.ready["team_url"]
        query = parse_qs(where.query)
        assert query["redirect_url"] == ["/private"]
        meta = query["meta"][0].split(".")[1]
        told = json.loads(base64.urlsafe_b64decode(meta + "=" * (-len(meta) % 4)))
        assert "127.0.0.1" in told.values()
        assert "8.8.8.8" not in str(told)
        assert "evil" not in str(told)


@pytest.mark.parametrize(
    "named",
    [
        "Cf-Access-Jwt-Assertion, Cf-Access-Authenticated-User-Email, Cookie",
        "X-Vestibule-Secret, X-Forwarded-Uri, X-Forwarded-Host, X-Forwarded-For",
        "close, X-Forwarded-Proto, X-Vestibule-Redirects, Host",
    ],
)
def test_h4_what_connection_names_is_not_lost_on_the_way(
    front: Front, cookie: str, named: str
) -> None:
    """Hop-by-hop removal may not make somebody anonymous, or a question a different one."""
    front.origin.served.clear()
    answer = front.ask("wiki.localhost", "/private", ("Connection", named), cookie=cookie)
    if answer.by_origin:
        assert front.origin.served[-1].all("cf-access-authenticated-user-email") in (
            ["alice@example.com"],
            [],
        )
    front.origin.served.clear()
    front.ask("echo.localhost", "/private", HTML, ("Connection", named))
    assert not front.origin.served


def test_h4_an_identity_sent_twice_is_still_ours(front: Front, cookie: str) -> None:
    twice = [("Cf-Access-Authenticated-User-Email", "evil@example.com")] * 2
    served = front.served(*twice, cookie=cookie)
    assert served.all("cf-access-authenticated-user-email") == ["alice@example.com"]


def test_h8_what_only_we_may_read_does_not_reach_the_application(front: Front, cookie: str) -> None:
    served = front.served(cookie=f"a=1; {cookie}; CF_Binding=b; CF_AppSession=n0; b=2")
    (sent,) = served.all("cookie")
    assert sorted(sent.split("; ")) == sorted(["a=1", cookie, "b=2"])


@pytest.mark.parametrize(
    "authority",
    [
        *("ECHO.localhost:{port}", "echo.localhost.:{port}", "echo.localhost:1", "echo.localhost"),
        *("wiki.localhost:{port}@echo.localhost", "echo.localhost:{port}/public", "[::1]"),
        *("echo.localhost:{port}, wiki.localhost", "xn--echo-.localhost", "stranger.localhost"),
    ],
)
def test_h6_no_spelling_of_the_host_opens_what_is_protected(front: Front, authority: str) -> None:
    front.origin.served.clear()
    said = authority.format(port=front.proxy.port)
    answer = front.ask("wiki.localhost", "/private", HTML, authority=said)
    assert not answer.by_origin
    assert not front.origin.served


@pytest.mark.parametrize("host", ["echo.localhost", "ECHO.LOCALHOST", "echo.localhost."])
def test_h6_two_hosts_in_one_request_borrow_no_bypass_from_one_another(
    front: Front, host: str
) -> None:
    """The wiki has no public pages; whoever is asked about echo must get echo."""
    for line, header in (
        (f"https://wiki.localhost:{front.proxy.port}/public", f"{host}:{front.proxy.port}"),
        (f"http://wiki.localhost:{front.proxy.port}/public", f"{host}:{front.proxy.port}"),
        ("https://wiki.localhost/public/x", host),
    ):
        front.origin.served.clear()
        front.ask("wiki.localhost", line, HTML, authority=header)
        assert not any(
            "wiki" in value for one in front.origin.served for value in one.all("host")
        ), line
    front.origin.served.clear()
    front.ask("wiki.localhost", "/public", HTML, ("Host", host))
    assert not any("wiki" in value for one in front.origin.served for value in one.all("host"))


DOTS = ("..", "%2e%2e", "%2E.", ".%2e", "%252e%252e", "..;", "..;x=1", "%c0%ae%c0%ae", "..%00")
SLASHES = ("/", "//", "/./", "%2f", "%252f", "%5c", "\\", "/;/", "%c0%af", "/%2e/")
PATHS = [
    *(f"/public{slash}{dots}{after}private" for slash in SLASHES for dots in DOTS
      for after in ("/", slash)),
    *(f"/public{tail}" for tail in ("%23/../private", "#/../private", "%3f/../private", "%00")),
    *("/public;/../private", "/public/;/../private", "/public%3b/../../private", "//private"),
    *("/./private", "/PRIVATE", "/priv%61te", "/public%20", "/public%0d%0aX:1", "/publicx"),
    *("/private?/public", "/private?/../public", "/private#/public", "/private%3f/public"),
    *("/private/../public/../private", "/-/forward-auth", "/-/forward-auth?/public"),
    "/-/vestibule",
    *("/-/forward-auth/path/public", "/-/forward-auth/original-url", "/x/../-/vestibule"),
    *("/cdn-cgi/../private", "/cdn-cgi/access/../../private", "/cdn-cgi/%2e%2e/private"),
    *("/cdn-cgi/access/..%2f..%2fprivate", "/cdn-cgi//../private", "/cdn-cgi;/../private"),
    *("/.well-known/cloudflare-access-protected-resource/../../private", "/Cdn-Cgi/private"),
    *("/public/..", "/public/.", "/public/%2e%2e", "/public/../", "/public/\u00e9/../../private"),
    *("/%70ublic/../private", "/public/%zz/../../private", "/public/%", "/%2e/private", "*"),
    *("private", "?/public", "/public/x/..%2f..%2fprivate", "/public/%u002e%u002e/private"),
]  # fmt: skip


def readings(path: str) -> set[str]:
    """Every path that a lenient server might read in `path`."""
    read: set[str] = set()
    for times, backslash, semicolon, cut in itertools.product(
        range(4), (False, True), (False, True), (False, True)
    ):
        text = path.partition("?")[0].partition("#")[0]
        for _ in range(times):
            text = unquote(text.replace("%c0%ae", ".").replace("%c0%af", "/"), "latin-1")
        if backslash:
            text = text.replace("\\", "/")
        if semicolon:
            text = "/".join(part.partition(";")[0] for part in text.split("/"))
        if cut:
            text = text.partition("\0")[0].partition("?")[0].partition("#")[0]
        read.add(posixpath.normpath("/" + text.lstrip("/")))
    return read


@pytest.mark.parametrize("path", dict.fromkeys(PATHS))
def test_p1_p4_no_spelling_of_a_path_borrows_a_bypass(front: Front, path: str) -> None:
    """Whatever the application served to a stranger is public however one reads it."""
    front.origin.served.clear()
    answer = front.ask("echo.localhost", path, HTML)
    assert answer.status != 200 or answer.by_origin, answer.body
    for served in front.origin.served:
        for read in readings(served.target):
            assert read == "/public" or read.startswith("/public/"), (served.target, read)


def test_p4_the_bypass_itself_works(front: Front) -> None:
    for path in ("/public", "/public/", "/public/a/b?c=/../private", "/public/a%20b"):
        front.origin.served.clear()
        assert front.ask("echo.localhost", path, HTML).by_origin, path
        assert [served.target for served in front.origin.served] == [path]


@pytest.mark.parametrize(
    "header",
    [
        ("Cookie", "CF_Authorization=x"),
        ("Cookie", "CF_Authorization="),
        ("Cookie", "CF_Authorization=a.b.c; CF_Authorization=d.e.f"),
        ("Cookie", "CF_Authorization=eyJhbGciOiJub25lIn0.e30."),
        ("Cookie", "\x01"),
        ("Cf-Access-Token", "x"),
        ("Authorization", "Bearer x"),
        ("User-Agent", "GoogleHC/1.0"),
        ("User-Agent", "kube-probe/1.0"),
    ],
    ids=repr,
)
def test_f1_h9_odd_credentials_and_agents_open_nothing(
    front: Front, header: tuple[str, str]
) -> None:
    front.origin.served.clear()
    answer = front.ask("echo.localhost", "/private", HTML, header)
    # nginx says 500 where Envoy could not read the question.
    assert answer.status in (302, 400, 401, 403, 500)
    assert not front.origin.served
