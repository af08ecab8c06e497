"""A store in memory: the same behaviour as the real one, gone when the test ends."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, fields, replace
from datetime import datetime
from typing import Any, TypeVar

from vestibule.model.access_log import AccessRecord
from vestibule.model.application import Application, Origin
from vestibule.model.configuration import Configuration
from vestibule.model.errors import Conflict, NotFound, StoreUnavailable
from vestibule.model.identity import IdentityProvider, User
from vestibule.model.machine import (
    ForwardAuthClient,
    MtlsCertificate,
    ServiceToken,
    SigningKey,
)
from vestibule.model.organization import Organization
from vestibule.model.rules import Policy, RuleGroup, ValueList
from vestibule.model.session import ApprovalRequest, GlobalSession, Grant, Handover, LoginAttempt
from vestibule.model.state import ApiToken, GatewayStatus, LogQuery, Revisions

T = TypeVar("T")

_KINDS: Mapping[type[Any], str] = {
    Application: "applications",
    Origin: "origins",
    Policy: "policies",
    RuleGroup: "groups",
    ValueList: "lists",
    IdentityProvider: "identity_providers",
    ServiceToken: "service_tokens",
    MtlsCertificate: "mtls_certificates",
    ForwardAuthClient: "forward_auth_clients",
}


@dataclass
class _State:
    """All that a transaction may change; copied when one begins, swapped in when it ends."""

    revisions: Revisions = field(default_factory=Revisions)
    organization: Organization | None = None
    resources: dict[str, dict[str, Any]] = field(
        default_factory=lambda: {kind: {} for kind in _KINDS.values()}
    )
    service_token_uses: dict[str, datetime] = field(default_factory=dict)
    users: dict[str, User] = field(default_factory=dict)
    attempts: dict[str, LoginAttempt] = field(default_factory=dict)
    handovers: dict[str, Handover] = field(default_factory=dict)
    sessions: dict[str, GlobalSession] = field(default_factory=dict)
    grants: dict[str, Grant] = field(default_factory=dict)
    approvals: dict[str, ApprovalRequest] = field(default_factory=dict)
    signing_keys: dict[str, SigningKey] = field(default_factory=dict)
    api_tokens: dict[str, ApiToken] = field(default_factory=dict)
    used: dict[tuple[str, str], datetime] = field(default_factory=dict)
    blobs: dict[tuple[str, str], tuple[dict[str, str], datetime]] = field(default_factory=dict)
    log: list[AccessRecord] = field(default_factory=list)
    gateways: dict[str, GatewayStatus] = field(default_factory=dict)

    def copy(self) -> _State:
        """A state of its own, sharing the (frozen) values."""
        copies = {f.name: getattr(self, f.name) for f in fields(self)}
        for name, value in copies.items():
            if isinstance(value, dict | list):
                copies[name] = value.copy()
        copies["resources"] = {kind: held.copy() for kind, held in self.resources.items()}
        return _State(**copies)


class MemoryRecords:
    """One transaction on a copy of the state."""

    def __init__(self, state: _State, *, writable: bool) -> None:
        self.state = state
        self._writable = writable
        self._before = state.revisions

    def close(self) -> None:
        """The `with` has ended: whoever kept the records may write no more."""
        self._writable = False

    def _writing(self, *grow: str) -> _State:
        """The state, to be changed; grows each named counter once per transaction."""
        if not self._writable:
            raise RuntimeError("these records are read only, or their transaction has ended")
        grown = {name: getattr(self._before, name) + 1 for name in grow}
        self.state.revisions = replace(self.state.revisions, **grown)
        return self.state

    # Configuration

    def configuration(self) -> Configuration:
        return _configuration(self.state)

    def put_organization(self, organization: Organization) -> None:
        self._writing("configuration").organization = organization

    def put(self, resource: Any) -> None:
        self._writing("configuration").resources[_KINDS[type(resource)]][resource.id] = resource

    def delete(self, kind: type[Any], id: str) -> bool:
        if id not in self.state.resources[_KINDS[kind]]:
            return False
        del self._writing("configuration").resources[_KINDS[kind]][id]
        return True

    # People

    def user(self, id: str) -> User | None:
        return self.state.users.get(id)

    def user_by_email(self, email: str) -> User | None:
        wanted = email.lower()
        return next((u for u in self.state.users.values() if u.email.lower() == wanted), None)

    def put_user(self, user: User) -> None:
        other = self.user_by_email(user.email)
        if other is not None and other.id != user.id:
            raise Conflict("another user has this e-mail address")
        self._writing().users[user.id] = user

    def users(self, *, limit: int = 1000, after: str = "") -> Sequence[User]:
        return [user for key, user in sorted(self.state.users.items()) if key > after][:limit]

    # Sign-ins in flight

    def add_attempt(self, attempt: LoginAttempt) -> None:
        _add(self._writing().attempts, attempt.id, attempt)

    def attempt(self, id: str) -> LoginAttempt | None:
        return self.state.attempts.get(id)

    def take_attempt(self, id: str) -> LoginAttempt | None:
        return self._writing().attempts.pop(id, None)

    def add_handover(self, handover: Handover) -> None:
        _add(self._writing().handovers, handover.id, handover)

    def take_handover(self, id: str) -> Handover | None:
        return self._writing().handovers.pop(id, None)

    # Sessions and grants

    def add_session(self, session: GlobalSession) -> None:
        _add(self._writing().sessions, session.id, session)

    def session(self, id: str) -> GlobalSession | None:
        return self.state.sessions.get(id)

    def put_session(self, session: GlobalSession) -> None:
        self._writing().sessions[session.id] = session

    def live_sessions(
        self, now: datetime, *, user_id: str | None = None
    ) -> Sequence[GlobalSession]:
        live = [
            session
            for session in self.state.sessions.values()
            if session.ended_at is None
            and session.expires_at > now
            and user_id in (None, session.user_id)
        ]
        return sorted(live, key=lambda session: (session.created_at, session.id))

    def end_sessions(self, ids: Iterable[str], at: datetime) -> None:
        sessions = self._writing().sessions
        for key in ids:
            if key in sessions and sessions[key].ended_at is None:
                sessions[key] = replace(sessions[key], ended_at=at)

    def add_grant(self, grant: Grant) -> None:
        _add(self._writing().grants, grant.id, grant)

    def grant(self, id: str) -> Grant | None:
        return self.state.grants.get(id)

    def live_grants(
        self,
        now: datetime,
        *,
        user_id: str | None = None,
        session_id: str | None = None,
        application_id: str | None = None,
        service_token_id: str | None = None,
    ) -> Sequence[Grant]:
        live = [
            grant
            for grant in self.state.grants.values()
            if grant.revoked_at is None
            and grant.expires_at > now
            and user_id in (None, grant.user_id)
            and session_id in (None, grant.session_id)
            and application_id in (None, grant.application_id)
            and service_token_id in (None, grant.service_token_id)
        ]
        return sorted(live, key=lambda grant: (grant.issued_at, grant.id))

    def revoke_grants(self, ids: Iterable[str], at: datetime) -> None:
        self._writing()
        for key in ids:
            grant = self.state.grants.get(key)
            if grant is not None and grant.revoked_at is None:
                self._writing("revocations").grants[key] = replace(grant, revoked_at=at)

    def revoked_grants(self, now: datetime) -> Sequence[str]:
        return sorted(
            grant.id
            for grant in self.state.grants.values()
            if grant.revoked_at is not None and grant.expires_at > now
        )

    # Temporary access

    def put_approval(self, approval: ApprovalRequest) -> None:
        self._writing().approvals[approval.id] = approval

    def approval(self, id: str) -> ApprovalRequest | None:
        return self.state.approvals.get(id)

    def approvals_of(self, user_id: str, application_id: str) -> Sequence[ApprovalRequest]:
        found = [
            approval
            for approval in self.state.approvals.values()
            if (approval.user_id, approval.application_id) == (user_id, application_id)
        ]
        return sorted(found, key=lambda approval: (approval.created_at, approval.id))

    # Keys and credentials

    def signing_keys(self) -> Sequence[SigningKey]:
        return sorted(self.state.signing_keys.values(), key=lambda key: (key.created_at, key.kid))

    def put_signing_key(self, key: SigningKey) -> None:
        self._writing("keys").signing_keys[key.kid] = key

    def delete_signing_key(self, kid: str) -> None:
        if kid in self.state.signing_keys:
            del self._writing("keys").signing_keys[kid]

    def api_token_by_hash(self, secret_hash: str) -> ApiToken | None:
        tokens = self.state.api_tokens.values()
        return next((token for token in tokens if token.secret_hash == secret_hash), None)

    def put_api_token(self, token: ApiToken) -> None:
        other = self.api_token_by_hash(token.secret_hash)
        if other is not None and other.id != token.id:
            raise Conflict("another API token has this secret")
        self._writing().api_tokens[token.id] = token

    def saw_service_token(self, id: str, at: datetime) -> None:
        uses = self._writing().service_token_uses
        uses[id] = max(at, uses.get(id, at))

    # Things that may happen once

    def use_once(self, kind: str, value: str, until: datetime) -> bool:
        used = self._writing().used
        if (kind, value) in used:
            return False
        used[kind, value] = until
        return True

    def put_blob(self, kind: str, id: str, value: Mapping[str, str], until: datetime) -> None:
        self._writing().blobs[kind, id] = (dict(value), until)

    def take_blob(self, kind: str, id: str, now: datetime) -> Mapping[str, str] | None:
        value, until = self._writing().blobs.pop((kind, id), ({}, now))
        return value if until > now else None

    # What happened

    def log(self, record: AccessRecord) -> None:
        self._writing().log.append(record)

    def access_log(self, query: LogQuery) -> Sequence[AccessRecord]:
        order = sorted(enumerate(self.state.log), key=lambda item: (item[1].created_at, item[0]))
        if not query.ascending:
            order.reverse()
        return [record for _, record in order if _wanted(record, query)][: query.limit]

    def put_gateway_status(self, status: GatewayStatus) -> None:
        self._writing().gateways[status.name] = status

    def gateway_statuses(self) -> Sequence[GatewayStatus]:
        return [self.state.gateways[name] for name in sorted(self.state.gateways)]

    def prune(self, now: datetime, *, log_before: datetime) -> int:
        state = self._writing()
        gone = 0
        for held in (
            state.attempts,
            state.handovers,
            state.sessions,
            state.grants,
            state.approvals,
        ):
            gone += _drop(held, lambda value: value.expires_at <= now)
        gone += _drop(state.used, lambda until: until <= now)
        gone += _drop(state.blobs, lambda blob: blob[1] <= now)
        kept = [record for record in state.log if record.created_at >= log_before]
        gone += len(state.log) - len(kept)
        state.log = kept
        return gone


class MemoryStore:
    """`flows.ports.Store` in memory. `fail()` makes it unreachable, as a test wishes."""

    def __init__(self, configuration: Configuration | None = None) -> None:
        self._state = _State()
        self._writer = threading.Lock()
        self._writer_thread: int | None = None
        self._changed = threading.Condition()
        self._cached: Configuration | None = None
        self._failing = False
        if configuration is not None:
            self._fill(configuration)

    def _fill(self, configuration: Configuration) -> None:
        self._state.organization = configuration.organization
        for kind in _KINDS.values():
            self._state.resources[kind] = dict(getattr(configuration, kind))
        self._state.revisions = Revisions(configuration=configuration.revision)

    def fail(self, failing: bool = True) -> None:
        """From now on every call raises `StoreUnavailable` (until `fail(False)`)."""
        self._failing = failing

    def _reach(self) -> None:
        if self._failing:
            raise StoreUnavailable("the database cannot be reached")

    @contextmanager
    def transaction(self) -> Iterator[MemoryRecords]:
        self._reach()
        if self._writer_thread == threading.get_ident():
            raise RuntimeError("transactions do not nest: one is open in this thread")
        with self._writer:
            self._writer_thread = threading.get_ident()
            try:
                records = MemoryRecords(self._state.copy(), writable=True)
                try:
                    yield records
                finally:
                    records.close()
                self._reach()
                with self._changed:
                    self._state = records.state
                    self._changed.notify_all()
            finally:
                self._writer_thread = None

    @contextmanager
    def reading(self) -> Iterator[MemoryRecords]:
        self._reach()
        yield MemoryRecords(self._state, writable=False)

    def revisions(self) -> Revisions:
        self._reach()
        return self._state.revisions

    def wait_for_change(self, known: Revisions, timeout: float) -> Revisions:
        end = time.monotonic() + timeout
        with self._changed:
            while self._state.revisions == known and (left := end - time.monotonic()) > 0:
                self._changed.wait(left)
        return self.revisions()

    def configuration(self) -> Configuration:
        self._reach()
        state, cached = self._state, self._cached
        if cached is None or cached.revision != state.revisions.configuration:
            cached = self._cached = _configuration(state)
        return cached

    def close(self) -> None:
        """Nothing to let go of."""


def _configuration(state: _State) -> Configuration:
    if state.organization is None:
        raise NotFound("nothing is configured yet: run `vestibule init`")
    resources = {kind: dict(held) for kind, held in state.resources.items()}
    for key, token in resources["service_tokens"].items():
        seen = [at for at in (token.last_seen_at, state.service_token_uses.get(key)) if at]
        resources["service_tokens"][key] = replace(token, last_seen_at=max(seen, default=None))
    return Configuration(
        revision=state.revisions.configuration, organization=state.organization, **resources
    )


def _add(held: dict[str, T], id: str, value: T) -> None:
    if id in held:
        raise Conflict("this id is taken already")
    held[id] = value


def _drop(held: dict[Any, Any], gone: Any) -> int:
    keys = [key for key, value in held.items() if gone(value)]
    for key in keys:
        del held[key]
    return len(keys)


def _wanted(record: AccessRecord, query: LogQuery) -> bool:
    email = None if query.user_email is None else query.user_email.lower()
    return (
        (query.since is None or record.created_at >= query.since)
        and (query.until is None or record.created_at < query.until)
        and query.ray_id in (None, record.ray_id)
        and email in (None, record.user_email.lower())
        and query.application_id in (None, record.application_id)
        and query.allowed in (None, record.allowed)
        and query.action in (None, record.action)
    )
