"""Who and what exists in the simulated organisation: the input of the simulation.

A world is read from JSON (`parse`) or built in Python, and it is mutable, because an
administrator's actions (the control surface) change it while the simulation runs.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Final, Literal

from pydantic import ConfigDict, TypeAdapter

from simulated_okta.factors import Engine, Factor

EVERYONE: Final = "Everyone"
_ALPHABET: Final = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
_STRICT: Final = ConfigDict(extra="forbid")

Surface = Literal["sign_in", "authorize", "token", "userinfo", "api"]
SURFACES: Final[tuple[Surface, ...]] = ("sign_in", "authorize", "token", "userinfo", "api")


def okta_id(prefix: str, name: str) -> str:
    """Return a stable 20-character id in Okta's manner, such as `00u…` for a user."""
    digest = hashlib.sha256(f"{prefix}:{name}".encode()).digest()
    return prefix + "".join(_ALPHABET[byte % len(_ALPHABET)] for byte in digest)[: 20 - len(prefix)]


@dataclass
class Person:
    """Somebody who can sign in. `password_only` offers to skip the second factor."""

    __pydantic_config__: ClassVar[ConfigDict] = _STRICT
    login: str
    password: str
    first_name: str = ""
    last_name: str = ""
    email: str = ""
    factors: list[Factor] = field(default_factory=list[Factor])
    totp_secret: str = ""
    groups: list[str] = field(default_factory=list[str])
    password_only: bool = False
    status: Literal["ACTIVE", "SUSPENDED", "DEPROVISIONED"] = "ACTIVE"
    profile: dict[str, Any] = field(default_factory=dict[str, Any])
    id: str = ""

    def __post_init__(self) -> None:
        """Fill in what follows from the login."""
        self.email = self.email or self.login
        self.id = self.id or okta_id("00u", self.login)
        if Factor.OTP in self.factors and not self.totp_secret:
            digest = hashlib.sha256(f"totp:{self.login}".encode()).digest()
            self.totp_secret = base64.b32encode(digest).decode()[:32]

    @property
    def name(self) -> str:
        return f"{self.first_name} {self.last_name}".strip() or self.login

    @property
    def active(self) -> bool:
        return self.status == "ACTIVE"


@dataclass
class Group:
    """A group of the directory; `Everyone` exists without being listed."""

    __pydantic_config__: ClassVar[ConfigDict] = _STRICT
    name: str
    description: str = ""
    type: Literal["OKTA_GROUP", "APP_GROUP", "BUILT_IN"] = "OKTA_GROUP"
    id: str = ""

    def __post_init__(self) -> None:
        """Derive the id from the name."""
        self.id = self.id or okta_id("00g", self.name)


@dataclass
class GroupsClaim:
    """The groups claim of an application or of a custom server.

    A `filter` sees Okta's own groups; an `expression` sees imported ones (`APP_GROUP`) too,
    and never more than 100.
    """

    __pydantic_config__: ClassVar[ConfigDict] = _STRICT
    operator: Literal["STARTS_WITH", "EQUALS", "CONTAINS", "REGEX"] = "REGEX"
    value: str = ".*"
    kind: Literal["filter", "expression"] = "filter"
    name: str = "groups"

    def matches(self, group: Group) -> bool:
        """Whether the claim lists `group`."""
        if self.kind == "filter" and group.type == "APP_GROUP":
            return False
        match self.operator:
            case "STARTS_WITH":
                return group.name.startswith(self.value)
            case "EQUALS":
                return group.name == self.value
            case "CONTAINS":
                return self.value in group.name
            case "REGEX":
                return re.fullmatch(self.value, group.name) is not None


@dataclass
class Client:
    """An OIDC application. `assigned` holds logins and group names; None is everybody."""

    __pydantic_config__: ClassVar[ConfigDict] = _STRICT
    client_id: str
    client_secret: str = ""
    redirect_uris: list[str] = field(default_factory=list[str])
    post_logout_redirect_uris: list[str] = field(default_factory=list[str])
    name: str = "Application"
    response_types: list[str] = field(default_factory=lambda: ["code"])
    pkce_required: bool = False
    groups_claim: GroupsClaim | None = field(default_factory=GroupsClaim)
    assigned: list[str] | None = None
    pinned_key: bool = False

    @property
    def public(self) -> bool:
        """Whether it authenticates with nothing, and therefore must use PKCE."""
        return not self.client_secret


@dataclass
class CustomClaim:
    """A claim out of somebody's profile; without `always`, only `/userinfo` tells it."""

    __pydantic_config__: ClassVar[ConfigDict] = _STRICT
    name: str
    attribute: str
    scope: str = ""
    always: bool = True


