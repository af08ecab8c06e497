"""What one application demands of a request, as its routes' own filter settings."""

from __future__ import annotations

from vestibule.compiler.envoy import names
from vestibule.compiler.envoy.conditions import Means, holds
from vestibule.compiler.envoy.hygiene import put, without_headers
from vestibule.compiler.envoy.principals import (
    ANYBODY,
    NOBODY,
    claim_is,
    claim_lists,
    decided,
    every,
    has_header,
    no,
    shadow,
    some,
)
from vestibule.compiler.envoy.shapes import Resource, http_filter, typed
from vestibule.compiler.envoy.tokens import (
    ANY_CREDENTIALS,
    COOKIE,
    NO_CREDENTIAL,
    ONE_TOKEN,
    PRESENTED_AS,
    RBAC,
)
from vestibule.model.application import Application
from vestibule.model.conditions import ContinuousPlan

_HEADER_TO_METADATA = "envoy.extensions.filters.http.header_to_metadata.v3.Config"
_MUTATION_PER_ROUTE = "envoy.extensions.filters.http.header_mutation.v3.HeaderMutationPerRoute"


def application_filter() -> Resource:
    """Return the filter whose rules come with each route; without any, it proves nothing."""
    return http_filter(names.APPLICATION, RBAC)


def cookie_filter() -> Resource:
    """Return the filter that rewrites cookies, where a route asks for it."""
    return http_filter(names.COOKIES, _HEADER_TO_METADATA)


def demands(
    application: Application, plan: ContinuousPlan | None, means: Means
) -> dict[str, Resource]:
    """Return the filters' settings for `application`'s routes, by filter.

    The origin sees no identity where everybody is let in.
    """
    settings: dict[str, Resource] = {
        names.APPLICATION: typed(
            "envoy.extensions.filters.http.rbac.v3.RBACPerRoute",
            rbac=shadow({"proven": proven(application, plan, means)}, "app_"),
        )
    }
    if plan is not None and plan.public:
        settings[names.IDENTITY] = disabled()
    single_header = application.read_service_tokens_from_header.lower()
    if single_header:
        settings[names.DEPARTURE] = without_headers([single_header])
    if application.strip_authorization_cookie:
        settings[names.COOKIES] = _without_token_cookie()
        settings[names.DEPARTURE] = _with_rewritten_cookie([single_header])
    return settings


def proven(application: Application, plan: ContinuousPlan | None, means: Means) -> Resource:
    """Return what must hold for a request to pass without being asked about."""
    if plan is None:
        return NOBODY
    if plan.public:
        return decided(PRESENTED_AS, (ONE_TOKEN, NO_CREDENTIAL, ANY_CREDENTIALS))
    header = application.read_service_tokens_from_header.lower()
    no_machine = no(has_header(header)) if header else ANYBODY
    ways: list[Resource] = []
    # The binding cookie is compared with the grant, which only the control plane knows.
    if plan.compilable and not application.enable_binding_cookie:
        ways.append(_token(application, plan, means))
    if plan.bypass is not None:
        bypass = holds(plan.bypass, means)
        ways.append(every([decided(PRESENTED_AS, (NO_CREDENTIAL,)), bypass]))
    return every([no_machine, some(ways)])


def _token(application: Application, plan: ContinuousPlan, means: Means) -> Resource:
    """Return: the one genuine token is for this application, and its conditions hold."""
    return every(
        [
            decided(PRESENTED_AS, (ONE_TOKEN,)),
            claim_lists("aud", application.aud),
            claim_is("policy_version", plan.version),
            some(claim_is("policy_id", policy) for policy in plan.compilable),
            *(
                some([no(claim_lists("conditions", clause.id)), holds(clause.expression, means)])
                for clause in plan.clauses
            ),
        ]
    )


def disabled() -> Resource:
    """Return the setting that switches a filter off on a route."""
    return typed("envoy.config.route.v3.FilterConfig", disabled=True)


def unchecked() -> Resource:
    """Return the setting that lets a request pass without asking, whatever it was before."""
    return typed("envoy.extensions.filters.http.ext_authz.v3.ExtAuthzPerRoute", disabled=True)


def _without_token_cookie() -> Resource:
    """Return the rewriting of `Cookie` without the token, into metadata."""
    return typed(
        _HEADER_TO_METADATA,
        request_rules=[
            {
                "header": "cookie",
                "on_header_present": {
                    "metadata_namespace": names.OWN_METADATA,
                    "key": "cookie",
                    "regex_value_rewrite": {
                        "pattern": {"regex": rf"^(?:{COOKIE}=[^;]*(?:; ?|$))+|; ?{COOKIE}=[^;]*"},
                        "substitution": r"",
                    },
                },
            }
        ],
    )


def _with_rewritten_cookie(removed: list[str]) -> Resource:
    """Return the addition to the departure: the rewritten `Cookie`, or none at all.

    It is removed first: when it could not be rewritten, the origin gets none rather than
    one with the token in it.
    """
    return typed(
        _MUTATION_PER_ROUTE,
        mutations={
            "request_mutations": [
                *({"remove": name} for name in removed if name),
                {"remove": "cookie"},
                put("cookie", f"%DYNAMIC_METADATA({names.OWN_METADATA}:cookie)%"),
            ]
        },
    )
