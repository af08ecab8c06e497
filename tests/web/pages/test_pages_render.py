"""Every page says what it must, escapes what it is told, and allows itself almost nothing."""

from __future__ import annotations

import dataclasses
from base64 import b64encode
from hashlib import sha256
from html.parser import HTMLParser

import pytest

from tests.web.pages.samples import BARE, BRANDED, FULL, PLAIN, REFERENCE, hostile
from vestibule.model.organization import Brand, FooterLink
from vestibule.web.pages import local_reply, render
from vestibule.web.pages.views import (
    ApprovalWaitingPage,
    LauncherPage,
    LoginPage,
    MessagePage,
    Page,
    ProviderChoice,
    PurposePage,
    SignInErrorPage,
    Tile,
    UnmatchedHostPage,
)

ALL = [pytest.param(page, id=f"full-{name}") for name, page in FULL.items()] + [
    pytest.param(page, id=f"bare-{name}") for name, page in BARE.items()
]
HOSTILE = {
    "script": '</title><script>alert(1)</script><img src=x onerror="alert(1)">',
    "quotes": '" \' onfocus=alert(1) autofocus x="',
    "template": "{{ 7*7 }} {% raw %} %(application)s %s 100%",
    "javascript": "javascript:alert(1)//",
    "protocol-relative": "//evil.example/",
    "override": "gpj.\u202egro.elpmaxe\u202c",
    "controls": "a\x00b\x1bc\rd\ne",
    "long": "W" * 10_240,
    "long-words": "word " * 2_048,
    "lone-surrogate": "a\ud800b",
}


