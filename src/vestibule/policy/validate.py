"""Judge policies and rule groups before they are saved.

What can never do what it says is refused; what may be meant is only remarked upon, by
`warnings`.
"""

from __future__ import annotations

from collections.abc import Mapping

from vestibule.model.errors import InvalidConfiguration
from vestibule.model.rules import Decision, Policy, RuleGroup
from vestibule.policy.evaluate import NESTING_LIMIT
from vestibule.policy.needs import all_rules, rules_of
from vestibule.policy.selectors import SELECTORS
from vestibule.policy.warnings import warnings as warnings

RULES_AT_MOST = 10_000
"""How many rules a rule group may come to, with all that it refers to written out."""


def check_policy(
    policy: Policy, path: str = "", groups: Mapping[str, RuleGroup] | None = None
) -> None:
    """Raise `InvalidConfiguration` for a policy that cannot be kept.

    `groups` are looked into as well, where they exist.
    """
    if not policy.include:
        raise InvalidConfiguration("a policy needs at least one rule in include", path=path)
    if policy.isolation_required:
        raise InvalidConfiguration(
            "isolation_required needs browser isolation, which this gateway does not have",
            path=path,
        )
    for part in ("include", "require", "exclude"):
        for number, rule in enumerate(getattr(policy, part)):
            if rule.selector not in SELECTORS:
                place = f"{path}.{part}[{number}]".removeprefix(".")
                raise InvalidConfiguration(f"there is no selector {rule.selector}", path=place)
    if policy.decision is Decision.BYPASS:
        _check_bypass(policy, path, groups or {})


def _check_bypass(policy: Policy, path: str, groups: Mapping[str, RuleGroup]) -> None:
    for rule in all_rules((policy,), groups):
        if rule.selector in SELECTORS and SELECTORS[rule.selector].identity:
            raise InvalidConfiguration(
                f"a bypass policy cannot use {rule.selector}: nobody signs in under it", path=path
            )


def check_groups(groups: Mapping[str, RuleGroup], path: str = "groups") -> None:
    """Raise `InvalidConfiguration` for a circle, or for nesting beyond all use."""
    sizes: dict[str, tuple[int, int]] = {}
    for group_id, group in groups.items():
        if not group.include:
            raise InvalidConfiguration(
                "a rule group needs at least one rule in include", path=f"{path}.{group_id}"
            )
        _measure(group_id, groups, (), sizes, path)


def _measure(
    group_id: str,
    groups: Mapping[str, RuleGroup],
    above: tuple[str, ...],
    sizes: dict[str, tuple[int, int]],
    path: str,
) -> tuple[int, int]:
    """The depth of a rule group and the rules that it comes to, remembered in `sizes`."""
    if group_id in above:
        circle = (*above[above.index(group_id) :], group_id)
        names = " -> ".join(groups[each].name for each in circle)
        raise InvalidConfiguration(
            f"rule groups refer to one another in a circle: {names}", path=f"{path}.{group_id}"
        )
    if group_id in sizes:
        return sizes[group_id]
    depth, rules = 1, 0
    for rule in rules_of(groups[group_id]):
        rules += 1
        inner = str(rule.body.get("id", "")) if rule.selector == "group" else ""
        if inner in groups:
            under, count = _measure(inner, groups, (*above, group_id), sizes, path)
            depth, rules = max(depth, under + 1), rules + count
    if depth > NESTING_LIMIT or len(above) > NESTING_LIMIT:
        raise InvalidConfiguration(
            f"rule groups may be nested {NESTING_LIMIT} deep", path=f"{path}.{group_id}"
        )
    if rules > RULES_AT_MOST:
        raise InvalidConfiguration(
            f"a rule group may come to {RULES_AT_MOST} rules", path=f"{path}.{group_id}"
        )
    sizes[group_id] = depth, rules
    return sizes[group_id]
