"""One short name for all that an application's policies say at one moment."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from hashlib import sha256
from json import dumps

from vestibule.model.rules import Policy, RuleGroup, ValueList
from vestibule.model.values import Json
from vestibule.policy.needs import reachable_groups, referenced_lists

_FORMAT = 1
"""Grows when the same policies come to mean other clauses, so that old tokens are asked about."""


def version(
    policies: Sequence[Policy],
    groups: Mapping[str, RuleGroup],
    lists: Mapping[str, ValueList],
    facts: Mapping[str, Json],
) -> str:
    """A hash of all that these policies say; their names say nothing."""
    used = reachable_groups(policies, groups)
    content = {
        "format": _FORMAT,
        "policies": [_said(policy) for policy in policies],
        "groups": {key: _rules_said(groups[key]) for key in sorted(used)},
        "lists": {
            key: [lists[key].kind.value, *sorted(lists[key].items)]
            for key in sorted(referenced_lists(policies, groups))
            if key in lists
        },
        "facts": dict(facts),
    }
    text = dumps(content, sort_keys=True, separators=(",", ":"), default=str)
    return sha256(text.encode()).hexdigest()[:16]


def _said(policy: Policy) -> Json:
    return [
        policy.id,
        policy.decision.value,
        _rules_said(policy),
        str(policy.session_duration),
        policy.purpose_justification_required,
        policy.approval_required,
        [
            [it.approvals_needed, it.email_addresses, it.email_list_id]
            for it in policy.approval_groups
        ],
        policy.isolation_required,
    ]


def _rules_said(rules: Policy | RuleGroup) -> Json:
    return [
        [rule.to_wire() for rule in listed]
        for listed in (rules.include, rules.require, rules.exclude)
    ]
