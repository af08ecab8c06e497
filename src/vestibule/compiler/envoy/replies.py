"""What Envoy says itself when it cannot pass a request on: plain pages, in words."""

from __future__ import annotations

from html import escape

from vestibule.compiler.envoy.shapes import Resource

CHECK_UNREACHABLE = 508
"""What the check filter answers when the control plane did not: mapped to a page with 503.

Every refusal of the control plane's is a local reply too, and must leave as it was written;
this status, which the control plane never uses, tells the two apart.
"""

AGENT_UNREACHABLE = 506
"""The same for the agent that keeps watch over open streams."""


def local_replies() -> Resource:
    """Return the HCM's `local_reply_config`."""
    return {
        "mappers": [
            _answered_preflight(),
            _page(
                _status(CHECK_UNREACHABLE),
                503,
                "Signing in is not possible right now",
                "This page is protected, and the service that checks who you are does not "
                "answer. Nobody is let in unchecked. Please try again in a minute; if you are "
                "signed in already, your other pages keep working.",
            ),
            _page(
                _status(AGENT_UNREACHABLE),
                503,
                "Live connections are not possible right now",
                "The service that keeps watch over open connections does not answer. Please "
                "try again in a minute.",
            ),
            _page(
                {"response_flag_filter": {"flags": ["UH", "UF", "UC", "NC", "UR", "URX", "UO"]}},
                None,
                "This application does not answer",
                "You were let in, but the service behind this address cannot be reached. "
                "Please try again in a minute, and tell whoever runs it if that does not help.",
            ),
            _page(
                {"response_flag_filter": {"flags": ["UT"]}},
                504,
                "This application takes too long",
                "You were let in, but the service behind this address did not answer in time.",
            ),
            _page(
                {"response_flag_filter": {"flags": ["NR"]}},
                403,
                "Nothing is published here",
                "No application is configured for this address.",
            ),
        ]
    }


def _answered_preflight() -> Resource:
    """A preflight that the control plane answers itself: 200 for the visitor (access.md 2.5).

    The check filter takes a 200 for "let it pass", so the control plane says 204.
    """
    method = {"name": ":method", "string_match": {"exact": "OPTIONS"}}
    both = [_status(204), {"header_filter": {"header": method}}]
    return {"filter": {"and_filter": {"filters": both}}, "status_code": 200}


def _status(code: int) -> Resource:
    return {
        "status_code_filter": {
            "comparison": {
                "op": "EQ",
                "value": {"default_value": code, "runtime_key": "vestibule.unused"},
            }
        }
    }


def _page(when: Resource, status: int | None, title: str, text: str) -> Resource:
    mapper: Resource = {
        "filter": when,
        "body_format_override": {
            "text_format_source": {"inline_string": page(title, text)},
            "content_type": "text/html; charset=utf-8",
        },
        "headers_to_add": [
            _header("cache-control", "no-store"),
            _header("content-security-policy", "default-src 'none'; frame-ancestors 'none'"),
            _header("x-content-type-options", "nosniff"),
        ],
    }
    if status is not None:
        mapper["status_code"] = status
    return mapper


def _header(name: str, value: str) -> Resource:
    return {
        "header": {"key": name, "value": value},
        "append_action": "OVERWRITE_IF_EXISTS_OR_ADD",
    }


def page(title: str, text: str) -> str:
    """Return a page that reads well without a style sheet, a script or a picture."""
    return (
        "<!doctype html>\n"
        '<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width">'
        f"<title>{escape(title)}</title></head>"
        f"<body><main><h1>{escape(title)}</h1><p>{escape(text)}</p>"
        "<p>Reference: %REQ(X-REQUEST-ID)%</p></main></body></html>\n"
    )
