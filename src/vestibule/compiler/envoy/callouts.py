"""The filters that ask us: `/check` for what is not proven, the agent for open streams."""

from __future__ import annotations

from vestibule.compiler.envoy import names
from vestibule.compiler.envoy.replies import AGENT_UNREACHABLE, CHECK_UNREACHABLE
from vestibule.compiler.envoy.shapes import Resource, exact, http_filter, regex, typed

# A bodiless question must not carry the framing of the request it asks about, nor its
# upgrade; that a WebSocket is asked for shows in `sec-websocket-*`.
_NOT_ASKED = (
    "connection",
    "content-length",
    "expect",
    "keep-alive",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
)
_ANSWERED = (names.ASSERTION, names.EMAIL, "cookie", names.GRANT)


def check_filter() -> Resource:
    """Return the filter that asks the control plane about every request that is not proven."""
    return http_filter(
        names.CHECK_FILTER,
        "envoy.extensions.filters.http.ext_authz.v3.ExtAuthz",
        transport_api_version="V3",
        failure_mode_allow=False,
        status_on_error={"code": CHECK_UNREACHABLE},
        validate_mutations=True,
        allowed_headers={"patterns": [regex(".*")]},
        disallowed_headers={"patterns": [exact(name) for name in _NOT_ASKED]},
        filter_enabled_metadata={
            "filter": names.RBAC_METADATA,
            "path": [{"key": "app_shadow_engine_result"}],
            "value": {"string_match": exact("allowed")},
            "invert": True,
        },
        http_service={
            "server_uri": {"uri": "http://check", "cluster": names.CHECK, "timeout": "10s"},
            "path_prefix": "/check",
            "authorization_response": {
                "allowed_upstream_headers": {"patterns": [exact(name) for name in _ANSWERED]},
                "allowed_client_headers_on_success": {"patterns": [exact("set-cookie")]},
            },
        },
    )


def streams_filter() -> Resource:
    """Return the filter that lets the agent hold on to long-lived requests, and cut them.

    Only what asks for a stream and belongs to a grant passes it. No body does; the agent's
    own stream stays open until the response trailers, which is what makes cutting possible.
    """
    lasting = [
        _header("upgrade", {"safe_regex": {"google_re2": {}, "regex": ".+"}}),
        _header("accept", {"contains": "text/event-stream", "ignore_case": True}),
        _header("content-type", {"prefix": "application/grpc", "ignore_case": True}),
    ]
    watched: Resource = {
        "and_matcher": {
            "predicate": [
                {"or_matcher": {"predicate": lasting}},
                _header(names.GRANT, {"safe_regex": {"google_re2": {}, "regex": ".+"}}),
            ]
        }
    }
    skip = typed("envoy.extensions.filters.common.matcher.action.v3.SkipFilter")
    return http_filter(
        names.STREAMS,
        "envoy.extensions.common.matching.v3.ExtensionWithMatcher",
        xds_matcher={
            "matcher_list": {
                "matchers": [
                    {
                        "predicate": {"not_matcher": watched},
                        "on_match": {"action": {"name": "skip", "typed_config": skip}},
                    }
                ]
            }
        },
        extension_config={
            "name": "envoy.filters.http.ext_proc",
            "typed_config": typed(
                "envoy.extensions.filters.http.ext_proc.v3.ExternalProcessor",
                grpc_service={"envoy_grpc": {"cluster_name": names.AGENT}},
                failure_mode_allow=False,
                processing_mode={
                    "request_header_mode": "SEND",
                    "response_header_mode": "SKIP",
                    "request_body_mode": "NONE",
                    "response_body_mode": "NONE",
                    "request_trailer_mode": "SKIP",
                    "response_trailer_mode": "SEND",
                },
                forward_rules={"allowed_headers": {"patterns": [exact(names.GRANT)]}},
                message_timeout="5s",
                status_on_error={"code": AGENT_UNREACHABLE},
            ),
        },
    )


def _header(name: str, value: Resource) -> Resource:
    return {
        "single_predicate": {
            "input": {
                "name": name,
                "typed_config": typed(
                    "envoy.type.matcher.v3.HttpRequestHeaderMatchInput", header_name=name
                ),
            },
            "value_match": value,
        }
    }
