"""What is left of rules for each request to decide, once all the rest is a constant.

Three values need two conditions: one that holds when the match is YES, one that holds when
it is YES or UNKNOWN. Constants are whatever a request of a running session cannot change:
who somebody is, which service token a session rests upon, their risk level.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from vestibule.model.conditions import (
    Expression,
    HasCertificate,
    HasCommonName,
    HasCountry,
    InCountry,
    InRanges,
)
from vestibule.model.rules import Decision, ListKind, Policy, Rule, RuleGroup
from vestibule.policy.context import Context
from vestibule.policy.evaluate import NESTING_LIMIT, broken_match, judge_rule
from vestibule.policy.expressions import FALSE, TRUE, every, negated, some
from vestibule.policy.match import Match
from vestibule.policy.selectors import SELECTORS
from vestibule.policy.selectors.network import ranges


@dataclass(frozen=True, slots=True)
class Residual:
    """`surely` holds when the match is YES, `possibly` when it is not NO."""

    surely: Expression
    possibly: Expression

    def inverted(self) -> Residual:
        """Of a match turned round."""
        return Residual(negated(self.possibly), negated(self.surely))


def constant(match: Match) -> Residual:
    """Of a match that no request can change."""
    return Residual(TRUE if match is Match.YES else FALSE, FALSE if match is Match.NO else TRUE)


def any_of(parts: Iterable[Residual]) -> Residual:
    """Of the best match."""
    listed = tuple(parts)
    return Residual(some(it.surely for it in listed), some(it.possibly for it in listed))


def all_of(parts: Iterable[Residual]) -> Residual:
    """Of the worst match."""
    listed = tuple(parts)
    return Residual(every(it.surely for it in listed), every(it.possibly for it in listed))


def of_rules(
    rules: Policy | RuleGroup,
    facts: Context,
    decision: Decision,
    favours: bool,
    above: tuple[str, ...] = (),
) -> Residual:
    """The residual of `judge_rules`, with the constants from `facts`."""

    def each(listed: tuple[Rule, ...], speaks_for: bool) -> list[Residual]:
        return [of_rule(rule, facts, decision, speaks_for, above) for rule in listed]

    return all_of(
        (
            any_of(each(rules.include, favours)),
            all_of(each(rules.require, favours)),
            any_of(each(rules.exclude, not favours)).inverted(),
        )
    )


def of_rule(
    rule: Rule,
    facts: Context,
    decision: Decision,
    favours: bool,
    above: tuple[str, ...] = (),
) -> Residual:
    """The residual of `judge_rule`, with the constants from `facts`."""
    if rule.selector == "group":
        group_id = str(rule.body.get("id", ""))
        group = facts.groups.get(group_id)
        if group is None or group_id in above or len(above) >= NESTING_LIMIT:
            return constant(broken_match(favours))
        return of_rules(group, facts, decision, favours, (*above, group_id))
    if not is_continuous(rule):
        return constant(judge_rule(rule, facts, decision, favours).match)
    try:
        return _of_continuous(rule, facts, favours)
    except (KeyError, TypeError, AttributeError):  # as `evaluate` has it: a doubt
        return constant(Match.UNKNOWN)


def _of_continuous(rule: Rule, facts: Context, favours: bool) -> Residual:
    match rule.selector:
        case "ip":
            return _in_ranges((rule.body["ip"],))
        case "ip_list":
            values = facts.lists.get(rule.body["id"])
            if values is None or values.kind is not ListKind.IP:
                return constant(broken_match(favours))
            return _in_ranges(values.items)
        case "geo":
            inside = InCountry(rule.body["country_code"].upper())
            return Residual(inside, some((inside, negated(HasCountry()))))
        case "certificate":
            return Residual(HasCertificate(), HasCertificate())
        case "common_name":
            named = HasCommonName(rule.body["common_name"])
            return Residual(named, named)
        case _:  # a continuous selector that Envoy cannot judge is a doubt
            return constant(Match.UNKNOWN)


def _in_ranges(items: tuple[str, ...]) -> Residual:
    wanted = ranges(items)
    inside = InRanges(wanted.cidrs) if wanted.cidrs else FALSE
    return Residual(inside, TRUE if wanted.unreadable else inside)


def is_continuous(rule: Rule) -> bool:
    """Whether each request decides it anew, from its own facts."""
    selector = SELECTORS.get(rule.selector)
    return (
        selector is not None
        and selector.continuous
        and not selector.identity
        and not selector.machine
    )


def kinds(
    rule: Rule, groups: Mapping[str, RuleGroup], above: tuple[str, ...] = ()
) -> frozenset[bool]:
    """Which kinds of rule `rule` is made of: True is continuous, False constant.

    Two mean that a rule group mixes them; none, that it goes with either: `everyone`, or a
    reference to nothing.
    """
    if rule.selector == "everyone":
        return frozenset()
    if rule.selector != "group":
        return frozenset({is_continuous(rule)})
    group_id = str(rule.body.get("id", ""))
    group = groups.get(group_id)
    if group is None or group_id in above or len(above) >= NESTING_LIMIT:
        return frozenset()
    inside = (*group.include, *group.require, *group.exclude)
    return frozenset[bool]().union(*(kinds(it, groups, (*above, group_id)) for it in inside))
