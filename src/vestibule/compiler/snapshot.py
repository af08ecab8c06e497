"""What the compiler reads: everything that decides Envoy's files, at one moment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from vestibule.model.conditions import ContinuousPlan
from vestibule.model.configuration import Configuration
from vestibule.model.values import Json, Secret


@dataclass(frozen=True, slots=True)
class Listener:
    """An address that Envoy accepts connections on, and its certificate where it has one."""

    host: str
    port: int
    certificate_pem: str = ""
    key_pem: Secret = field(default_factory=lambda: Secret(""))

    @property
    def tls(self) -> bool:
        """Whether connections are encrypted."""
        return bool(self.certificate_pem)


@dataclass(frozen=True, slots=True)
class Edge:
    """How this installation runs, as far as Envoy's files depend on it.

    `directory` holds those files and `sockets` the Unix sockets. `aliases` are further Host
    names answered as the team domain. `delayed_close` is how long Envoy lingers on a
    connection that it ends, in seconds: short, so that a revoked stream is cut at once.
    """

    directory: str
    sockets: str
    public: Listener
    forward_auth: Listener | None = None
    trusted_hops: int = 0
    geoip_database: str = ""
    aliases: tuple[str, ...] = ()
    system_ca_file: str = "/etc/ssl/certs/ca-certificates.crt"
    delayed_close: float = 0.02

    @property
    def scheme(self) -> str:
        """The scheme of the public listener."""
        return "https" if self.public.tls else "http"


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The configuration with what was derived from it.

    `plans` are by application id; an application without one is asked about on every
    request. `jwks` is the key set that verifies our tokens. `revoked` are the token ids
    that no longer count.
    """

    configuration: Configuration
    edge: Edge
    plans: Mapping[str, ContinuousPlan] = field(default_factory=dict[str, ContinuousPlan])
    jwks: Mapping[str, Json] = field(default_factory=dict[str, Json])
    revoked: tuple[str, ...] = ()

    @property
    def issuer(self) -> str:
        """The `iss` of every token: the team domain as an origin."""
        return f"{self.edge.scheme}://{self.configuration.organization.auth_domain}"
