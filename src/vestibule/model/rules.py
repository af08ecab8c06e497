"""Policies, their rules, and the reusable groups of rules (access.md 3; api.md 4, 6, 7)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from vestibule.model.values import Json


class Decision(StrEnum):
    """What a policy says (the `decision` field on the wire)."""

    ALLOW = "allow"
    DENY = "deny"
    BYPASS = "bypass"
    NON_IDENTITY = "non_identity"


@dataclass(frozen=True, slots=True)
class Rule:
    """One selector with its values: `{"email": {"email": "ada@example.com"}}`.

    `body` keeps exactly what was written, so that it can be echoed; it must not be mutated.
    Equality and hashing go by the JSON text.
    """

    selector: str
    body: Mapping[str, Json] = field(default_factory=dict[str, Json])

    def __hash__(self) -> int:
        return hash((self.selector, repr(sorted(self.body.items(), key=lambda kv: kv[0]))))

    def to_wire(self) -> dict[str, Any]:
        """The rule as the API and the configuration document write it."""
        return {self.selector: dict(self.body)}


@dataclass(frozen=True, slots=True)
class RuleGroup:
    """A named Include/Require/Exclude set, referenced by the `group` selector."""

    id: str
    name: str
    include: tuple[Rule, ...]
    require: tuple[Rule, ...] = ()
    exclude: tuple[Rule, ...] = ()


@dataclass(frozen=True, slots=True)
class ApprovalGroup:
    """People of whom `approvals_needed` must agree (access.md 3.7)."""

    approvals_needed: int
    email_addresses: tuple[str, ...] = ()
    email_list_id: str | None = None


@dataclass(frozen=True, slots=True)
class Policy:
    """A decision with rules: any of `include`, all of `require`, none of `exclude`.

    `session_duration` None inherits the application's; zero means immediate timeout.
    """

    id: str
    name: str
    decision: Decision
    include: tuple[Rule, ...]
    require: tuple[Rule, ...] = ()
    exclude: tuple[Rule, ...] = ()
    session_duration: timedelta | None = None
    purpose_justification_required: bool = False
    purpose_justification_prompt: str = ""
    approval_required: bool = False
    approval_groups: tuple[ApprovalGroup, ...] = ()
    isolation_required: bool = False
    reusable: bool = True


class ListKind(StrEnum):
    """What the items of a list are."""

    EMAIL = "EMAIL"
    IP = "IP"


@dataclass(frozen=True, slots=True)
class ValueList:
    """A named list of e-mail addresses or IP ranges (api.md 17)."""

    id: str
    name: str
    kind: ListKind
    items: tuple[str, ...]
    description: str = ""


class RiskLevel(StrEnum):
    """A person's risk level; `UNSCORED` where nothing was ever detected (access.md 10.3)."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    UNSCORED = "unscored"


@dataclass(frozen=True, slots=True)
class ExternalEvaluation:
    """An external service that a rule asks (access.md 3.9)."""

    evaluate_url: str
    keys_url: str


@dataclass(frozen=True, slots=True)
class Approval:
    """A temporary permission that approvers gave (access.md 3.7)."""

    id: str
    approvers: tuple[str, ...]
    expires_at: datetime
