"""The order of execution, the two phases and the three values (access.md 3.2, 3.3)."""

from __future__ import annotations

from dataclasses import replace
from json import dumps
from time import process_time
from timeit import timeit

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.policy.strategies import EVALUATION, World, worlds
from vestibule.model.identity import Identity, IdentityGroup
from vestibule.model.request import RequestFacts
from vestibule.model.rules import Decision, Policy, RiskLevel, Rule, RuleGroup
from vestibule.policy.context import Context
from vestibule.policy.evaluate import could_admit, evaluate, judge_policy
from vestibule.policy.match import Match
from vestibule.policy.verdict import Outcome

EVERYONE = Rule("everyone", {})
ADA = Rule("email", {"email": "ada@example.com"})
BOB = Rule("email", {"email": "bob@example.com"})
STAFF = Rule("email_domain", {"domain": "example.com"})
OFFICE = Rule("ip", {"ip": "203.0.113.0/24"})
PORTUGAL = Rule("geo", {"country_code": "PT"})
FRANCE = Rule("geo", {"country_code": "FR"})
HARDWARE = Rule("auth_method", {"auth_method": "hwk"})
TOKEN = Rule("any_valid_service_token", {})
LOST = Rule("group", {"id": "lost"})

ADA_HERSELF = Identity("okta-1", "okta", "00u1", "ada@example.com", amr=("pwd",))
REQUEST = RequestFacts(
    "GET", "https", "app.example.com", "app.example.com", "/", client_ip="203.0.113.7", country="PT"
)
ANYBODY = Context(REQUEST)
SIGNED_IN = Context(REQUEST, ADA_HERSELF)


def _policy(
    decision: Decision,
    include: tuple[Rule, ...],
    require: tuple[Rule, ...] = (),
    exclude: tuple[Rule, ...] = (),
    **more: bool,
) -> Policy:
    name = f"{decision} {include} {require} {exclude}"
    return Policy(name, name, decision, include, require, exclude, **more)


def _allow(*include: Rule, require: tuple[Rule, ...] = (), exclude: tuple[Rule, ...] = ()):
    return _policy(Decision.ALLOW, include, require, exclude)


def _deny(*include: Rule, require: tuple[Rule, ...] = (), exclude: tuple[Rule, ...] = ()):
    return _policy(Decision.DENY, include, require, exclude)


def _bypass(*include: Rule, require: tuple[Rule, ...] = (), exclude: tuple[Rule, ...] = ()):
    return _policy(Decision.BYPASS, include, require, exclude)


def _service_auth(*include: Rule, require: tuple[Rule, ...] = (), exclude: tuple[Rule, ...] = ()):
    return _policy(Decision.NON_IDENTITY, include, require, exclude)


