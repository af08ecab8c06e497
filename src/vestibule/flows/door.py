"""What the flows at the team domain need of the world, as one value."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from vestibule.connectors import Connector
from vestibule.flows.ports import Clock, Entropy, Network, Post, Store
from vestibule.model.organization import Organization


def _unheard(_provider_type: str, _outcome: str) -> None:
    """Nobody counts."""


@dataclass(frozen=True, slots=True)
class Door:
    """The ports and the few settings of the login. `post` is None without a mail relay.

    `scheme` is that of the public listener. `connectors` are by type of provider.
    `signed_in` is told the type of the provider and how each sign-in there ended.
    """

    store: Store
    clock: Clock
    entropy: Entropy
    network: Network
    connectors: Mapping[str, Connector] = field(default_factory=dict[str, Connector])
    post: Post | None = None
    scheme: str = "https"
    signed_in: Callable[[str, str], None] = _unheard

    @property
    def secure(self) -> bool:
        """Whether the team domain is served over TLS, as `__Host-` cookies need."""
        return self.scheme == "https"

    def team_url(self, organization: Organization, path: str = "") -> str:
        """A URL on the team domain."""
        return f"{self.scheme}://{organization.auth_domain}{path}"

    def host_url(self, organization: Organization, host: str, path: str = "") -> str:
        """A URL on an application's host, which shares the team domain's port."""
        if ":" not in host:
            host += port_of(organization.auth_domain)
        return f"{self.scheme}://{host}{path}"


def port_of(authority: str) -> str:
    """`:8443` of `name:8443`; empty when there is none."""
    _, colon, port = authority.partition(":")
    return f"{colon}{port}" if port.isdigit() else ""


def host_of(authority: str) -> str:
    """The name alone, in lower case."""
    return authority.partition(":")[0].lower()
