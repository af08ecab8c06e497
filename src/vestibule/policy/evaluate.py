"""Decide: the policies of one application, the facts of one request (access.md 3.2, 3.3).

Bypass and Service Auth are judged first, then Allow and Block; the first match decides.
To let somebody in takes a YES; to keep an identified visitor out a doubt is enough.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from vestibule.model.rules import Decision, Policy, Rule, RuleGroup
from vestibule.policy.context import Context
from vestibule.policy.match import Match, formula
from vestibule.policy.selectors import SELECTORS, Finding
from vestibule.policy.trace import PolicyTrace, RulesTrace, RuleTrace
from vestibule.policy.verdict import Outcome, Verdict

NESTING_LIMIT = 16
"""How deep rule groups may refer to one another."""

_NEEDS_IDENTITY = (Decision.ALLOW, Decision.DENY)


def evaluate(policies: Sequence[Policy], context: Context) -> Verdict:
    """The verdict on `context` under `policies`, which are in their order of precedence."""
    trace: list[PolicyTrace] = []
    for policy in policies:
        passes = _passes(policy.decision)
        if passes is not None:
            trace.append(judge_policy(policy, context))
            if trace[-1].match is Match.YES:
                return Verdict(passes, policy, tuple(trace), context)
    outcome, decisive = _allow_and_block(policies, context, trace)
    if outcome is Outcome.DENIED and decisive is None and not _anybody(policies, context):
        outcome = Outcome.FORBIDDEN
    return Verdict(outcome, decisive, tuple(trace), context)


def _passes(decision: Decision) -> Outcome | None:
    """What a match means in the first phase; None for what belongs to the second."""
    if decision is Decision.BYPASS:
        return Outcome.BYPASS
    return Outcome.SERVICE_AUTH if decision is Decision.NON_IDENTITY else None


def _allow_and_block(
    policies: Sequence[Policy], context: Context, trace: list[PolicyTrace]
) -> tuple[Outcome, Policy | None]:
    """The second phase; adds to `trace` what it judges."""
    identified = context.identity is not None
    possible = False
    for policy in policies:
        if policy.decision not in _NEEDS_IDENTITY:
            continue
        judged = judge_policy(policy, context)
        trace.append(judged)
        if judged.match is Match.NO:
            continue
        if policy.decision is Decision.ALLOW:
            if identified and judged.match is Match.YES:
                return Outcome.ALLOW, policy
            possible = True
        elif identified:
            return (Outcome.DENIED if asks_identity(judged.rules) else Outcome.FORBIDDEN), policy
        elif judged.match is Match.YES:
            return (Outcome.LOGIN, None) if possible else (Outcome.FORBIDDEN, policy)
    if identified:
        return Outcome.DENIED, None
    return (Outcome.LOGIN if possible else Outcome.FORBIDDEN), None


def _anybody(policies: Sequence[Policy], context: Context) -> bool:
    """Whether somebody, whoever it be, could pass from where this request comes from.

    When nobody could, the refusal is not about this identity: a running session whose
    address, country or certificate stops matching gets the non-identity page (3.3).
    """
    unknown = replace(context, identity=None, risk_level=None, external={})
    return _allow_and_block(policies, unknown, [])[0] is Outcome.LOGIN


def could_admit(policies: Sequence[Policy], context: Context) -> bool:
    """Whether the identity in `context`, known only in part, may turn out to be let in.

    For a one-time PIN: mail goes only to an address that some Allow might match.
    """
    for policy in policies:
        if policy.decision in _NEEDS_IDENTITY:
            match = judge_policy(policy, context).match
            if policy.decision is Decision.DENY and match is Match.YES:
                return False
            if policy.decision is Decision.ALLOW and match is not Match.NO:
                return True
    return False


def judge_policy(policy: Policy, context: Context) -> PolicyTrace:
    """How well `policy` fits. One that asks for isolation, which we lack, admits nobody."""
    rules = judge_rules(policy, context, policy.decision, policy.decision is not Decision.DENY)
    if policy.isolation_required and policy.decision is not Decision.DENY:
        return PolicyTrace(policy, Match.NO, rules, "it asks for browser isolation")
    return PolicyTrace(policy, rules.match, rules)


def judge_rules(
    rules: Policy | RuleGroup,
    context: Context,
    decision: Decision,
    favours: bool,
    above: tuple[str, ...] = (),
) -> RulesTrace:
    """`any(include) AND all(require) AND NOT any(exclude)`, with each rule's trace.

    `favours` says whether a match here speaks for the visitor; an exclude turns it round.
    `above` are the rule groups that led here.
    """

    judge = judge_rule  # bound once: this is where a check spends its time
    include = [judge(rule, context, decision, favours, above) for rule in rules.include]
    require = [judge(rule, context, decision, favours, above) for rule in rules.require]
    exclude = [judge(rule, context, decision, not favours, above) for rule in rules.exclude]
    match = formula(
        [rule.match for rule in include],
        [rule.match for rule in require],
        [rule.match for rule in exclude],
    )
    return RulesTrace(match, tuple(include), tuple(require), tuple(exclude))


def judge_rule(
    rule: Rule,
    context: Context,
    decision: Decision,
    favours: bool,
    above: tuple[str, ...] = (),
) -> RuleTrace:
    """One rule against the facts, under a policy that says `decision`."""
    if rule.selector == "group":
        return _judge_group(rule, context, decision, favours, above)
    match, found, note, broken = _find(rule, context, decision)
    if broken:
        match = broken_match(favours)
    return RuleTrace(rule, match, found, note)


def broken_match(favours: bool) -> Match:
    """What a rule comes to that refers to nothing: never to the visitor's advantage."""
    return Match.NO if favours else Match.UNKNOWN