@pytest.mark.parametrize(
    ("policies", "before_login", "after_login"),
    [
        pytest.param([], "forbidden", "forbidden", id="no policy admits nobody"),
        pytest.param([_allow(EVERYONE)], "login", "allow", id="everyone has to sign in"),
        pytest.param([_allow()], "forbidden", "forbidden", id="no include admits nobody"),
        pytest.param([_allow(OFFICE)], "login", "allow", id="a place alone still asks who"),
        pytest.param([_allow(FRANCE)], "forbidden", "forbidden", id="wrong country, no login page"),
        pytest.param(
            [_allow(STAFF, require=(FRANCE,))],
            "forbidden",
            "forbidden",
            id="wrong country, whoever it is",
        ),
        pytest.param([_allow(BOB)], "login", "denied", id="somebody else"),
        pytest.param([_allow(ADA)], "login", "allow", id="herself"),
        pytest.param([_allow(STAFF, exclude=(ADA,))], "login", "denied", id="excluded"),
        pytest.param([_allow(STAFF, require=(HARDWARE,))], "login", "denied", id="no step-up"),
        pytest.param(
            [_allow(STAFF, require=(PORTUGAL, FRANCE))],
            "forbidden",
            "forbidden",
            id="require is all of",
        ),
        pytest.param([_deny(ADA), _allow(EVERYONE)], "login", "denied", id="block before allow"),
        pytest.param([_allow(EVERYONE), _deny(ADA)], "login", "allow", id="block after allow"),
        pytest.param([_deny(OFFICE), _allow(EVERYONE)], "forbidden", "forbidden", id="block place"),
        pytest.param(
            [_allow(BOB), _deny(OFFICE), _allow(ADA)],
            "login",
            "forbidden",
            id="a block that is certain, after a possible allow",
        ),
        pytest.param([_bypass(OFFICE)], "bypass", "bypass", id="bypass"),
        pytest.param([_deny(EVERYONE), _bypass(OFFICE)], "bypass", "bypass", id="bypass is first"),
        pytest.param([_bypass(ADA)], "forbidden", "forbidden", id="bypass knows nobody"),
        pytest.param(
            [_bypass(EVERYONE, exclude=(ADA,))], "forbidden", "forbidden", id="bypass doubts"
        ),
        pytest.param(
            [_service_auth(OFFICE), _bypass(OFFICE)],
            "service_auth",
            "service_auth",
            id="mutual order of the first phase",
        ),
        pytest.param([_service_auth(TOKEN)], "forbidden", "forbidden", id="no token, no login"),
        pytest.param(
            [_service_auth(TOKEN), _allow(ADA)], "login", "allow", id="no token, but somebody"
        ),
        pytest.param(
            [_policy(Decision.ALLOW, (EVERYONE,), isolation_required=True)],
            "forbidden",
            "forbidden",
            id="isolation cannot be had",
        ),
        pytest.param(
            [_policy(Decision.BYPASS, (EVERYONE,), isolation_required=True)],
            "forbidden",
            "forbidden",
            id="isolation cannot be had by bypass",
        ),
        pytest.param(
            [_policy(Decision.DENY, (ADA,), isolation_required=True), _allow(EVERYONE)],
            "login",
            "denied",
            id="isolation does not weaken a block",
        ),
        pytest.param([_allow(LOST)], "forbidden", "forbidden", id="lost group in include"),
        pytest.param(
            [_allow(EVERYONE, require=(LOST,))], "forbidden", "forbidden", id="lost in require"
        ),
        pytest.param(
            [_allow(EVERYONE, exclude=(LOST,))], "login", "denied", id="lost group in exclude"
        ),
        pytest.param([_deny(LOST), _allow(EVERYONE)], "login", "forbidden", id="lost in block"),
        pytest.param(
            [_deny(EVERYONE, exclude=(LOST,)), _allow(EVERYONE)],
            "forbidden",
            "forbidden",
            id="lost exception to a block",
        ),
    ],
)
def test_the_first_match_decides(
    policies: list[Policy], before_login: str, after_login: str
) -> None:
    assert evaluate(policies, ANYBODY).outcome == before_login
    assert evaluate(policies, SIGNED_IN).outcome == after_login


def test_policies_are_judged_in_the_documented_order() -> None:
    a, b, e = _allow(BOB), _deny(BOB), _allow(ADA)
    c, d = _service_auth(TOKEN), _bypass(FRANCE)
    verdict = evaluate([a, b, c, d, e], SIGNED_IN)
    assert [judged.policy for judged in verdict.trace] == [c, d, a, b, e]
    assert verdict.policy == e


def test_a_service_token_enters_by_service_auth_and_not_by_allow() -> None:
    machine = replace(ANYBODY, service_token_id="token-1")
    assert evaluate([_service_auth(TOKEN)], machine).outcome is Outcome.SERVICE_AUTH
    assert evaluate([_service_auth(TOKEN, require=(FRANCE,))], machine).outcome == "forbidden"
    assert evaluate([_allow(TOKEN)], machine).outcome is Outcome.LOGIN
    assert evaluate([_allow(TOKEN)], replace(machine, identity=ADA_HERSELF)).outcome == "denied"


@pytest.mark.parametrize(
    ("policies", "could"),
    [
        ([_allow(ADA, require=(HARDWARE,))], True),
        ([_allow(BOB)], False),
        ([_deny(ADA), _allow(EVERYONE)], False),
        ([_deny(HARDWARE), _allow(EVERYONE)], True),
        ([_service_auth(TOKEN), _bypass(FRANCE)], False),
    ],
    ids=["may yet", "somebody else", "kept out", "may be kept out", "nothing to sign in for"],
)
def test_a_pin_is_sent_only_where_some_allow_might_match(
    policies: list[Policy], could: bool
) -> None:
    address_only = replace(SIGNED_IN, identity=replace(ADA_HERSELF, amr=None))
    assert could_admit(policies, address_only) is could


def _group(id: str, *include: Rule, exclude: tuple[Rule, ...] = ()) -> RuleGroup:
    return RuleGroup(id, id, include, (), exclude)


