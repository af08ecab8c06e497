"""A verdict: what was decided, with the trace that explains it."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from vestibule.model.rules import Policy
from vestibule.model.values import Json
from vestibule.policy import explain
from vestibule.policy.context import Context
from vestibule.policy.trace import PolicyTrace


class Outcome(StrEnum):
    """What becomes of the request (access.md 3.3)."""

    ALLOW = "allow"
    BYPASS = "bypass"
    SERVICE_AUTH = "service_auth"
    LOGIN = "login"
    DENIED = "denied"
    FORBIDDEN = "forbidden"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What `evaluate` decided. `policy` is the one that decided it, if one did.

    DENIED keeps out this identity; FORBIDDEN keeps out whoever it is. `trace` holds the
    policies that were judged, up to the deciding one, in the order of judging.
    """

    outcome: Outcome
    policy: Policy | None = None
    trace: tuple[PolicyTrace, ...] = ()
    context: Context | None = field(default=None, compare=False, repr=False)

    @property
    def admits(self) -> bool:
        """Whether the request may pass to the application now."""
        return self.outcome in (Outcome.ALLOW, Outcome.BYPASS, Outcome.SERVICE_AUTH)

    def to_json(self) -> dict[str, Json]:
        """For the log, the policy tester and the replay. It names other people: admins only."""
        return {
            "outcome": self.outcome.value,
            "policy_id": self.policy.id if self.policy else None,
            "policy": self.policy.name if self.policy else None,
            "trace": [policy.to_json() for policy in self.trace],
        }

    def unmet(self) -> tuple[str, ...]:
        """Why the visitor is kept out and what to do, in sentences that name nobody else."""
        if self.admits or self.context is None:
            return ()
        said = explain.unmet(self.trace, self.context)
        if said:
            return said
        if self.outcome is Outcome.LOGIN:
            return ("Sign in.",)
        return ("You do not meet a condition of this application.",)

    @property
    def missing_amr(self) -> tuple[str, ...]:
        """The authentication methods whose lack alone keeps the visitor out; any may do."""
        return () if self.admits else explain.missing_amr(self.trace)
