"""Static files are served by exact name, for a year, and nothing else is."""

from __future__ import annotations

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from tests.web.pages.samples import BRANDED, PLAIN
from vestibule.model.organization import Brand
from vestibule.web.pages import static


def client(brand: Brand = BRANDED) -> TestClient:
    return TestClient(Starlette(routes=list(static.routes(lambda: brand))))


@pytest.mark.parametrize("name", sorted(static.assets()))
def test_every_asset_is_served_under_a_name_that_changes_with_it(name: str) -> None:
    asset = static.assets()[name]
    answer = client().get(asset.url)
    assert answer.status_code == 200
    assert answer.content == asset.body
    assert answer.headers["content-type"] == asset.content_type
    assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert client().head(asset.url).status_code == 200


@pytest.mark.parametrize(
    "path",
    [
        "rendering.py",
        "vestibule.css",
        "../rendering.py",
        "..%2frendering.py",
        "%2e%2e/rendering.py",
        "..%5crendering.py",
        "....//rendering.py",
        "/etc/passwd",
        "%2fetc%2fpasswd",
        "vestibule.css%00",
        "",
        ".",
        "templates/base.html",
    ],
)
def test_p1_nothing_but_the_assets_can_be_read(path: str) -> None:
    answer = client().get(static.PREFIX + path)
    assert answer.status_code == 404
    assert b"import" not in answer.content


def test_an_asset_cannot_be_written_to() -> None:
    assert client().post(static.asset_url("vestibule.css")).status_code == 405


def test_the_brand_in_force_is_kept_and_another_version_is_not() -> None:
    kept = client().get(static.brand_url(BRANDED))
    assert kept.headers["cache-control"].endswith("immutable")
    assert "--button: #e0a526" in kept.text
    old = client().get(static.PREFIX + "brand.css?v=0123456789abcdef")
    assert old.headers["cache-control"] == "no-cache"


def test_a_brand_without_colours_needs_no_stylesheet() -> None:
    assert static.brand_url(PLAIN) == ""
    assert client(PLAIN).get(static.PREFIX + "brand.css").text == ""


def test_no_asset_refers_to_another_place() -> None:
    for name, asset in static.assets().items():
        text = asset.body.decode().replace("http://www.w3.org/2000/svg", "")
        assert "http://" not in text, name
        assert "https://" not in text, name
        assert "@import" not in text, name
