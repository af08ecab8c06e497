"""A browser's network without its screen: cookies by host and path, redirects one at a time.

Everything on `*.localhost` is asked for at 127.0.0.1. Nothing is hidden: every answer that a
visitor was given stays in its `trail`.
"""

from __future__ import annotations

import base64
import json
import re
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from html import unescape
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlencode, urljoin, urlsplit

import pyotp

NAVIGATION = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8", "Sec-Fetch-Mode": "navigate"}
_FIELD = re.compile(r'<(?:input|button)\b[^>]*?name="([^"]+)"[^>]*?value="([^"]*)"')
_BUTTON = re.compile(r'href="([^"]*[?&]idp=[^"]*)"|href="([^"]*&amp;idp=[^"]*)"')


@dataclass
class Reply:
    """What came back, unread by any library."""

    url: str
    status: int
    header_list: list[tuple[str, str]]
    body: bytes

    def header(self, name: str) -> str:
        """The header called `name`, or nothing."""
        return next((v for n, v in self.header_list if n.lower() == name.lower()), "")

    @property
    def set_cookies(self) -> dict[str, str]:
        """Each cookie that it sets, by name: the whole header."""
        lines = [v for n, v in self.header_list if n.lower() == "set-cookie"]
        return {line.partition("=")[0]: line for line in lines}

    @property
    def location(self) -> str:
        """Where it leads, absolute."""
        return urljoin(self.url, self.header("location"))

    @property
    def text(self) -> str:
        """The body as text."""
        return self.body.decode("utf-8", "replace")


