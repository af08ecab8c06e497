"""An operator's colours are used where they are colours and can be read."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vestibule.model.organization import Brand
from vestibule.web.pages import brand_css
from vestibule.web.pages.brand import https_origin
from vestibule.web.pages.colour import READABLE, Colour, contrast, parse_colour, readable_on

COLOURS = st.builds(Colour, *[st.integers(0, 255)] * 3)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("#fff", "#ffffff"),
        ("#1F2A4D", "#1f2a4d"),
        (" teal ", "#008080"),
        ("rgb(1, 2, 3)", "#010203"),
        ("rgb(999 0 0)", "#ff0000"),
        ("hsl(120, 100%, 50%)", "#00ff00"),
        ("hsl(480deg 100% 50%)", "#00ff00"),
    ],
)
def test_colours_are_understood(text: str, expected: str) -> None:
    colour = parse_colour(text)
    assert colour is not None
    assert colour.css() == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        "#12",
        "#ffff",
        "#ggg",
        "url(https://evil.example/)",
        "red; } body { display: none",
        "expression(alert(1))",
        "#fff/*",
        "var(--text)",
        "rgb(1,2,3)) } *{",
        "transparent",
        "#\uff11\uff11\uff11",
    ],
)
def test_what_is_no_colour_is_left_out(text: str) -> None:
    brand = Brand(background_color=text, text_color=text, button_color=text)
    assert brand_css(brand) == ""


@given(COLOURS, COLOURS)
def test_text_can_be_read_whatever_was_wished(background: Colour, wish: Colour) -> None:
    assert contrast(readable_on(background, wish), background) >= READABLE


@given(COLOURS, COLOURS, COLOURS)
def test_the_stylesheet_holds_nothing_but_custom_properties(
    one: Colour, two: Colour, three: Colour
) -> None:
    css = brand_css(
        Brand(background_color=one.css(), text_color=two.css(), button_color=three.css())
    )
    plain = re.sub(r"--[a-z0-9-]+: (#[0-9a-f]{6,8}|transparent)", "", css)
    assert re.fullmatch(
        r":root \{[; ]*\}\s@media \(prefers-color-scheme: dark\) \{ :root \{[; ]*\} \}\s", plain
    )


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://logos.example/a.png", "https://logos.example"),
        ("https://LOGOS.example:8443/", "https://logos.example:8443"),
        ("http://logos.example/a.png", None),
        ("//logos.example/a.png", None),
        ("data:image/png;base64,AA", None),
        ("https://a; script-src *", None),
        ("https://a\r\nSet-Cookie: x", None),
        ("https://u@h.example/", None),
        ("https://h.example:99999/", None),
        ("https://[::1]/", None),
        ("https://bücher.example/", None),
        ("https://*/", None),
        ("", None),
    ],
)
def test_only_an_https_host_reaches_the_policy(url: str, expected: str | None) -> None:
    assert https_origin(url) == expected
