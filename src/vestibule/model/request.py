"""The facts of one request, as the data plane tells them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from vestibule.model.machine import ClientCertificate


@dataclass(frozen=True, slots=True)
class RequestFacts:
    """What is known of a request before anybody is identified.

    `host` is lower-case, without port or trailing dot; `authority` keeps the port. `path`
    is normalised, without query. `headers` are lower-case names to values, duplicates
    joined by `, `. `cookies` keeps every value that was sent under a name, in order.
    `client_ip` was told by the data plane, never by the visitor. `country` is an ISO
    code, or None when no database knows.
    """

    method: str
    scheme: str
    host: str
    authority: str
    path: str
    query: str = ""
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    cookies: Mapping[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]])
    client_ip: str = ""
    country: str | None = None
    certificate: ClientCertificate | None = None
    request_id: str = ""
    forward_auth: bool = False
