"""Signs claims with one of our keys, and tells the key's public half."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from joserfc import jws
from joserfc.jwk import OctKey, RSAKey

from vestibule.model.machine import SigningKey
from vestibule.model.values import Json

_KEYS_KEPT = 64


def payload(claims: Mapping[str, Json]) -> bytes:
    """Return `claims` as the token carries them: JSON without spaces, in UTF-8."""
    return json.dumps(claims, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()


def sign(claims: Mapping[str, Json], key: SigningKey) -> str:
    """Return a compact JWS (RS256, RFC 7515) of `claims`, signed by `key` and naming it."""
    header = {"alg": "RS256", "kid": key.kid, "typ": "JWT"}
    return jws.serialize_compact(header, payload(claims), parsed(key), algorithms=["RS256"])


def sign_for_ourselves(claims: Mapping[str, Json], key: SigningKey, purpose: str) -> str:
    """Return a compact JWS (HS256) that nobody but us can read as genuine.

    The key is derived from `key` for `purpose` alone, so that no such token is ever taken
    for an application token, nor one purpose's for another's.
    """
    header = {"alg": "HS256", "kid": key.kid, "typ": "JWT"}
    secret = OctKey.import_key(derived(key, purpose))
    return jws.serialize_compact(header, payload(claims), secret, algorithms=["HS256"])


@lru_cache(maxsize=_KEYS_KEPT)
def parsed(key: SigningKey) -> RSAKey:
    """Return the private key as joserfc wants it."""
    return RSAKey.import_key(key.private_pem.reveal())


@lru_cache(maxsize=_KEYS_KEPT)
def public_jwk(key: SigningKey) -> Mapping[str, Any]:
    """Return the public half as a JWK (RFC 7517) for signatures with RS256."""
    numbers = parsed(key).as_dict(private=False)
    return {
        "kid": key.kid,
        "kty": "RSA",
        "alg": "RS256",
        "use": "sig",
        "e": numbers["e"],
        "n": numbers["n"],
    }


@lru_cache(maxsize=_KEYS_KEPT)
def verifier(key: SigningKey) -> RSAKey:
    """Return the public half as joserfc wants it."""
    return RSAKey.import_key({**public_jwk(key)})


@lru_cache(maxsize=_KEYS_KEPT * 8)
def derived(key: SigningKey, purpose: str) -> bytes:
    """Return 32 octets that only a holder of `key` can know (HKDF, RFC 5869)."""
    expand = HKDF(hashes.SHA256(), 32, salt=None, info=b"vestibule " + purpose.encode())
    return expand.derive(key.private_pem.reveal().encode())