class Outline(HTMLParser):
    """The tags of a page, its headings and every URL in it."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str, str]] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(tag, name, value or "") for name, value in attrs]

    @property
    def headings(self) -> list[int]:
        return [int(tag[1]) for tag in self.tags if tag in {"h1", "h2", "h3", "h4"}]

    def values(self, *names: str) -> list[str]:
        return [value for _, name, value in self.attributes if name in names]


def shown(page: Page, brand: Brand = PLAIN) -> Outline:
    return Outline(render(page, brand=brand).html)


@pytest.mark.parametrize("brand", [PLAIN, BRANDED], ids=["plain", "branded"])
@pytest.mark.parametrize("page", ALL)
def test_a_page_is_one_document_with_one_title_and_headings_in_order(
    page: Page, brand: Brand
) -> None:
    outline = shown(page, brand)
    assert outline.tags.count("title") == 1
    assert outline.headings[0] == 1
    assert outline.headings.count(1) == 1
    assert all(
        after <= before + 1
        for before, after in zip(outline.headings, outline.headings[1:], strict=False)
    )


@pytest.mark.parametrize("page", ALL)
def test_a_page_carries_no_inline_script_or_style(page: Page) -> None:
    outline = shown(page, BRANDED)
    assert ("style" in outline.tags) == isinstance(page, UnmatchedHostPage)
    assert not [
        name for _, name, _ in outline.attributes if name == "style" or name.startswith("on")
    ]
    scripts = [value for tag, name, value in outline.attributes if (tag, name) == ("script", "src")]
    assert outline.tags.count("script") == len(scripts)


@pytest.mark.parametrize("page", ALL)
def test_a_page_loads_nothing_from_elsewhere(page: Page) -> None:
    outline = shown(page, BRANDED)
    loaded = [
        value
        for tag, name, value in outline.attributes
        if name in {"src", "srcset", "data", "poster"} or (tag, name) == ("link", "href")
    ]
    assert bool(loaded) != isinstance(page, UnmatchedHostPage)
    assert all(url.startswith("/cdn-cgi/access/static/") for url in loaded)


@pytest.mark.parametrize("page", ALL)
def test_s7_headers_are_strict_on_every_page(page: Page) -> None:
    headers = render(page, brand=BRANDED).headers
    policy = headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; ")
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
    assert "base-uri 'none'" in policy
    assert "http:" not in policy
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert "no-store" in headers["Cache-Control"]
    assert headers["Cross-Origin-Opener-Policy"] == "same-origin"


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
@pytest.mark.parametrize("page", ALL)
def test_what_a_stranger_wrote_adds_no_tag_and_leads_nowhere(page: Page, text: str) -> None:
    brand = Brand(
        organization_name=text,
        logo_url=text,
        header_text=text,
        footer_text=text,
        background_color=text,
        text_color=text,
        button_color=text,
        footer_links=(FooterLink(text, text),),
        support_contact=text,
    )
    rendered = render(hostile(page, text), brand=brand)
    outline = Outline(rendered.html)
    known = set(shown(page, BRANDED).tags) | set(shown(hostile(page, "x"), BRANDED).tags)
    assert set(outline.tags) <= known | {"a", "img", "ul", "li", "form", "input"}
    assert not [name for _, name, _ in outline.attributes if name.startswith("on")]
    assert "autofocus" not in {name for _, name, _ in outline.attributes}
    for url in outline.values("href", "src", "action", "data-poll", "data-onward"):
        assert url == "" or (url.startswith(("/", "https://")) and not url.startswith("//")), url
    assert not {"\u202e", "\x00", "\x1b"} & set(rendered.html)
    assert rendered.html.encode()
    for name, value in rendered.headers.items():
        assert value.isascii(), name
        assert value.isprintable(), name


def test_a_visitor_reads_names_that_are_only_unusual_as_they_are() -> None:
    html = render(LoginPage("Ärger & Söhne <intern>", ()), brand=PLAIN).html
    assert "<bdi>Ärger &amp; Söhne &lt;intern&gt;</bdi>" in html


STATUSES = {
    "login": 200,
    "sign_in_error": 502,
    "denied": 403,
    "forbidden": 403,
    "purpose": 400,
    "approval_waiting": 200,
    "approval_granted": 200,
    "approval_refused": 200,
    "approval_decision": 200,
    "approval_decided": 200,
    "launcher": 200,
    "logged_out": 200,
    "log_out": 200,
    "unmatched_host": 403,
    "no_origin": 503,
    "loop": 400,
    "terminal_approval": 200,
    "message": 200,
}


@pytest.mark.parametrize("name", FULL)
def test_each_page_has_its_status(name: str) -> None:
    assert render(FULL[name], brand=PLAIN).status == STATUSES[name]


@pytest.mark.parametrize(
    "page",
    [page for page in FULL.values() if hasattr(page, "reference")],
    ids=lambda p: type(p).__name__,
)
def test_a_reference_is_shown_with_its_label(page: Page) -> None:
    html = render(page, brand=PLAIN).html
    assert f"<dt>Reference code</dt>\n<dd><code>{REFERENCE}</code></dd>" in html


def test_a_denied_person_finds_every_way_on() -> None:
    html = render(FULL["denied"], brand=BRANDED).html
    for text in (
        "grace.hopper@example.com",
        "Sign in with a security key (hwk). You signed in with: pwd, otp.",
        ">Sign in again with another method</a>",
        ">Use another account</a>",
        ">Open my applications</a>",
        'href="mailto:help@example.com"',
    ):
        assert text in html


@pytest.mark.parametrize(
    ("page", "directives"),
    [
        pytest.param(
            FULL["denied"],
            ("script-src 'none'", "form-action 'none'", "connect-src 'none'"),
            id="denied",
        ),
        pytest.param(FULL["login"], ("script-src 'self'", "form-action 'none'"), id="login"),
        pytest.param(FULL["approval_waiting"], ("connect-src 'self'",), id="waiting"),
        pytest.param(
            FULL["approval_granted"], ("script-src 'none'", "connect-src 'none'"), id="granted"
        ),
        pytest.param(FULL["purpose"], ("form-action 'self';",), id="purpose"),
    ],
)
def test_s7_a_page_may_do_only_what_it_uses(page: Page, directives: tuple[str, ...]) -> None:
    policy = render(page, brand=PLAIN).headers["Content-Security-Policy"]
    assert all(directive in policy for directive in directives)


def test_a_form_may_be_answered_with_a_redirect_to_the_named_origins_alone() -> None:
    page = PurposePage(
        "Payroll",
        "",
        "/p",
        "t",
        form_origins=(
            "https://payroll.example.com/path",
            "http://payroll.localhost:8080",
            "javascript:alert(1)",
            "https://a b; script-src *",
        ),
    )
    policy = render(page, brand=PLAIN).headers["Content-Security-Policy"]
    assert "form-action 'self' http://payroll.localhost:8080 https://payroll.example.com;" in policy


def test_the_logos_of_a_page_may_be_loaded_and_no_other_image() -> None:
    page = dataclasses.replace(
        FULL["launcher"],
        tiles=(
            Tile("A", "https://a.example/", logo_url="https://cdn.example:8443/a.png?x=1"),
            Tile("B", "https://b.example/", logo_url="http://plain.example/b.png"),
            Tile("C", "https://c.example/", logo_url="https://u:p@cred.example/c.png"),
        ),
    )
    brand = dataclasses.replace(BRANDED, logo_url="https://logos.example/n.svg")
    rendered = render(page, brand=brand)
    assert (
        "img-src 'self' https://cdn.example:8443 https://logos.example;"
        in rendered.headers["Content-Security-Policy"]
    )
    images = [
        value
        for tag, name, value in Outline(rendered.html).attributes
        if (tag, name) == ("img", "src")
    ]
    assert images == ["https://logos.example/n.svg", "https://cdn.example:8443/a.png?x=1"]


def test_a_launcher_with_very_many_logo_hosts_keeps_its_header_short() -> None:
    tiles = tuple(Tile(str(n), "/", logo_url=f"https://logo-{n}.example/l.png") for n in range(200))
    rendered = render(LauncherPage("a@example.com", "", tiles, ""), brand=PLAIN)
    assert len(rendered.headers["Content-Security-Policy"]) < 500
    assert "img-src 'self' https:;" in rendered.headers["Content-Security-Policy"]


def test_the_page_of_an_unmatched_host_fetches_nothing_and_names_its_style_by_hash() -> None:
    rendered = render(UnmatchedHostPage("lost.example.com"), brand=BRANDED)
    style = rendered.html.partition("<style>")[2].partition("</style>")[0]
    digest = b64encode(sha256(style.encode()).digest()).decode()
    assert f"style-src 'sha256-{digest}';" in rendered.headers["Content-Security-Policy"]
    assert "--canvas: #1f2a4d" in style
    assert "url(" not in style


def test_a_link_to_a_provider_with_a_dangerous_scheme_goes_nowhere() -> None:
    page = LoginPage("Wiki", (ProviderChoice("Evil", "oidc", "JaVaScRiPt:alert(1)"),))
    assert "alert" not in render(page, brand=PLAIN).html


def test_a_decision_page_offers_durations_in_words() -> None:
    html = render(FULL["approval_decision"], brand=PLAIN, accept_language="de").html
    assert "15 Minuten" in html
    assert 'value="1h" checked' in html


def test_a_page_that_is_not_waiting_asks_nobody() -> None:
    page = ApprovalWaitingPage("Payroll", (), "", "/poll", "/onward", state="approved")
    assert "/poll" not in render(page, brand=PLAIN).html


@pytest.mark.parametrize("status", [400, 401, 500])
def test_messages_and_errors_say_their_own_status(status: int) -> None:
    assert render(MessagePage("T", "M", status=status), brand=PLAIN).status == status
    assert render(SignInErrorPage("M", status=status), brand=PLAIN).status == status


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_the_local_reply_needs_nobody_and_escapes_the_brand(text: str) -> None:
    html = local_reply(Brand(organization_name=text, support_contact=text))
    outline = Outline(html)
    assert set(outline.tags) == set(Outline(local_reply(PLAIN)).tags)
    assert not outline.values("href", "src", "srcset", "action")
    assert "url(" not in html
    assert "<script" not in html
    # Envoy's body format gives the per cent sign a meaning.
    assert "%" not in html
    assert html.encode()
