"""The one place that decides what a visitor must do next.

Decided from what has been proved so far, not from where the visitor came: each step leads
back here, and none calls another.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias, assert_never

from vestibule.model.identity import Identity, IdentityProvider
from vestibule.model.rules import Policy
from vestibule.model.session import ApprovalRequest, ApprovalState
from vestibule.policy.verdict import Outcome, Verdict


@dataclass(frozen=True, slots=True)
class ChooseProvider:
    """Show how one may sign in; without providers nobody can."""

    providers: tuple[IdentityProvider, ...]


@dataclass(frozen=True, slots=True)
class GoToProvider:
    """Send the visitor to this provider at once."""

    provider: IdentityProvider


@dataclass(frozen=True, slots=True)
class AskPurpose:
    """Ask for the reason (access.md 3.6)."""

    policy: Policy


@dataclass(frozen=True, slots=True)
class RequestApproval:
    """The reason is known: ask the approvers (access.md 3.7)."""

    policy: Policy


@dataclass(frozen=True, slots=True)
class AwaitApproval:
    """The approvers have been asked, and not enough have answered."""

    policy: Policy
    approval: ApprovalRequest


@dataclass(frozen=True, slots=True)
class ApprovalRefused:
    """An approver said no."""

    approval: ApprovalRequest


@dataclass(frozen=True, slots=True)
class Admit:
    """Everything that the policy wants has been proved; `until` is an approver's limit."""

    policy: Policy | None
    approval: ApprovalRequest | None = None


@dataclass(frozen=True, slots=True)
class Refuse:
    """Signed in, and not allowed."""

    verdict: Verdict


@dataclass(frozen=True, slots=True)
class TurnAway:
    """Refused whoever it is: a sign-in would not help."""

    verdict: Verdict


Step: TypeAlias = (
    ChooseProvider
    | GoToProvider
    | AskPurpose
    | RequestApproval
    | AwaitApproval
    | ApprovalRefused
    | Admit
    | Refuse
    | TurnAway
)


@dataclass(frozen=True, slots=True)
class Proved:
    """How far this login has come. `chosen` is the provider that the visitor picked."""

    identity: Identity | None = None
    chosen: str = ""
    purpose: str = ""
    approval: ApprovalRequest | None = None


@dataclass(frozen=True, slots=True)
class Demands:
    """What this application wants now. `providers` are those enabled and allowed here.

    `straight` skips the chooser when one provider is left. `verdict` was made with the
    identity where there is one.
    """

    providers: tuple[IdentityProvider, ...]
    verdict: Verdict
    now: datetime
    straight: bool = False


def next_step(proved: Proved, demands: Demands) -> Step:
    """Decide what comes next for a visitor who has `proved` this much."""
    match demands.verdict.outcome:
        case Outcome.FORBIDDEN:
            return TurnAway(demands.verdict)
        case Outcome.BYPASS | Outcome.SERVICE_AUTH:
            return Admit(demands.verdict.policy)
        case Outcome.LOGIN:
            return _sign_in(proved, demands)
        case Outcome.DENIED:
            return Refuse(demands.verdict)
        case Outcome.ALLOW:
            return _fulfil(proved, demands)
        case _:
            assert_never(demands.verdict.outcome)


def _sign_in(proved: Proved, demands: Demands) -> Step:
    if proved.identity is not None:
        # The engine never asks for a login of somebody who has one; were it to, it is a no.
        return Refuse(demands.verdict)
    for provider in demands.providers:
        if provider.id == proved.chosen:
            return GoToProvider(provider)
    if demands.straight and len(demands.providers) == 1:
        return GoToProvider(demands.providers[0])
    return ChooseProvider(demands.providers)


def _fulfil(proved: Proved, demands: Demands) -> Step:
    policy = demands.verdict.policy
    if policy is None or proved.identity is None:
        return Refuse(demands.verdict)
    if (policy.purpose_justification_required or policy.approval_required) and not proved.purpose:
        return AskPurpose(policy)
    if not policy.approval_required:
        return Admit(policy)
    return _approval(proved, policy, demands.now)


def _approval(proved: Proved, policy: Policy, now: datetime) -> Step:
    approval = proved.approval
    if approval is None or approval.policy_id != policy.id:
        return RequestApproval(policy)
    if approval.state is ApprovalState.DENIED:
        return ApprovalRefused(approval)
    if approval.state is ApprovalState.USED or approval.expires_at <= now:
        return RequestApproval(policy)
    if approval.state is ApprovalState.APPROVED and approval.granted_seconds > 0:
        return Admit(policy, approval)
    return AwaitApproval(policy, approval)
