"""How to ask a provider for a stronger or fresher sign-in (RFC 9470; identity.md 2.5, 5.1)."""

from __future__ import annotations

import re
from collections.abc import Iterable

_PHISHING_RESISTANT = frozenset({"hwk", "swk", "pop", "phr", "phrh", "fpt", "face", "sc"})
_ACR = re.compile(r"[A-Za-z0-9:._/-]{1,128}")
_OKTA_STRONG = "phr"
_OKTA_TWO = "urn:okta:loa:2fa:any"


def acr_values(idp_type: str, missing_amr: Iterable[str]) -> tuple[str, ...]:
    """The `acr_values` that make a provider of this type ask for the methods missing.

    Only a wish: providers ignore values that they do not know, and the policy judges what
    came back. So only types whose values are documented are asked at all.
    """
    missing = frozenset(missing_amr)
    if idp_type != "okta" or not missing:
        return ()
    return (_OKTA_STRONG,) if missing & _PHISHING_RESISTANT else (_OKTA_TWO,)


def parse_acr_values(text: str) -> tuple[str, ...]:
    """The values of a space-separated list that look like `acr` values; at most four."""
    return tuple(value for value in text.split() if _ACR.fullmatch(value))[:4]