def test_a_rule_group_expresses_or_inside_require() -> None:
    either = {"g": _group("g", PORTUGAL, FRANCE)}
    policy = _allow(EVERYONE, require=(Rule("group", {"id": "g"}),))
    assert evaluate([policy], replace(SIGNED_IN, groups=either)).outcome is Outcome.ALLOW


@pytest.mark.parametrize("part", ["include", "require", "exclude", "block"])
def test_a_circle_of_rule_groups_never_lets_anybody_in(part: str) -> None:
    """F4."""
    inner = Rule("group", {"id": "a"})
    circle = {
        "a": _group("a", Rule("group", {"id": "b"})),
        "b": _group("b", Rule("group", {"id": "a"})),
    }
    policies = {
        "include": [_allow(inner)],
        "require": [_allow(EVERYONE, require=(inner,))],
        "exclude": [_allow(EVERYONE, exclude=(inner,))],
        "block": [_deny(inner), _allow(EVERYONE)],
    }[part]
    verdict = evaluate(policies, replace(SIGNED_IN, groups=circle))
    assert not verdict.admits
    assert "refers to itself" in dumps(verdict.to_json())


@pytest.mark.parametrize(
    "policies",
    [
        [_allow(EVERYONE, exclude=(FRANCE,))],
        [_deny(FRANCE), _allow(EVERYONE)],
        [_allow(EVERYONE, require=(FRANCE,))],
    ],
    ids=["exclude", "deny", "require"],
)
def test_doubt_counts_against_the_visitor(policies: list[Policy]) -> None:
    """F4: nobody knows the country."""
    context = replace(SIGNED_IN, request=replace(REQUEST, country=None))
    assert not evaluate(policies, context).admits


@pytest.mark.parametrize("body", [{}, {"email": 7}, {"email": None}])
def test_an_exception_inside_a_rule_keeps_the_visitor_out(body: dict[str, int | None]) -> None:
    """F4."""
    broken = Rule("email", body)
    for policies in (
        [_allow(broken)],
        [_allow(EVERYONE, require=(broken,))],
        [_allow(EVERYONE, exclude=(broken,))],
        [_deny(broken), _allow(EVERYONE)],
    ):
        verdict = evaluate(policies, SIGNED_IN)
        assert not verdict.admits
        assert "could not be judged" in dumps(verdict.to_json())


def test_a_running_session_that_stops_matching_is_refused_whoever_it_is() -> None:
    """access.md 3.3: the non-identity page, for it is not about this person."""
    policy = _allow(STAFF, require=(OFFICE,))
    assert evaluate([policy], SIGNED_IN).outcome is Outcome.ALLOW
    moved = replace(SIGNED_IN, request=replace(REQUEST, client_ip="198.51.100.1"))
    assert evaluate([policy], moved).outcome is Outcome.FORBIDDEN


def test_the_trace_says_what_was_compared_with_what() -> None:
    verdict = evaluate([_allow(BOB, require=(HARDWARE,), exclude=(LOST,))], SIGNED_IN)
    document = verdict.to_json()
    assert document["outcome"] == "denied"
    include, require, exclude = document["trace"][0]["rules"]
    assert include == {
        "part": "include",
        "rule": {"email": {"email": "bob@example.com"}},
        "match": "no",
        "wanted": "the e-mail address is bob@example.com",
        "found": "ada@example.com",
    }
    assert (require["match"], require["found"]) == ("no", "pwd")
    assert (exclude["match"], exclude["note"]) == ("unknown", "there is no such rule group")
    dumps(document)


def test_no_header_and_no_cookie_changes_a_verdict() -> None:
    """H1, H5: the facts come from the data plane; what a visitor writes is none of them."""
    hostile = {
        "x-forwarded-for": "203.0.113.7, 203.0.113.7",
        "x-real-ip": "203.0.113.7",
        "cf-connecting-ip": "203.0.113.7",
        "cf-ipcountry": "PT",
        "cf-access-authenticated-user-email": "ada@example.com",
    }
    policies = [_deny(FRANCE), _allow(ADA, require=(OFFICE,))]
    outside = replace(REQUEST, client_ip="198.51.100.1", country="FR")
    lying = replace(outside, headers=hostile, cookies={"country": ("PT",)})
    for who in (None, ADA_HERSELF):
        assert evaluate(policies, Context(lying, who)) == evaluate(policies, Context(outside, who))


many = settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def _as_documented(world: World) -> Outcome:
    """The pseudo-code of access.md 3.3, with doubts against the visitor."""

    def match(policy: Policy) -> Match:
        return judge_policy(policy, world.context).match

    identity = world.context.identity
    for p in world.policies:
        if p.decision in (Decision.BYPASS, Decision.NON_IDENTITY) and match(p) is Match.YES:
            return Outcome.BYPASS if p.decision is Decision.BYPASS else Outcome.SERVICE_AUTH
    possible = False
    for p in world.policies:
        if p.decision in (Decision.BYPASS, Decision.NON_IDENTITY):
            continue
        m = match(p)
        if m is Match.NO:
            continue
        if p.decision is Decision.DENY:
            if identity:
                return Outcome.DENIED
            if m is Match.YES:
                return Outcome.LOGIN if possible else Outcome.FORBIDDEN
        else:
            if identity and m is Match.YES:
                return Outcome.ALLOW
            possible = True
    if identity:
        return Outcome.DENIED
    return Outcome.LOGIN if possible else Outcome.FORBIDDEN


@many
@given(worlds())
def test_the_outcome_is_the_documented_one(world: World) -> None:
    outcome = evaluate(world.policies, world.context).outcome
    expected = _as_documented(world)
    if expected is Outcome.DENIED:  # which of the two pages is shown is tested above
        assert outcome in (Outcome.DENIED, Outcome.FORBIDDEN)
    else:
        assert outcome is expected


@many
@given(
    worlds(identified=True, welcoming=True), st.sampled_from(("country", "amr", "risk", "external"))
)
def test_what_is_let_in_despite_a_doubt_would_be_let_in_without_it(world: World, fact: str) -> None:
    """Taking a fact away never lets anybody in whom the fact would have kept out."""
    context = world.context
    assert context.identity is not None
    doubtful = {
        "country": replace(context, request=replace(context.request, country=None)),
        "amr": replace(context, identity=replace(context.identity, amr=None)),
        "risk": replace(context, risk_level=None),
        "external": replace(context, external={EVALUATION: None}),
    }[fact]
    if evaluate(world.policies, doubtful).admits:
        assert evaluate(world.policies, context).admits


@many
@given(worlds(identified=True, welcoming=True))
def test_a_lost_list_or_group_never_lets_anybody_in(world: World) -> None:
    """F4."""
    bare = replace(world.context, groups={}, lists={})
    admitted = evaluate(world.policies, bare)
    if admitted.outcome is Outcome.ALLOW and admitted.policy is not None:
        # What let them in refers to nothing that is lost, unless in vain.
        judged = next(it for it in admitted.trace if it.policy == admitted.policy)
        assert all(rule.match is Match.YES for rule in judged.rules.require)
        assert not any(
            "there is no such" in rule.note and rule.match is Match.YES
            for rule in (*judged.rules.include, *judged.rules.exclude)
        )


@many
@given(worlds())
def test_a_verdict_can_always_be_written_and_explained(world: World) -> None:
    verdict = evaluate(world.policies, world.context)
    dumps(verdict.to_json())
    assert bool(verdict.unmet()) is not verdict.admits
    assert not (verdict.admits and verdict.missing_amr)


def test_a_check_of_five_policies_is_fast() -> None:
    """Measured at 25-40 microseconds; the bound leaves room for a busy machine."""
    policies = [
        _bypass(Rule("ip", {"ip": "10.0.0.0/8"})),
        _service_auth(TOKEN, require=(OFFICE,)),
        _deny(Rule("user_risk_score", {"user_risk_score": ["high"]}), FRANCE),
        _allow(BOB, require=(HARDWARE,)),
        _allow(
            STAFF,
            Rule("okta", {"name": "Engineering", "identity_provider_id": "okta-1"}),
            require=(Rule("auth_method", {"auth_method": "pwd"}), PORTUGAL),
            exclude=(Rule("ip", {"ip": "198.51.100.0/24"}),),
        ),
    ]
    who = replace(ADA_HERSELF, groups=(IdentityGroup("Engineering", "Engineering"),))
    context = Context(REQUEST, who, risk_level=RiskLevel.LOW)
    assert evaluate(policies, context).outcome is Outcome.ALLOW
    number = 500
    best = min(
        timeit(lambda: evaluate(policies, context), number=number, timer=process_time)
        for _ in range(5)
    )
    assert best / number < 150e-6
