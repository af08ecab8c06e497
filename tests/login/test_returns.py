"""R1: wherever a sign-in leads back to, it is a path on the host that it came from."""

from __future__ import annotations

from urllib.parse import urljoin, urlsplit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vestibule.login.returns import return_path

ORIGIN = "https://wiki.example"

KEPT = [
    "/",
    "/a",
    "/a/b?c=d&e=%2F%3a",
    "/a?next=https://evil.example/",
    "/a?x=%0d%0aSet-Cookie:a=b",
    "/a//b///c",
    "/a;b=c",
    "/app#/route?x=1&y=2;z",
    "/app?q=1#frag#ment",
    "/%2e%2e/x",
    "/a?b=\\c",
    "/@evil.example/",
    "/foo/cdn-cgi/x",
    "/cdn-cgi/access/cli?token=x&aud=y",
    "/cdn-cgi/access/approval/wu_gD-myCGE3",
    "/cdn-cgi/access/refresh-identity?success=true",
]
REFUSED = [
    "",
    "x",
    "//evil.example",
    "///evil.example",
    "/\\evil.example",
    "\\/evil.example",
    "\\\\evil.example",
    "/a\\b",
    "https://evil.example/",
    "HTTPS://evil.example",
    "https:evil.example",
    "javascript:alert(1)",
    "JaVaScRiPt:alert(1)",
    "data:text/html,x",
    " /a",
    "\t/a",
    "/\t/evil.example",
    "/\n/evil.example",
    "/a\r\nLocation: https://evil.example",
    "/a\x00b",
    "/a\x7f",
    "?a=b",
    "#a",
    ".//evil.example",
    "/cdn-cgi",
    "/cdn-cgi/access/logout",
    "/CDN-CGI/access/logout",
    "/%63dn-cgi/access/logout",
    "/%2563dn-cgi/access/logout",
    "//cdn-cgi/access/logout",
    "/a/../cdn-cgi/access/logout",
    "/a/%2e%2e/cdn-cgi/access/logout",
    "/cdn-cgi/access/cli/../logout",
    "/cdn-cgi/access/refresh-identity",
    "/cdn-cgi/access/login/wiki.example",
    "/" + "a" * 5000,
]


@pytest.mark.parametrize("asked", KEPT)
def test_a_path_is_kept_byte_for_byte(asked: str) -> None:
    assert return_path(asked) == asked


@pytest.mark.parametrize("asked", REFUSED)
def test_whatever_else_becomes_the_root(asked: str) -> None:
    assert return_path(asked) == "/"


def test_what_a_header_cannot_hold_is_encoded() -> None:
    assert return_path("/caf\u00e9 x") == "/caf%C3%A9%20x"


def test_a_fragment_is_added_unless_there_is_one() -> None:
    assert return_path("/a", "/b?c") == "/a#/b?c"
    assert return_path("/a#x", "y") == "/a#x"
    assert return_path("/a", "x\r\ny") == "/"


PIECES = "/ // \\ @ : ? # %2f %5c .. . evil.example https: javascript: http:// a %00 %0a cdn-cgi"
pieces = st.sampled_from([*PIECES.split(), "access", "logout", "\u2044", "\t", "\n", "\r"])


@settings(max_examples=1500, deadline=None)
@given(st.lists(pieces, max_size=12).map("".join) | st.text(max_size=40))
def test_no_text_leads_to_another_host(asked: str) -> None:
    made = ORIGIN + return_path(asked)
    assert made.isascii()
    assert made.isprintable()
    # As a browser reads it: `\` is a slash, tabs and line feeds are nothing.
    read = made.replace("\\", "/").replace("\t", "").replace("\n", "")
    assert urlsplit(read).netloc == "wiki.example"
    assert urlsplit(urljoin(ORIGIN, read)).netloc == "wiki.example"
