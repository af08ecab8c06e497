"""Each selector, against facts that fit, facts that do not, and facts that are missing."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from vestibule.model.identity import Identity, IdentityGroup
from vestibule.model.machine import ClientCertificate
from vestibule.model.request import RequestFacts
from vestibule.model.rules import (
    Decision,
    ExternalEvaluation,
    ListKind,
    RiskLevel,
    Rule,
    ValueList,
)
from vestibule.policy.context import Context
from vestibule.policy.evaluate import judge_rule
from vestibule.policy.match import Match
from vestibule.policy.selectors import SELECTORS

NO, UNKNOWN, YES = Match.NO, Match.UNKNOWN, Match.YES
ASKED = ExternalEvaluation("https://judge.example/", "https://judge.example/keys")

ADA = Identity(
    idp_id="okta-1",
    idp_type="okta",
    subject="00u1",
    email="Ada@Example.com",
    groups=(IdentityGroup("g-1", "Engineering"), IdentityGroup("Acme/Ops", "Acme/Ops")),
    amr=("pwd", "otp"),
    claims={"role": ["ops", "dev"], "admin": True, "level": 3, "acrs": ["c1"], "deep": {"a": 1}},
    saml_attributes={"department": "Research"},
)
FACTS = Context(
    request=RequestFacts(
        "GET",
        "https",
        "app.example.com",
        "app.example.com",
        "/",
        client_ip="203.0.113.7",
        country="PT",
        certificate=ClientCertificate("edge.example.com", subject="CN=edge.example.com"),
    ),
    identity=ADA,
    lists={
        "staff": ValueList("staff", "Staff", ListKind.EMAIL, ("ADA@example.com",)),
        "office": ValueList("office", "Office", ListKind.IP, ("203.0.113.0/24", "2001:db8::/32")),
        "typo": ValueList("typo", "Typo", ListKind.IP, ("203.0.113.0/33",)),
    },
    service_token_id="token-1",
    linked_application_ids=frozenset({"app-1"}),
    risk_level=RiskLevel.LOW,
    external={ASKED: True},
)


def _who(**changes: Any) -> Context:
    return replace(FACTS, identity=replace(ADA, **changes))


def _from(**changes: Any) -> Context:
    return replace(FACTS, request=replace(FACTS.request, **changes))


def _okta(name: str, provider: str = "okta-1") -> dict[str, str]:
    return {"name": name, "identity_provider_id": provider}


def _oidc(name: str, value: str, provider: str = "okta-1") -> dict[str, str]:
    return {"claim_name": name, "claim_value": value, "identity_provider_id": provider}


def _saml(name: str, value: str) -> dict[str, str]:
    return {"attribute_name": name, "attribute_value": value, "identity_provider_id": "okta-1"}


CASES: list[tuple[str, dict[str, Any], Context, Match]] = [
    ("email", {"email": "ada@example.com"}, FACTS, YES),
    ("email", {"email": "bob@example.com"}, FACTS, NO),
    ("email", {"email": "ada@example.com"}, _who(email=""), UNKNOWN),
    ("email", {"email": "kim@example.com"}, _who(email="\u212aim@example.com"), NO),
    ("email_domain", {"domain": "example.com"}, FACTS, YES),
    ("email_domain", {"domain": "EXAMPLE.com"}, FACTS, YES),
    ("email_domain", {"domain": "ample.com"}, FACTS, NO),
    ("email_domain", {"domain": "example.com"}, _who(email="a@sub.example.com"), NO),
    ("email_domain", {"domain": "example.com"}, _who(email="a@evil.com@example.com"), UNKNOWN),
    ("email", {"email": "ada@example.com"}, _who(email="ada@example.com "), UNKNOWN),
    ("email", {"email": "ada@example.com"}, _who(email="ada@example.com\n"), UNKNOWN),
    ("email_domain", {"domain": "example.com"}, _who(email="ada@example.com."), UNKNOWN),
    ("email_list", {"id": "staff"}, FACTS, YES),
    ("email_list", {"id": "staff"}, _who(email="bob@example.com"), NO),
    ("email_list", {"id": "office"}, FACTS, NO),
    ("everyone", {}, FACTS, YES),
    ("ip", {"ip": "203.0.113.0/24"}, FACTS, YES),
    ("ip", {"ip": "203.0.113.7"}, FACTS, YES),
    ("ip", {"ip": "203.0.113.9/24"}, FACTS, YES),
    ("ip", {"ip": "198.51.100.0/24"}, FACTS, NO),
    ("ip", {"ip": "2001:db8::/32"}, _from(client_ip="2001:db8::1"), YES),
    ("ip", {"ip": "203.0.113.0/24"}, _from(client_ip="::ffff:203.0.113.7"), YES),
    ("ip", {"ip": "::/0"}, FACTS, NO),
    ("ip", {"ip": "203.0.113.0/24"}, _from(client_ip=""), UNKNOWN),
    ("ip", {"ip": "203.0.113.0/24"}, _from(client_ip="203.0.113.7, 1.1.1.1"), UNKNOWN),
    ("ip", {"ip": "nonsense"}, FACTS, UNKNOWN),
    ("ip_list", {"id": "office"}, FACTS, YES),
    ("ip_list", {"id": "office"}, _from(client_ip="198.51.100.1"), NO),
    ("ip_list", {"id": "typo"}, FACTS, UNKNOWN),
    ("geo", {"country_code": "PT"}, FACTS, YES),
    ("geo", {"country_code": "pt"}, FACTS, YES),
    ("geo", {"country_code": "US"}, FACTS, NO),
    ("geo", {"country_code": "PT"}, _from(country=None), UNKNOWN),
    ("certificate", {}, FACTS, YES),
    ("certificate", {}, _from(certificate=None), NO),
    ("common_name", {"common_name": "edge.example.com"}, FACTS, YES),
    ("common_name", {"common_name": "edge.example.com\0.evil"}, FACTS, NO),
    ("common_name", {"common_name": "edge.example.com"}, _from(certificate=None), NO),
    ("service_token", {"token_id": "token-1"}, FACTS, YES),
    ("service_token", {"token_id": "token-2"}, FACTS, NO),
    ("any_valid_service_token", {}, FACTS, YES),
    ("any_valid_service_token", {}, replace(FACTS, service_token_id=None), NO),
    ("linked_app_token", {"app_uid": "app-1"}, FACTS, YES),
    ("linked_app_token", {"app_uid": "app-2"}, FACTS, NO),
    ("login_method", {"id": "okta-1"}, FACTS, YES),
    ("login_method", {"id": "otp-1"}, FACTS, NO),
    ("auth_method", {"auth_method": "otp"}, FACTS, YES),
    ("auth_method", {"auth_method": "mfa"}, FACTS, NO),
    ("auth_method", {"auth_method": "OTP"}, FACTS, NO),
    ("auth_method", {"auth_method": "otp"}, _who(amr=None), UNKNOWN),
    ("auth_method", {"auth_method": "otp"}, _who(amr=()), NO),
    ("auth_context", {"id": "x", "ac_id": "c1", "identity_provider_id": "okta-1"}, FACTS, YES),
    ("auth_context", {"id": "x", "ac_id": "c2", "identity_provider_id": "okta-1"}, FACTS, NO),
    ("auth_context", {"id": "x", "ac_id": "c1", "identity_provider_id": "entra"}, FACTS, NO),
    (
        "auth_context",
        {"id": "x", "ac_id": "c1", "identity_provider_id": "okta-1"},
        _who(claims={}),
        UNKNOWN,
    ),
    ("okta", _okta("Engineering"), FACTS, YES),
    ("okta", _okta("engineering"), FACTS, NO),
    ("okta", _okta("Engineering", "okta-2"), FACTS, NO),
    ("azureAD", {"id": "G-1", "identity_provider_id": "okta-1"}, FACTS, YES),
    ("azureAD", {"id": "Engineering", "identity_provider_id": "okta-1"}, FACTS, NO),
    ("gsuite", {"email": "engineering", "identity_provider_id": "okta-1"}, FACTS, YES),
    ("github-organization", _okta("acme") | {"team": "ops"}, FACTS, YES),
    ("github-organization", _okta("acme"), FACTS, NO),
    ("saml", _saml("department", "Research"), FACTS, YES),
    ("saml", _saml("department", "research"), FACTS, NO),
    ("saml", _saml("office", "Lisbon"), FACTS, UNKNOWN),
    ("oidc", _oidc("role", "ops"), FACTS, YES),
    ("oidc", _oidc("role", "op"), FACTS, NO),
    ("oidc", _oidc("admin", "true"), FACTS, YES),
    ("oidc", _oidc("level", "3"), FACTS, YES),
    ("oidc", _oidc("deep", "1"), FACTS, UNKNOWN),
    ("oidc", _oidc("team", "x"), FACTS, UNKNOWN),
    ("oidc", _oidc("role", "ops", "okta-2"), FACTS, NO),
    (
        "external_evaluation",
        {"evaluate_url": ASKED.evaluate_url, "keys_url": ASKED.keys_url},
        FACTS,
        YES,
    ),
    (
        "external_evaluation",
        {"evaluate_url": ASKED.evaluate_url, "keys_url": ASKED.keys_url},
        replace(FACTS, external={ASKED: False}),
        NO,
    ),
    (
        "external_evaluation",
        {"evaluate_url": ASKED.evaluate_url, "keys_url": ASKED.keys_url},
        replace(FACTS, external={ASKED: None}),
        UNKNOWN,
    ),
    (
        "external_evaluation",
        {"evaluate_url": ASKED.evaluate_url, "keys_url": "https://other/"},
        FACTS,
        UNKNOWN,
    ),
    ("user_risk_score", {"user_risk_score": ["low", "unscored"]}, FACTS, YES),
    ("user_risk_score", {"user_risk_score": ["high"]}, FACTS, NO),
    ("user_risk_score", {"user_risk_score": ["low"]}, replace(FACTS, risk_level=None), UNKNOWN),
]


@pytest.mark.parametrize(
    ("selector", "body", "context", "expected"),
    CASES,
    ids=[f"{number}-{case[0]}-{case[3].name}" for number, case in enumerate(CASES)],
)
def test_a_selector_says_what_it_knows_and_no_more(
    selector: str, body: dict[str, Any], context: Context, expected: Match
) -> None:
    # Machines' selectors speak only where nobody has to sign in.
    machine = SELECTORS[selector].machine
    decision = Decision.NON_IDENTITY if machine else Decision.ALLOW
    judged = judge_rule(Rule(selector, body), context, decision, favours=True)
    assert judged.match is expected
    assert judged.to_json()["wanted"].count("?") == 0


@pytest.mark.parametrize("name", sorted(SELECTORS))
def test_every_selector_explains_itself_and_is_named_as_in_the_table(name: str) -> None:
    selector = SELECTORS[name]
    body = {field.name: "x" for field in selector.fields}
    assert selector.name == name
    assert selector.wanted(body)
    for context in (FACTS, replace(FACTS, identity=None)):
        for sentence in (selector.advice(body, context), selector.objection(body, context)):
            assert sentence.endswith(".")


@pytest.mark.parametrize("name", sorted(n for n, it in SELECTORS.items() if it.identity))
def test_nobody_is_somebody_before_signing_in(name: str) -> None:
    body = next(case[1] for case in CASES if case[0] == name)
    nobody = replace(FACTS, identity=None)
    assert judge_rule(Rule(name, body), nobody, Decision.ALLOW, favours=True).match is UNKNOWN


@pytest.mark.parametrize("name", sorted(n for n, it in SELECTORS.items() if it.identity))
def test_no_identity_counts_under_bypass(name: str) -> None:
    body = next(case[1] for case in CASES if case[0] == name)
    assert judge_rule(Rule(name, body), FACTS, Decision.BYPASS, favours=True).match is UNKNOWN


@pytest.mark.parametrize("name", ["service_token", "any_valid_service_token", "linked_app_token"])
@pytest.mark.parametrize("decision", [Decision.ALLOW, Decision.DENY])
def test_a_machines_credential_opens_nothing_where_people_sign_in(
    name: str, decision: Decision
) -> None:
    body = {"token_id": "token-1", "app_uid": "app-1"}
    assert judge_rule(Rule(name, body), FACTS, decision, favours=True).match is UNKNOWN


@pytest.mark.parametrize("selector", ["email_list", "ip_list", "group", "no_such_selector"])
def test_what_refers_to_nothing_counts_against_the_visitor(selector: str) -> None:
    """F4, F6."""
    rule = Rule(selector, {"id": "lost"})
    assert judge_rule(rule, FACTS, Decision.ALLOW, favours=True).match is NO
    against = judge_rule(rule, FACTS, Decision.ALLOW, favours=False)
    assert against.match is UNKNOWN
    assert against.note


@pytest.mark.parametrize("name", sorted(SELECTORS))
def test_a_rule_that_cannot_be_judged_is_a_doubt(name: str) -> None:
    """F4: an exception inside a selector never decides in the visitor's favour."""
    for value in (None, 7, {}):
        body = {field.name: value for field in SELECTORS[name].fields}
        if not body or name in ("login_method", "group"):
            continue
        judged = judge_rule(Rule(name, body), FACTS, Decision.NON_IDENTITY, favours=False)
        assert judged.match is not YES
    if SELECTORS[name].fields and name != "group":
        judged = judge_rule(Rule(name, {}), FACTS, Decision.NON_IDENTITY, favours=False)
        assert judged.match is UNKNOWN
        assert "could not be judged" in judged.note
