"""What only a browser can tell: contrast, reflow, focus order, what the scripts do.

One Chromium serves the whole module.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, sync_playwright

from tests.web.pages.gallery import gallery
from tests.web.pages.samples import BARE, FULL

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]

CHROMIUM = "/usr/bin/chromium"
ARGUMENTS = [
    "--no-sandbox",
    "--headless=new",
    "--disable-gpu",
    "--disable-background-networking",
    "--no-first-run",
]
SIZES = {"phone": (360, 740), "desktop": (1280, 860)}
WHERE = [f"full/{name}" for name in FULL] + [f"bare/{name}" for name in BARE]
OVERFLOW = "() => document.documentElement.scrollWidth - document.documentElement.clientWidth"
# What a keyboard should reach: of a group of radio buttons only the chosen one.
CONTROLS = """() => [...document.querySelectorAll(
    'a[href], button, textarea, input:not([type=hidden])')]
  .filter(e => e.checkVisibility() && !(e.type === 'radio' && !e.checked)).length"""


@pytest.fixture(scope="module")
def base() -> Iterator[str]:
    with gallery() as url:
        yield url


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if not Path(CHROMIUM).exists():
        pytest.skip(f"no browser at {CHROMIUM}")
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield started
        started.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": 1280, "height": 860})
    yield context.new_page()
    context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", SIZES)
def test_axe_finds_nothing_on_any_page(browser: Browser, base: str, size: str, scheme: Any) -> None:
    width, height = SIZES[size]
    context = browser.new_context(
        viewport={"width": width, "height": height}, color_scheme=scheme, reduced_motion="reduce"
    )
    page = context.new_page()
    complaints: list[str] = []
    page.on(
        "console", lambda m: complaints.append(m.text) if "Content Security" in m.text else None
    )
    page.on("pageerror", lambda error: complaints.append(str(error)))
    # A bad status is the page's own; what it loads must be there.
    page.on(
        "response",
        lambda answer: (
            complaints.append(answer.url)
            if answer.status >= 400 and "/static/" in answer.url
            else None
        ),
    )
    for where in _visits(size, scheme):
        page.goto(f"{base}/{where}")
        found = Axe().run(page)
        complaints += [
            f"{where}: {violation['id']} {[node['html'][:120] for node in violation['nodes']]}"
            for violation in found.response["violations"]
        ]
    context.close()
    assert complaints == []


def _visits(size: str, scheme: str) -> list[str]:
    """Every full page each time; the bare and the branded ones where they differ most."""
    visits = [f"full/{name}" for name in FULL]
    if (size, scheme) in {("desktop", "light"), ("phone", "dark")}:
        visits += [f"bare/{name}" for name in BARE]
        branded = ("login", "denied", "purpose", "approval_decision", "launcher")
        visits += [*(f"full/{name}?brand=branded" for name in branded), "offline"]
    return visits


@pytest.mark.parametrize(
    ("direction", "text"),
    [("ltr", ""), ("rtl", "W" * 2_000)],
    ids=["as-it-is", "right-to-left-with-endless-words"],
)
def test_every_page_fits_320_pixels(browser: Browser, base: str, direction: str, text: str) -> None:
    context = browser.new_context(viewport={"width": 320, "height": 640})
    page = context.new_page()
    for where in WHERE:
        page.goto(f"{base}/{where}?brand=branded&dir={direction}&text={text}")
        assert page.evaluate(OVERFLOW) <= 0, where
    context.close()


def test_text_can_be_spaced_and_doubled_without_loss(page: Page, base: str) -> None:
    """WCAG 2.2, 1.4.4 and 1.4.12."""
    for where in WHERE:
        page.goto(f"{base}/{where}?brand=branded")
        page.evaluate(
            """() => { const sheet = new CSSStyleSheet();
            sheet.replaceSync('html{font-size:200%} *{line-height:1.5!important;'
              + 'letter-spacing:.12em!important;word-spacing:.16em!important}');
            document.adoptedStyleSheets = [sheet]; }"""
        )
        assert page.evaluate(OVERFLOW) <= 0, where


def test_the_keyboard_reaches_every_control_in_order(page: Page, base: str) -> None:
    for where in (w for w in WHERE if w.startswith("full/")):
        page.goto(f"{base}/{where}?brand=branded")
        expected = page.evaluate(CONTROLS)
        seen: list[tuple[float, float]] = []
        for _ in range(expected):
            page.keyboard.press("Tab")
            at = page.evaluate(
                """() => { const e = document.activeElement;
                if (e === document.body || e.dataset.seen) return null;
                e.dataset.seen = '1';
                const outlined = getComputedStyle(e.type === 'radio' ? e.nextElementSibling : e);
                if (outlined.outlineStyle === 'none') return null;
                const r = e.getBoundingClientRect();
                return [Math.round(r.top + scrollY), Math.round(r.left)]; }"""
            )
            assert at is not None, f"{where}: focus was lost, or not shown"
            seen.append(tuple(at))
        rows = [top // 40 for top, _ in seen]
        assert rows == sorted(rows), f"{where}: the focus jumps"


def test_controls_are_large_enough_to_hit(browser: Browser, base: str) -> None:
    """WCAG 2.2, 2.5.8: 24 by 24 pixels, links within a sentence apart."""
    context = browser.new_context(viewport={"width": 360, "height": 740})
    page = context.new_page()
    for where in (w for w in WHERE if w.startswith("full/")):
        page.goto(f"{base}/{where}")
        small = page.evaluate(
            """() => [...document.querySelectorAll('main a[href], button, textarea, input')]
            .filter(e => e.checkVisibility() && e.type !== 'hidden')
            .map(e => [e.outerHTML.slice(0, 80), e.getBoundingClientRect()])
            .filter(([, r]) => r.width < 24 || r.height < 24).map(([html]) => html)"""
        )
        assert small == [], where
    context.close()


def test_the_launcher_narrows_by_typing_and_by_tag(page: Page, base: str) -> None:
    page.goto(f"{base}/full/launcher")
    tiles = page.locator("[data-tile]:visible")
    assert tiles.count() == 7
    page.get_by_role("searchbox").fill("RESUME")
    assert "Café Résumé" in tiles.first.inner_text()
    assert tiles.count() == 1
    assert page.get_by_role("status").inner_text() == "Showing 1 of 7 applications."
    page.get_by_role("searchbox").fill("")
    page.get_by_role("button", name="ops").click()
    assert tiles.count() == 3
    page.get_by_role("button", name="docs").click()
    assert tiles.count() == 1
    page.get_by_role("searchbox").fill("nothing like it")
    assert page.get_by_text("No application matches.").is_visible()


def test_the_fragment_travels_with_the_choice(page: Page, base: str) -> None:
    page.goto(f"{base}/full/login#/reports?year=2026&x=1")
    link = page.get_by_role("link", name="Okta").get_attribute("href")
    assert link is not None
    assert link.endswith("?idp=1&fragment=%2Freports%3Fyear%3D2026%26x%3D1")
    page.goto(f"{base}/full/login?again")
    assert "fragment" not in (page.get_by_role("link", name="Okta").get_attribute("href") or "")


def test_the_waiting_page_moves_on_when_it_is_approved(page: Page, base: str) -> None:
    page.goto(f"{base}/full/approval_waiting")
    page.wait_for_url("**/onward")


def test_the_waiting_page_bears_a_server_that_is_away(page: Page, base: str) -> None:
    page.route("**/poll", lambda route: route.abort())
    page.goto(f"{base}/full/approval_waiting")
    page.get_by_text("The connection was lost. Trying again…").wait_for()
    page.unroute("**/poll")
    page.wait_for_url("**/onward")


def test_moments_are_shown_in_the_reader_s_own_time(browser: Browser, base: str) -> None:
    context = browser.new_context(timezone_id="Asia/Tokyo", locale="de")
    page = context.new_page()
    page.goto(f"{base}/full/terminal_approval?lang=de")
    assert page.locator("time").inner_text() == "23.11.2026, 03:19"
    context.close()


@pytest.mark.parametrize("where", [f"full/{name}" for name in FULL])
def test_every_page_works_without_scripts(browser: Browser, base: str, where: str) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{base}/{where}")
    assert page.locator("h1").is_visible()
    assert page.locator("[data-filters]:visible").count() == 0
    context.close()


def test_forced_colours_and_print_keep_the_words(browser: Browser, base: str) -> None:
    context = browser.new_context(forced_colors="active")
    page = context.new_page()
    page.goto(f"{base}/full/denied?brand=branded")
    assert page.get_by_role("link", name="Use another account").is_visible()
    page.emulate_media(media="print")
    assert page.locator(".reference code").is_visible()
    assert not page.locator(".actions").is_visible()
    context.close()


def test_s7_a_form_answer_may_redirect_only_to_named_origins(page: Page, base: str) -> None:
    """Browsers judge the redirect after a POST by `form-action`: pages must name the host."""
    other = base.replace("127.0.0.1", "localhost")
    page.goto(f"{base}/form?to={other}/onward")
    page.get_by_label("Your reason").fill("because")
    with page.expect_console_message(lambda message: "form-action" in message.text):
        page.get_by_role("button").click()
    page.goto(f"{base}/form?to={other}/onward&origin={other}")
    page.get_by_label("Your reason").fill("because")
    page.get_by_role("button").click()
    page.wait_for_url(f"{other}/onward")
