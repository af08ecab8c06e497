"""Temporary access: who is asked, and what is written to them (access.md 3.7)."""

from __future__ import annotations

from datetime import datetime, timedelta
from html import escape

from vestibule.flows.door import Door
from vestibule.flows.ports import Mail, Records
from vestibule.model.application import Application
from vestibule.model.configuration import Configuration
from vestibule.model.identity import User
from vestibule.model.rules import ApprovalGroup, Policy
from vestibule.model.session import ApprovalRequest, ApprovalState, GlobalSession

REQUEST_LIFE = timedelta(hours=24)
APPROVAL_PATH = "/cdn-cgi/access/approval"


def request_approval(
    door: Door,
    records: Records,
    application: Application,
    policy: Policy,
    *,
    session: GlobalSession,
    user: User,
    reason: str,
) -> ApprovalRequest:
    """Keep a request for temporary access; whoever has it may hand its link over."""
    now = door.clock.now()
    approval = ApprovalRequest(
        id=door.entropy.token(),
        application_id=application.id,
        policy_id=policy.id,
        session_id=session.id,
        user_id=user.id,
        email=user.email,
        reason=reason,
        created_at=now,
        expires_at=now + REQUEST_LIFE,
    )
    records.put_approval(approval)
    return approval


def latest_approval(
    records: Records, user: User, application: Application, now: datetime
) -> ApprovalRequest | None:
    """The person's latest request for this application that is neither used up nor too old."""
    open_ones = [
        approval
        for approval in records.approvals_of(user.id, application.id)
        if approval.state is not ApprovalState.USED and approval.expires_at > now
    ]
    return max(open_ones, key=lambda approval: approval.created_at, default=None)


def approvers(configuration: Configuration, policy: Policy) -> tuple[str, ...]:
    """The e-mail addresses of all who may approve, lower-case, in their order."""
    emails = [email for group in policy.approval_groups for email in members(configuration, group)]
    return tuple(dict.fromkeys(emails))


def members(configuration: Configuration, group: ApprovalGroup) -> tuple[str, ...]:
    """The e-mail addresses of one approval group; a list that is gone has none."""
    listed = configuration.lists.get(group.email_list_id or "")
    items = (*group.email_addresses, *(listed.items if listed else ()))
    return tuple(dict.fromkeys(item.strip().lower() for item in items if "@" in item))


def is_approved(configuration: Configuration, policy: Policy, approval: ApprovalRequest) -> bool:
    """Whether enough of every group agreed; a policy without groups is never satisfied."""
    agreed = {email for email, vote in approval.votes.items() if vote}
    return bool(policy.approval_groups) and all(
        len(agreed.intersection(members(configuration, group))) >= max(1, group.approvals_needed)
        for group in policy.approval_groups
    )


def approval_url(door: Door, configuration: Configuration, approval: ApprovalRequest) -> str:
    """The link that an approver opens, on the team domain that is configured (R2)."""
    return door.team_url(configuration.organization, f"{APPROVAL_PATH}/{approval.id}")


def approval_mails(
    door: Door,
    configuration: Configuration,
    application: Application,
    policy: Policy,
    approval: ApprovalRequest,
) -> tuple[Mail, ...]:
    """What is written to the approvers. The requester never approves their own request."""
    url = approval_url(door, configuration, approval)
    subject = f"{approval.email} asks for access to {application.name}"
    text = (
        f"{approval.email} asks for temporary access to {application.name}.\n\n"
        f"Reason: {approval.reason}\n\nDecide here:\n{url}\n"
    )
    html = (
        f"<p>{escape(approval.email)} asks for temporary access to "
        f"{escape(application.name)}.</p><p>Reason: {escape(approval.reason)}</p>"
        f'<p><a href="{escape(url)}">Decide</a></p>'
    )
    one_line = " ".join(subject.split())
    return tuple(
        Mail(to=email, subject=one_line, text=text, html=html)
        for email in approvers(configuration, policy)
        if email != approval.email.lower()
    )
