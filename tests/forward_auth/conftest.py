"""One demo, one application and each proxy in front of it, for the tests of one worker."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from playwright.sync_api import Browser, BrowserContext

from tests.end_to_end.conftest import Demo, browser, start_demo, stop_demo
from tests.end_to_end.signing_in import person, sign_in
from tests.forward_auth.origin import RecordingOrigin, Served
from tests.forward_auth.proxies import PROXIES, Place, Proxy
from tests.forward_auth.raw import Answer, ask

__all__ = ["browser"]

SECRET = "s3cret-of-the-proxies"


@dataclass(frozen=True)
class Front:
    """The demo's applications as visitors of a foreign proxy see them."""

    demo: Demo
    origin: RecordingOrigin
    proxy: Proxy

    def url(self, host: str, path: str = "/") -> str:
        return f"https://{host}:{self.proxy.port}{path}"

    def ask(
        self,
        host: str,
        target: str | bytes = "/",
        *headers: tuple[str, str],
        method: str = "GET",
        cookie: str = "",
        authority: str = "",
    ) -> Answer:
        sent = (*headers, ("Cookie", cookie)) if cookie else headers
        return ask(self.proxy.port, host, target, *sent, method=method, authority=authority)

    def served(self, *headers: tuple[str, str], cookie: str, path: str = "/") -> Served:
        """What the application got of a visit to the wiki."""
        self.origin.served.clear()
        answer = self.ask("wiki.localhost", path, *headers, cookie=cookie)
        assert answer.by_origin, (answer.status, answer.body)
        return self.origin.served[-1]


@pytest.fixture(scope="session")
def asked_demo() -> Iterator[Demo]:
    """The demo, which knows the proxies' secret."""
    running = start_demo()
    try:
        document = running.data / "proxies.json"
        clients = [{"name": "the proxies", "secret": SECRET}]
        document.write_text(json.dumps({"version": 1, "forward_auth_clients": clients}))
        running.command("apply", "-f", str(document), "--yes")
        yield running
    finally:
        stop_demo(running)


@pytest.fixture(scope="session")
def origin() -> Iterator[RecordingOrigin]:
    running = RecordingOrigin().start()
    yield running
    running.stop()


@pytest.fixture(scope="session")
def machine(asked_demo: Demo) -> tuple[tuple[str, str], tuple[str, str]]:
    """The headers of a machine, for which Echo has a policy."""
    made = json.loads(asked_demo.command("service-token", "create", "a machine", "--json"))
    return (
        ("Cf-Access-Client-Id", made["client_id"]),
        ("Cf-Access-Client-Secret", made["client_secret"]),
    )


@pytest.fixture(scope="session")
def place(asked_demo: Demo, origin: RecordingOrigin) -> Place:
    asked = int(asked_demo.ready["forward_auth_url"].rpartition(":")[2])
    return Place(asked, SECRET, origin.port)


@pytest.fixture(scope="module", params=PROXIES.values(), ids=PROXIES.keys())
def front(
    request: pytest.FixtureRequest, asked_demo: Demo, origin: RecordingOrigin, place: Place
) -> Iterator[Front]:
    """Each proxy in turn."""
    proxy: Proxy = request.param(place)
    yield Front(asked_demo, origin, proxy)
    proxy.stop()


@pytest.fixture
def visitor(browser: Browser) -> Iterator[BrowserContext]:
    """A browser that has never been anywhere, and takes the proxy's certificate as it is."""
    fresh = browser.new_context(ignore_https_errors=True)
    fresh.set_default_timeout(15_000)
    yield fresh
    fresh.close()


@pytest.fixture(scope="module")
def cookie(front: Front, browser: Browser) -> str:
    """Alice's cookie for the wiki, from a login through the proxy."""
    context = browser.new_context(ignore_https_errors=True)
    context.set_default_timeout(15_000)
    page = context.new_page()
    alice = person(front.demo.ready, "alice@example.com")
    # Not by a code, which serves only once.
    sign_in(page, front.url("wiki.localhost"), alice, factor="hwk")
    page.wait_for_url(front.url("wiki.localhost"))
    found = {one["name"]: one["value"] for one in context.cookies(front.url("wiki.localhost"))}
    context.close()
    return f"CF_Authorization={found['CF_Authorization']}"
