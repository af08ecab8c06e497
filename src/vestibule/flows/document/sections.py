"""The sections of the document: which fields each kind of resource has."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from vestibule.flows.document.fields import (
    Field,
    Scope,
    choice,
    duration,
    flag,
    integer,
    items,
    mapping,
    nested,
    nested_list,
    references,
    seconds,
    text,
    texts,
    word,
)
from vestibule.flows.document.rule_fields import read_rules, write_rules
from vestibule.model.application import (
    Application,
    ApplicationType,
    Cors,
    HealthCheck,
    Origin,
    OriginTls,
)
from vestibule.model.identity import IdentityProvider
from vestibule.model.machine import ForwardAuthClient, MtlsCertificate, ServiceToken
from vestibule.model.organization import Brand, FooterLink
from vestibule.model.rules import (
    ApprovalGroup,
    Decision,
    ListKind,
    Policy,
    RuleGroup,
    ValueList,
)
from vestibule.model.values import Json, Secret


def rules(key: str, *, required: bool = False) -> Field:
    """A list of rules, each one selector with its values."""

    def read(value: Json, path: str, scope: Scope) -> Any:
        return read_rules(items(value, path), scope)

    schema = {"type": "array", "items": {"type": "object", "minProperties": 1, "maxProperties": 1}}
    return Field(key, read, write_rules, required=required, schema=schema)


def secret(key: str) -> Field:
    """A secret: a literal, `{env: NAME}` or `{file: PATH}`. It is never written."""

    def read(value: Json, path: str, scope: Scope) -> Secret:
        return scope.read_secret(value, path)

    def write(_: Secret, __: Scope) -> Json:
        return None

    schema = {"oneOf": [{"type": "string"}, {"type": "object", "minProperties": 1}]}
    return Field(key, read, write, schema=schema)


def secrets(key: str) -> Field:
    """Secrets by name."""

    def read(value: Json, path: str, scope: Scope) -> Mapping[str, Secret]:
        return {
            name: scope.read_secret(item, f"{path}.{name}")
            for name, item in mapping(value, path).items()
        }

    def write(_: Mapping[str, Secret], __: Scope) -> Json:
        return None

    return Field(key, read, write, schema={"type": "object"})


def free(key: str) -> Field:
    """Names and values that somebody else judges (a connector its `config`)."""

    def read(value: Json, path: str, _: Scope) -> Mapping[str, Json]:
        return mapping(value, path)

    def write(value: Mapping[str, Json], _: Scope) -> Json:
        return dict(value)

    return Field(key, read, write, schema={"type": "object"})


def email_list(key: str) -> Field:
    """The name or id of a list."""

    def read(value: Json, path: str, scope: Scope) -> str:
        return scope.to_id("lists", str(value), path)

    def write(value: str | None, scope: Scope) -> Json:
        return None if value is None else scope.to_name("lists", value)

    return Field(key, read, write, "email_list_id", schema={"type": "string"})


ID = text("id", required=True)
NAME = text("name", required=True)
RULES = (rules("include", required=True), rules("require"), rules("exclude"))

BRAND = (
    text("organization_name"),
    text("logo_url"),
    text("header_text"),
    text("footer_text"),
    text("background_color"),
    text("text_color"),
    text("button_color"),
    nested_list("footer_links", FooterLink, (NAME, text("url", required=True))),
    text("support_contact"),
)

ORGANIZATION = (
    NAME,
    text("auth_domain", required=True),
    duration("session_duration"),
    flag("auto_redirect_to_identity"),
    flag("deny_unmatched_requests"),
    flag("strict_service_token_auth"),
    integer("key_rotation_interval_days", 1, 365),
    integer("log_retention_days", 1, 3650),
    nested("brand", Brand, BRAND),
    text("default_locale"),
)

CORS = (
    texts("allowed_origins"),
    texts("allowed_methods"),
    texts("allowed_headers"),
    flag("allow_all_origins"),
    flag("allow_all_methods"),
    flag("allow_all_headers"),
    flag("allow_credentials"),
    integer("max_age", -1, 86400),
)

APPLICATION = (
    ID,
    NAME,
    choice("type", ApplicationType, required=True),
    texts("destinations", required=True),
    references("policies", "policies", attribute="policy_ids"),
    duration("session_duration"),
    references("allowed_idps", "identity_providers"),
    flag("auto_redirect_to_identity"),
    flag("app_launcher_visible"),
    text("logo_url"),
    texts("tags"),
    word("same_site", ("none", "lax", "strict")),
    flag("http_only_cookie"),
    flag("enable_binding_cookie"),
    flag("path_cookie"),
    flag("eager_redirect_cookie"),
    nested("cors", Cors, CORS),
    flag("options_preflight_bypass"),
    flag("service_auth_401_redirect"),
    flag("skip_interstitial"),
    text("custom_deny_message"),
    text("custom_deny_url"),
    text("custom_non_identity_deny_url"),
    flag("allow_iframe"),
    text("read_service_tokens_from_header"),
    flag("strip_authorization_cookie"),
    flag("enabled"),
    text("aud"),
)

POLICY = (
    ID,
    NAME,
    choice("decision", Decision, required=True),
    *RULES,
    duration("session_duration"),
    flag("purpose_justification_required"),
    text("purpose_justification_prompt"),
    flag("approval_required"),
    nested_list(
        "approval_groups",
        ApprovalGroup,
        (integer("approvals_needed", 1, 100), texts("email_addresses"), email_list("email_list")),
    ),
    flag("isolation_required"),
    flag("reusable"),
)

ORIGIN = (
    ID,
    NAME,
    text("match", required=True),
    texts("urls", required=True),
    text("host_header"),
    seconds("connect_timeout"),
    seconds("response_timeout"),
    nested(
        "health_check",
        HealthCheck,
        (
            text("path"),
            seconds("interval"),
            seconds("timeout"),
            integer("unhealthy_threshold", 1, 100),
            integer("healthy_threshold", 1, 100),
        ),
    ),
    nested(
        "tls",
        OriginTls,
        (
            flag("verify"),
            text("server_name"),
            text("ca_file"),
            text("client_certificate_file"),
            text("client_key_file"),
        ),
    ),
    flag("http2"),
)


@dataclass(frozen=True, slots=True)
class Section:
    """A list in the document: its key, what its items become, and their fields."""

    key: str
    kind: type
    fields: tuple[Field, ...]


SECTIONS = (
    Section(
        "identity_providers",
        IdentityProvider,
        (
            ID,
            NAME,
            text("type", required=True),
            free("config"),
            secrets("secrets"),
            flag("enabled"),
        ),
    ),
    Section(
        "lists",
        ValueList,
        (
            ID,
            NAME,
            choice("kind", ListKind, required=True),
            texts("items", required=True),
            text("description"),
        ),
    ),
    Section("groups", RuleGroup, (ID, NAME, *RULES)),
    Section("policies", Policy, POLICY),
    Section("applications", Application, APPLICATION),
    Section("origins", Origin, ORIGIN),
    Section(
        "service_tokens",
        ServiceToken,
        (ID, NAME, duration("duration"), flag("enabled")),
    ),
    Section(
        "mtls_certificates",
        MtlsCertificate,
        (
            ID,
            NAME,
            text("certificate_pem", required=True),
            texts("hostnames", required=True),
            flag("forward_client_certificate"),
        ),
    ),
    Section("forward_auth_clients", ForwardAuthClient, (ID, NAME, secret("secret"))),
)
"""In the order in which they may be written: what is referenced stands first."""


def section(key: str) -> Section:
    """The section called `key`; raises KeyError."""
    return next(one for one in SECTIONS if one.key == key)


def entry_list(value: Json, path: str) -> list[tuple[dict[str, Json], str]]:
    """The entries of a section, each with its path."""
    return [(mapping(item, at), at) for item, at in items(value, path)]
