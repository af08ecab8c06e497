"""The filters that verify a token and look how it was presented (design.md, steps 2-3)."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping

from vestibule.compiler.envoy import names
from vestibule.compiler.envoy.principals import (
    claim_is,
    decided,
    every,
    has_header,
    header_is,
    no,
    shadow,
    some,
)
from vestibule.compiler.envoy.shapes import (
    Resource,
    discovered_filter,
    http_filter,
    regex,
    typed,
)
from vestibule.model.values import Json

JWT = "envoy.extensions.filters.http.jwt_authn.v3.JwtAuthentication"
RBAC = "envoy.extensions.filters.http.rbac.v3.RBAC"

COOKIE = "CF_Authorization"

# How a request may present itself. Envoy looks through the policies in the order of their
# names, and the first that fits is noted.
ONE_TOKEN = "1-one-token"  # noqa: S105 - the name of a policy
NO_CREDENTIAL = "2-no-credential"
ANY_CREDENTIALS = "3-any-credentials"
PRESENTED_AS = "presentation_shadow_effective_policy_id"

# `\C` is any byte: a byte that is no UTF-8 must not hide a second cookie.
_TWO_COOKIES = r"\C*CF_Authorization\C*CF_Authorization\C*"
_JWT = r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+"


def token_filters(directory: str) -> list[Resource]:
    """Return the filters whose configuration is in files: keys, and what was revoked.

    Envoy reads a file of twenty thousand ids in half a second, one of a few in milliseconds:
    what was revoked of late has a filter of its own.
    """
    recent = f"{directory}/{names.RECENT_REVOCATION_FILE}"
    return [
        discovered_filter(names.TOKEN, JWT, f"{directory}/{names.TOKEN_FILE}"),
        discovered_filter(names.REVOCATION, RBAC, f"{directory}/{names.REVOCATION_FILE}"),
        discovered_filter(names.RECENT_REVOCATION, RBAC, recent),
    ]


def token_filter(issuer: str, jwks: Mapping[str, Json]) -> Resource:
    """Return the verification of application tokens (RFC 7519, 7.2). It never answers itself.

    Without keys nothing is verified, so everything is asked of the control plane.
    """
    if not jwks.get("keys"):
        return typed(JWT)
    provider = {
        "issuer": issuer,
        "local_jwks": {"inline_string": json.dumps(dict(jwks), sort_keys=True)},
        "from_headers": [{"name": names.PRESENTED_TOKEN}],
        "from_cookies": [COOKIE],
        "forward": True,
        "payload_in_metadata": "token",
        "claim_to_headers": [{"header_name": names.JTI, "claim_name": "jti"}],
        "require_expiration": True,
        # The least that can be said: zero would mean the default of a minute.
        "clock_skew_seconds": 1,
        "jwt_cache_config": {"jwt_cache_size": 10_000},
    }
    return typed(
        JWT,
        providers={"vestibule": provider},
        rules=[
            {
                "match": {"prefix": "/"},
                "requires": {
                    "requires_any": {
                        "requirements": [
                            {"provider_name": "vestibule"},
                            {"allow_missing_or_failed": {}},
                        ]
                    }
                },
            }
        ],
    )


def revocation_filter(revoked: Iterable[str], *, recent: bool = False) -> Resource:
    """Return the look-up of a token's id among the revoked ones: a hash, whatever their number.

    `recent` says for which of the two filters.
    """
    denied = {
        "action": {
            "name": "revoked",
            "typed_config": typed("envoy.config.rbac.v3.Action", name="revoked", action="DENY"),
        }
    }
    allowed = {
        "action": {
            "name": "alive",
            "typed_config": typed("envoy.config.rbac.v3.Action", name="alive", action="ALLOW"),
        }
    }
    ids = sorted(set(revoked))
    matcher: Resource = {"on_no_match": allowed}
    if ids:
        matcher["matcher_tree"] = {
            "input": {
                "name": "token-id",
                "typed_config": typed(
                    "envoy.type.matcher.v3.HttpRequestHeaderMatchInput", header_name=names.JTI
                ),
            },
            "exact_match_map": {"map": dict.fromkeys(ids, denied)},
        }
    prefix = "recent_revocation_" if recent else "revocation_"
    return typed(RBAC, shadow_matcher=matcher, shadow_rules_stat_prefix=prefix)


def presentation_filter() -> Resource:
    """Return the filter that notes how a request presents itself.

    It tells of every application what is the same for all, so that their own rules are
    short: there may be ten thousand.

    Not plain, and so always asked, is what the control plane must answer or rewrite: a CORS
    preflight, the CLI's questions, cookies that no origin may see.
    """
    plain = no(
        some(
            [
                has_header("access-control-request-method"),
                has_header(names.METADATA_REQUEST),
                header_is(":path", {"contains": "cloudflared_token_check"}),
                header_is("cookie", {"contains": "CF_AppSession"}),
                header_is("cookie", {"contains": "CF_Binding"}),
                header_is("cookie", {"contains": "CF_Redirects"}),
            ]
        )
    )
    cookie = header_is("cookie", {"contains": COOKIE})
    two_cookies = header_is("cookie", regex(_TWO_COOKIES))
    presented = has_header(names.PRESENTED_TOKEN)
    machine = some([has_header(names.CLIENT_ID), has_header(names.CLIENT_SECRET)])
    one_token = some(
        [
            every([cookie, no(two_cookies), no(presented)]),
            every([no(cookie), header_is(names.PRESENTED_TOKEN, regex(_JWT))]),
        ]
    )
    return http_filter(
        names.PRESENTATION,
        RBAC,
        **shadow(
            {
                ONE_TOKEN: every([plain, no(machine), one_token, *_genuine()]),
                NO_CREDENTIAL: every([plain, no(machine), no(cookie), no(presented)]),
                ANY_CREDENTIALS: plain,
            },
            "presentation_",
        ),
    )


def _genuine() -> list[Resource]:
    """Say of a verified token: it is for an application, has an id, and is not revoked."""
    return [
        claim_is("type", "app"),
        has_header(names.JTI),
        decided("revocation_shadow_engine_result", ("allowed",)),
        decided("recent_revocation_shadow_engine_result", ("allowed",)),
    ]


def raw_token_filter() -> Resource:
    """Return the filter that keeps the token's text, which the origin is given (access.md 4.5)."""
    kept = {"metadata_namespace": names.OWN_METADATA, "key": "token"}
    return http_filter(
        names.RAW_TOKEN,
        "envoy.extensions.filters.http.header_to_metadata.v3.Config",
        request_rules=[
            {"cookie": COOKIE, "on_header_present": kept},
            {"header": names.PRESENTED_TOKEN, "on_header_present": kept},
        ],
    )
