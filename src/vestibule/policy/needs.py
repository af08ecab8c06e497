"""What policies refer to: the facts that have to be fetched before they can be judged."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from vestibule.model.rules import ExternalEvaluation, Policy, Rule, RuleGroup
from vestibule.policy.selectors.external_evaluation import evaluation


def rules_of(it: Policy | RuleGroup) -> tuple[Rule, ...]:
    """Its include, require and exclude, one after the other."""
    return (*it.include, *it.require, *it.exclude)


def reachable_groups(policies: Iterable[Policy], groups: Mapping[str, RuleGroup]) -> frozenset[str]:
    """The rule groups that the policies rest upon, through other groups too."""
    found: set[str] = set()
    waiting = [rule for policy in policies for rule in rules_of(policy)]
    while waiting:
        rule = waiting.pop()
        group_id = str(rule.body.get("id", "")) if rule.selector == "group" else ""
        if group_id in groups and group_id not in found:
            found.add(group_id)
            waiting.extend(rules_of(groups[group_id]))
    return frozenset(found)


def all_rules(policies: Iterable[Policy], groups: Mapping[str, RuleGroup]) -> Iterator[Rule]:
    """Every rule that the policies rest upon, those of their rule groups too, each once."""
    listed = tuple(policies)
    for policy in listed:
        yield from rules_of(policy)
    for group_id in sorted(reachable_groups(listed, groups)):
        yield from rules_of(groups[group_id])


def external_evaluations(
    policies: Iterable[Policy], groups: Mapping[str, RuleGroup]
) -> frozenset[ExternalEvaluation]:
    """The services that have to be asked about whoever signs in (access.md 3.9)."""
    return frozenset(
        evaluation(rule.body)
        for rule in all_rules(policies, groups)
        if rule.selector == "external_evaluation"
    )


def referenced_lists(policies: Iterable[Policy], groups: Mapping[str, RuleGroup]) -> frozenset[str]:
    """The ids of the lists that the policies look into."""
    listed = tuple(policies)
    named = {
        str(rule.body.get("id", ""))
        for rule in all_rules(listed, groups)
        if rule.selector in ("email_list", "ip_list")
    }
    approvers = {
        group.email_list_id
        for policy in listed
        for group in policy.approval_groups
        if group.email_list_id
    }
    return frozenset(named | approvers)
