"""A real gateway (Envoy and all) before a fake control plane and an echoing origin."""

from __future__ import annotations

import http.client
import json
import shutil
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from tests.fakes.control_plane import FakeControlPlane, Served
from tests.fakes.origin import echo
from tests.fakes.store import MemoryStore
from vestibule.dataplane.gateway import Gateway, GatewayOptions, ListenAt
from vestibule.model.application import Application, ApplicationType, Origin
from vestibule.model.machine import SigningKey
from vestibule.model.organization import Organization
from vestibule.model.rules import Decision, Policy, Rule
from vestibule.model.session import Grant
from vestibule.policy.continuous import plan
from vestibule.tokens.keys import generate
from vestibule.tokens.signing import sign

TEAM = "team.test"
ISSUER = f"http://{TEAM}"
EVERYONE = Rule("everyone", {})
_KEYS: list[SigningKey] = []


def now() -> datetime:
    return datetime.now(UTC)


def signing_key() -> SigningKey:
    """A key for this test run; making one is slow."""
    if not _KEYS:
        _KEYS.append(generate(now() - timedelta(minutes=1)))
    return _KEYS[0]


def policy(id: str, decision: Decision = Decision.ALLOW, *include: Rule, **rest: Any) -> Policy:
    return Policy(id, id, decision, include or (EVERYONE,), **rest)


def application(id: str, *destinations: str, policies: Sequence[str] = ("all",), **rest: Any):
    return Application(
        id=id,
        aud=id.encode().hex().ljust(64, "0")[:64],
        name=id,
        type=ApplicationType.SELF_HOSTED,
        destinations=destinations or (f"{id}.test",),
        policy_ids=tuple(policies),
        **rest,
    )


@dataclass
class Answered:
    """What came back: by the echoing origin, if `seen` is not None."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes

    @property
    def seen(self) -> dict[str, Any] | None:
        return json.loads(self.body) if self.header("x-origin") else None

    def header(self, name: str) -> str:
        return next((v for k, v in self.headers if k.lower() == name), "")

    def seen_header(self, name: str) -> list[str]:
        seen = self.seen
        assert seen is not None, (self.status, self.body)
        return [value for key, value in seen["headers"] if key == name]


@dataclass
class RunningGateway:
    """Everything that a test of the data plane needs."""

    options: dict[str, Any] = field(default_factory=dict)

    def start(self, *resources: Any) -> RunningGateway:
        self.directory = Path(tempfile.mkdtemp(dir="/tmp", prefix="v-"))
        self.origin = Served(echo, ws_ping_interval=None).start()
        self.control = FakeControlPlane(self.directory).start()
        self.store = MemoryStore()
        with self.store.transaction() as records:
            records.put_organization(Organization("org", "Test", TEAM))
            records.put_signing_key(signing_key())
            records.put(policy("all"))
        self.put(*resources)
        options = {"public": ListenAt("127.0.0.1", 0), "concurrency": 1, "drain": 0.2}
        self.gateway = Gateway(
            GatewayOptions(run_dir=self.directory, **{**options, **self.options}), self.store
        )
        self.gateway.start()
        return self

    def stop(self) -> None:
        self.gateway.stop()
        self.control.stop()
        self.origin.stop()
        shutil.rmtree(self.directory, ignore_errors=True)

    def put(self, *resources: Any) -> None:
        with self.store.transaction() as records:
            for resource in resources:
                if isinstance(resource, Organization):
                    records.put_organization(resource)
                else:
                    records.put(resource)

    def publish(self, *resources: Any) -> None:
        """Put, and wait until the gateway has applied it (or refused it)."""
        before = self.gateway.publisher.rejections
        self.put(*resources)
        revision = self.store.revisions().configuration
        eventually(
            lambda: (
                self.gateway.publisher.applied_revision >= revision
                or self.gateway.publisher.rejections > before
            )
        )

    def echo_origin(self, id: str, match: str, **rest: Any) -> Origin:
        return Origin(id, id, match, (f"http://127.0.0.1:{self.origin.port}",), **rest)

    def claims(self, application: Application, **changes: Any) -> dict[str, Any]:
        """An acceptable token's claims; `None` leaves one out."""
        configuration = self.store.configuration()
        application = configuration.applications[application.id]
        version = plan(
            configuration.policies_of(application), configuration.groups, configuration.lists
        ).version
        at = int(time.time())
        claims = {
            "type": "app",
            "aud": [application.aud],
            "iss": ISSUER,
            "sub": "user-1",
            "email": "ada@example.com",
            "iat": at,
            "nbf": at - 5,
            "exp": at + 3600,
            "jti": f"grant-{time.monotonic_ns()}",
            "identity_nonce": "session-1",
            "policy_id": application.policy_ids[0] if application.policy_ids else "",
            "policy_version": version,
            **changes,
        }
        return {name: value for name, value in claims.items() if value is not None}

    def token(self, application: Application, **changes: Any) -> str:
        return sign(self.claims(application, **changes), signing_key())

    def revoke(self, *grants: str) -> None:
        with self.store.transaction() as records:
            for id in grants:
                records.add_grant(Grant(id, "a", "all", now(), now() + timedelta(hours=1)))
        with self.store.transaction() as records:
            records.revoke_grants(grants, now())

    def ask(
        self,
        host: str,
        path: str = "/",
        *,
        method: str = "GET",
        token: str = "",
        headers: Mapping[str, str] | Sequence[tuple[str, str]] = (),
        body: bytes | None = None,
        port: int | None = None,
    ) -> Answered:
        pairs = list(headers.items() if isinstance(headers, Mapping) else headers)
        if token:
            pairs.append(("Cookie", f"CF_Authorization={token}"))
        connection = http.client.HTTPConnection("127.0.0.1", port or self.gateway.port, timeout=10)
        try:
            connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
            connection.putheader("Host", host)
            for name, value in pairs:
                connection.putheader(name, value)
            if body is not None:
                connection.putheader("Content-Length", str(len(body)))
            connection.endheaders(body)
            answer = connection.getresponse()
            return Answered(answer.status, answer.getheaders(), answer.read())
        finally:
            connection.close()

    def was_asked(self, act: Callable[[], Answered]) -> tuple[bool, Answered]:
        """Whether the control plane was asked while `act` ran, and what came back."""
        before = len(self.control.asked)
        answered = act()
        return len(self.control.asked) > before, answered


def eventually(condition: Callable[[], bool], within: float = 10.0) -> None:
    """Wait until `condition` holds."""
    end = time.monotonic() + within
    while not condition():
        assert time.monotonic() < end, "it did not come to be"
        time.sleep(0.005)


__all__ = ["RunningGateway", "application", "eventually", "policy", "replace"]
