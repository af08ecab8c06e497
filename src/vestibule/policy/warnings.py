"""Remarks on policies that are allowed, and seldom what was meant."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from vestibule.model.identity import IdentityProvider
from vestibule.model.rules import Decision, Policy, Rule, RuleGroup, ValueList
from vestibule.policy.needs import all_rules
from vestibule.policy.selectors import SELECTORS
from vestibule.policy.selectors.network import read_range

# Of each of these somebody has one, so two of them required are never both met.
_ONE_EACH: Mapping[str, str] = {
    "email": "e-mail addresses",
    "email_domain": "e-mail domains",
    "geo": "countries",
    "ip": "IP ranges",
    "common_name": "common names",
    "login_method": "login methods",
    "service_token": "service tokens",
    "user_risk_score": "risk levels",
}
_WIDE = {4: 8, 6: 20}


def warnings(
    policy: Policy,
    groups: Mapping[str, RuleGroup] | None = None,
    lists: Mapping[str, ValueList] | None = None,
    providers: Mapping[str, IdentityProvider] | None = None,
) -> tuple[str, ...]:
    """Plain sentences for the administrator; none when nothing is remarkable."""
    rules = tuple(all_rules((policy,), groups or {}))
    return tuple(
        dict.fromkeys(
            (
                *_and_for_or(policy),
                *_open_to_all(policy, providers or {}),
                *_wide_bypass(policy),
                *_security_keys(rules, providers or {}),
                *_machines(policy, rules),
                *_lost(rules, groups or {}, lists or {}),
                *_approvals(policy),
            )
        )
    )


def _and_for_or(policy: Policy) -> Iterator[str]:
    counts = Counter(rule.selector for rule in policy.require)
    for selector, what in _ONE_EACH.items():
        if counts[selector] > 1:
            yield (
                f"Require asks for all of {counts[selector]} {what} at once, which nobody may "
                "meet. To ask for any of them, put them into a rule group's Include and "
                "require the group."
            )


def _open_to_all(policy: Policy, providers: Mapping[str, IdentityProvider]) -> Iterator[str]:
    if policy.decision is not Decision.ALLOW or policy.require:
        return
    for rule in policy.include:
        if rule.selector == "everyone":
            yield (
                "Everyone alone lets in whoever can sign in; with a one-time PIN, that is "
                "anybody who has an e-mail address."
            )
        if rule.selector == "login_method" and _is(rule, providers, "onetimepin"):
            yield "One-time PIN alone lets in anybody who has an e-mail address."


def _is(rule: Rule, providers: Mapping[str, IdentityProvider], kind: str) -> bool:
    provider = providers.get(str(rule.body.get("id", "")))
    return provider is not None and provider.type == kind


def _wide_bypass(policy: Policy) -> Iterator[str]:
    if policy.decision is not Decision.BYPASS:
        return
    for rule in policy.include:
        if rule.selector == "everyone" and not policy.require:
            yield (
                "Bypass for Everyone switches protection off: no sign-in, no token and no "
                "log entry, for anybody."
            )
        network = read_range(str(rule.body.get("ip", ""))) if rule.selector == "ip" else None
        if network is not None and network.prefixlen < _WIDE[network.version]:
            yield f"Bypass for {rule.body['ip']} covers a large part of the Internet."
        if rule.selector == "geo":
            yield "Bypass for a whole country lets in everybody there without a sign-in."
    if len({rule.selector for rule in policy.include}) > 1:
        yield (
            "Any one of the Include rules is enough for Bypass. Put what must hold as well "
            "into Require."
        )


def _security_keys(
    rules: Sequence[Rule], providers: Mapping[str, IdentityProvider]
) -> Iterator[str]:
    asked = {str(rule.body.get("auth_method")) for rule in rules if rule.selector == "auth_method"}
    okta = any(provider.type == "okta" for provider in providers.values())
    if okta and "hwk" in asked and "pop" not in asked:
        yield (
            "Okta's Identity Engine reports a security key as pop, not as hwk. Look at a test "
            "sign-in, and accept both through a rule group if need be."
        )


def _machines(policy: Policy, rules: Sequence[Rule]) -> Iterator[str]:
    if policy.decision not in (Decision.ALLOW, Decision.DENY):
        return
    if any(rule.selector in SELECTORS and SELECTORS[rule.selector].machine for rule in rules):
        yield (
            "A service token or linked application token lets nobody in under Allow; use the "
            "action Service Auth."
        )


def _lost(
    rules: Sequence[Rule], groups: Mapping[str, RuleGroup], lists: Mapping[str, ValueList]
) -> Iterator[str]:
    for rule in rules:
        lost = str(rule.body.get("id", ""))
        if rule.selector == "group" and lost not in groups:
            yield f"There is no rule group {lost}; the rule counts against the visitor."
        if rule.selector in ("email_list", "ip_list") and lost not in lists:
            yield f"There is no list {lost}; the rule counts against the visitor."


def _approvals(policy: Policy) -> Iterator[str]:
    if policy.approval_required and not policy.approval_groups:
        yield "Approval is required, but there is nobody who could approve."