def _judge_group(
    rule: Rule, context: Context, decision: Decision, favours: bool, above: tuple[str, ...]
) -> RuleTrace:
    group_id = str(rule.body.get("id", ""))
    group = context.groups.get(group_id)
    note = ""
    if group is None:
        note = "there is no such rule group"
    elif group_id in above:
        note = "the rule group refers to itself"
    elif len(above) >= NESTING_LIMIT:
        note = "the rule groups are nested too deeply"
    if group is None or note:
        return RuleTrace(rule, broken_match(favours), note=note)
    inside = judge_rules(group, context, decision, favours, (*above, group_id))
    return RuleTrace(rule, inside.match, found=group.name, inside=inside)


def _find(rule: Rule, context: Context, decision: Decision) -> Finding:
    selector = SELECTORS.get(rule.selector)
    if selector is None:
        return Finding(Match.UNKNOWN, note="there is no such selector", broken=True)
    if selector.identity and decision is Decision.BYPASS:
        return Finding(Match.UNKNOWN, note="nobody is identified under bypass")
    try:
        finding = selector.judge(rule.body, context)
    except Exception as error:  # a rule that cannot be judged is a doubt, whatever the cause
        return Finding(Match.UNKNOWN, note=f"it could not be judged: {type(error).__name__}")
    if finding.broken:
        return finding
    if selector.identity and context.identity is None:
        return Finding(Match.UNKNOWN, note="nobody has signed in yet")
    if selector.machine and decision in _NEEDS_IDENTITY and finding.match is Match.YES:
        note = "a machine's credential counts under Service Auth and Bypass alone"
        return Finding(Match.UNKNOWN, finding.found, note)
    return finding


def asks_identity(rules: RulesTrace) -> bool:
    """Whether some rule, at any depth, asks who somebody is."""
    return any(
        asks_identity(rule.inside)
        if rule.inside is not None
        else rule.rule.selector in SELECTORS and SELECTORS[rule.rule.selector].identity
        for rule in (*rules.include, *rules.require, *rules.exclude)
    )
