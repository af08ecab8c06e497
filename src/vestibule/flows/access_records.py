"""Writes down each login, logout and refusal with what it was decided from (access.md 11)."""

from __future__ import annotations

from datetime import datetime

from vestibule.flows.question import reference
from vestibule.flows.record import plain
from vestibule.model.access_log import AccessRecord
from vestibule.model.application import Application
from vestibule.model.identity import Identity, User
from vestibule.model.request import RequestFacts
from vestibule.model.session import ApprovalRequest
from vestibule.model.values import Json
from vestibule.policy.verdict import Verdict


def login_record(
    facts: RequestFacts,
    now: datetime,
    *,
    allowed: bool,
    application: Application | None = None,
    identity: Identity | None = None,
    user: User | None = None,
    verdict: Verdict | None = None,
    reason: str = "",
    connection: str = "",
    idp_id: str = "",
    purpose_prompt: str = "",
    purpose: str = "",
    approval: ApprovalRequest | None = None,
    detail: Json = None,
    action: str = "login",
) -> AccessRecord:
    """The record of one login attempt, with the verdict's trace where there was one."""
    policy = verdict.policy if verdict is not None and allowed else None
    certificate = facts.certificate
    return AccessRecord(
        ray_id=reference(facts),
        created_at=now,
        action=action,
        allowed=allowed,
        reason=reason,
        user_email=user.email if user else (identity.email if identity else ""),
        user_id=user.id if user else "",
        ip_address=facts.client_ip,
        country=facts.country or "",
        application_id=application.id if application else "",
        application_domain=application.destinations[0]
        if application and application.destinations
        else "",
        application_type=application.type.value if application else "",
        connection=identity.idp_type if identity else connection,
        identity_provider_id=identity.idp_id if identity else idp_id,
        approving_policy_id=policy.id if policy else "",
        mtls_common_name=certificate.common_name if certificate else "",
        mtls_serial=certificate.serial if certificate else "",
        method=facts.method,
        host=facts.authority,
        path=plain(facts.path),
        user_agent=plain(facts.headers.get("user-agent", "")),
        purpose_justification_prompt=purpose_prompt,
        purpose_justification_response=purpose,
        temporary_access_approvers=_approvers(approval),
        temporary_access_duration=approval.granted_seconds if approval else 0,
        facts=_facts(identity, detail),
        trace=verdict.to_json() if verdict else None,
    )


def _approvers(approval: ApprovalRequest | None) -> tuple[str, ...]:
    if approval is None:
        return ()
    return tuple(email for email, agreed in approval.votes.items() if agreed)


def _facts(identity: Identity | None, detail: Json) -> dict[str, Json]:
    facts: dict[str, Json] = {}
    if identity is not None:
        facts["amr"] = list(identity.amr or ())
        facts["acr"] = identity.acr
        facts["groups"] = [group.name for group in identity.groups][:200]
    if detail:
        facts["detail"] = detail
    return facts
