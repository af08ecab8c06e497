"""What the demo configures: three applications, policies that show the features, five people."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from vestibule.model.configuration import Configuration

CLIENT_ID = "0oavestibuledemo0001"

APPLICATIONS = {
    "Wiki": "http://wiki.localhost:{port}/",
    "Echo": "http://echo.localhost:{port}/",
    "Echo (public pages)": "http://echo.localhost:{port}/public",
    "Payroll": "http://payroll.localhost:{port}/",
}


@dataclass(frozen=True, slots=True)
class Kept:
    """What the demo keeps between runs: made once, random."""

    okta_client_secret: str
    okta_api_token: str
    api_token: str


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody whom the simulated Okta knows (its demo world says the same)."""

    email: str
    password: str
    groups: tuple[str, ...]
    factors: tuple[dict[str, str], ...] = field(default=())

    def to_json(self) -> dict[str, Any]:
        """As the ready file has it."""
        return {
            "email": self.email,
            "password": self.password,
            "groups": list(self.groups),
            "factors": list(self.factors),
        }


def _code(seed: str) -> dict[str, str]:
    return {"type": "totp", "name": "code", "secret": seed, "amr": "otp"}


KEY = {"type": "security_key", "name": "key", "amr": "hwk"}
PUSH = {"type": "push", "name": "push", "amr": "swk"}

PEOPLE = (
    Person(
        "alice@example.com",
        "alice-likes-granite",
        ("engineering", "admins"),
        (_code("JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"), KEY, PUSH),
    ),
    Person(
        "bob@example.com",
        "bob-likes-lanterns",
        ("engineering",),
        (_code("KRSXG5CTMVRXEZLUKRSXG5CTMVRXEZLU"),),
    ),
    Person(
        "carol@example.com",
        "carol-likes-orchards",
        ("finance",),
        (_code("MFRGGZDFMZTWQ2LKMFRGGZDFMZTWQ2LK"), PUSH),
    ),
    Person("dave@contractor.example", "dave-likes-harbours", ("contractors",)),
    Person(
        "erin@example.com",
        "erin-likes-archives",
        ("engineering", "and 139 more"),
        (_code("NBSWY3DPO5XXE3DENBSWY3DPO5XXE3DE"),),
    ),
)


def okta_world(okta: str, team_url: str, kept: Kept) -> dict[str, Any]:
    """The configuration of the simulated Okta."""
    return {
        "demo": {
            "client_id": CLIENT_ID,
            "client_secret": kept.okta_client_secret,
            "redirect_uris": [f"{team_url}/cdn-cgi/access/callback"],
            "api_token": kept.okta_api_token,
            "org_url": okta,
        }
    }


def samples_configuration(
    configuration: Configuration, port: int, team_url: str, ports: dict[str, int]
) -> dict[str, Any]:
    """The configuration of the sample applications: they verify every token themselves."""
    auds = {one.name: one.aud for one in configuration.applications.values()}
    return {
        # *.localhost may not resolve outside a browser, so the keys come by address.
        "certs_url": f"http://127.0.0.1:{port}/cdn-cgi/access/certs",
        "issuer": team_url,
        "team_url": team_url,
        "applications": {
            "wiki": {"port": ports["wiki"], "audience": auds["Wiki"]},
            "echo": {"port": ports["echo"], "audience": auds["Echo"]},
            "payroll": {"port": ports["payroll"], "audience": auds["Payroll"]},
        },
    }


def configuration_document(okta: str, auth_domain: str, ports: dict[str, int]) -> dict[str, Any]:
    """The demo's configuration, in the form that `vestibule apply` reads."""
    okta_group = {"identity_provider_id": "Okta (simulated)"}

    def group(name: str) -> dict[str, Any]:
        return {"okta": {"name": name, **okta_group}}

    return {
        "version": 1,
        "organization": {
            "name": "Example",
            "auth_domain": auth_domain,
            "brand": {
                "organization_name": "Example",
                "support_contact": "the Example service desk, help@example.com",
            },
        },
        "identity_providers": [
            {
                "name": "Okta (simulated)",
                "type": "okta",
                "config": {"okta_account": okta, "client_id": CLIENT_ID, "claims": []},
                "secrets": {
                    "client_secret": {"env": "OKTA_CLIENT_SECRET"},
                    "api_token": {"env": "OKTA_API_TOKEN"},
                },
            }
        ],
        "lists": [
            {"name": "Documentation networks", "kind": "IP", "items": ["203.0.113.0/24"]},
        ],
        "groups": [
            {"name": "Builders", "include": [group("engineering"), group("admins")]},
        ],
        "policies": [
            {
                "name": "Staff",
                "decision": "allow",
                "include": [{"email_domain": {"domain": "example.com"}}],
                "exclude": [{"ip_list": {"id": "Documentation networks"}}],
            },
            {
                "name": "Contractors, for a while",
                "decision": "allow",
                "include": [group("contractors")],
                "session_duration": "1h",
                "purpose_justification_required": True,
                "purpose_justification_prompt": "What do you need the wiki for?",
                "approval_required": True,
                "approval_groups": [
                    {"approvals_needed": 1, "email_addresses": ["alice@example.com"]}
                ],
            },
            {"name": "Builders", "decision": "allow", "include": [{"group": {"id": "Builders"}}]},
            {
                "name": "Machines",
                "decision": "non_identity",
                "include": [{"any_valid_service_token": {}}],
            },
            {"name": "Anybody", "decision": "bypass", "include": [{"everyone": {}}]},
            {
                "name": "Administrators and finance, with a security key",
                "decision": "allow",
                "include": [group("admins"), group("finance")],
                "require": [{"auth_method": {"auth_method": "hwk"}}],
                "session_duration": "30m",
            },
            {
                "name": "Everybody from Okta",
                "decision": "allow",
                "include": [{"login_method": {"id": "Okta (simulated)"}}],
            },
        ],
        "applications": [
            {
                "name": "Wiki",
                "type": "self_hosted",
                "destinations": ["wiki.localhost"],
                "policies": ["Staff", "Contractors, for a while"],
                "tags": ["knowledge"],
            },
            {
                "name": "Echo",
                "type": "self_hosted",
                "destinations": ["echo.localhost"],
                "policies": ["Machines", "Builders"],
                "tags": ["tools"],
            },
            {
                "name": "Echo (public pages)",
                "type": "self_hosted",
                "destinations": ["echo.localhost/public"],
                "policies": ["Anybody"],
                "app_launcher_visible": False,
            },
            {
                "name": "Payroll",
                "type": "self_hosted",
                "destinations": ["payroll.localhost"],
                "policies": ["Administrators and finance, with a security key"],
                "same_site": "lax",
                "tags": ["money"],
            },
            {
                "name": "App Launcher",
                "type": "app_launcher",
                "destinations": [],
                "policies": ["Everybody from Okta"],
            },
        ],
        "origins": [
            {
                "name": f"{name} (sample)",
                "match": f"{name}.localhost",
                "urls": [f"http://127.0.0.1:{ports[name]}"],
            }
            for name in ("wiki", "echo", "payroll")
        ],
    }
