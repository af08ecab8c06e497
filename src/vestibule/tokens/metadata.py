"""What a terminal's client is told of an application before it has a token (access.md 12.2)."""

from __future__ import annotations

from datetime import datetime

from vestibule.model.machine import SigningKey
from vestibule.tokens.application import seconds
from vestibule.tokens.signing import sign


def sign_metadata(
    *,
    hostname: str,
    configured_hostname: str,
    auth_domain: str,
    aud: str,
    key: SigningKey,
    now: datetime,
) -> str:
    """Return the value of the header `cf-access-metadata`.

    `hostname` is the one that was asked for, `configured_hostname` the application's,
    wildcard included. `aud` is text, not a list, and there is no `exp`: the client wants
    it so, and takes an `iat` of up to 24 hours ago. The port of `auth_domain` is dropped.
    """
    claims = {
        "type": "match",
        "hostname": hostname,
        "auth_domain": auth_domain.partition(":")[0].lower(),
        "aud": aud,
        "app_hostname": configured_hostname,
        "iat": seconds(now),
    }
    return sign(claims, key)
