"""Sign-ins and what was issued under them (design.md, "State"; access.md 5, 6)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from vestibule.model.identity import Identity
from vestibule.model.values import Json


@dataclass(frozen=True, slots=True)
class GlobalSession:
    """A sign-in to the team domain. `id` is the `identity_nonce` of its tokens.

    `ip` and `country` are those of the sign-in. `ended_at` is set by logout or revocation.
    """

    id: str
    user_id: str
    identity: Identity
    created_at: datetime
    expires_at: datetime
    ip: str = ""
    country: str = ""
    ended_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Grant:
    """An application token that was issued; `id` is its `jti`.

    `session_id` and `user_id` are None for machines; `service_token_id` is None for people.
    `external` is what external evaluations said at the login, by `evaluate_url`: they are
    asked once, and a later re-evaluation goes by what they said then (access.md 3.9).
    """

    id: str
    application_id: str
    policy_id: str
    issued_at: datetime
    expires_at: datetime
    session_id: str | None = None
    user_id: str | None = None
    service_token_id: str | None = None
    revoked_at: datetime | None = None
    ip: str = ""
    country: str = ""
    external: Mapping[str, bool] = field(default_factory=dict[str, bool])


class AttemptStage(StrEnum):
    """How far a login has come; a later stage never serves for an earlier one."""

    STARTED = "started"
    AT_PROVIDER = "at_provider"
    PURPOSE = "purpose"
    APPROVAL = "approval"
    HANDED_OVER = "handed_over"


@dataclass(frozen=True, slots=True)
class LoginAttempt:
    """A login in flight, bound to the browser by `browser` (a hash of `CF_Session`).

    `id` is the OAuth `state`. It serves once: taking it deletes it. `application_id` is
    None for a sign-in to the team domain itself. `return_to` is path, query and fragment
    on `host`. `facts` is free for the step that needs it (purpose text, approval id,
    CLI transfer key, meta facts).
    """

    id: str
    browser: str
    host: str
    return_to: str
    stage: AttemptStage
    created_at: datetime
    expires_at: datetime
    application_id: str | None = None
    idp_id: str | None = None
    nonce: str = ""
    code_verifier: str = ""
    session_id: str | None = None
    facts: Mapping[str, Json] = field(default_factory=dict[str, Json])


@dataclass(frozen=True, slots=True)
class Handover:
    """The one-time nonce that carries a sign-in to an application's host (access.md 5.6-7).

    Bound to the hostname and to the `CF_AppSession` that the browser got there
    (`app_session` is its hash; empty when that host had not set one: eager chains).
    `next_hosts` are the hosts still to visit in an eager chain.
    """

    id: str
    host: str
    application_id: str
    session_id: str
    policy_id: str
    return_to: str
    expires_at: datetime
    app_session: str = ""
    next_hosts: tuple[str, ...] = ()
    facts: Mapping[str, Json] = field(default_factory=dict[str, Json])


class ApprovalState(StrEnum):
    """Where a request for temporary access stands."""

    PENDING = "pending"
    APPROVED = "approved"
    DENIED = "denied"
    USED = "used"


@dataclass(frozen=True, slots=True)
class ApprovalRequest:
    """Somebody asks for temporary access, with a reason (access.md 3.7).

    `votes` maps an approver's e-mail to True or False. `granted_seconds` is the shortest
    duration that an approver gave.
    """

    id: str
    application_id: str
    policy_id: str
    session_id: str
    user_id: str
    email: str
    reason: str
    created_at: datetime
    expires_at: datetime
    state: ApprovalState = ApprovalState.PENDING
    votes: Mapping[str, bool] = field(default_factory=dict[str, bool])
    granted_seconds: int = 0
