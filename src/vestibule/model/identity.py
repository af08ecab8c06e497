"""What identity providers are, and what one of them said of somebody at one sign-in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from vestibule.model.rules import RiskLevel
from vestibule.model.values import Json, Secret


@dataclass(frozen=True, slots=True)
class IdentityProvider:
    """A configured identity provider (identity.md 1.1).

    `config` holds the non-secret keys of its type (identity.md 1.2); `secrets` the
    write-only ones (`client_secret`, `api_token`).
    """

    id: str
    name: str
    type: str
    config: Mapping[str, Json] = field(default_factory=dict[str, Json])
    secrets: Mapping[str, Secret] = field(default_factory=dict[str, Secret])
    enabled: bool = True


@dataclass(frozen=True, slots=True)
class IdentityGroup:
    """A group as the provider names it; Okta gives names only, so `id` may equal `name`."""

    id: str
    name: str


@dataclass(frozen=True, slots=True)
class Identity:
    """What a provider said of somebody at one sign-in; frozen, kept with the session.

    `subject` is the provider's own id (OIDC `sub`). `claims` are the configured custom
    claims (`oidc_fields`), `saml_attributes` likewise. `amr` is None when the provider
    said nothing. `authenticated_at` is OIDC `auth_time`, when given. `notes` are sentences
    for the log and the test page about how the connector read the answers.
    """

    idp_id: str
    idp_type: str
    subject: str
    email: str
    name: str = ""
    groups: tuple[IdentityGroup, ...] = ()
    amr: tuple[str, ...] | None = None
    acr: str | None = None
    authenticated_at: datetime | None = None
    claims: Mapping[str, Json] = field(default_factory=dict[str, Json])
    saml_attributes: Mapping[str, Json] = field(default_factory=dict[str, Json])
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class User:
    """A person known to this installation: one per e-mail address (access.md 10.1).

    `id` is the `sub` of every token; it is stable and never reused.
    """

    id: str
    email: str
    name: str
    created_at: datetime
    last_login_at: datetime | None = None
    risk_level: RiskLevel = RiskLevel.UNSCORED
    login_barred_until: datetime | None = None
