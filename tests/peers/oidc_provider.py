"""npm's oidc-provider as a peer: a certified implementation that is not ours."""

from __future__ import annotations

import fcntl
import json
import shutil
import subprocess
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import parse_qs, urljoin, urlsplit

import httpx2
import pytest

ROOT = Path(__file__).parents[2]
CACHE = ROOT / ".cache" / "node"
SCRIPT = Path(__file__).with_name("oidc_provider.mjs")
PACKAGE = "oidc-provider@9"


@dataclass(frozen=True)
class Peer:
    """A running provider."""

    issuer: str

    def rotate_keys(self) -> None:
        """Replace the signing key; the old one is gone from the key set."""
        httpx2.post(f"{self.issuer}/-/rotate").raise_for_status()


@contextmanager
def running(client_id: str, secret: str, redirect_uri: str, method: str) -> Generator[Peer]:
    """Run the provider with one client; skips the test where there is no node or package."""
    node = shutil.which("node")
    if node is None:
        pytest.skip("node is not installed: the OpenID provider from npm cannot run")
    client = {
        "client_id": client_id,
        "client_secret": secret,
        "redirect_uris": [redirect_uri],
        "token_endpoint_auth_method": method,
    }
    process = subprocess.Popen(
        [node, str(SCRIPT), str(_installed()), json.dumps(client)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        if not line:
            _, errors = process.communicate(timeout=10)
            raise AssertionError(f"the OpenID provider did not start: {errors[-2000:]}")
        yield Peer(json.loads(line)["issuer"])
    finally:
        process.terminate()
        try:
            process.communicate(timeout=10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()


def _installed() -> Path:
    """The package's main file, installed once into the cache outside git."""
    main = CACHE / "node_modules" / "oidc-provider" / "lib" / "index.js"
    npm = shutil.which("npm")
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if main.exists():
            return main
        if npm is None:
            pytest.skip("npm is not installed: the OpenID provider cannot be fetched")
        try:
            subprocess.run(
                [npm, "install", "--no-audit", "--no-fund", "--prefix", str(CACHE), PACKAGE],
                check=True,
                capture_output=True,
                timeout=100,
            )
        except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
            pytest.skip(f"npm could not install {PACKAGE}: {error}")
    return main


class _Form(HTMLParser):
    """The first form of a page: where it goes, and its hidden fields."""

    def __init__(self) -> None:
        super().__init__()
        self.action = ""
        self.fields: dict[str, str] = {}

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = dict(attrs)
        if tag == "form" and not self.action:
            self.action = attributes.get("action") or ""
        if tag == "input" and attributes.get("type") == "hidden" and attributes.get("name"):
            self.fields[attributes["name"] or ""] = attributes.get("value") or ""


def sign_in(url: str, login: str, redirect_uri: str) -> dict[str, tuple[str, ...]]:
    """Play the browser at the provider's pages; returns what it brings to the callback."""
    with httpx2.Client() as browser:
        response = browser.get(url)
        for _ in range(12):
            if response.has_redirect_location:
                target = urljoin(str(response.url), response.headers["location"])
                if target.startswith(redirect_uri):
                    answer = parse_qs(urlsplit(target).query, keep_blank_values=True)
                    return {name: tuple(values) for name, values in answer.items()}
                response = browser.get(target)
                continue
            assert response.status_code == 200, response.text[:500]
            form = _Form()
            form.feed(response.text)
            data = form.fields | {"login": login, "password": "any"}
            response = browser.post(urljoin(str(response.url), form.action), data=data)
    raise AssertionError("the provider's pages do not end")
