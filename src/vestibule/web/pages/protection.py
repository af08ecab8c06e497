"""The headers that every page carries.

Pages on an application's host share their origin with whatever that application serves, so
each page allows itself only what it uses: a page without a script may run none.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterable, Mapping
from hashlib import sha256
from typing import Final

from vestibule.web.pages.brand import https_origin

_LOGO_HOSTS: Final = 40  # more would make a header that proxies refuse
_FEATURES_OFF: Final = (
    "accelerometer",
    "camera",
    "display-capture",
    "fullscreen",
    "geolocation",
    "gyroscope",
    "magnetometer",
    "microphone",
    "midi",
    "payment",
    "usb",
)


def page_headers(
    *,
    language: str,
    scripts: bool,
    forms: bool,
    fetches: bool,
    images: Iterable[str],
    form_origins: Iterable[str],
    inline_style: str = "",
) -> Mapping[str, str]:
    """The response headers of a page that runs `scripts`, has `forms`, `fetches` from itself.

    `images` are the logos that it shows. `form_origins` are the origins to which the answer
    to its form may redirect: browsers judge every hop by `form-action` (CSP3, 6.4.1).
    `inline_style` is the one style that the page itself carries, admitted by its hash.
    """
    policy = content_security_policy(
        scripts=scripts,
        forms=forms,
        fetches=fetches,
        images=images,
        form_origins=form_origins,
        inline_style=inline_style,
    )
    return {
        "Content-Type": "text/html; charset=utf-8",
        "Content-Language": language,
        "Content-Security-Policy": policy,
        "Cache-Control": "private, max-age=0, no-store, no-cache, must-revalidate",
        "Vary": "Accept-Language",
        "X-Frame-Options": "DENY",
        "X-Content-Type-Options": "nosniff",
        "X-Robots-Tag": "noindex, nofollow",
        "Referrer-Policy": "no-referrer",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Resource-Policy": "same-origin",
        "Permissions-Policy": ", ".join(f"{feature}=()" for feature in _FEATURES_OFF),
    }


def content_security_policy(
    *,
    scripts: bool,
    forms: bool,
    fetches: bool,
    images: Iterable[str],
    form_origins: Iterable[str],
    inline_style: str = "",
) -> str:
    """The Content-Security-Policy of one page: nothing that it does not use.

    Nothing inline is allowed but the style whose hash it names (CSP3, 2.3.1).
    """
    logos = sorted({origin for url in images if (origin := https_origin(url)) is not None})
    if len(logos) > _LOGO_HOSTS:
        logos = ["https:"]
    targets = sorted({origin for url in form_origins if (origin := _origin(url)) is not None})
    directives = {
        "default-src": ["'none'"],
        "script-src": ["'self'"] if scripts else ["'none'"],
        "style-src": [_hash(inline_style) if inline_style else "'self'"],
        "img-src": ["'self'", *logos],
        "font-src": ["'self'"],
        "connect-src": ["'self'"] if fetches else ["'none'"],
        "form-action": ["'self'", *targets] if forms else ["'none'"],
        "frame-ancestors": ["'none'"],
        "base-uri": ["'none'"],
        "require-trusted-types-for": ["'script'"],
    }
    return "; ".join(f"{name} {' '.join(sources)}" for name, sources in directives.items())


def _hash(text: str) -> str:
    return f"'sha256-{b64encode(sha256(text.encode()).digest()).decode()}'"


def _origin(url: str) -> str | None:
    """An origin for `form-action`: https, or http where the whole installation has no TLS."""
    if url.startswith("http://"):
        secure = https_origin("https://" + url.removeprefix("http://"))
        return None if secure is None else "http://" + secure.removeprefix("https://")
    return https_origin(url)
