"""Which drawing stands beside a name: our own neutral glyphs, nobody's trademark."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from typing import Final

_PROVIDER_MARKS: Final[Mapping[str, str]] = {
    "okta": "badge",
    "onelogin": "badge",
    "centrify": "badge",
    "jumpcloud": "badge",
    "pingone": "badge",
    "azureAD": "building",
    "google": "building",
    "google-apps": "building",
    "github": "code",
    "gitlab": "code",
    "onetimepin": "envelope",
    "facebook": "people",
    "linkedin": "people",
    "saml": "seal",
    "oidc": "key",
}
TINTS: Final = 6


def provider_mark(provider_type: str) -> str:
    """The glyph for a type of identity provider; a key for those we do not know."""
    return _PROVIDER_MARKS.get(provider_type, "key")


def monogram(name: str) -> str:
    """One or two letters that stand for an application without a logo."""
    words = [word for word in name.split() if word[0].isalnum()]
    letters = "".join(word[0] for word in words[:2]) or name.strip()[:1]
    return letters.upper()


def tint(name: str) -> int:
    """A number below `TINTS` that stays the same for a name."""
    return zlib.crc32(name.encode(errors="replace")) % TINTS
