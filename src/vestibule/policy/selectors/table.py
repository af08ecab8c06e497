"""Every selector there is, by the key that a rule has on the wire."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from vestibule.policy.selectors.attributes import OIDC, SAML
from vestibule.policy.selectors.auth_method import AUTH_CONTEXT, AUTH_METHOD
from vestibule.policy.selectors.certificate import CERTIFICATE, COMMON_NAME
from vestibule.policy.selectors.email import EMAIL, EMAIL_DOMAIN, EMAIL_LIST
from vestibule.policy.selectors.everyone import EVERYONE
from vestibule.policy.selectors.external_evaluation import EXTERNAL_EVALUATION
from vestibule.policy.selectors.geo import GEO
from vestibule.policy.selectors.group import GROUP
from vestibule.policy.selectors.ip import IP, IP_LIST
from vestibule.policy.selectors.login_method import LOGIN_METHOD
from vestibule.policy.selectors.provider_group import (
    AZURE_AD,
    GITHUB_ORGANIZATION,
    GSUITE,
    OKTA,
)
from vestibule.policy.selectors.selector import Selector
from vestibule.policy.selectors.service_token import (
    ANY_VALID_SERVICE_TOKEN,
    LINKED_APP_TOKEN,
    SERVICE_TOKEN,
)
from vestibule.policy.selectors.user_risk_score import USER_RISK_SCORE

SELECTORS: Mapping[str, Selector] = MappingProxyType(
    {
        "email": EMAIL,
        "email_domain": EMAIL_DOMAIN,
        "email_list": EMAIL_LIST,
        "everyone": EVERYONE,
        "ip": IP,
        "ip_list": IP_LIST,
        "geo": GEO,
        "certificate": CERTIFICATE,
        "common_name": COMMON_NAME,
        "service_token": SERVICE_TOKEN,
        "any_valid_service_token": ANY_VALID_SERVICE_TOKEN,
        "linked_app_token": LINKED_APP_TOKEN,
        "login_method": LOGIN_METHOD,
        "auth_method": AUTH_METHOD,
        "auth_context": AUTH_CONTEXT,
        "okta": OKTA,
        "azureAD": AZURE_AD,
        "gsuite": GSUITE,
        "github-organization": GITHUB_ORGANIZATION,
        "saml": SAML,
        "oidc": OIDC,
        "external_evaluation": EXTERNAL_EVALUATION,
        "user_risk_score": USER_RISK_SCORE,
        "group": GROUP,
    }
)
