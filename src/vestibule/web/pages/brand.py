"""The operator's colours and logo, judged before they reach a page."""

from __future__ import annotations

from urllib.parse import urlsplit

from vestibule.model.organization import Brand
from vestibule.web.pages.colour import READABLE, Colour, contrast, parse_colour, readable_on

_LIGHT_SURFACE = Colour(0xFF, 0xFF, 0xFF)
_DARK_SURFACE = Colour(0x1D, 0x21, 0x28)


def brand_css(brand: Brand) -> str:
    """The stylesheet of a brand's colours; empty when the brand names no usable one.

    A text colour that could not be read on its background is replaced by black or white,
    and a button's text is chosen likewise: no configuration makes an unreadable page.
    """
    light: list[str] = []
    dark: list[str] = []
    background = parse_colour(brand.background_color)
    text = parse_colour(brand.text_color)
    if background is not None:
        canvas_text = readable_on(background, text)
        light += [
            f"--canvas: {background.css()}",
            f"--canvas-text: {canvas_text.css()}",
            f"--canvas-muted: {canvas_text.css()}",
            *(f"--arch-{ring}: transparent" for ring in (1, 2, 3, 4)),
            f"--mark: {canvas_text.css()}",
            f"--arch-line: {canvas_text.css()}1f",
        ]
        dark += light
    button = parse_colour(brand.button_color)
    if button is not None:
        rules = [f"--button: {button.css()}", f"--button-text: {readable_on(button).css()}"]
        light += rules + _accent(button, _LIGHT_SURFACE)
        dark += rules + _accent(button, _DARK_SURFACE)
    if not light:
        return ""
    return (
        f":root {{ {'; '.join(light)} }}\n"
        f"@media (prefers-color-scheme: dark) {{ :root {{ {'; '.join(dark)} }} }}\n"
    )


def https_origin(url: str) -> str | None:
    """The `https://host[:port]` of an absolute URL, for `img-src`; None for any other."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return None
    host = parts.hostname or ""
    # A header is built from this: only what a host name may hold gets through.
    if parts.scheme != "https" or not host or not all(c.isalnum() or c in "-._" for c in host):
        return None
    if parts.username is not None or not host.isascii():
        return None
    return f"https://{host}:{port}" if port is not None else f"https://{host}"


def _accent(colour: Colour, surface: Colour) -> list[str]:
    return [f"--accent: {colour.css()}"] if contrast(colour, surface) >= READABLE else []
