"""What was compared with what, and what came of it, for each rule of each policy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from vestibule.model.rules import Policy, Rule
from vestibule.model.values import Json
from vestibule.policy.match import Match
from vestibule.policy.selectors import SELECTORS


class RulesTrace(NamedTuple):
    """A judged include, require and exclude, of a policy or of a rule group."""

    match: Match
    include: tuple[RuleTrace, ...] = ()
    require: tuple[RuleTrace, ...] = ()
    exclude: tuple[RuleTrace, ...] = ()

    def to_json(self) -> list[Json]:
        """Each rule with the part that it belongs to, in the order of writing."""
        return [
            {"part": part, **rule.to_json()}
            for part, rules in (
                ("include", self.include),
                ("require", self.require),
                ("exclude", self.exclude),
            )
            for rule in rules
        ]


class RuleTrace(NamedTuple):
    """One judged rule. `inside` holds a rule group's own rules."""

    rule: Rule
    match: Match
    found: str = ""
    note: str = ""
    inside: RulesTrace | None = None

    @property
    def wanted(self) -> str:
        """What the rule asks for, in plain words."""
        selector = SELECTORS.get(self.rule.selector)
        return selector.wanted(self.rule.body) if selector else "something unknown"

    def to_json(self) -> dict[str, Json]:
        """The rule as written, with what was wanted, what was found and what came of it."""
        answer: dict[str, Json] = {
            "rule": self.rule.to_wire(),
            "match": self.match.name.lower(),
            "wanted": self.wanted,
        }
        if self.found:
            answer["found"] = self.found
        if self.note:
            answer["note"] = self.note
        if self.inside is not None:
            answer["rules"] = self.inside.to_json()
        return answer


@dataclass(frozen=True, slots=True)
class PolicyTrace:
    """One judged policy. `match` is the rules' unless `note` says why not."""

    policy: Policy
    match: Match
    rules: RulesTrace
    note: str = ""

    def to_json(self) -> dict[str, Json]:
        """The policy's name and decision, and each of its rules."""
        answer: dict[str, Json] = {
            "policy_id": self.policy.id,
            "name": self.policy.name,
            "decision": self.policy.decision.value,
            "match": self.match.name.lower(),
            "rules": self.rules.to_json(),
        }
        if self.note:
            answer["note"] = self.note
        return answer
