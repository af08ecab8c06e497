"""A refusal in the visitor's words: what to do next, never who else may enter.

Only the policies that came closest are spoken of: a colleague who lacks a second factor
should not be told of the contractors' policy.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from vestibule.model.rules import Decision
from vestibule.policy.context import Context
from vestibule.policy.match import Match, any_of, formula
from vestibule.policy.selectors import SELECTORS, Selector
from vestibule.policy.trace import PolicyTrace, RulesTrace, RuleTrace

SENTENCES_AT_MOST = 6


def unmet(trace: Sequence[PolicyTrace], context: Context) -> tuple[str, ...]:
    """Why the policies in `trace` keep the visitor out."""
    if trace and trace[-1].policy.decision is Decision.DENY and trace[-1].match is not Match.NO:
        return _first(_objections(trace[-1].rules, context))
    candidates = [judged for judged in trace if judged.policy.decision is Decision.ALLOW]
    if not candidates:
        candidates = [judged for judged in trace if judged.policy.decision is Decision.NON_IDENTITY]
    candidates = [judged for judged in candidates if not judged.note]
    if not candidates:
        return ("Nobody may open this application now.",)
    best = max(_closeness(judged.rules) for judged in candidates)
    return _first(
        sentence
        for judged in candidates
        if _closeness(judged.rules) == best
        for sentence in _advice(judged.rules, context)
    )


def _first(sentences: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(sentences))[:SENTENCES_AT_MOST]


def _closeness(rules: RulesTrace) -> tuple[Match, Match]:
    """How much of it fits: first whom it is for, then what it asks of them."""
    included = any_of(rule.match for rule in rules.include)
    excluded = any_of(rule.match for rule in rules.exclude)
    return included, excluded.inverted()


def _advice(rules: RulesTrace, context: Context) -> Iterable[str]:
    """What would have to change for `rules` to match."""
    if any_of(rule.match for rule in rules.include) is not Match.YES:
        for rule in rules.include:
            yield from _advice_on(rule, context)
    for rule in rules.require:
        if rule.match is not Match.YES:
            yield from _advice_on(rule, context)
    for rule in rules.exclude:
        if rule.match is not Match.NO:
            yield from _objection_to(rule, context)


def _objections(rules: RulesTrace, context: Context) -> Iterable[str]:
    """Why `rules` match: the way out that an exclude offers, or else what they hold against."""
    for rule in rules.exclude:
        yield from _advice_on(rule, context)
    if not rules.exclude:
        against = [rule for rule in (*rules.include, *rules.require) if rule.match]
        # `everyone` explains nothing where another rule says more.
        telling = [rule for rule in against if rule.rule.selector != "everyone"]
        for rule in telling or against:
            yield from _objection_to(rule, context)


def _advice_on(rule: RuleTrace, context: Context) -> Iterable[str]:
    if rule.inside is not None:
        yield from _advice(rule.inside, context)
    elif selector := _speaking(rule, context):
        yield selector.advice(rule.rule.body, context)


def _objection_to(rule: RuleTrace, context: Context) -> Iterable[str]:
    if rule.inside is not None:
        yield from _objections(rule.inside, context)
    elif selector := _speaking(rule, context):
        yield selector.objection(rule.rule.body, context)


def _speaking(rule: RuleTrace, context: Context) -> Selector | None:
    """The rule's selector, unless it asks who somebody is and nobody has said so yet."""
    selector = SELECTORS.get(rule.rule.selector)
    if selector is not None and selector.identity and context.identity is None:
        return None
    return selector


def missing_amr(trace: Sequence[PolicyTrace]) -> tuple[str, ...]:
    """The `amr` values of the first policy that a stronger sign-in alone would satisfy."""
    for judged in trace:
        deny = judged.policy.decision is Decision.DENY
        if judged.note or (deny and judged.match is Match.NO):
            continue
        wanted: list[str] = []
        would = _assuming(judged.rules, not deny, wanted)
        if deny and would is not Match.NO:
            return ()  # it keeps the visitor out whatever they sign in with
        if judged.policy.decision is Decision.ALLOW and would is not Match.YES:
            continue
        if wanted and judged.policy.decision in (Decision.ALLOW, Decision.DENY):
            return tuple(dict.fromkeys(wanted))
    return ()


def _assuming(rules: RulesTrace, favours: bool, wanted: list[str]) -> Match:
    """`rules` again, as if each method that they ask for had been used; `wanted` gathers them."""

    def judge(listed: tuple[RuleTrace, ...], speaks_for: bool) -> list[Match]:
        return [_assuming_rule(rule, speaks_for, wanted) for rule in listed]

    return formula(
        judge(rules.include, favours),
        judge(rules.require, favours),
        judge(rules.exclude, not favours),
    )


def _assuming_rule(rule: RuleTrace, favours: bool, wanted: list[str]) -> Match:
    if rule.inside is not None:
        return _assuming(rule.inside, favours, wanted)
    if rule.rule.selector == "auth_method" and favours and rule.match is not Match.YES:
        wanted.append(str(rule.rule.body.get("auth_method", "")))
        return Match.YES
    return rule.match
