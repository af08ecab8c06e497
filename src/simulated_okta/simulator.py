"""The control surface of the simulation: not Okta's, for tests and demonstrations only.

All bodies are JSON. With a control token, send `Authorization: Bearer <token>`.

    GET  /simulator/state                        the organisation at a glance
    GET  /simulator/requests                     requests answered so far, oldest first
    DELETE /simulator/requests                   forget them
    GET  /simulator/log                          the System Log of the organisation
    GET  /simulator/totp/{login}                 {"code", "seconds_left"}
    POST /simulator/engine                       {"engine": "v1" | "idx"}
    POST /simulator/keys/publish-next            {"server": ""}
    POST /simulator/keys/rotate                  {"server": "", "emergency": false}
    POST /simulator/groups/add                   {"login", "group"}; makes the group if needed
    POST /simulator/groups/remove                {"login", "group"}
    POST /simulator/users/status                 {"login", "status": "ACTIVE" | "SUSPENDED" |
                                                 "DEPROVISIONED"}; ends the sessions as well
    POST /simulator/sessions/end                 {"login"}; signs somebody out everywhere
    POST /simulator/clients/assign               {"client_id", "assigned": [...] | null}
    POST /simulator/clients/redirect-uris        {"client_id", "redirect_uris": [...]}
    PUT  /simulator/threat-insight               {"action", "addresses", "exclude", "surfaces"}
    PUT  /simulator/rate-limits                  {"endpoints", "client_based", ...}
    PUT  /simulator/faults                       {"next_link_origin", "status", "delay", ...}

The members of the last three are those of `ThreatInsight`, `RateLimits` and `Faults` in
`simulated_okta.world`; what is left out takes its default.
"""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict
from json import JSONDecodeError
from typing import Any

from pydantic import TypeAdapter, ValidationError
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from simulated_okta.factors import Engine
from simulated_okta.sign_in import current_code
from simulated_okta.simulation import Simulation
from simulated_okta.world import (
    AuthorizationServer,
    Client,
    Faults,
    Group,
    Person,
    RateLimits,
    ThreatInsight,
)

Body = Mapping[str, Any]
Action = Callable[[Body], Any]


def roster(simulation: Simulation) -> list[dict[str, Any]]:
    """Return the people, for whoever introduces them; passwords only where hints are on."""
    return [
        {
            "id": person.id,
            "login": person.login,
            "name": person.name,
            "status": person.status,
            "groups": [group.name for group in simulation.world.groups_of(person)],
            "factors": list(person.factors),
            "password_only": person.password_only or not person.factors,
            "password": person.password if simulation.hints else None,
        }
        for person in simulation.world.people
    ]


class _Refused(Exception):
    """A command that cannot be carried out; its sentence is the answer."""


def routes(simulation: Simulation, control_token: str) -> list[Route]:
    """Return the control surface over `simulation`."""
    control = Control(simulation)

    def guarded(action: Action) -> Callable[[Request], Awaitable[Response]]:
        async def endpoint(request: Request) -> Response:
            given = request.headers.get("authorization", "").removeprefix("Bearer ")
            if control_token and not secrets.compare_digest(given.encode(), control_token.encode()):
                return JSONResponse({"error": "a control token is required"}, status_code=401)
            try:
                body: Body = await request.json() if await request.body() else {}
                return JSONResponse(action({**body, **request.path_params}))
            except (_Refused, JSONDecodeError, ValidationError, KeyError, TypeError) as error:
                return JSONResponse({"error": str(error)}, status_code=400)

        return endpoint

    commands: list[tuple[str, str, Action]] = [
        ("GET", "state", control.state),
        ("GET", "requests", control.requests),
        ("DELETE", "requests", control.forget_requests),
        ("GET", "log", control.log),
        ("GET", "totp/{login}", control.totp),
        ("POST", "engine", control.engine),
        ("POST", "keys/publish-next", control.publish_next_key),
        ("POST", "keys/rotate", control.rotate_key),
        ("POST", "groups/add", control.add_to_group),
        ("POST", "groups/remove", control.remove_from_group),
        ("POST", "users/status", control.set_status),
        ("POST", "sessions/end", control.end_sessions),
        ("POST", "clients/assign", control.assign),
        ("POST", "clients/redirect-uris", control.redirect_uris),
        ("PUT", "threat-insight", control.threat_insight),
        ("PUT", "rate-limits", control.rate_limits),
        ("PUT", "faults", control.faults),
    ]
    return [
        Route(f"/simulator/{path}", guarded(action), methods=[method])
        for method, path, action in commands
    ]


