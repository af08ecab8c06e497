"""Everything that a verdict may depend on, as one frozen value."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from vestibule.model.identity import Identity
from vestibule.model.request import RequestFacts
from vestibule.model.rules import ExternalEvaluation, RiskLevel, RuleGroup, ValueList


@dataclass(frozen=True, slots=True)
class Context:
    """The facts of one decision: the request, who asks, and what rules may refer to.

    `identity` is None before login. `groups` and `lists` are by id. `service_token_id` is
    the id (never the client ID) of the service token whose credentials were verified, or
    under which the presented token was issued. `linked_application_ids` are the
    applications whose token was forwarded to us (access.md 4.4). `risk_level` is None when
    nobody could say. `external` maps what was asked to its answer; None, like a missing
    key, says that no valid answer came.
    """

    request: RequestFacts
    identity: Identity | None = None
    groups: Mapping[str, RuleGroup] = field(default_factory=dict[str, RuleGroup])
    lists: Mapping[str, ValueList] = field(default_factory=dict[str, ValueList])
    service_token_id: str | None = None
    linked_application_ids: frozenset[str] = frozenset()
    risk_level: RiskLevel | None = None
    external: Mapping[ExternalEvaluation, bool | None] = field(
        default_factory=dict[ExternalEvaluation, bool | None]
    )