@dataclass
class AuthorizationServer:
    """The org authorization server (empty id) or a custom one."""

    __pydantic_config__: ClassVar[ConfigDict] = _STRICT
    id: str = ""
    audience: str = "api://default"
    scopes: list[str] = field(default_factory=list[str])
    claims: list[CustomClaim] = field(default_factory=list[CustomClaim])
    groups_claim: GroupsClaim | None = None
    access_policy: bool = True

    @property
    def is_org(self) -> bool:
        return not self.id


@dataclass
class ApiToken:
    """An SSWS token: it has its owner's rights, and dies of 30 days without use."""

    __pydantic_config__: ClassVar[ConfigDict] = _STRICT
    value: str
    owner: str
    last_used: float | None = None


@dataclass
class ThreatInsight:
    """Which addresses Okta suspects, and what it does about them.

    `surfaces` is this simulation's own: on one machine the gateway and the browser share an
    address, and a test wants to block only one of them.
    """

    __pydantic_config__: ClassVar[ConfigDict] = _STRICT
    action: Literal["none", "audit", "block"] = "none"
    addresses: list[str] = field(default_factory=list[str])
    exclude: list[str] = field(default_factory=list[str])
    surfaces: list[Surface] = field(default_factory=lambda: list(SURFACES))


@dataclass
class RateLimits:
    """Requests a minute for each endpoint; 0 plays a concurrency violation.

    Endpoints: authorize, token, keys, userinfo, introspect, revoke, logout, users, groups,
    metadata. What is not listed is announced with 600 and never enforced.
    """

    __pydantic_config__: ClassVar[ConfigDict] = _STRICT
    endpoints: dict[str, int] = field(default_factory=dict[str, int])
    client_based: Literal["ENFORCE", "PREVIEW", "DISABLE"] = "DISABLE"
    client_based_limit: int = 60


@dataclass
class Faults:
    """Misbehaviour for tests: foreign `next` links, and a status or a delay by endpoint."""

    __pydantic_config__: ClassVar[ConfigDict] = _STRICT
    next_link_origin: str = ""
    userinfo_subject: str = ""
    status: dict[str, int] = field(default_factory=dict[str, int])
    delay: dict[str, float] = field(default_factory=dict[str, float])


@dataclass
class World:
    """The whole organisation. `org_url` empty means: the address each request came to."""

    __pydantic_config__: ClassVar[ConfigDict] = _STRICT
    people: list[Person] = field(default_factory=list[Person])
    groups: list[Group] = field(default_factory=list[Group])
    clients: list[Client] = field(default_factory=list[Client])
    servers: list[AuthorizationServer] = field(default_factory=list[AuthorizationServer])
    api_tokens: list[ApiToken] = field(default_factory=list[ApiToken])
    engine: Engine = Engine.CLASSIC
    org_url: str = ""
    name: str = "Example organisation"
    page_size: int = 200
    session_lifetime: int = 7200
    threat_insight: ThreatInsight = field(default_factory=ThreatInsight)
    rate_limits: RateLimits = field(default_factory=RateLimits)
    faults: Faults = field(default_factory=Faults)

    def __post_init__(self) -> None:
        """Add what every organisation has: `Everyone`, the org server and `default`."""
        if not any(group.name == EVERYONE for group in self.groups):
            self.groups.insert(0, Group(EVERYONE, "All users in your organization", "BUILT_IN"))
        for name in ("default", ""):
            if not any(server.id == name for server in self.servers):
                self.servers.insert(0, AuthorizationServer(name))

    @property
    def id(self) -> str:
        return okta_id("00o", self.name)

    def person(self, key: str) -> Person | None:
        """Find somebody by id or by login, whose case does not matter."""
        wanted = key.casefold()
        return next((p for p in self.people if key == p.id or wanted == p.login.casefold()), None)

    def client(self, client_id: str) -> Client | None:
        return next((c for c in self.clients if c.client_id == client_id), None)

    def server(self, id: str) -> AuthorizationServer | None:
        return next((s for s in self.servers if s.id == id), None)

    def groups_of(self, person: Person) -> list[Group]:
        """Return the groups of `person` in a stable order, `Everyone` among them."""
        names = {*person.groups, EVERYONE}
        return [group for group in self.groups if group.name in names]

    def assigned(self, client: Client, person: Person) -> bool:
        """Whether the administrator assigned the application to `person`."""
        if client.assigned is None:
            return True
        return not {person.login, *person.groups, EVERYONE}.isdisjoint(client.assigned)


def parse(document: Mapping[str, Any]) -> World:
    """Read a world from JSON, or raise pydantic's `ValidationError` that names the place."""
    return TypeAdapter(World).validate_python(document)