class Control:
    """What an administrator, the passing of time, or bad luck would do."""

    def __init__(self, simulation: Simulation) -> None:
        self._simulation = simulation
        self._world = simulation.world

    def state(self, _: Body) -> Any:
        world = self._world
        return {
            "engine": world.engine,
            "people": roster(self._simulation),
            "clients": [
                {"client_id": c.client_id, "redirect_uris": c.redirect_uris} for c in world.clients
            ],
            "servers": [server.id for server in world.servers],
            "threat_insight": asdict(world.threat_insight),
            "rate_limits": asdict(world.rate_limits),
            "faults": asdict(world.faults),
        }

    def requests(self, _: Body) -> Any:
        return [asdict(seen) for seen in self._simulation.seen]

    def forget_requests(self, _: Body) -> Any:
        self._simulation.seen.clear()
        return {}

    def log(self, _: Body) -> Any:
        return [asdict(event) for event in self._simulation.log]

    def totp(self, body: Body) -> Any:
        now = self._simulation.now()
        return {"code": current_code(self._person(body), now), "seconds_left": 30 - now % 30}

    def engine(self, body: Body) -> Any:
        self._world.engine = TypeAdapter(Engine).validate_python(body["engine"])
        return {"engine": self._world.engine}

    def publish_next_key(self, body: Body) -> Any:
        return {"kid": self._simulation.ring(self._server(body).id).publish_next()}

    def rotate_key(self, body: Body) -> Any:
        ring = self._simulation.ring(self._server(body).id)
        return {"kid": ring.rotate(emergency=bool(body.get("emergency")))}

    def add_to_group(self, body: Body) -> Any:
        person, name = self._person(body), str(body["group"])
        if not any(group.name == name for group in self._world.groups):
            self._world.groups.append(Group(name))
        if name not in person.groups:
            person.groups.append(name)
        return {"groups": person.groups}

    def remove_from_group(self, body: Body) -> Any:
        person = self._person(body)
        person.groups = [name for name in person.groups if name != body["group"]]
        return {"groups": person.groups}

    def set_status(self, body: Body) -> Any:
        person = self._person(body)
        status = str(body["status"])
        match status:
            case "ACTIVE" | "SUSPENDED" | "DEPROVISIONED":
                person.status = status
            case _:
                raise _Refused("status is one of ACTIVE, SUSPENDED, DEPROVISIONED")
        if not person.active:
            self.end_sessions(body)
        return {"login": person.login, "status": person.status}

    def end_sessions(self, body: Body) -> Any:
        person, sessions = self._person(body), self._simulation.sessions
        ended = [s for s in sessions.values() if s.person_id == person.id]
        for session in ended:
            del sessions[session.id]
        return {"ended": len(ended)}

    def assign(self, body: Body) -> Any:
        client = self._client(body)
        client.assigned = TypeAdapter(list[str] | None).validate_python(body["assigned"])
        return {"assigned": client.assigned}

    def redirect_uris(self, body: Body) -> Any:
        client = self._client(body)
        client.redirect_uris = TypeAdapter(list[str]).validate_python(body["redirect_uris"])
        return {"redirect_uris": client.redirect_uris}

    def threat_insight(self, body: Body) -> Any:
        self._world.threat_insight = TypeAdapter(ThreatInsight).validate_python(body)
        return asdict(self._world.threat_insight)

    def rate_limits(self, body: Body) -> Any:
        self._world.rate_limits = TypeAdapter(RateLimits).validate_python(body)
        return asdict(self._world.rate_limits)

    def faults(self, body: Body) -> Any:
        self._world.faults = TypeAdapter(Faults).validate_python(body)
        return asdict(self._world.faults)

    def _person(self, body: Body) -> Person:
        if (person := self._world.person(str(body["login"]))) is None:
            raise _Refused(f"there is nobody with the login {body['login']}")
        return person

    def _client(self, body: Body) -> Client:
        if (client := self._world.client(str(body["client_id"]))) is None:
            raise _Refused(f"there is no client {body['client_id']}")
        return client

    def _server(self, body: Body) -> AuthorizationServer:
        name = str(body.get("server", ""))
        if (server := self._world.server(name)) is None:
            raise _Refused(f"there is no authorization server {name}")
        return server
