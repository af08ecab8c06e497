"""How a request presents a service token: two headers, or one of the application's choice.

access.md 8.1: duplicate or incomplete headers are rejected, likewise both forms at once.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias, cast

from vestibule.model.values import Secret

CLIENT_ID_HEADER = "cf-access-client-id"
CLIENT_SECRET_HEADER = "cf-access-client-secret"  # noqa: S105 - the name of a header
_LONGEST = 512


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a machine presented; nothing of it is proved."""

    client_id: str
    secret: Secret


@dataclass(frozen=True, slots=True)
class Malformed:
    """Credentials that cannot be read, and why, in words for their sender."""

    reason: str


Presented: TypeAlias = Credentials | Malformed | None


def presented_credentials(headers: Mapping[str, str], single_header: str) -> Presented:
    """Return the service credentials in `headers`, None when there are none.

    `headers` are lower-case, duplicates joined by a comma: no value of ours holds one.
    `single_header` is the application's `read_service_tokens_from_header`, or empty.
    """
    pair = _pair(headers)
    single = _single(headers, single_header.lower())
    if pair is not None and single is not None:
        return Malformed(
            f"service credentials came both in {CLIENT_ID_HEADER} and in {single_header}"
        )
    return pair if pair is not None else single


def _pair(headers: Mapping[str, str]) -> Presented:
    client_id = headers.get(CLIENT_ID_HEADER)
    secret = headers.get(CLIENT_SECRET_HEADER)
    if client_id is None and secret is None:
        return None
    if not client_id or not secret:
        missing = CLIENT_SECRET_HEADER if client_id else CLIENT_ID_HEADER
        return Malformed(f"service credentials are incomplete: {missing} is missing")
    return _judged(client_id, secret)


def _single(headers: Mapping[str, str], name: str) -> Presented:
    value = headers.get(name, "").strip() if name else ""
    if not value.startswith("{"):
        # The header may serve the application too, such as `Authorization: Bearer ...`.
        return None
    try:
        members: Any = json.loads(value, object_pairs_hook=list)
    except (ValueError, RecursionError):
        return Malformed(f"the header {name} does not hold one JSON object")
    given = {key.lower(): held for key, held in cast("list[tuple[str, Any]]", members)}
    if len(given) != len(members) or set(given) != {CLIENT_ID_HEADER, CLIENT_SECRET_HEADER}:
        return Malformed(
            f"the header {name} should hold {CLIENT_ID_HEADER} and {CLIENT_SECRET_HEADER}"
        )
    client_id, secret = given[CLIENT_ID_HEADER], given[CLIENT_SECRET_HEADER]
    if not isinstance(client_id, str) or not isinstance(secret, str):
        return Malformed(f"the credentials in the header {name} are not text")
    return _judged(client_id, secret)


def _judged(client_id: str, secret: str) -> Presented:
    if "," in client_id or "," in secret:
        return Malformed("service credentials came more than once")
    if len(client_id) > _LONGEST or len(secret) > _LONGEST:
        return Malformed("service credentials are too long")
    return Credentials(client_id, Secret(secret))
