"""From JSON to a rule (api.md 4)."""

from __future__ import annotations

from typing import Any

import pytest

from vestibule.model.errors import InvalidConfiguration
from vestibule.policy.selectors import SELECTORS, parse_rule

P = {"identity_provider_id": "1234"}

GOOD: list[dict[str, Any]] = [
    {"email": {"email": "Ada@example.com"}},
    {"email_domain": {"domain": "example.com"}},
    {"email_list": {"id": "1234"}},
    {"everyone": {}},
    {"ip": {"ip": "203.0.113.0/24"}},
    {"ip": {"ip": "2001:db8::1"}},
    {"ip_list": {"id": "1234"}},
    {"certificate": {}},
    {"common_name": {"common_name": "edge.example.com"}},
    {"geo": {"country_code": "FR"}},
    {"geo": {"country_code": "T1"}},
    {"group": {"id": "1234"}},
    {"azureAD": {"id": "1234", **P}},
    {"github-organization": {"name": "acme", **P}},
    {"github-organization": {"name": "acme", "team": "ops", **P}},
    {"gsuite": {"email": "devs@example.com", **P}},
    {"okta": {"name": "Engineering", **P}},
    {"saml": {"attribute_name": "role", "attribute_value": "ops", **P}},
    {"oidc": {"claim_name": "role", "claim_value": "ops", **P}},
    {"auth_context": {"id": "1234", "ac_id": "c1", **P}},
    {"auth_method": {"auth_method": "phrh"}},
    {"login_method": {"id": "1234"}},
    {"external_evaluation": {"evaluate_url": "https://a/", "keys_url": "https://b/"}},
    {"service_token": {"token_id": "1234"}},
    {"any_valid_service_token": {}},
    {"linked_app_token": {"app_uid": "1234"}},
    {"user_risk_score": {"user_risk_score": ["low", "high"]}},
]


@pytest.mark.parametrize("json", GOOD, ids=str)
def test_a_rule_comes_back_as_it_was_written(json: dict[str, Any]) -> None:
    assert parse_rule(json).to_wire() == json


def test_every_selector_has_a_rule_here() -> None:
    assert {key for json in GOOD for key in json} == set(SELECTORS)


@pytest.mark.parametrize(
    ("written", "wire"),
    [
        ({"azure_ad": {"id": "1", **P}}, {"azureAD": {"id": "1", **P}}),
        ({"azure": {"id": "1", **P}}, {"azureAD": {"id": "1", **P}}),
        (
            {"github_organization": {"name": "acme", "team": None, **P}},
            {"github-organization": {"name": "acme", **P}},
        ),
        ({"okta": {"email": "Engineering", **P}}, {"okta": {"name": "Engineering", **P}}),
        ({"email_domain": {"domain": "@example.com"}}, {"email_domain": {"domain": "example.com"}}),
    ],
    ids=["azure_ad", "azure", "github_organization", "okta by email", "domain with @"],
)
def test_older_names_are_understood_and_written_anew(
    written: dict[str, Any], wire: dict[str, Any]
) -> None:
    assert parse_rule(written).to_wire() == wire


@pytest.mark.parametrize(
    ("json", "complaint"),
    [
        ("everyone", "object with one key"),
        (None, "object with one key"),
        ({}, "exactly one key; found none"),
        ({"everyone": {}, "certificate": {}}, "exactly one key; found certificate, everyone"),
        ({"nobody": {}}, "there is no selector nobody"),
        ({"everyone": True}, "have to be an object"),
        ({"everyone": None}, "have to be an object"),
        ({"email": {}}, "email needs email"),
        ({"email": {"email": None}}, "email needs email"),
        ({"email": {"email": "ada"}}, "expected an e-mail address"),
        ({"email_domain": {"domain": "a@b"}}, "expected a domain"),
        ({"ip": {"ip": "203.0.113.0/33"}}, "expected an IP address or a range"),
        ({"ip": {"ip": 7}}, "expected an IP address or a range"),
        ({"ip": {"ip": "fe80::1%eth0"}}, "expected an IP address or a range"),
        ({"geo": {"country_code": "PRT"}}, "expected a country code"),
        ({"geo": {"country_code": "12"}}, "expected a country code"),
        ({"user_risk_score": {"user_risk_score": ["severe"]}}, "expected a list of low"),
        ({"user_risk_score": {"user_risk_score": []}}, "expected a list of low"),
        ({"user_risk_score": {"user_risk_score": "low"}}, "expected a list of low"),
        ({"okta": {"name": "Engineering"}}, "okta needs identity_provider_id"),
        ({"device_posture": {"integration_uid": "1"}}, "needs a device client"),
        ({"cloudflare_account_member": {}}, "does not have"),
    ],
    ids=str,
)
def test_a_rule_that_cannot_be_kept_is_refused_with_its_place(json: Any, complaint: str) -> None:
    """F6: never ignored."""
    with pytest.raises(InvalidConfiguration, match=complaint) as refused:
        parse_rule(json, "policies[2].require[0]")
    assert refused.value.path.startswith("policies[2].require[0]")
