"""One decision, recorded with the facts it was made from (access.md 11)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from vestibule.model.values import Json


@dataclass(frozen=True, slots=True)
class AccessRecord:
    """One login, logout or refusal. `ray_id` is the reference code that a page shows.

    `action` is `login`, `logout`, `check`, `revoke`. `trace` is the engine's explanation,
    as JSON. `reason` is the one sentence that a person reads.
    """

    ray_id: str
    created_at: datetime
    action: str
    allowed: bool
    reason: str = ""
    user_email: str = ""
    user_id: str = ""
    ip_address: str = ""
    country: str = ""
    application_id: str = ""
    application_domain: str = ""
    application_type: str = ""
    connection: str = ""
    identity_provider_id: str = ""
    approving_policy_id: str = ""
    service_token_id: str = ""
    mtls_common_name: str = ""
    mtls_serial: str = ""
    method: str = ""
    host: str = ""
    path: str = ""
    user_agent: str = ""
    purpose_justification_prompt: str = ""
    purpose_justification_response: str = ""
    temporary_access_approvers: tuple[str, ...] = ()
    temporary_access_duration: int = 0
    facts: Mapping[str, Json] = field(default_factory=dict[str, Json])
    trace: Json = None
