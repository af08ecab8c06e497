"""The files that pages refer to, under `/cdn-cgi/access/static/`.

All are read once and served from memory by exact name, so no path can lead outside. A name
carries the hash of its content and may be kept for a year.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from vestibule.model.organization import Brand
from vestibule.web.pages.brand import brand_css

PREFIX = "/cdn-cgi/access/static/"
BRAND_STYLESHEET = "brand.css"
_TYPES = {
    "css": "text/css; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "svg": "image/svg+xml",
}
_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Resource-Policy": "same-origin",
    # An SVG opened by itself is a document: it may do nothing.
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
}
_FOREVER = "public, max-age=31536000, immutable"
_ASK_AGAIN = "no-cache"


@dataclass(frozen=True, slots=True)
class Asset:
    """A static file as it is served."""

    url: str
    body: bytes
    content_type: str


@lru_cache(maxsize=1)
def assets() -> Mapping[str, Asset]:
    """Every static file, by the name that it has in the source tree."""
    found: dict[str, Asset] = {}
    for file in resources.files("vestibule.web.pages").joinpath("assets").iterdir():
        stem, _, suffix = file.name.rpartition(".")
        if suffix not in _TYPES:
            continue
        body = file.read_bytes()
        url = f"{PREFIX}{stem}.{_digest(body)}.{suffix}"
        found[file.name] = Asset(url, body, _TYPES[suffix])
    return found


def asset_url(name: str) -> str:
    """The URL of a static file; raises KeyError for a name that does not exist."""
    return assets()[name].url


def brand_url(brand: Brand) -> str:
    """The URL of a brand's stylesheet; empty when it has none."""
    css = brand_css(brand)
    return f"{PREFIX}{BRAND_STYLESHEET}?v={_digest(css.encode())}" if css else ""


def whole_stylesheet(brand: Brand) -> str:
    """Both stylesheets as one text, for a page that can fetch none."""
    return assets()["vestibule.css"].body.decode() + brand_css(brand)


def routes(brand: Callable[[], Brand]) -> list[Route]:
    """The routes of all static files; `brand` gives the brand in force, and may block."""
    by_url = {asset.url: asset for asset in assets().values()}

    # Not `async`: Starlette runs it in a worker thread, where `brand` may read the store.
    def answer(request: Request) -> Response:
        if request.path_params["name"] == BRAND_STYLESHEET:
            return _brand_response(brand(), request.query_params.get("v", ""))
        asset = by_url.get(PREFIX + str(request.path_params["name"]))
        if asset is None:
            return Response("not found\n", 404, {**_HEADERS, "Cache-Control": "no-store"})
        headers = {**_HEADERS, "Cache-Control": _FOREVER, "Content-Type": asset.content_type}
        return Response(asset.body, 200, headers)

    return [Route(PREFIX + "{name}", answer, methods=["GET", "HEAD"])]


def _brand_response(brand: Brand, version: str) -> Response:
    css = brand_css(brand).encode()
    # Only the version that is in force may be kept, or a change of colours would not show.
    keep = _FOREVER if version == _digest(css) else _ASK_AGAIN
    return Response(css, 200, {**_HEADERS, "Cache-Control": keep, "Content-Type": _TYPES["css"]})


def _digest(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()[:16]
