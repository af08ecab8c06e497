"""What Envoy must check of a running session, without asking (access.md 3.3, "Per request").

A token is issued when its policy admitted somebody. What that rested upon and no later
request can change is proved by the token; the rest becomes clauses. A policy admits on a
later request when its own include, require and exclude still say YES and every `deny`
before it still says NO. What cannot be said exactly is not said: such a policy is left out
of `compilable`, and its tokens are asked about on each request.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256

from vestibule.model.conditions import Clause, ContinuousPlan, Expression
from vestibule.model.request import RequestFacts
from vestibule.model.rules import Decision, Policy, Rule, RuleGroup, ValueList
from vestibule.model.values import Json
from vestibule.policy import match
from vestibule.policy.context import Context
from vestibule.policy.evaluate import judge_rule
from vestibule.policy.expressions import FALSE, TRUE, every, negated, some
from vestibule.policy.match import Match
from vestibule.policy.needs import all_rules
from vestibule.policy.residual import Residual, all_of, any_of, kinds, of_rule, of_rules
from vestibule.policy.selectors import SELECTORS
from vestibule.policy.version import version

_NOWHERE = RequestFacts(method="GET", scheme="https", host="", authority="", path="/")


def plan(
    policies: Sequence[Policy],
    groups: Mapping[str, RuleGroup],
    lists: Mapping[str, ValueList],
    facts: Mapping[str, Json] | None = None,
) -> ContinuousPlan:
    """What Envoy checks for the application that has these policies, in order.

    `facts` are those of the application that its tokens depend on; they only enter `version`.
    """
    nobody = Context(request=_NOWHERE, groups=groups, lists=lists)
    compilable = tuple(it.id for it in policies if _is_compilable(it, policies, groups))
    clauses: dict[str, Clause] = {}
    for policy in policies:
        if policy.id in compilable:
            for expression in _all_clauses(policy, policies, nobody):
                clause = _clause(expression)
                clauses[clause.id] = clause
    return ContinuousPlan(
        version=version(policies, groups, lists, facts or {}),
        clauses=tuple(clauses.values()),
        compilable=compilable,
        bypass=_bypass(policies, nobody),
        public=_is_public(policies, nobody),
    )


def conditions(
    policies: Sequence[Policy], context: Context, policy_id: str
) -> tuple[str, ...] | None:
    """The clauses that a token issued now under the policy rests upon; None: not compilable.

    `context` has to be one that the policy admits; a ValueError says that it does not, so
    that no token is issued by mistake that Envoy would let through.
    """
    policy = next((it for it in policies if it.id == policy_id), None)
    if policy is None or not _is_compilable(policy, policies, context.groups):
        return None
    if policy.decision is Decision.ALLOW:
        # Envoy asks us about every request that bears a machine's credential.
        context = replace(context, service_token_id=None, linked_application_ids=frozenset())
    wanted = [*_grant(policy, context), *_denials(policy, policies, context)]
    if FALSE in wanted:
        raise ValueError(f"policy {policy_id} does not admit this visitor")
    return tuple(dict.fromkeys(_clause(it).id for it in wanted if it != TRUE))


@dataclass(frozen=True, slots=True)
class _Split:
    """A policy's rules, taken apart: `said` is what is constant, the rest is left to say.

    `by_include` is left when somebody is included by continuous rules alone, `by_rest` are
    the require and the exclude. Each holds when nothing of it speaks against the visitor.
    """

    by_include: Expression
    by_rest: Expression


def _split(policy: Policy, facts: Context) -> _Split:
    """The continuous part of an allow or non_identity policy, or of a deny (turned round)."""
    grants = policy.decision is not Decision.DENY

    def left(rules: tuple[Rule, ...], speaks_for: bool) -> Iterable[Residual]:
        return (
            of_rule(rule, facts, policy.decision, speaks_for)
            for rule in rules
            if True in kinds(rule, facts.groups)
        )

    include = any_of(left(policy.include, grants))
    rest = all_of(
        (all_of(left(policy.require, grants)), any_of(left(policy.exclude, not grants)).inverted())
    )
    if grants:
        return _Split(include.surely, rest.surely)
    return _Split(negated(every((include.possibly, rest.possibly))), negated(rest.possibly))


def _constants(policy: Policy, facts: Context) -> tuple[Match, Match, Match]:
    """What the constant rules of include, require and exclude come to."""
    grants = policy.decision is not Decision.DENY

    def said(rules: tuple[Rule, ...], speaks_for: bool) -> Iterable[Match]:
        return (
            judge_rule(rule, facts, policy.decision, speaks_for).match
            for rule in rules
            if True not in kinds(rule, facts.groups)
        )

    return (
        match.any_of(said(policy.include, grants)),
        match.all_of(said(policy.require, grants)),
        match.any_of(said(policy.exclude, not grants)),
    )


def _grant(policy: Policy, facts: Context) -> list[Expression]:
    """What must hold for `policy` to admit this visitor again."""
    included, required, excluded = _constants(policy, facts)
    if required is not Match.YES or excluded is not Match.NO:
        return [FALSE]
    split = _split(policy, facts)
    return [split.by_rest] if included is Match.YES else [split.by_include, split.by_rest]


def _denials(policy: Policy, policies: Sequence[Policy], facts: Context) -> list[Expression]:
    """What must hold for no earlier `deny` to keep this visitor out."""
    wanted: list[Expression] = []
    for deny in _earlier_denials(policy, policies):
        included, required, excluded = _constants(deny, facts)
        if required is Match.NO or excluded is Match.YES:
            continue  # it never speaks of this visitor
        split = _split(deny, facts)
        wanted.append(split.by_include if included is Match.NO else split.by_rest)
    return wanted


def _earlier_denials(policy: Policy, policies: Sequence[Policy]) -> Sequence[Policy]:
    if policy.decision is not Decision.ALLOW:
        return ()
    ids = [it.id for it in policies]
    return [it for it in policies[: ids.index(policy.id)] if it.decision is Decision.DENY]


def _all_clauses(
    policy: Policy, policies: Sequence[Policy], facts: Context
) -> Iterable[Expression]:
    """Every clause that `conditions` may name for `policy`, whoever the visitor is."""
    for part in (policy, *_earlier_denials(policy, policies)):
        split = _split(part, facts)
        for expression in (split.by_include, split.by_rest):
            if expression not in (TRUE, FALSE):
                yield expression


def _is_compilable(
    policy: Policy, policies: Sequence[Policy], groups: Mapping[str, RuleGroup]
) -> bool:
    if policy.decision not in (Decision.ALLOW, Decision.NON_IDENTITY) or policy.isolation_required:
        return False
    return all(
        len(kinds(rule, groups)) < 2
        for part in (policy, *_earlier_denials(policy, policies))
        for rule in (*part.include, *part.require, *part.exclude)
    )


def _bypass(policies: Sequence[Policy], nobody: Context) -> Expression | None:
    """When a request without any credential is let in without a token.

    To such a request everything but its own facts is constant, so this is exact. Whatever
    Service Auth would match first is left to `/check`, which issues its token.
    """
    before: list[Expression] = []
    ways: list[Expression] = []
    for policy in policies:
        if policy.isolation_required:
            continue
        if policy.decision is Decision.NON_IDENTITY:
            surely = of_rules(policy, nobody, policy.decision, favours=True).surely
            before.append(negated(surely))
        elif policy.decision is Decision.BYPASS:
            surely = of_rules(policy, nobody, policy.decision, favours=True).surely
            ways.append(every((*before, surely)))
    answer = some(ways)
    return None if answer == FALSE else answer


def _is_public(policies: Sequence[Policy], nobody: Context) -> bool:
    """Whether everybody passes by Bypass, whatever they present."""
    for policy in policies:
        if policy.isolation_required:
            continue
        if policy.decision is Decision.NON_IDENTITY:
            return False  # somebody may match it, and would then be known
        if policy.decision is Decision.BYPASS and not _asks_machines(policy, nobody.groups):
            always = of_rules(policy, nobody, policy.decision, favours=True).surely
            if always == TRUE:
                return True
    return False


def _asks_machines(policy: Policy, groups: Mapping[str, RuleGroup]) -> bool:
    return any(
        rule.selector in SELECTORS and SELECTORS[rule.selector].machine
        for rule in all_rules((policy,), groups)
    )


def _clause(expression: Expression) -> Clause:
    return Clause(sha256(repr(expression).encode()).hexdigest()[:12], expression)
