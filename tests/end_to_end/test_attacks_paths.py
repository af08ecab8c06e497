"""P1-P4: whatever the origin was asked for had been judged by the policy of that very path."""

from __future__ import annotations

import posixpath
import re
from itertools import product
from urllib.parse import unquote

import pytest

from tests.end_to_end.attacking import Target, Visitor, request, send

pytestmark = pytest.mark.envoy

UP = ("..", ".%2e", "%2e%2e", "%2E.", "..;", "..;x=y", "%2e%2e%3b", "..%00", "..%09", "..%20")
UP = (*UP, "..%5c", "..%2f", "%252e%252e", "%c0%ae%c0%ae", "%e0%80%ae%e0%80%ae", "...", "..%23")
UP = (*UP, "%f0%80%80%ae%f0%80%80%ae", "%u002e%u002e", "..%3f", "%2e%2e%5c", "..\\", "..%", "%ff..")
BETWEEN = (
    "/",
    "//",
    "/./",
    "\\",
    "%2f",
    "%5c",
    ";/",
    "/;/",
    "/.;/",
    "%3b/",
    "%23/",
    "%3f/",
    "/%2e/",
)
PATHS = [f"/public{slash}{up}/private" for slash, up in product(BETWEEN, UP)]
PATHS += [f"/public/a{slash}{up}{slash}{up}/private" for slash, up in product(BETWEEN, UP)]
PATHS += [f"//{rest}" for rest in ("public", "public/../private", "private/../public/../private")]
PATHS += [
    "/publicly",
    "/PUBLIC",
    "/Public/x",
    "/public%20/x",
    "/public.",
    "/public.;/x",
    "/publi%63",
]
PATHS += ["/private?/public", "/private;/public", "/private#/public", "/private%3f/public"]
PATHS += ["/public?/../private", "/public#/../private", "/%70ublic/../private", "/.//public/..//x"]
PATHS += ["*", "", "private", "public/../private", "?", "/\x01", "/public\x7f", "/public/\xe9"]


@pytest.fixture(scope="module")
def visitor(target: Target) -> Visitor:
    return target.signed_in()


def readings(target: str) -> set[str]:
    """The paths that some server might read out of a request's target."""
    path = re.split(r"[?#]", target)[0]
    found = {path}
    for _ in range(3):
        found |= {unquote(one, "latin-1") for one in found}
        found |= {one.replace("\\", "/") for one in found}
        found |= {re.sub(r";[^/]*", "", one) for one in found}
        found |= {re.split(r"[\0#?]", one)[0] for one in found}
    return {posixpath.normpath("/" + one.lstrip("/")) for one in found}


def batched(target: Target, cookie: str) -> list[tuple[str, list[str]]]:
    """Ask for every path; for each, what the origin was asked for, and with which identity."""
    told: list[tuple[str, list[str]]] = []
    for path in PATHS:
        extra = [f"Cookie: {cookie}"] if cookie else []
        send(target.port, request(path, *extra, host=target.host()))
        told += [(one.target, one.all("cf-access-jwt-assertion")) for one in target.origin.take()]
    return told


def test_p1_p4_a_stranger_reaches_nothing_that_anybody_reads_as_private(target: Target) -> None:
    reached = batched(target, "")
    assert reached, "the public pages themselves are open"
    for asked, identity in reached:
        assert not identity
        astray = [one for one in readings(asked) if not f"{one}/".startswith("/public/")]
        assert not astray, f"the origin was asked for {asked}, which may mean {astray}"


def test_p1_a_known_visitor_is_named_on_every_private_page(
    target: Target, visitor: Visitor
) -> None:
    for asked, identity in batched(target, visitor.cookie(target.host())):
        private = [one for one in readings(asked) if not f"{one}/".startswith("/public/")]
        assert bool(private) == bool(identity), asked


@pytest.mark.parametrize(
    ("line", "status"),
    [
        ("http://{raw}/private", 302),
        ("http://{raw}/public/../private", 302),
        ("http://{team}/private", 404),
        ("http://evil.example/public/x", 403),
        ("//{raw}/public/x", 302),
        ("http://{raw}@evil.example/public/x", 403),
        ("http:///public/x", 400),
    ],
)
def test_h6_the_request_line_names_the_host_that_is_judged(
    target: Target, line: str, status: int
) -> None:
    whole = line.format(raw=target.host(), team=target.host("team"))
    assert target.send(whole).status == status
    assert not target.origin.take()


@pytest.mark.parametrize(
    "path",
    [
        "/cdn-cgi",
        "/cdn-cgi/x",
        "//cdn-cgi//access/x",
        "/public/../cdn-cgi/access/x",
        "/cdn-cgi%2fx",
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "OPTIONS", "HEAD"])
def test_s7_nothing_below_the_reserved_prefix_is_forwarded(
    target: Target, visitor: Visitor, path: str, method: str
) -> None:
    cookie = f"Cookie: {visitor.cookie(target.host())}"
    answer = target.send(path, cookie, "Content-Length: 0", method=method)
    assert answer.status in (400, 403, 404, 405)
    assert not target.origin.take()
