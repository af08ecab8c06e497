"""Somebody at the sign-in pages, played by an HTTP client: for tests without a browser."""

from __future__ import annotations

import time
from collections.abc import Mapping
from html.parser import HTMLParser
from typing import Final
from urllib.parse import parse_qs, urljoin, urlsplit

import httpx2

from simulated_okta.factors import Factor
from simulated_okta.sign_in import current_code
from simulated_okta.world import Person

_HIDDEN: Final = ("stateToken", "csrf")


class _Fields(HTMLParser):
    """Collects the input fields of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.found: dict[str, str] = {}

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Keep the name and value of an `input`."""
        attributes = dict(attrs)
        if tag == "input" and (name := attributes.get("name")):
            self.found[name] = attributes.get("value") or ""


def fields(html: str) -> dict[str, str]:
    """Return the names and values of the inputs in a page."""
    parser = _Fields()
    parser.feed(html)
    return parser.found


def parameters(response: httpx2.Response) -> dict[str, str]:
    """Return what a redirect to an application carries, in its query or its fragment."""
    parts = urlsplit(response.headers["location"])
    return {name: values[0] for name, values in parse_qs(parts.query or parts.fragment).items()}


class Visitor:
    """Drives the pages with `http`, whose cookies are the browser's."""

    def __init__(self, http: httpx2.Client, *, clock: float | None = None) -> None:
        self._http = http
        self._clock = clock

    def open(self, url: str) -> httpx2.Response:
        """Open `url`; return Okta's page, or the redirect that leaves Okta."""
        return self._within(self._http.get(url, follow_redirects=False))

    def submit(
        self, page: httpx2.Response, action: str, values: Mapping[str, str]
    ) -> httpx2.Response:
        """Send a form of `page` with its hidden fields and `values`."""
        found = fields(page.text)
        data = {name: found.get(name, "") for name in _HIDDEN} | dict(values)
        answer = self._http.post(urljoin(str(page.url), action), data=data, follow_redirects=False)
        return self._within(answer)

    def sign_in(self, url: str, person: Person, factor: Factor | None = None) -> httpx2.Response:
        """Open `url` and sign in as `person`; `factor` None skips where that is allowed.

        Returns the redirect to the application, or the page that stands in the way.
        """
        page = self.open(url)
        if page.has_redirect_location:
            return page
        credentials = {"identifier": person.login, "password": person.password}
        return self.prove(self.submit(page, "/login/password", credentials), person, factor)

    def prove(
        self, page: httpx2.Response, person: Person, factor: Factor | None
    ) -> httpx2.Response:
        """Give a second factor, if `page` asks for one."""
        if page.has_redirect_location or 'name="factor"' not in page.text:
            return page
        page = self.submit(page, "/login/factor", {"factor": factor or "none"})
        if factor is Factor.OTP and not page.has_redirect_location:
            now = int(time.time() if self._clock is None else self._clock)
            page = self.submit(page, "/login/code", {"code": current_code(person, now)})
        return page

    def _within(self, response: httpx2.Response) -> httpx2.Response:
        """Follow redirects as long as they stay at the same origin's sign-in pages."""
        while response.has_redirect_location:
            target = urlsplit(urljoin(str(response.url), response.headers["location"]))
            here = urlsplit(str(response.url))
            if (target.scheme, target.netloc) != (here.scheme, here.netloc):
                break
            response = self._http.get(target.geturl(), follow_redirects=False)
        return response
