"""What Envoy checks alone says what the engine would say (design.md, "The policy engine")."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import HealthCheck, assume, event, given, settings

from tests.policy.strategies import (
    LISTS,
    World,
    groups,
    policies,
    requests,
    worlds,
)
from vestibule.model.conditions import AnyOf, ContinuousPlan, HasCountry, InCountry, InRanges, Not
from vestibule.model.identity import Identity
from vestibule.model.request import RequestFacts
from vestibule.model.rules import Decision, Policy, Rule, RuleGroup, ValueList
from vestibule.policy.context import Context
from vestibule.policy.continuous import conditions, plan
from vestibule.policy.evaluate import evaluate
from vestibule.policy.expressions import holds
from vestibule.policy.verdict import Outcome

EVERYONE = Rule("everyone", {})
OFFICE = Rule("ip", {"ip": "203.0.113.0/24"})
PORTUGAL = Rule("geo", {"country_code": "PT"})
ADA = Rule("email", {"email": "ada@example.com"})
ADA_HERSELF = Identity("okta-1", "okta", "00u1", "ada@example.com")


def _request(client_ip: str = "203.0.113.7", country: str | None = "PT") -> RequestFacts:
    return RequestFacts(
        "GET", "https", "app.example.com", "app.example.com", "/", "", {}, {}, client_ip, country
    )


def _passes(plan_: ContinuousPlan, listed: tuple[str, ...], request: RequestFacts) -> bool:
    """What Envoy does with a token that lists these clauses."""
    return all(it.id not in listed or holds(it.expression, request) for it in plan_.clauses)


def _later(context: Context, request: RequestFacts) -> Context:
    """The next request of the session: a token under `allow` comes without other credentials."""
    return replace(context, request=request)


many = settings(
    max_examples=100,
    deadline=None,
    suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.too_slow],
)


@many
@given(worlds(identified=True, welcoming=True) | worlds(), requests())
def test_envoy_and_the_engine_agree_on_every_later_request(
    world: World, request: RequestFacts
) -> None:
    """The key property: the fast path admits when, and only when, the policy would again."""
    verdict = evaluate(world.policies, world.context)
    assume(verdict.outcome in (Outcome.ALLOW, Outcome.SERVICE_AUTH))
    assert verdict.policy is not None
    listed = conditions(world.policies, world.context, verdict.policy.id)
    planned = plan(world.policies, world.groups, world.lists)
    assert (listed is not None) == (verdict.policy.id in planned.compilable)
    if listed is None:
        event("not compilable")
        return
    assert set(listed) <= {clause.id for clause in planned.clauses}
    assert _passes(planned, listed, world.context.request), "the token serves where it was issued"
    later = _later(world.context, request)
    if verdict.outcome is Outcome.ALLOW:
        later = replace(later, service_token_id=None, linked_application_ids=frozenset())
    again = evaluate(world.policies, later)
    passes = _passes(planned, listed, request)
    event(f"{verdict.outcome}, {len(listed)} clauses, passes: {passes}")
    if passes:
        assert again.admits
    if again.outcome is verdict.outcome and again.policy == verdict.policy:
        assert passes


@many
@given(policies(), groups(), requests())
def test_bypass_is_what_the_engine_bypasses_without_credentials(
    listed: tuple[Policy, ...], known: dict[str, RuleGroup], request: RequestFacts
) -> None:
    """P4: an expression that is wider than the policy would be an open door."""
    planned = plan(listed, known, LISTS)
    verdict = evaluate(listed, Context(request, groups=known, lists=LISTS))
    bypassed = planned.bypass is not None and holds(planned.bypass, request)
    assert bypassed == (verdict.outcome is Outcome.BYPASS)


@many
@given(worlds())
def test_what_is_public_is_bypassed_for_everybody(world: World) -> None:
    if plan(world.policies, world.groups, world.lists).public:
        assert evaluate(world.policies, world.context).outcome is Outcome.BYPASS


@many
@given(worlds(identified=True, welcoming=True), requests())
def test_conditions_depend_on_who_it_is_and_not_on_the_request(
    world: World, request: RequestFacts
) -> None:
    """Else a token's clauses would say where it was issued, not what was proved."""
    listed = world.policies
    contexts = [world.context, replace(world.context, request=request)]
    verdicts = [evaluate(listed, it) for it in contexts]
    assume(all(it.outcome is Outcome.ALLOW for it in verdicts))
    assume(verdicts[0].policy == verdicts[1].policy)
    assert verdicts[0].policy is not None
    policy_id = verdicts[0].policy.id
    assert conditions(listed, contexts[0], policy_id) == conditions(listed, contexts[1], policy_id)


def _expressions(planned: ContinuousPlan) -> list[object]:
    return [clause.expression for clause in planned.clauses]


def test_who_somebody_is_is_proved_once_and_where_they_are_each_time() -> None:
    policy = Policy("p", "P", Decision.ALLOW, (ADA,), require=(OFFICE,))
    planned = plan((policy,), {}, {})
    assert planned.compilable == ("p",)
    assert _expressions(planned) == [InRanges(("203.0.113.0/24",))]
    context = Context(_request(), ADA_HERSELF)
    assert conditions((policy,), context, "p") == (planned.clauses[0].id,)


