"""An installation in memory with a clock to turn, for the tests of the check flow."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

from tests.fakes.store import MemoryStore
from vestibule.flows.answers import Decided
from vestibule.flows.check import Check
from vestibule.flows.issuer import Issuer
from vestibule.flows.view import LiveView
from vestibule.model.application import Application, ApplicationType
from vestibule.model.identity import Identity, IdentityGroup, IdentityProvider, User
from vestibule.model.machine import ServiceToken, SigningKey
from vestibule.model.organization import Organization
from vestibule.model.request import RequestFacts
from vestibule.model.rules import Decision, Policy, Rule
from vestibule.model.session import GlobalSession, Grant
from vestibule.policy import continuous
from vestibule.policy.context import Context
from vestibule.tokens import keys, service
from vestibule.tokens.application import Standing, person_claims
from vestibule.tokens.signing import sign

START = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
TEAM = "team.example.com"
HOST = "wiki.example.com"
AUD = "a" * 64
CLIENT_ID = "0123456789abcdef" * 2 + ".access"
SECRET = service.secret("5a" * 64).reveal()


@cache
def signing_key(number: int = 0) -> SigningKey:
    """One of a few keys, made once for the whole run."""
    return keys.generate(START - timedelta(days=1, minutes=-number))


class Clock:
    """A clock that stands still until it is turned."""

    def __init__(self) -> None:
        self.time = START

    def now(self) -> datetime:
        return self.time

    def turn(self, **by: float) -> None:
        self.time += timedelta(**by)


class Entropy:
    """Values that differ from one another, and are the same in each run."""

    def __init__(self) -> None:
        self.drawn = 0

    def _next(self, octets: int) -> str:
        self.drawn += 1
        seed = hashlib.sha512(str(self.drawn).encode()).hexdigest() * 4
        return seed[: octets * 2]

    def token(self, octets: int = 32) -> str:
        return self._next(octets)

    def hexadecimal(self, octets: int = 32) -> str:
        return self._next(octets)

    def uuid(self) -> str:
        drawn = self._next(16)
        return f"{drawn[:8]}-{drawn[8:12]}-4{drawn[13:16]}-8{drawn[17:20]}-{drawn[20:32]}"


def policy(
    decision: Decision, *include: Rule, id: str = "", require: tuple[Rule, ...] = (), **more: Any
) -> Policy:
    id = id or f"{decision.value}-policy"
    return Policy(id, id, decision, include, require=require, **more)


EVERYONE = Rule("everyone", {})
STAFF = Rule("email_domain", {"domain": "example.com"})
OFFICE = Rule("ip", {"ip": "192.0.2.0/24"})
HERE = Rule("geo", {"country_code": "PT"})
ANY_TOKEN = Rule("any_valid_service_token", {})
CERTIFICATE = Rule("certificate", {})
ALLOW_STAFF = policy(Decision.ALLOW, STAFF)
SERVICE = policy(Decision.NON_IDENTITY, ANY_TOKEN)


@dataclass
class Gate:
    """The installation: `protect` something, let somebody `sign_in`, then `ask`."""

    store: MemoryStore = field(default_factory=MemoryStore)
    clock: Clock = field(default_factory=Clock)
    entropy: Entropy = field(default_factory=Entropy)

    def __post_init__(self) -> None:
        with self.store.transaction() as records:
            records.put_organization(Organization(id="org", name="Example", auth_domain=TEAM))
            records.put_signing_key(signing_key())
            records.put(IdentityProvider("idp", "Okta", "okta"))
            records.put_user(User("ada-id", "ada@example.com", "Ada", START))
        self.live = LiveView(self.store, self.clock, scheme="https")
        self.check = Check(
            live=self.live,
            store=self.store,
            clock=self.clock,
            entropy=self.entropy,
            issuer=Issuer(self.entropy),
        )

    def organize(self, **changed: Any) -> None:
        organization = self.store.configuration().organization
        with self.store.transaction() as records:
            records.put_organization(replace(organization, **changed))
        self.clock.turn(seconds=1)

    def protect(
        self, *policies: Policy, id: str = "wiki", host: str = HOST, aud: str = AUD, **more: Any
    ) -> Application:
        application = Application(
            id=id,
            aud=aud,
            name=id.capitalize(),
            type=ApplicationType.SELF_HOSTED,
            destinations=more.pop("destinations", (host,)),
            policy_ids=tuple(policy.id for policy in policies),
            **more,
        )
        with self.store.transaction() as records:
            for one in policies:
                records.put(one)
            records.put(application)
        self.clock.turn(seconds=1)
        return application

    def put(self, resource: Any) -> None:
        with self.store.transaction() as records:
            records.put(resource)
        self.clock.turn(seconds=1)

    def machine(self, **more: Any) -> ServiceToken:
        token = ServiceToken(
            **{
                "id": "robot",
                "name": "Robot",
                "client_id": CLIENT_ID,
                "secret_hash": service.hash_secret(SECRET),
                "expires_at": START + timedelta(days=365),
                "duration": timedelta(days=365),
                "created_at": START,
                **more,
            }
        )
        self.put(token)
        return token

    def sign_in(
        self,
        application: Application,
        policy: Policy,
        *,
        facts: RequestFacts | None = None,
        lifetime: timedelta = timedelta(hours=24),
        key: SigningKey | None = None,
        identity: Identity | None = None,
        external: Mapping[str, bool] | None = None,
    ) -> tuple[str, Grant]:
        """Let Ada into `application` as the login flow would; returns her token and grant."""
        now = self.clock.now()
        number = self.entropy.uuid()
        session = GlobalSession(
            id=f"session-{number[:8]}",
            user_id="ada-id",
            identity=identity or ADA,
            created_at=now,
            expires_at=now + timedelta(hours=24),
        )
        grant = Grant(
            id=f"grant-{number[:8]}",
            application_id=application.id,
            policy_id=policy.id,
            issued_at=now,
            expires_at=now + lifetime,
            session_id=session.id,
            user_id="ada-id",
            country="PT",
            external=external or {},
        )
        with self.store.transaction() as records:
            records.add_session(session)
            records.add_grant(grant)
        claims = person_claims(
            issuer=f"https://{TEAM}",
            application=application,
            session=session,
            grant=grant,
            email=session.identity.email,
            standing=self.standing(application, policy, session.identity, facts),
        )
        return sign(claims, key or signing_key()), grant

    def standing(
        self,
        application: Application,
        policy: Policy,
        identity: Identity,
        facts: RequestFacts | None = None,
    ) -> Standing:
        configuration = self.store.configuration()
        policies = configuration.policies_of(application)
        plan = continuous.plan(policies, configuration.groups, configuration.lists)
        with self.store.reading() as records:
            user = records.user("ada-id")
        context = Context(
            facts or request(),
            identity,
            configuration.groups,
            configuration.lists,
            risk_level=user.risk_level if user else None,
        )
        conditions = continuous.conditions(policies, context, policy.id)
        return Standing() if conditions is None else Standing(plan.version, conditions)

    def ask(self, facts: RequestFacts) -> Decided:
        """What `/check` decides; memory's answer, if it has one, must be the same in kind."""
        return self.check.at_once(facts) or self.check.decide(facts)


