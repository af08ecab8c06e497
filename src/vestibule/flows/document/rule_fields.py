"""Rules in the document: as on the wire, with names allowed where the wire has ids."""

from __future__ import annotations

from collections.abc import Iterable

from vestibule.flows.document.fields import Scope
from vestibule.model.errors import InvalidConfiguration
from vestibule.model.rules import Rule
from vestibule.model.values import Json
from vestibule.policy.selectors import parse_rule

REFERENCES = {
    "group": {"id": "groups"},
    "email_list": {"id": "lists"},
    "ip_list": {"id": "lists"},
    "login_method": {"id": "identity_providers"},
    "service_token": {"token_id": "service_tokens"},
    "linked_app_token": {"app_uid": "applications"},
    **{
        selector: {"identity_provider_id": "identity_providers"}
        for selector in ("okta", "azureAD", "gsuite", "github-organization", "saml", "oidc")
    },
}
"""Which members of a selector's body name a thing in which section."""


def read_rules(documents: Iterable[tuple[Json, str]], scope: Scope) -> tuple[Rule, ...]:
    """The rules that were written; raises `InvalidConfiguration` with the path of the wrong one."""
    return tuple(_read(document, path, scope) for document, path in documents)


def _read(document: Json, path: str, scope: Scope) -> Rule:
    if isinstance(document, str):
        document = {document: {}}  # `- everyone` reads better than `- everyone: {}`
    rule = parse_rule(document, path)
    sections = REFERENCES.get(rule.selector)
    if sections is None:
        return rule
    body = dict(rule.body)
    for member, section in sections.items():
        if member not in body:
            raise InvalidConfiguration("is required", path=f"{path}.{rule.selector}.{member}")
        at = f"{path}.{rule.selector}.{member}"
        body[member] = scope.to_id(section, str(body[member]), at)
    return Rule(rule.selector, body)


def write_rules(rules: Iterable[Rule], scope: Scope) -> Json:
    """The rules as the document has them, with names in place of ids."""
    return [_write(rule, scope) for rule in rules]


def _write(rule: Rule, scope: Scope) -> Json:
    body = dict(rule.body)
    for member, section in REFERENCES.get(rule.selector, {}).items():
        if member in body:
            body[member] = scope.to_name(section, str(body[member]))
    return {rule.selector: body}
