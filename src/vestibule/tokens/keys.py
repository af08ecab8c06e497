"""Our signing keys: made, published, rotated, forgotten (access.md 4.2)."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from vestibule.model.errors import VestibuleError
from vestibule.model.machine import SigningKey
from vestibule.model.values import Secret
from vestibule.tokens.signing import public_jwk

KEY_SIZE = 2048
SHORTEST_OVERLAP = timedelta(days=7)
"""For at least so long a retired key is published and verifies."""

_CERTIFICATE_LIFE = timedelta(days=3650)
_CLOCKS_DIFFER = timedelta(hours=1)


class NoSigningKey(VestibuleError):
    """There is no key to sign with; nobody can be let in before there is one."""

    code = "no_signing_key"


def generate(now: datetime) -> SigningKey:
    """Return a new RSA key with a self-signed certificate around its public half.

    The `kid` is the key's JWK thumbprint (RFC 7638) in hexadecimal.
    """
    private = rsa.generate_private_key(public_exponent=65537, key_size=KEY_SIZE)
    pem = private.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    ).decode()
    unnamed = SigningKey(kid="", private_pem=Secret(pem), certificate_pem="", created_at=now)
    jwk = public_jwk(unnamed)
    members = {name: jwk[name] for name in ("e", "kty", "n")}
    canonical = json.dumps(members, separators=(",", ":"), sort_keys=True)
    kid = hashlib.sha256(canonical.encode()).hexdigest()
    return replace(unnamed, kid=kid, certificate_pem=_certificate(private, kid, now))


def _certificate(private: rsa.RSAPrivateKey, kid: str, now: datetime) -> str:
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, f"vestibule {kid[:16]}")])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(private.public_key())
        .serial_number(int(kid[:30], 16) or 1)
        .not_valid_before(now - _CLOCKS_DIFFER)
        .not_valid_after(now + _CERTIFICATE_LIFE)
        .sign(private, hashes.SHA256())
    )
    return certificate.public_bytes(serialization.Encoding.PEM).decode()


def current(keys: Sequence[SigningKey]) -> SigningKey:
    """Return the key that signs now: the youngest that is not retired.

    Raises `NoSigningKey`.
    """
    serving = [key for key in keys if key.retired_at is None]
    if not serving:
        raise NoSigningKey("there is no signing key; the control plane makes one as it starts")
    return max(serving, key=lambda key: (key.created_at, key.kid))


def verifying(keys: Sequence[SigningKey], now: datetime) -> tuple[SigningKey, ...]:
    """Return the keys whose signatures count at `now`."""
    return tuple(key for key in keys if key.retired_at is None or (key.verify_until or now) > now)


def rotation_due(keys: Sequence[SigningKey], now: datetime, interval: timedelta) -> bool:
    """Whether the current key has served its time, or there is none."""
    serving = [key for key in keys if key.retired_at is None]
    return not serving or current(serving).created_at + interval <= now


def retire(key: SigningKey, now: datetime, last_expiry: datetime | None) -> SigningKey:
    """Return `key` as one that signs no more.

    It verifies until the last token that it signed expires at `last_expiry`, so that a
    rotation logs nobody out, and for seven days at least.
    """
    until = now + SHORTEST_OVERLAP
    if last_expiry is not None:
        until = max(until, last_expiry)
    return replace(key, retired_at=now, verify_until=until)


def forgotten(keys: Sequence[SigningKey], now: datetime) -> tuple[SigningKey, ...]:
    """Return the keys whose signatures count no longer, to be deleted."""
    counting = {key.kid for key in verifying(keys, now)}
    return tuple(key for key in keys if key.kid not in counting)


def jwks(keys: Sequence[SigningKey], now: datetime) -> dict[str, Any]:
    """Return the JWK set (RFC 7517, 5) of all keys whose signatures count."""
    return {"keys": [dict(public_jwk(key)) for key in verifying(keys, now)]}


def certs_document(keys: Sequence[SigningKey], now: datetime) -> dict[str, Any]:
    """Return what `/cdn-cgi/access/certs` answers (access.md 4.2)."""
    signer = current(keys)
    return {
        **jwks(keys, now),
        "public_cert": {"kid": signer.kid, "cert": signer.certificate_pem},
        "public_certs": [
            {"kid": key.kid, "cert": key.certificate_pem} for key in verifying(keys, now)
        ],
    }
