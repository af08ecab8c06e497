"""The sign-in pages in a real browser: they work, and axe finds nothing."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, sync_playwright

from simulated_okta.demo_world import people

pytestmark = pytest.mark.browser


@pytest.fixture
def url() -> Iterator[str]:
    process = subprocess.Popen(
        [sys.executable, "-m", "simulated_okta"], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    yield process.stdout.readline().strip()
    process.terminate()
    process.wait(10)


@pytest.fixture(params=[("light", 1200), ("dark", 390)], ids=["desktop-light", "phone-dark"])
def page(request: pytest.FixtureRequest) -> Iterator[Page]:
    scheme, width = request.param
    with sync_playwright() as playwright:
        found = shutil.which("chromium")
        browser = playwright.chromium.launch(executable_path=found, args=["--no-sandbox"])
        context = browser.new_context(color_scheme=scheme, viewport={"width": width, "height": 800})
        yield context.new_page()
        browser.close()


def accessible(page: Page, shown: str) -> None:
    """Check, once `shown` is there, that axe finds nothing and nothing sticks out sideways."""
    page.wait_for_selector(shown)
    page.wait_for_load_state()
    found = Axe().run(page)
    assert found.violations_count == 0, found.generate_report()
    assert not page.evaluate("document.documentElement.scrollWidth > innerWidth")


def test_a_newcomer_signs_in_with_what_the_page_tells(url: str, page: Page) -> None:
    alice = people()[0]
    page.goto(f"{url}/login/login.htm")
    accessible(page, "#identifier")
    page.fill("#identifier", alice.login)
    page.fill("#password", "wrong")
    page.click("#submit")
    assert page.inner_text("#error") == "Unable to sign in"
    accessible(page, "#error")
    page.fill("#password", alice.password)
    page.click("#submit")
    accessible(page, "#factor-otp")
    page.click("#factor-otp")
    accessible(page, "#code")
    page.fill("#code", page.inner_text("#current-code"))
    page.click("#submit")
    assert page.inner_text("#signed-in-as") == alice.login
    accessible(page, "#signed-in-as")
    page.click("#sign-out")
    assert page.is_visible("#signed-out")
