"""Which `amr` values a sign-in earns, and which `acr_values` it satisfies.

What a hardware key looks like depends on the engine: Classic says `hwk`, Identity Engine
says `pop` (Okta: "Configure AMR claims mapping", "Sessions"; "Step-up authentication using
ACR values").
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from enum import StrEnum
from typing import Final


class Engine(StrEnum):
    """The two generations of Okta, by the word `okta-organization` uses for each."""

    CLASSIC = "v1"
    IDENTITY = "idx"


class Factor(StrEnum):
    """A second factor somebody may be enrolled in; the value names its button."""

    OTP = "otp"
    SECURITY_KEY = "hwk"
    PUSH = "push"
    OKTA_VERIFY_CODE = "okta_verify_otp"
    FASTPASS = "fastpass"
    CUSTOM_PUSH = "custom_push"
    SMS = "sms"
    CALL = "call"
    EMAIL = "email"
    QUESTION = "question"
    YUBIKEY_OTP = "yubikey"
    CUSTOM_OTP = "custom_otp"
    RSA = "rsa"
    SYMANTEC = "symantec"
    DUO = "duo"
    SMART_CARD = "smart_card"
    EXTERNAL_PROVIDER = "external_idp"
    TOUCH_ID = "touch_id"


LABELS: Final[dict[Factor, str]] = {
    Factor.OTP: "Authenticator app (code)",
    Factor.SECURITY_KEY: "Security key (simulated touch)",
    Factor.PUSH: "Okta Verify push (simulated)",
    Factor.OKTA_VERIFY_CODE: "Okta Verify code (simulated)",
    Factor.FASTPASS: "Okta FastPass (simulated)",
    Factor.CUSTOM_PUSH: "Custom app push (simulated)",
    Factor.SMS: "Text message (simulated)",
    Factor.CALL: "Phone call (simulated)",
    Factor.EMAIL: "Email (simulated)",
    Factor.QUESTION: "Security question (simulated)",
    Factor.YUBIKEY_OTP: "YubiKey one-time password (simulated)",
    Factor.CUSTOM_OTP: "Custom one-time password (simulated)",
    Factor.RSA: "RSA SecurID (simulated)",
    Factor.SYMANTEC: "Symantec VIP (simulated)",
    Factor.DUO: "Duo Security (simulated)",
    Factor.SMART_CARD: "Smart card (simulated)",
    Factor.EXTERNAL_PROVIDER: "Another identity provider (simulated)",
    Factor.TOUCH_ID: "Touch ID (simulated)",
}

_CLASSIC: Final[dict[Factor, tuple[str, ...]]] = {
    Factor.OTP: ("otp",),
    Factor.SECURITY_KEY: ("hwk",),
    Factor.PUSH: ("swk",),
    Factor.OKTA_VERIFY_CODE: ("otp",),
    Factor.FASTPASS: (),
    Factor.CUSTOM_PUSH: (),
    Factor.SMS: ("sms", "mca"),
    Factor.CALL: ("tel", "mca"),
    Factor.EMAIL: (),
    Factor.QUESTION: ("kba",),
    Factor.YUBIKEY_OTP: ("hwk",),
    Factor.CUSTOM_OTP: ("otp",),
    Factor.RSA: ("otp",),
    Factor.SYMANTEC: ("otp",),
    Factor.DUO: ("swk",),
    Factor.SMART_CARD: ("sc",),
    Factor.EXTERNAL_PROVIDER: (),
    Factor.TOUCH_ID: ("fpt",),
}

_IDENTITY: Final[dict[Factor, tuple[str, ...]]] = {
    Factor.OTP: ("google_otp",),
    Factor.SECURITY_KEY: ("pop",),
    Factor.PUSH: ("okta_verify", "swk"),
    Factor.OKTA_VERIFY_CODE: ("okta_verify", "otp"),
    Factor.FASTPASS: ("okta_verify", "phr"),
    Factor.CUSTOM_PUSH: ("swk",),
    Factor.SMS: ("sms",),
    Factor.CALL: ("tel",),
    Factor.EMAIL: ("email",),
    Factor.QUESTION: ("kba",),
    Factor.YUBIKEY_OTP: ("yubikey",),
    Factor.CUSTOM_OTP: ("otp",),
    Factor.RSA: ("rsa",),
    Factor.SYMANTEC: ("symantec",),
    Factor.DUO: ("duo",),
    Factor.SMART_CARD: ("sc", "swk"),
    Factor.EXTERNAL_PROVIDER: ("fed",),
    Factor.TOUCH_ID: (),
}

AMR: Final[dict[Engine, dict[Factor, tuple[str, ...]]]] = {
    Engine.CLASSIC: _CLASSIC,
    Engine.IDENTITY: _IDENTITY,
}

_ANY: Final = frozenset(Factor)
_PHISHING_RESISTANT: Final = frozenset({Factor.SECURITY_KEY, Factor.FASTPASS, Factor.SMART_CARD})
_HARDWARE_PROTECTED: Final = frozenset({Factor.FASTPASS})
_IF_POSSIBLE: Final = "urn:okta:loa:2fa:any:ifpossible"

_FACTORS_FOR: Final[dict[str, frozenset[Factor]]] = {
    "urn:okta:loa:2fa:any": _ANY,
    _IF_POSSIBLE: _ANY,
    "phr": _PHISHING_RESISTANT,
    "phrh": _HARDWARE_PROTECTED,
}
_PASSWORD_ENOUGH: Final = frozenset({"urn:okta:loa:1fa:any", "urn:okta:loa:1fa:pwd"})
_IDENTITY_ONLY: Final = frozenset({_IF_POSSIBLE, "phr", "phrh"})


def amr(engine: Engine, factors: Iterable[Factor]) -> list[str]:
    """Return the sorted `amr` of a sign-in with a password and `factors`."""
    done = tuple(factors)
    values = {value for factor in done for value in AMR[engine][factor]}
    return sorted(values | {"pwd"} | ({"mfa"} if done else set()))


def known_acr_values(engine: Engine, asked: Iterable[str]) -> tuple[str, ...]:
    """Return those of `asked` that this engine knows; Okta ignores the others silently."""
    known = _PASSWORD_ENOUGH | _FACTORS_FOR.keys()
    if engine is Engine.CLASSIC:
        known -= _IDENTITY_ONLY
    return tuple(value for value in asked if value in known)


def acr_satisfied(acr: str, done: Collection[Factor], enrolled: Collection[Factor]) -> bool:
    """Whether a password and the factors `done` are what `acr` asks for."""
    if acr in _PASSWORD_ENOUGH or (acr == _IF_POSSIBLE and not enrolled):
        return True
    return not _FACTORS_FOR[acr].isdisjoint(done)


def factors_for(acr: str | None, enrolled: Iterable[Factor]) -> tuple[Factor, ...]:
    """Return which enrolled factors help to reach `acr` (all of them when there is none)."""
    allowed = _ANY if acr is None else _FACTORS_FOR.get(acr, _ANY)
    return tuple(factor for factor in enrolled if factor in allowed)
