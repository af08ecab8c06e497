"""The one tenant: its domain, its defaults, its looks (access.md 1, 6, 9; api.md 10)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, slots=True)
class FooterLink:
    """A link at the foot of the launcher."""

    name: str
    url: str


@dataclass(frozen=True, slots=True)
class Brand:
    """How the pages look (`login_design` and the launcher's settings). Empty means default."""

    organization_name: str = "Vestibule"
    logo_url: str = ""
    header_text: str = ""
    footer_text: str = ""
    background_color: str = ""
    text_color: str = ""
    button_color: str = ""
    footer_links: tuple[FooterLink, ...] = ()
    support_contact: str = ""


@dataclass(frozen=True, slots=True)
class Organization:
    """The tenant. `auth_domain` is the team domain, with its port where it is not the default.

    `groups_unavailable` says what a login does when a provider's groups cannot be read:
    only `deny` today.
    """

    id: str
    name: str
    auth_domain: str
    session_duration: timedelta = timedelta(hours=24)
    auto_redirect_to_identity: bool = False
    deny_unmatched_requests: bool = True
    strict_service_token_auth: bool = True
    key_rotation_interval_days: int = 42
    log_retention_days: int = 180
    brand: Brand = Brand()
    default_locale: str = "en"
