"""A refusal in the visitor's words (invariant 6: always something to do next)."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings

from tests.policy.strategies import APPLICATIONS, EMAILS, RANGES, SERVICE_TOKENS, World, worlds
from vestibule.model.identity import Identity
from vestibule.model.request import RequestFacts
from vestibule.model.rules import Decision, Policy, Rule, RuleGroup
from vestibule.policy.context import Context
from vestibule.policy.evaluate import evaluate

EVERYONE = Rule("everyone", {})
STAFF = Rule("email_domain", {"domain": "example.com"})
CONTRACTORS = Rule("email_domain", {"domain": "contractors.example"})
ENGINEERING = Rule("okta", {"name": "Engineering", "identity_provider_id": "okta-1"})
FRANCE = Rule("geo", {"country_code": "FR"})


def _method(value: str) -> Rule:
    return Rule("auth_method", {"auth_method": value})


def _policy(
    decision: Decision,
    include: tuple[Rule, ...],
    require: tuple[Rule, ...] = (),
    exclude: tuple[Rule, ...] = (),
) -> Policy:
    return Policy("p", "P", decision, include, require, exclude)


ALLOW, DENY = Decision.ALLOW, Decision.DENY
REQUEST = RequestFacts(
    "GET", "https", "app.example.com", "app.example.com", "/", client_ip="203.0.113.7", country="PT"
)
ADA = Identity("okta-1", "okta", "00u1", "ada@example.com", amr=("pwd", "otp"))
KEYS = RuleGroup("keys", "Keys", (_method("hwk"), _method("pop")))
FACTS = Context(REQUEST, ADA, groups={"keys": KEYS})


@pytest.mark.parametrize(
    ("policies", "sentences", "missing"),
    [
        pytest.param(
            [_policy(ALLOW, (STAFF,), (_method("hwk"),))],
            ("Sign in with a security key (hwk). You signed in with: pwd, otp.",),
            ("hwk",),
            id="a stronger method",
        ),
        pytest.param(
            [_policy(ALLOW, (STAFF,), (Rule("group", {"id": "keys"}),))],
            (
                "Sign in with a security key (hwk). You signed in with: pwd, otp.",
                "Sign in with a security key or passkey (pop). You signed in with: pwd, otp.",
            ),
            ("hwk", "pop"),
            id="either of two",
        ),
        pytest.param(
            [_policy(ALLOW, (ENGINEERING,), (_method("hwk"),))],
            (
                "Your account is not in a group that may open this application.",
                "Sign in with a security key (hwk). You signed in with: pwd, otp.",
            ),
            (),
            id="a key would not be enough",
        ),
        pytest.param(
            [_policy(ALLOW, (CONTRACTORS,)), _policy(ALLOW, (STAFF,), (_method("hwk"),))],
            ("Sign in with a security key (hwk). You signed in with: pwd, otp.",),
            ("hwk",),
            id="only the closest policy speaks",
        ),
        pytest.param(
            [_policy(ALLOW, (CONTRACTORS,))],
            ("Your account ada@example.com is not one that may open this application.",),
            (),
            id="another account",
        ),
        pytest.param(
            [_policy(ALLOW, (STAFF,), (FRANCE,))],
            ("This application cannot be opened from your country (PT).",),
            (),
            id="the wrong country",
        ),
        pytest.param(
            [_policy(ALLOW, (STAFF,), (), (_method("otp"),))],
            ("Sign in without a one-time code (otp).",),
            (),
            id="a method too many",
        ),
        pytest.param(
            [_policy(DENY, (EVERYONE,), (), (_method("hwk"),)), _policy(ALLOW, (STAFF,))],
            ("Sign in with a security key (hwk). You signed in with: pwd, otp.",),
            ("hwk",),
            id="a block with an exception",
        ),
        pytest.param(
            [_policy(DENY, (ENGINEERING, STAFF)), _policy(ALLOW, (EVERYONE,))],
            ("Your account is kept out of this application.",),
            (),
            id="a block",
        ),
        pytest.param(
            [_policy(DENY, (STAFF,)), _policy(ALLOW, (STAFF,), (_method("hwk"),))],
            ("Your account is kept out of this application.",),
            (),
            id="a key does not lift a block",
        ),
        pytest.param([], ("Nobody may open this application now.",), (), id="no policy"),
    ],
)
def test_a_refusal_says_what_to_do_next(
    policies: list[Policy], sentences: tuple[str, ...], missing: tuple[str, ...]
) -> None:
    verdict = evaluate(policies, FACTS)
    assert not verdict.admits
    assert verdict.unmet() == sentences
    assert verdict.missing_amr == missing


def test_a_silent_provider_is_told_of() -> None:
    context = replace(FACTS, identity=replace(ADA, amr=None))
    verdict = evaluate([_policy(ALLOW, (STAFF,), (_method("mfa"),))], context)
    assert verdict.unmet() == (
        "Sign in with a second factor (mfa). Your identity provider did not say how you signed in.",
    )
    assert verdict.missing_amr == ("mfa",)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(worlds())
def test_a_refusal_names_nobody_else(world: World) -> None:
    said = " ".join(evaluate(world.policies, world.context).unmet())
    mine = world.context.identity.email if world.context.identity else ""
    address = world.context.request.client_ip
    for secret in (*EMAILS, *RANGES, *SERVICE_TOKENS, *APPLICATIONS, "Engineering", "Name of"):
        assert secret in (mine, address) or secret not in said
