"""`user_risk_score`: a person's risk level is one of those listed.

Membership, not a threshold: the documented "exclude High" would keep out everybody under
the other reading (access.md 3.4).
"""

from __future__ import annotations

from typing import cast

from vestibule.model.rules import RiskLevel
from vestibule.model.values import Json
from vestibule.policy.context import Context
from vestibule.policy.match import Match
from vestibule.policy.selectors.selector import Body, Field, Finding, Selector, decided, says

_LEVELS = frozenset(level.value for level in RiskLevel)


def _judge(body: Body, context: Context) -> Finding:
    if context.risk_level is None:
        return Finding(Match.UNKNOWN, note="the person's risk level is not known")
    return decided(context.risk_level.value in body["user_risk_score"], context.risk_level.value)


def _levels(value: Json) -> str:
    levels = cast("list[Json]", value) if isinstance(value, list) else []
    if levels and all(isinstance(level, str) and level in _LEVELS for level in levels):
        return ""
    return "a list of low, medium, high or unscored"


_risk = says("Your account's risk level does not allow this.")

USER_RISK_SCORE = Selector(
    name="user_risk_score",
    meaning="the person's risk level is one of {user_risk_score}",
    judge=_judge,
    advice=_risk,
    objection=_risk,
    fields=(Field("user_risk_score", _levels),),
    identity=True,
    continuous=True,
)
