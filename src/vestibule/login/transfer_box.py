"""What a terminal is sent through the browser: sealed to the key that it made (access.md 12.6)."""

from __future__ import annotations

import base64
import binascii
import json
import re
from dataclasses import dataclass

from nacl.exceptions import CryptoError
from nacl.public import Box, PrivateKey, PublicKey

_KEY = re.compile(r"[A-Za-z0-9_-]{43}=", re.ASCII)
KEY_OCTETS = 32
NONCE_OCTETS = 24


@dataclass(frozen=True, slots=True)
class Sealed:
    """`body` is base64 of nonce and ciphertext; `public_key` ours, base64url with padding."""

    body: str
    public_key: str


def is_public_key(text: str) -> bool:
    """Whether `text` is a Curve25519 public key as terminals write it: 44 characters."""
    if not _KEY.fullmatch(text):
        return False
    try:
        key = base64.urlsafe_b64decode(text)
        # A key of low order makes a box that anybody can open; libsodium refuses it.
        Box(PrivateKey(bytes([1]) * KEY_OCTETS), PublicKey(key))
    except (binascii.Error, ValueError, CryptoError, RuntimeError):
        return False
    return len(key) == KEY_OCTETS


def seal_tokens(
    public_key: str, *, app_token: str, org_token: str, seed_hex: str, nonce_hex: str
) -> Sealed:
    """Seal the tokens with a fresh key made of `seed_hex` (NaCl box)."""
    secret = PrivateKey(bytes.fromhex(seed_hex))
    box = Box(secret, PublicKey(base64.urlsafe_b64decode(public_key)))
    tokens = {"app_token": app_token} | ({"org_token": org_token} if org_token else {})
    sealed = box.encrypt(json.dumps(tokens).encode(), bytes.fromhex(nonce_hex))
    return Sealed(
        base64.b64encode(bytes(sealed)).decode(),
        base64.urlsafe_b64encode(bytes(secret.public_key)).decode(),
    )
