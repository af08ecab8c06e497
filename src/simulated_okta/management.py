"""The part of the management API that a gateway calls: users, and the groups of a user."""

from __future__ import annotations

import base64
import secrets
from typing import Any, Final
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from simulated_okta.errors import OktaError
from simulated_okta.simulation import Simulation
from simulated_okta.world import ApiToken, Group, Person

UNUSED_LIFETIME: Final = 30 * 24 * 3600
_CREATED: Final = "2024-01-15T09:00:00.000Z"


def routes(simulation: Simulation) -> list[Route]:
    """Return the routes of the management API."""

    async def me(request: Request) -> Response:
        owner = _authorize(simulation, request)
        return JSONResponse(user_json(owner, simulation.org_url(request)))

    async def user(request: Request) -> Response:
        _authorize(simulation, request)
        return JSONResponse(user_json(found(request), simulation.org_url(request)))

    async def groups(request: Request) -> Response:
        owner = _authorize(simulation, request)
        mine = request.path_params["id"] == "me"
        listed = simulation.world.groups_of(owner if mine else found(request))
        limit = _limit(request, simulation.world.page_size)
        start = _position(request.query_params.get("after", ""), listed)
        page, rest = listed[start : start + limit], listed[start + limit :]
        org = simulation.org_url(request)
        response = JSONResponse([group_json(group, org) for group in page])
        here = f"{org}{request.url.path}"
        query = f"?{request.url.query}" if request.url.query else ""
        response.headers.append("link", f'<{here}{query}>; rel="self"')
        if rest:
            there = here.replace(org, simulation.world.faults.next_link_origin or org, 1)
            cursor = urlencode({"after": _cursor(page[-1]), "limit": limit})
            response.headers.append("link", f'<{there}?{cursor}>; rel="next"')
        return response

    def found(request: Request) -> Person:
        key = str(request.path_params["id"])
        if (person := simulation.world.person(key)) is None:
            raise OktaError("E0000007", f"Not found: Resource not found: {key} (User)")
        return person

    return [
        Route("/api/v1/users/me", me),
        Route("/api/v1/users/{id}/groups", groups),
        Route("/api/v1/users/{id}", user),
    ]


def _authorize(simulation: Simulation, request: Request) -> Person:
    """Return the owner of a good SSWS token and renew it, or raise `OktaError`."""
    scheme, _, value = request.headers.get("authorization", "").partition(" ")
    if not scheme:
        raise OktaError("E0000005")
    now = simulation.clock()
    for token in simulation.world.api_tokens:
        if scheme == "SSWS" and secrets.compare_digest(token.value.encode(), value.encode()):
            owner = simulation.world.person(token.owner)
            if owner is None or not owner.active or _expired(token, now):
                break
            token.last_used = now
            return owner
    raise OktaError("E0000011")


def _expired(token: ApiToken, now: float) -> bool:
    return token.last_used is not None and now - token.last_used > UNUSED_LIFETIME


def _limit(request: Request, default: int) -> int:
    raw = request.query_params.get("limit", "")
    if not raw:
        return default
    if not (raw.isascii() and raw.isdigit() and 0 < int(raw) <= 10_000):
        cause = "limit: The limit must be a number between 1 and 10000."
        raise OktaError("E0000001", "Api validation failed: limit", (cause,))
    return min(int(raw), default) if default else int(raw)


def _cursor(last: Group) -> str:
    return base64.urlsafe_b64encode(last.id.encode()).rstrip(b"=").decode()


def _position(after: str, listed: list[Group]) -> int:
    """Return where the page begins that follows the cursor `after`."""
    if not after:
        return 0
    for index, group in enumerate(listed):
        if _cursor(group) == after:
            return index + 1
    raise OktaError("E0000001", "Api validation failed: after", ("after: Invalid cursor.",))


def user_json(person: Person, org: str) -> dict[str, Any]:
    """Return somebody as the Users API shows them."""
    return {
        "id": person.id,
        "status": person.status,
        "created": _CREATED,
        "activated": _CREATED,
        "statusChanged": _CREATED,
        "lastLogin": None,
        "lastUpdated": _CREATED,
        "passwordChanged": _CREATED,
        "type": {"id": "oty1a2b3c4d5e6f7g8h9"},
        "profile": {
            "firstName": person.first_name,
            "lastName": person.last_name,
            "mobilePhone": None,
            "secondEmail": None,
            "login": person.login,
            "email": person.email,
            **person.profile,
        },
        "credentials": {
            "password": {},
            "provider": {"type": "OKTA", "name": "OKTA"},
        },
        "_links": {"self": {"href": f"{org}/api/v1/users/{person.id}"}},
    }


def group_json(group: Group, org: str) -> dict[str, Any]:
    """Return a group as the Groups API shows it."""
    return {
        "id": group.id,
        "created": _CREATED,
        "lastUpdated": _CREATED,
        "lastMembershipUpdated": _CREATED,
        "objectClass": ["okta:user_group"],
        "type": group.type,
        "profile": {"name": group.name, "description": group.description},
        "_links": {"users": {"href": f"{org}/api/v1/groups/{group.id}/users"}},
    }
