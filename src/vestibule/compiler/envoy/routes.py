"""Route configurations: the plan's virtual hosts as Envoy reads them (RDS)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import assert_never

from vestibule.compiler.envoy import names
from vestibule.compiler.envoy.application import demands, disabled, unchecked
from vestibule.compiler.envoy.conditions import Means
from vestibule.compiler.envoy.shapes import Resource, duration, header, regex
from vestibule.compiler.paths import Covered, PathTest
from vestibule.compiler.plan import (
    Plan,
    PlannedRoute,
    ToControlPlane,
    ToNowhere,
    ToOrigin,
    Unmatched,
)
from vestibule.model.application import Application, Origin
from vestibule.model.conditions import ContinuousPlan

ROUTES = "envoy.config.route.v3.RouteConfiguration"

# What is switched off on the way to the control plane's own pages, which check for
# themselves: few filters, since there are ten thousand such routes. The rest only takes
# notes, and what it adds as identity is taken away again.
_UNCHECKED = (names.CHECK_FILTER, names.STREAMS, names.DEPARTURE)
_IDENTITY = [names.ASSERTION, names.EMAIL, names.GRANT]

# How long a connection may say nothing. A stream (WebSocket, event stream, gRPC) may be
# silent for a day; whoever holds one has proved who they are.
_SILENCE = 86_400.0


def route_configuration(
    name: str,
    plan: Plan,
    plans: Mapping[str, ContinuousPlan],
    means: Means,
    *,
    only_asked: bool = False,
) -> Resource:
    """Return the route configuration `name`. `means` is what can be told of a request.

    With `only_asked` another proxy forwards the request, and ours is to say yes.
    """
    make = _answer if only_asked else _route
    return {
        "name": name,
        "ignore_port_in_host_matching": True,
        "virtual_hosts": [
            {
                "name": host.domain,
                "domains": [host.domain],
                "routes": [make(route, plans, means) for route in host.routes],
            }
            for host in plan.hosts
        ],
    }


def misdirected() -> Resource:
    """Return the virtual host for all other names: 421 (RFC 9110, 15.5.20)."""
    reply: Resource = {"status": 421, "body": {"inline_string": "Misdirected request\n"}}
    return {
        "name": "misdirected",
        "domains": ["*"],
        "routes": [
            {
                "match": {"prefix": "/"},
                "direct_response": reply,
                "typed_per_filter_config": {name: disabled() for name in _UNCHECKED},
            }
        ],
    }


def _answer(route: PlannedRoute, plans: Mapping[str, ContinuousPlan], means: Means) -> Resource:
    """A route of the forward-auth listener: 200, with what the origin may read as identity.

    `Cookie` is among it as the origin should see it, without what only we may read. What is
    not there is told as an empty value: some proxies would otherwise pass on the visitor's.
    """
    match route.target:
        case ToOrigin(application, _) | ToNowhere(application):
            return _admitted(route, application, plans, means)
        case ToControlPlane() | Unmatched():
            envoy = _route(route, plans, means)
            envoy["typed_per_filter_config"] = {names.CHECK_FILTER: unchecked()}
            return envoy
    assert_never(route.target)


def _admitted(
    route: PlannedRoute,
    application: Application,
    plans: Mapping[str, ContinuousPlan],
    means: Means,
) -> Resource:
    plan = plans.get(application.id)
    checks = demands(application, plan, means)
    told: list[Resource] = [_header("cache-control", "no-store")]
    for name in (names.ASSERTION, names.EMAIL):
        is_public = plan is not None and plan.public
        told.append(_header(name, "" if is_public else f"%REQ({name})%"))
    stripped = f"%DYNAMIC_METADATA({names.OWN_METADATA}:cookie)%"
    told.append(_header("cookie", stripped if names.COOKIES in checks else "%REQ(COOKIE)%"))
    return {
        "match": _match(route),
        "direct_response": {"status": 200},
        "response_headers_to_add": [{**header, "keep_empty_value": True} for header in told],
        # Not a filter may be switched off by a route here: Envoy decides that by the route
        # of the question, before it is known what is asked about.
        "typed_per_filter_config": {
            name: checks[name] for name in (names.APPLICATION, names.COOKIES) if name in checks
        },
    }


def _route(route: PlannedRoute, plans: Mapping[str, ContinuousPlan], means: Means) -> Resource:
    envoy: Resource = {"match": _match(route)}
    match route.target:
        case ToOrigin(application, origin):
            envoy["route"] = _to_origin(origin)
            envoy["typed_per_filter_config"] = _checks(application, plans, means)
        case ToNowhere(application):
            envoy["route"] = _to_page("/-/no-origin")
            envoy["request_headers_to_add"] = [
                _header(names.APPLICATION_HEADER, application.id),
            ]
            envoy["typed_per_filter_config"] = {
                **_checks(application, plans, means),
                names.DEPARTURE: disabled(),
            }
        case ToControlPlane():
            envoy["route"] = {
                "cluster": names.WEB,
                "timeout": duration(120),
                "idle_timeout": duration(300),
            }
            envoy.update(_to_our_own())
        case Unmatched():
            envoy["route"] = _to_page("/-/unmatched")
            envoy.update(_to_our_own())
        case _:
            assert_never(route.target)
    return envoy


def _to_our_own() -> Resource:
    return {
        "typed_per_filter_config": {name: disabled() for name in _UNCHECKED},
        "request_headers_to_remove": _IDENTITY,
    }


def _checks(
    application: Application, plans: Mapping[str, ContinuousPlan], means: Means
) -> dict[str, Resource]:
    return demands(application, plans.get(application.id), means)


def _header(name: str, value: str) -> Resource:
    return {
        "header": {"key": name, "value": value},
        "append_action": "OVERWRITE_IF_EXISTS_OR_ADD",
    }


def _to_origin(origin: Origin) -> Resource:
    action: Resource = {
        "cluster": origin_cluster(origin),
        "timeout": duration(origin.response_timeout),
        "idle_timeout": duration(_SILENCE),
    }
    if origin.host_header:
        action["host_rewrite_literal"] = origin.host_header
    return action


def origin_cluster(origin: Origin) -> str:
    """Return the name of the origin's cluster."""
    return f"origin/{origin.id}"


def _to_page(path: str) -> Resource:
    return {
        "cluster": names.WEB,
        "timeout": duration(30),
        "regex_rewrite": {"pattern": {"regex": r"^[^?]*"}, "substitution": path},
    }


def _match(route: PlannedRoute) -> Resource:
    first, *others = route.paths
    tests = [header(":authority", regex(_authority(host))) for host in route.hosts]
    tests += [header(":path", regex(f"{other.regex}(?:\\?.*)?")) for other in others]
    match = _path_match(first)
    if tests:
        match["headers"] = tests
    return match


def _path_match(path: PathTest) -> Resource:
    if isinstance(path, Covered) and path.everything:
        return {"prefix": "/"}
    if isinstance(path, Covered) and path.literal:
        return {"path_separated_prefix": path.pattern}
    return {"safe_regex": {"regex": path.regex}}


def _authority(host: str) -> str:
    """RE2 for every Host that `host` covers, with or without a port."""
    labels = [_label(label) for label in host.split(".")]
    return r"(?i)" + r"\.".join(labels) + r"\.?(?::[0-9]*)?"


def _label(label: str) -> str:
    before, star, after = label.partition("*")
    if not star:
        return re.escape(label)
    within = "[^.:]*" if before or after else "[^.:]+"
    return re.escape(before) + within + re.escape(after)
