"""Answers CORS preflights, which never carry a cookie (access.md 2.5; Fetch, 4.8)."""

from __future__ import annotations

from vestibule.flows.answers import Answered
from vestibule.model.application import Cors
from vestibule.model.request import RequestFacts

_VARY = "Origin, Access-Control-Request-Method, Access-Control-Request-Headers"
_CREDENTIALS = ("cookie", "authorization", "cf-access-token", "cf-access-client-id")


def is_preflight(facts: RequestFacts) -> bool:
    """Whether this is a true preflight: nothing that a browser would not send counts as one.

    The data plane's question says nothing of a body but its type.
    """
    headers = facts.headers
    return (
        facts.method == "OPTIONS"
        and bool(headers.get("origin"))
        and bool(headers.get("access-control-request-method"))
        and headers.get("content-length", "0") == "0"
        and "transfer-encoding" not in headers
        and "content-type" not in headers
        and not any(name in headers for name in _CREDENTIALS)
    )


def preflight_answer(facts: RequestFacts, cors: Cors | None) -> Answered:
    """Return what the gateway answers by itself: 204 with what `cors` permits, else 403.

    The data plane reads a 200 as "let it pass", so the success is a 204.
    """
    origin = facts.headers["origin"]
    method = facts.headers["access-control-request-method"]
    asked = _names(facts.headers.get("access-control-request-headers", ""))
    if cors is None or not _permits(cors, origin, method):
        return Answered(403, {"vary": _VARY})
    headers = {
        "vary": _VARY,
        "access-control-allow-origin": "*" if cors.allow_all_origins else origin,
        "access-control-allow-methods": method,
    }
    permitted = {name.lower() for name in cors.allowed_headers}
    allowed = [name for name in asked if cors.allow_all_headers or name in permitted]
    if allowed:
        headers["access-control-allow-headers"] = ", ".join(allowed)
    if cors.allow_credentials and not cors.allow_all_origins:
        headers["access-control-allow-credentials"] = "true"
    if cors.max_age is not None:
        headers["access-control-max-age"] = str(cors.max_age)
    return Answered(204, headers)


def _permits(cors: Cors, origin: str, method: str) -> bool:
    origins = {allowed.lower().rstrip("/") for allowed in cors.allowed_origins}
    return (cors.allow_all_origins or origin.lower() in origins) and (
        cors.allow_all_methods or method in cors.allowed_methods
    )


def _names(listed: str) -> list[str]:
    """The header names in a list, as far as they are names: the rest is not echoed."""
    names = (name.strip().lower() for name in listed.split(","))
    return [name for name in names if name and name.replace("-", "").replace("_", "").isalnum()]
