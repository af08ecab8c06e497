"""What a person does at the login page and at the simulated Okta."""

from __future__ import annotations

from typing import Any

import pyotp
from playwright.sync_api import Page

CHROMIUM_FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def person(ready: dict[str, Any], email: str) -> dict[str, Any]:
    """One of the people of the ready file."""
    return next(user for user in ready["users"] if user["email"] == email)


def choose_okta(page: Page) -> None:
    """Press the provider's button on the login page."""
    page.get_by_role("link", name="Okta").first.click()


def at_okta(page: Page, user: dict[str, Any], *, factor: str) -> None:
    """Sign in at the simulated Okta with the password and `factor` (`otp`, `hwk`, `none`)."""
    page.fill("#identifier", user["email"])
    page.fill("#password", user["password"])
    page.click("#submit")
    if factor == "none":
        if page.locator("#factor-none").count():
            page.click("#factor-none")
        return
    page.click(f"#factor-{factor}")
    if factor == "otp":
        seed = next(one["secret"] for one in user["factors"] if one["type"] == "totp")
        page.fill("#code", pyotp.TOTP(seed).now())
        page.click("#submit")


def sign_in(page: Page, url: str, user: dict[str, Any], *, factor: str) -> None:
    """Open `url`, sign in, and end where the gateway leads."""
    page.goto(url)
    choose_okta(page)
    at_okta(page, user, factor=factor)
