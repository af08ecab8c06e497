"""What the flows need of the world, as shapes that the adapters fit without importing them.

Everything here is synchronous: the web layer hops to a worker thread once for each flow.
Times are aware datetimes in UTC.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from vestibule.model.access_log import AccessRecord
from vestibule.model.application import Application, Origin
from vestibule.model.configuration import Configuration
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
from vestibule.model.state import ApiToken as ApiToken
from vestibule.model.state import GatewayStatus as GatewayStatus
from vestibule.model.state import LogQuery as LogQuery
from vestibule.model.state import Revisions as Revisions
from vestibule.protocols.exchange import Request, Response

Resource = (
    Application
    | Origin
    | Policy
    | RuleGroup
    | ValueList
    | IdentityProvider
    | ServiceToken
    | MtlsCertificate
    | ForwardAuthClient
)
"""Whatever is configured by id. The organization is one of its kind, and has its own verb."""


class Clock(Protocol):
    """The time."""

    def now(self) -> datetime:
        """The present moment, aware, in UTC."""
        ...


class Entropy(Protocol):
    """Unpredictable values."""

    def token(self, octets: int = 32) -> str:
        """That many random octets as base64url without padding."""
        ...

    def hexadecimal(self, octets: int = 32) -> str:
        """That many random octets in lower-case hexadecimal."""
        ...

    def uuid(self) -> str:
        """A random UUID (version 4)."""
        ...


class Network(Protocol):
    """The world outside, as far as the operator lets us reach it."""

    def send(self, request: Request) -> Response:
        """Send one request. Raises `OutboundError` when no answer came or it was forbidden."""
        ...


@dataclass(frozen=True, slots=True)
class Mail:
    """A message in plain text with an HTML twin."""

    to: str
    subject: str
    text: str
    html: str = ""


class Post(Protocol):
    """Where e-mail goes."""

    def send(self, mail: Mail) -> None:
        """Deliver `mail` to the relay. Raises `VestibuleError` when it was not taken."""
        ...


class Records(Protocol):
    """One transaction. All of it is committed when the `with` ends well, else nothing."""

    # Configuration. Each write grows `Revisions.configuration` once per transaction.
    def configuration(self) -> Configuration: ...
    def put_organization(self, organization: Organization) -> None: ...
    def put(self, resource: Resource) -> None:
        """Create or replace `resource` by its id."""
        ...

    def delete(self, kind: type[Resource], id: str) -> bool:
        """Delete it; False when it was not there."""
        ...

    # People.
    def user(self, id: str) -> User | None: ...
    def user_by_email(self, email: str) -> User | None:
        """Compared lower-cased."""
        ...

    def put_user(self, user: User) -> None: ...
    def users(self, *, limit: int = 1000, after: str = "") -> Sequence[User]:
        """In the order of their ids, those whose id is greater than `after`."""
        ...

    # Sign-ins in flight. `take` is atomic: of any number of takers, one gets it.
    def add_attempt(self, attempt: LoginAttempt) -> None: ...
    def attempt(self, id: str) -> LoginAttempt | None: ...
    def take_attempt(self, id: str) -> LoginAttempt | None: ...
    def add_handover(self, handover: Handover) -> None: ...
    def take_handover(self, id: str) -> Handover | None: ...

    # Sessions and grants.
    def add_session(self, session: GlobalSession) -> None: ...
    def session(self, id: str) -> GlobalSession | None: ...
    def put_session(self, session: GlobalSession) -> None: ...
    def live_sessions(
        self, now: datetime, *, user_id: str | None = None
    ) -> Sequence[GlobalSession]:
        """Neither ended nor expired."""
        ...

    def end_sessions(self, ids: Iterable[str], at: datetime) -> None: ...
    def add_grant(self, grant: Grant) -> None: ...
    def grant(self, id: str) -> Grant | None: ...
    def live_grants(
        self,
        now: datetime,
        *,
        user_id: str | None = None,
        session_id: str | None = None,
        application_id: str | None = None,
        service_token_id: str | None = None,
    ) -> Sequence[Grant]:
        """Neither revoked nor expired; all given filters must fit."""
        ...

    def revoke_grants(self, ids: Iterable[str], at: datetime) -> None:
        """Mark them revoked; grows `Revisions.revocations`."""
        ...

    def revoked_grants(self, now: datetime) -> Sequence[str]:
        """Ids of grants that are revoked and would not have expired yet."""
        ...

    # Temporary access.
    def put_approval(self, approval: ApprovalRequest) -> None: ...
    def approval(self, id: str) -> ApprovalRequest | None: ...
    def approvals_of(self, user_id: str, application_id: str) -> Sequence[ApprovalRequest]: ...

    # Keys and credentials.
    def signing_keys(self) -> Sequence[SigningKey]: ...
    def put_signing_key(self, key: SigningKey) -> None: ...
    def delete_signing_key(self, kid: str) -> None: ...
    def api_token_by_hash(self, secret_hash: str) -> ApiToken | None: ...
    def put_api_token(self, token: ApiToken) -> None: ...
    def saw_service_token(self, id: str, at: datetime) -> None:
        """Remember its latest use; does not grow `Revisions.configuration`."""
        ...

    # Things that may happen once, and small blobs with an end.
    def use_once(self, kind: str, value: str, until: datetime) -> bool:
        """True for the first caller with this pair, False for every later one until `until`."""
        ...

    def put_blob(self, kind: str, id: str, value: Mapping[str, str], until: datetime) -> None: ...
    def take_blob(self, kind: str, id: str, now: datetime) -> Mapping[str, str] | None:
        """Read and delete, atomically."""
        ...

    # What happened.
    def log(self, record: AccessRecord) -> None: ...
    def access_log(self, query: LogQuery) -> Sequence[AccessRecord]: ...
    def put_gateway_status(self, status: GatewayStatus) -> None: ...
    def gateway_statuses(self) -> Sequence[GatewayStatus]: ...

    def prune(self, now: datetime, *, log_before: datetime) -> int:
        """Delete what has expired and log records older than `log_before`; says how many.

        At most some ten thousand of each kind, so that nobody waits long: call again
        while it answers more than 0.
        """
        ...


class Store(Protocol):
    """The one place where state lives."""

    def transaction(self) -> AbstractContextManager[Records]:
        """Read and write, one at a time: nobody else writes before the `with` has ended.

        So keep it short, and send nothing to anybody meanwhile. Transactions do not nest.
        Raises `StoreUnavailable` when the database cannot be reached, and `Conflict` when
        the change collides with something that is stored already.
        """
        ...

    def reading(self) -> AbstractContextManager[Records]:
        """Read only, one consistent moment, waiting for no writer; writing raises."""
        ...

    def revisions(self) -> Revisions:
        """The counters now; cheap enough to ask a hundred times a second."""
        ...

    def wait_for_change(self, known: Revisions, timeout: float) -> Revisions:
        """Return as soon as the counters differ from `known`, or after `timeout` seconds.

        Raises `StoreUnavailable` when the database could not be asked in that time.
        """
        ...

    def configuration(self) -> Configuration:
        """The present configuration; read anew only when its revision grew.

        Raises `NotFound` while there is no organization (`vestibule init` makes it).
        """
        ...

    def close(self) -> None: ...