@dataclass
class Visitor:
    """Somebody at a browser. `cookies` are by host and then by (path, name)."""

    port: int
    cookies: dict[str, dict[tuple[str, str], str]] = field(
        default_factory=dict[str, dict[tuple[str, str], str]]
    )
    trail: list[Reply] = field(default_factory=list[Reply])

    def url(self, host: str, path: str = "/") -> str:
        """An address at the gateway."""
        return f"http://{host}:{self.port}{path}"

    def cookie(self, host: str, name: str) -> str:
        """The value of a cookie that this browser keeps for `host`."""
        kept = self.cookies.get(host, {})
        return next((value for (_, one), value in kept.items() if one == name), "")

    def cookie_header(self, host: str, path: str = "/") -> str:
        """What a browser would send there; the longest path stands first (RFC 6265, 5.4)."""
        kept = [
            (cookie_path, name, value)
            for (cookie_path, name), value in self.cookies.get(host, {}).items()
            if path == cookie_path or path.startswith(cookie_path.rstrip("/") + "/")
        ]
        kept.sort(key=lambda one: -len(one[0]))
        return "; ".join(f"{name}={value}" for _, name, value in kept)

    def ask(
        self,
        url: str,
        method: str = "GET",
        *,
        body: bytes | None = None,
        with_cookies: bool = True,
        **headers: str,
    ) -> Reply:
        """One request and its answer; redirects are not followed."""
        parts = urlsplit(url)
        host = parts.hostname or ""
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        sent = {"Host": parts.netloc, **sent}
        cookie = self.cookie_header(host, parts.path or "/") if with_cookies else ""
        if cookie:
            sent.setdefault("Cookie", cookie)
        connection = HTTPConnection("127.0.0.1", parts.port or 80, timeout=20)
        try:
            connection.request(method, path, body, sent)
            answer = connection.getresponse()
            reply = Reply(url, answer.status, answer.getheaders(), answer.read())
        finally:
            connection.close()
        if with_cookies:
            self._keep(host, reply)
        self.trail.append(reply)
        return reply

    def open(self, url: str, *, most: int = 25, **headers: str) -> Reply:
        """Navigate, following redirects as a browser does; raises when there is no end."""
        for _ in range(most):
            reply = self.ask(url, **{**NAVIGATION, **headers})
            if reply.status not in (301, 302, 303, 307):
                return reply
            url = reply.location
        raise AssertionError(f"no end of redirects: {[one.url for one in self.trail[-most:]]}")

    def sign_in(self, url: str, user: dict[str, Any], *, factor: str = "") -> Reply:
        """Open `url`, sign in at the simulated Okta, and return where that leads.

        Without a `factor`, by the strongest that the person has.
        """
        page = self.open(url)
        if "/login/login.htm" not in page.url and "/cdn-cgi/access/login/" in page.url:
            found = _BUTTON.search(page.text)
            assert found is not None, f"no provider to choose at {page.url}: {page.text[:2000]}"
            page = self.open(urljoin(page.url, unescape(found[1] or found[2])))
        return self._at_okta(page, user, factor)

    def sign_in_again(self, url: str, user: dict[str, Any]) -> Reply:
        """Open a page that sends to the provider at once, and sign in there anew."""
        return self._at_okta(self.open(url), user, "")

    def open_until(self, url: str, beginning: str) -> Reply:
        """Follow redirects until one leads to an address with that beginning."""
        for _ in range(10):
            reply = self.ask(url, **NAVIGATION)
            if reply.location.startswith(beginning) or reply.status == 200:
                return reply
            url = reply.location
        raise AssertionError("no end of redirects")

    def submit(self, page: Reply, **values: str) -> Reply:
        """Fill in and send the form of one of Vestibule's own pages."""
        action = re.search(r'<form\b[^>]*?action="([^"]*)"', page.text)
        assert action is not None, page.text[:2000]
        return self._submit(page, unescape(action[1]), values)

    def _at_okta(self, page: Reply, user: dict[str, Any], factor: str) -> Reply:
        if 'name="password"' in page.text:
            said = {"identifier": user["email"], "password": user["password"]}
            page = self._submit(page, "/login/password", said)
        return self._factor(page, user, factor) if "/login/login.htm" in page.url else page

    def _factor(self, page: Reply, user: dict[str, Any], factor: str) -> Reply:
        has = {one["amr"] for one in user["factors"]}
        factor = factor or next((one for one in ("hwk", "otp") if one in has), "none")
        page = self._submit(page, "/login/factor", {"factor": factor})
        if factor == "otp" and "/login/login.htm" in page.url:
            seed = next(one["secret"] for one in user["factors"] if one["type"] == "totp")
            page = self._submit(page, "/login/code", {"code": pyotp.TOTP(seed).now()})
        return page

    def _submit(self, page: Reply, path: str, values: dict[str, str]) -> Reply:
        hidden = {name: unescape(value) for name, value in _FIELD.findall(page.text)}
        url = urljoin(page.url, path)
        origin = f"http://{urlsplit(url).netloc}"
        reply = self.ask(
            url,
            "POST",
            body=urlencode({**hidden, **values}).encode(),
            Content_Type="application/x-www-form-urlencoded",
            Origin=origin,
            Sec_Fetch_Site="same-origin",
            **NAVIGATION,
        )
        return self.open(reply.location) if reply.status in (302, 303) else reply

    def _keep(self, host: str, reply: Reply) -> None:
        kept = self.cookies.setdefault(host, {})
        for name, line in [
            (line.partition("=")[0], line)
            for one, line in reply.header_list
            if one.lower() == "set-cookie"
        ]:
            value, *attributes = line.partition("=")[2].split("; ")
            told = dict(one.partition("=")[::2] for one in attributes)
            path = told.get("Path") or told.get("path") or "/"
            expires = told.get("Expires") or told.get("expires")
            gone = told.get("Max-Age") == "0" or (
                expires is not None and parsedate_to_datetime(expires).year < 2000
            )
            if gone:
                kept.pop((path, name), None)
            else:
                kept[(path, name)] = value


def part(token: str, index: int) -> dict[str, Any]:
    """A part of a JWT: 0 its header, 1 its claims. Nothing is verified."""
    text = token.split(".")[index]
    return json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))


def claims_of(token: str) -> dict[str, Any]:
    """The claims of a JWT, unverified."""
    return part(token, 1)


def raw_request(port: int, host: str, path: str, headers: list[tuple[str, str]]) -> int:
    """The status of a request whose headers may come twice."""
    connection = HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.putrequest("GET", path, skip_host=True)
        for name, value in [("Host", f"{host}:{port}"), *headers]:
            connection.putheader(name, value)
        connection.endheaders()
        return connection.getresponse().status
    finally:
        connection.close()