ADA = Identity(
    idp_id="idp",
    idp_type="okta",
    subject="00u1",
    email="ada@example.com",
    name="Ada",
    groups=(IdentityGroup("g1", "engineering"),),
    amr=("pwd", "otp"),
)


def request(
    path: str = "/page",
    *,
    host: str = HOST,
    method: str = "GET",
    query: str = "",
    token: str = "",
    header_token: str = "",
    cookies: Mapping[str, tuple[str, ...]] | None = None,
    ip: str = "192.0.2.7",
    country: str | None = "PT",
    headers: Mapping[str, str] | None = None,
    **more: Any,
) -> RequestFacts:
    """A browser's navigation, unless said otherwise."""
    sent = {"accept": "text/html,*/*;q=0.8", "sec-fetch-mode": "navigate", **(headers or {})}
    held = dict(cookies or {})
    if token:
        held["CF_Authorization"] = (*held.get("CF_Authorization", ()), token)
    if held:
        sent["cookie"] = "; ".join(f"{n}={v}" for n, values in held.items() for v in values)
    if header_token:
        sent["cf-access-token"] = header_token
    return RequestFacts(
        method=method,
        scheme="https",
        host=host,
        authority=host,
        path=path,
        query=query,
        headers={name: value for name, value in sent.items() if value},
        cookies=held,
        client_ip=ip,
        country=country,
        request_id="0af7651916cd43dd-8448eb211c80319c",
        **more,
    )


SERVICE_HEADERS = {"cf-access-client-id": CLIENT_ID, "cf-access-client-secret": SECRET}
XHR = {"sec-fetch-mode": "cors", "accept": "application/json"}
