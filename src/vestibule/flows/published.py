"""What anybody may read of us: keys, and how an application is protected (access.md 4.2, 2.10)."""

from __future__ import annotations

from vestibule.flows.door import Door
from vestibule.flows.visit import covers
from vestibule.model.request import RequestFacts
from vestibule.model.values import Json
from vestibule.tokens.keys import certs_document, current

RESOURCE_PATH = "/.well-known/cloudflare-access-protected-resource"


def certs(door: Door) -> dict[str, Json]:
    """The document of `/cdn-cgi/access/certs`."""
    with door.store.reading() as records:
        return certs_document(records.signing_keys(), door.clock.now())


def public_certificate(door: Door) -> str:
    """The current key's certificate, as PEM."""
    with door.store.reading() as records:
        return current(records.signing_keys()).certificate_pem


def protected_resource(door: Door, facts: RequestFacts) -> dict[str, Json]:
    """Which resource this is and where one gets in; the same for every visitor."""
    configuration = door.store.configuration()
    organization = configuration.organization
    path = facts.path.removeprefix(RESOURCE_PATH) or "/"
    protected = any(
        application.enabled and covers(application, facts.host)
        for application in configuration.applications.values()
    )
    return {
        "resource": f"{door.scheme}://{facts.authority}{path}",
        "protected": protected,
        "team_domain": organization.auth_domain,
        "authorization_servers": [door.team_url(organization)],
        "methods": ["cloudflared"],
    }
