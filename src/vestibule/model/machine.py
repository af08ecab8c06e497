"""What machines present: service tokens and client certificates; and our signing keys."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from vestibule.model.values import Secret


@dataclass(frozen=True, slots=True)
class ServiceToken:
    """Client ID and (hashed) secret of a machine (access.md 8.1).

    `secret_hash` is SHA-256, hex: the secrets carry 238 bits of their own, so no slow
    hash is needed. The previous one serves until `previous_secret_expires_at`.
    """

    id: str
    name: str
    client_id: str
    secret_hash: str
    expires_at: datetime
    duration: timedelta
    created_at: datetime
    enabled: bool = True
    previous_secret_hash: str = ""
    previous_secret_expires_at: datetime | None = None
    last_seen_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class MtlsCertificate:
    """A certificate authority whose client certificates count on `hostnames` (access.md 8.2)."""

    id: str
    name: str
    certificate_pem: str
    hostnames: tuple[str, ...]
    forward_client_certificate: bool = False


@dataclass(frozen=True, slots=True)
class ClientCertificate:
    """A client certificate that the TLS listener verified for this request's hostname."""

    common_name: str
    subject: str = ""
    issuer: str = ""
    serial: str = ""
    fingerprint_sha256: str = ""


@dataclass(frozen=True, slots=True)
class SigningKey:
    """An RSA key that signs our tokens (access.md 4.2).

    One key is current (`retired_at` None, latest `created_at`). A retired one still
    verifies, and is published, until `verify_until`.
    """

    kid: str
    private_pem: Secret
    certificate_pem: str
    created_at: datetime
    retired_at: datetime | None = None
    verify_until: datetime | None = None


@dataclass(frozen=True, slots=True)
class ForwardAuthClient:
    """A foreign proxy that may ask the forward-auth listener, and how it proves itself."""

    id: str
    name: str
    secret: Secret
