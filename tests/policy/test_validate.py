"""What is refused when it is saved, and what is remarked upon."""

from __future__ import annotations

from dataclasses import replace

import pytest

from vestibule.model.errors import InvalidConfiguration
from vestibule.model.identity import IdentityProvider
from vestibule.model.rules import Decision, ExternalEvaluation, Policy, Rule, RuleGroup
from vestibule.policy.needs import external_evaluations, reachable_groups, referenced_lists
from vestibule.policy.validate import check_groups, check_policy, warnings

EVERYONE = Rule("everyone", {})
ADA = Rule("email", {"email": "ada@example.com"})
BOB = Rule("email", {"email": "bob@example.com"})
HARDWARE = Rule("auth_method", {"auth_method": "hwk"})
ALLOW = Policy("p", "P", Decision.ALLOW, (ADA,))


def _group(id: str, *include: Rule) -> RuleGroup:
    return RuleGroup(id, f"Group {id}", include)


def _to(id: str) -> Rule:
    return Rule("group", {"id": id})


@pytest.mark.parametrize(
    ("policy", "complaint"),
    [
        (replace(ALLOW, include=()), "at least one rule in include"),
        (replace(ALLOW, isolation_required=True), "browser isolation"),
        (replace(ALLOW, decision=Decision.BYPASS), "cannot use email"),
        (
            replace(ALLOW, decision=Decision.BYPASS, include=(EVERYONE,), exclude=(_to("g"),)),
            "cannot use email",
        ),
        (replace(ALLOW, require=(Rule("device_posture", {}),)), "no selector device_posture"),
    ],
    ids=["no include", "isolation", "bypass by identity", "bypass by group", "unknown selector"],
)
def test_a_policy_that_can_never_do_what_it_says_is_refused(policy: Policy, complaint: str) -> None:
    with pytest.raises(InvalidConfiguration, match=complaint) as refused:
        check_policy(policy, "policies[0]", {"g": _group("g", ADA)})
    assert refused.value.path.startswith("policies[0]")


def test_a_policy_that_makes_sense_is_kept() -> None:
    check_policy(ALLOW)
    check_policy(replace(ALLOW, decision=Decision.BYPASS, include=(EVERYONE,)))


def test_a_circle_of_rule_groups_is_refused_by_name() -> None:
    groups = {"a": _group("a", _to("b")), "b": _group("b", _to("c")), "c": _group("c", _to("b"))}
    with pytest.raises(InvalidConfiguration, match="Group b -> Group c -> Group b"):
        check_groups(groups)


def test_nesting_beyond_all_use_is_refused() -> None:
    """A5: a few groups that double one another would cost a check its time."""
    deep = {str(n): _group(str(n), _to(str(n + 1))) for n in range(40)}
    with pytest.raises(InvalidConfiguration, match="nested"):
        check_groups(deep)
    wide = {str(n): _group(str(n), *(_to(str(n + 1)),) * 10) for n in range(6)}
    with pytest.raises(InvalidConfiguration, match="10000 rules"):
        check_groups(wide)
    with pytest.raises(InvalidConfiguration, match="at least one rule"):
        check_groups({"a": _group("a")})
    check_groups({"a": _group("a", _to("b"), _to("lost")), "b": _group("b", ADA)})


OKTA = IdentityProvider("okta-1", "Okta", "okta")
PIN = IdentityProvider("pin-1", "One-time PIN", "onetimepin")


@pytest.mark.parametrize(
    ("policy", "remark"),
    [
        (replace(ALLOW, require=(ADA, BOB)), "all of 2 e-mail addresses"),
        (
            replace(
                ALLOW,
                require=tuple(Rule("geo", {"country_code": it}) for it in ("PT", "US")),
            ),
            "all of 2 countries",
        ),
        (
            replace(
                ALLOW,
                require=tuple(Rule("ip", {"ip": it}) for it in ("192.0.2.1", "192.0.2.2")),
            ),
            "all of 2 IP ranges",
        ),
        (replace(ALLOW, include=(EVERYONE,)), "Everyone alone"),
        (replace(ALLOW, include=(Rule("login_method", {"id": "pin-1"}),)), "One-time PIN alone"),
        (replace(ALLOW, decision=Decision.BYPASS, include=(EVERYONE,)), "switches protection off"),
        (
            replace(ALLOW, decision=Decision.BYPASS, include=(Rule("ip", {"ip": "0.0.0.0/0"}),)),
            "large part of the Internet",
        ),
        (replace(ALLOW, require=(HARDWARE,)), "reports a security key as pop"),
        (replace(ALLOW, include=(Rule("any_valid_service_token", {}),)), "use the action Service"),
        (replace(ALLOW, exclude=(_to("lost"),)), "no rule group lost"),
        (replace(ALLOW, exclude=(Rule("ip_list", {"id": "lost"}),)), "no list lost"),
        (replace(ALLOW, approval_required=True), "nobody who could approve"),
    ],
    ids=str,
)
def test_a_classic_mistake_is_remarked_upon(policy: Policy, remark: str) -> None:
    said = warnings(policy, {}, {}, {"okta-1": OKTA, "pin-1": PIN})
    assert any(remark in sentence for sentence in said)


def test_a_plain_policy_is_not_remarked_upon() -> None:
    assert warnings(ALLOW, {}, {}, {"okta-1": OKTA}) == ()


def test_what_policies_need_is_found_through_rule_groups() -> None:
    asked = ExternalEvaluation("https://a/", "https://b/")
    external = Rule("external_evaluation", {"evaluate_url": "https://a/", "keys_url": "https://b/"})
    groups = {
        "a": _group("a", _to("b"), _to("a")),
        "b": _group("b", external, Rule("ip_list", {"id": "l"})),
        "c": _group("c", EVERYONE),
    }
    policies = (replace(ALLOW, exclude=(_to("a"),)),)
    assert external_evaluations(policies, groups) == {asked}
    assert reachable_groups(policies, groups) == {"a", "b"}
    assert referenced_lists(policies, groups) == {"l"}