def test_an_excluded_country_keeps_out_whose_country_nobody_knows() -> None:
    """F4: `Not(InCountry)` alone would let in what the engine doubts."""
    policy = Policy("p", "P", Decision.ALLOW, (EVERYONE,), exclude=(PORTUGAL,))
    [expression] = _expressions(plan((policy,), {}, {}))
    assert expression == Not(AnyOf((InCountry("PT"), Not(HasCountry()))))


def test_a_deny_that_the_identity_rules_out_costs_its_token_nothing() -> None:
    deny = Policy("d", "D", Decision.DENY, (ADA,), require=(PORTUGAL,))
    allow = Policy("a", "A", Decision.ALLOW, (EVERYONE,))
    bob = replace(ADA_HERSELF, email="bob@example.com")
    elsewhere = _request(country="FR")
    assert conditions((deny, allow), Context(elsewhere, bob), "a") == ()
    listed = conditions((deny, allow), Context(elsewhere, ADA_HERSELF), "a")
    planned = plan((deny, allow), {}, {})
    assert listed is not None
    assert not _passes(planned, listed, _request(country="PT"))
    assert not _passes(planned, listed, _request(country=None))
    assert _passes(planned, listed, elsewhere)


def test_a_group_that_mixes_who_and_where_is_never_approximated() -> None:
    mixed = RuleGroup("g", "Mixed", (ADA, OFFICE))
    by_group = Policy("a", "A", Decision.ALLOW, (Rule("group", {"id": "g"}),))
    deny = Policy("d", "D", Decision.DENY, (Rule("group", {"id": "g"}),))
    plain = Policy("b", "B", Decision.ALLOW, (EVERYONE,))
    assert plan((by_group, plain), {"g": mixed}, {}).compilable == ("b",)
    assert plan((deny, plain), {"g": mixed}, {}).compilable == ()
    assert plan((plain, deny), {"g": mixed}, {}).compilable == ("b",)
    context = Context(_request(), ADA_HERSELF, {"g": mixed})
    assert conditions((by_group,), context, "a") is None


def test_no_clauses_are_given_for_a_visitor_whom_the_policy_does_not_admit() -> None:
    """F1: without clauses, Envoy would let such a token through."""
    policy = Policy("p", "P", Decision.ALLOW, (ADA,))
    stranger = Context(_request(), replace(ADA_HERSELF, email="eve@example.org"))
    with pytest.raises(ValueError, match="does not admit"):
        conditions((policy,), stranger, "p")
    with pytest.raises(ValueError, match="does not admit"):
        conditions((policy,), Context(_request()), "p")


@pytest.mark.parametrize(
    ("listed", "public"),
    [
        ([Policy("b", "B", Decision.BYPASS, (EVERYONE,))], True),
        ([Policy("b", "B", Decision.BYPASS, (EVERYONE,), require=(OFFICE,))], False),
        (
            [
                Policy("s", "S", Decision.NON_IDENTITY, (Rule("any_valid_service_token", {}),)),
                Policy("b", "B", Decision.BYPASS, (EVERYONE,)),
            ],
            False,
        ),
        (
            [
                Policy(
                    "b",
                    "B",
                    Decision.BYPASS,
                    (EVERYONE,),
                    exclude=(Rule("service_token", {"token_id": "t"}),),
                )
            ],
            False,
        ),
        ([Policy("b", "B", Decision.BYPASS, (EVERYONE,), isolation_required=True)], False),
        ([], False),
    ],
    ids=["everyone", "narrowed", "service auth first", "machines excluded", "isolated", "none"],
)
def test_public_is_only_what_bypasses_everybody(listed: list[Policy], public: bool) -> None:
    """P4."""
    assert plan(listed, {}, {}).public is public


def test_a_bypass_after_service_auth_leaves_its_visitors_to_it() -> None:
    auth = Policy("s", "S", Decision.NON_IDENTITY, (OFFICE,))
    bypass = Policy("b", "B", Decision.BYPASS, (PORTUGAL,))
    expression = plan((auth, bypass), {}, {}).bypass
    assert expression is not None
    assert not holds(expression, _request())
    assert holds(expression, _request(client_ip="198.51.100.9"))


def test_the_version_changes_with_whatever_the_policies_say() -> None:
    policy = Policy("p", "P", Decision.ALLOW, (Rule("group", {"id": "g"}),))
    group = RuleGroup("g", "G", (Rule("ip_list", {"id": "l"}),))
    items = replace(LISTS["ranges-1"], id="l")

    def version(p: Policy = policy, g: RuleGroup = group, it: ValueList = items, **f: str) -> str:
        return plan((p,), {"g": g, "unused": g}, {"l": it}, f).version

    same = version()
    assert version(p=replace(policy, name="Renamed")) == same
    assert version(g=replace(group, name="Renamed")) == same
    for other in (
        version(p=replace(policy, decision=Decision.NON_IDENTITY)),
        version(p=replace(policy, require=(ADA,))),
        version(g=replace(group, exclude=(ADA,))),
        version(it=replace(items, items=("192.0.2.0/24",))),
        version(session_duration="1h"),
    ):
        assert other != same
