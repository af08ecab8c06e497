"""Sentences that other parts hand to the pages word for word, so that they can be translated.

A page looks every message up in its catalogue; one that is not listed here is shown as it
came. access.md 9.4 asks for most of them.
"""

from typing import Final

KNOWN: Final = (
    "That account does not have access",
    "Invalid session. Please try logging in again",
    "Invalid nonce. Please try logging in again.",
    "Invalid login session – Please try going to the URL of your application again",  # noqa: RUF001 - its wording is given
    "Failed to fetch user/group information from the identity provider",
    "Required attributes are missing",
    "This One-Time PIN has already been used",
)
