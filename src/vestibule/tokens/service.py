"""Service tokens: a machine's client id and secret (access.md 8.1)."""

from __future__ import annotations

import hashlib
import hmac
import re
import string
import zlib
from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import StrEnum

from vestibule.model.machine import ServiceToken
from vestibule.model.values import Secret

DEFAULT_DURATION = timedelta(hours=8760)
SECRET_PREFIX = "vst_"  # noqa: S105 - what every secret of ours begins with, not a secret
_ALPHABET = string.ascii_letters + string.digits
_BODY = 40
SECRET_ENTROPY = 64
"""Octets of randomness to draw for one secret: 40 letters of 62 take 238 bits of it."""
CLIENT_ID_ENTROPY = 16

_CLIENT_ID = re.compile(r"[0-9a-f]{32}\.access", re.ASCII)
_SECRET = re.compile(r"vst_([A-Za-z0-9]{40})([0-9a-f]{8})", re.ASCII)


class SecretCheck(StrEnum):
    """What became of a machine's attempt to prove itself."""

    VALID = "valid"
    UNKNOWN = "unknown_client_id"
    WRONG_SECRET = "wrong_secret"  # noqa: S105 - a word for the log
    DISABLED = "disabled"
    EXPIRED = "expired"


def client_id(entropy: str) -> str:
    """Return a client id made of 32 random hexadecimal digits."""
    made = f"{entropy}.access"
    if not _CLIENT_ID.fullmatch(made):
        raise ValueError("a client id is made of 32 lower-case hexadecimal digits")
    return made


def secret(entropy: str) -> Secret:
    """Return a secret made of random hexadecimal digits (`SECRET_ENTROPY` octets).

    It begins with a prefix by which scanners know it, and ends with a checksum by which a
    mistyped one is told from a wrong one.
    """
    if len(entropy) < 2 * SECRET_ENTROPY:
        raise ValueError("too little randomness for a secret")
    number = int(entropy, 16)
    letters: list[str] = []
    for _ in range(_BODY):
        number, index = divmod(number, len(_ALPHABET))
        letters.append(_ALPHABET[index])
    body = "".join(letters)
    return Secret(f"{SECRET_PREFIX}{body}{_checksum(body)}")


def is_well_formed(presented: str) -> bool:
    """Whether `presented` could be a secret of ours: prefix, length and checksum fit."""
    match = _SECRET.fullmatch(presented)
    return match is not None and match[2] == _checksum(match[1])


def hash_secret(presented: str) -> str:
    """Return what is kept of a secret: its SHA-256 in hexadecimal."""
    return hashlib.sha256(presented.encode()).hexdigest()


def check_secret(token: ServiceToken, presented: str, now: datetime) -> SecretCheck:
    """Return whether `presented` proves `token` at `now`; compares in constant time.

    The previous secret serves while its time of grace lasts.
    """
    hashed = hash_secret(presented)
    is_present = hmac.compare_digest(hashed, token.secret_hash)
    is_previous = hmac.compare_digest(hashed, token.previous_secret_hash)
    in_grace = (
        bool(token.previous_secret_hash)
        and token.previous_secret_expires_at is not None
        and now < token.previous_secret_expires_at
    )
    if not (is_present or (is_previous and in_grace)):
        return SecretCheck.WRONG_SECRET
    if not token.enabled:
        return SecretCheck.DISABLED
    if token.expires_at <= now:
        return SecretCheck.EXPIRED
    return SecretCheck.VALID


def by_client_id(tokens: Mapping[str, ServiceToken]) -> dict[str, ServiceToken]:
    """Return the tokens by what their machines present."""
    return {token.client_id: token for token in tokens.values()}


def _checksum(body: str) -> str:
    return f"{zlib.crc32(body.encode()):08x}"
