"""What the simulation remembers while it runs: sessions, sign-ins, codes, tokens, keys."""

from __future__ import annotations

import secrets
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from starlette.requests import Request

from simulated_okta.factors import Factor
from simulated_okta.keys import KeyRing, Mint, mint
from simulated_okta.world import Person, World

CODE_LIFETIME: Final = 300
SIGN_IN_LIFETIME: Final = 1800
Clock = Callable[[], float]


def random_id(prefix: str = "") -> str:
    """Return an unguessable identifier."""
    return prefix + secrets.token_urlsafe(24)


@dataclass
class AuthorizationRequest:
    """A valid request of an application for a sign-in, as `/authorize` received it."""

    server_id: str
    issuer: str
    client_id: str
    redirect_uri: str
    response_type: str
    response_mode: str
    scopes: tuple[str, ...]
    state: str
    nonce: str = ""
    code_challenge: str = ""
    prompt: str = ""
    max_age: int | None = None
    acr_values: tuple[str, ...] = ()
    login_hint: str = ""


@dataclass
class SignIn:
    """Somebody on the way through the sign-in pages, in one browser."""

    id: str
    browser: str
    csrf: str
    started: float
    request: AuthorizationRequest | None
    person: Person | None = None
    factors: tuple[Factor, ...] = ()
    picked: Factor | None = None
    skipped: bool = False
    fresh: bool = False
    remember: bool = False
    error: str = ""
    identifier: str = ""


@dataclass
class OktaSession:
    """A signed-in browser. Single sign-on replays its `factors`; `auth_time` tells their age."""

    id: str
    person_id: str
    factors: tuple[Factor, ...]
    auth_time: int
    expires: float


@dataclass
class Grant:
    """What somebody allowed an application: behind a code, and behind its tokens."""

    request: AuthorizationRequest
    person_id: str
    amr: list[str]
    acr: str | None
    auth_time: int
    id: str = field(default_factory=lambda: random_id("oag"))
    revoked: bool = False


@dataclass
class AuthorizationCode:
    """A code, valid once and shortly."""

    grant: Grant
    expires: float
    used: bool = False


@dataclass
class AccessToken:
    """An issued access token, so that introspection and revocation know of it."""

    grant: Grant
    claims: Mapping[str, Any]
    expires: int


@dataclass(frozen=True)
class Seen:
    """A request that the simulation answered: for tests that ask what was sent."""

    at: float
    method: str
    path: str
    query: str
    address: str
    user_agent: str
    status: int


@dataclass(frozen=True)
class LogEvent:
    """An entry of the organisation's System Log, by Okta's event type."""

    at: float
    event_type: str
    outcome: Literal["SUCCESS", "FAILURE", "DENY"]
    reason: str = ""
    actor: str = ""
    address: str = ""


class Simulation:
    """The world, the clock, and everything that came to be since the start."""

    def __init__(
        self, world: World, *, clock: Clock = time.time, hints: bool = True, make: Mint = mint
    ) -> None:
        self.world = world
        self.clock = clock
        self.hints = hints
        self._make = make
        self._rings: dict[str, KeyRing] = {}
        self.sign_ins: dict[str, SignIn] = {}
        self.sessions: dict[str, OktaSession] = {}
        self.codes: dict[str, AuthorizationCode] = {}
        self.access_tokens: dict[str, AccessToken] = {}
        self.seen: deque[Seen] = deque(maxlen=1000)
        self.log: deque[LogEvent] = deque(maxlen=1000)
        started = clock()
        for token in world.api_tokens:
            token.last_used = started if token.last_used is None else token.last_used

    def now(self) -> int:
        """Return the time in whole seconds, as the claims carry it."""
        return int(self.clock())

    def ring(self, name: str) -> KeyRing:
        """Return the keys of a server (its id), or of an application (`client:<id>`)."""
        return self._rings.setdefault(name, KeyRing(self._make))

    def org_url(self, request: Request) -> str:
        """Return the organisation's URL: configured, or the one this request came to."""
        if self.world.org_url:
            return self.world.org_url
        return f"{request.url.scheme}://{request.headers.get('host', 'localhost')}"

    def issuer(self, request: Request, server_id: str) -> str:
        """Return the issuer: the bare organisation's URL, or the one of a custom server."""
        org = self.org_url(request)
        return f"{org}/oauth2/{server_id}" if server_id else org

    def session(self, request: Request) -> OktaSession | None:
        """Return the live session of this browser, if its owner is still active."""
        found = self.sessions.get(request.cookies.get("sid", ""))
        if found is None or found.expires <= self.clock():
            return None
        person = self.world.person(found.person_id)
        return found if person is not None and person.active else None

    def sign_in(self, id: str) -> SignIn | None:
        """Return a sign-in that has started and not become stale."""
        found = self.sign_ins.get(id)
        if found is None or found.started + SIGN_IN_LIFETIME < self.clock():
            return None
        return found

    def issue_code(self, grant: Grant) -> str:
        """Return a new authorization code for `grant`."""
        code = random_id()
        self.codes[code] = AuthorizationCode(grant, self.clock() + CODE_LIFETIME)
        return code

    def record(
        self,
        event_type: str,
        outcome: Literal["SUCCESS", "FAILURE", "DENY"],
        *,
        reason: str = "",
        actor: str = "",
        address: str = "",
    ) -> None:
        """Add to the System Log."""
        self.log.append(LogEvent(self.clock(), event_type, outcome, reason, actor, address))
