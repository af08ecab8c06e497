"""Applications (who may enter) and origins (what stands behind), kept apart."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum


class ApplicationType(StrEnum):
    """The kinds of application that this gateway serves (access.md 2.1)."""

    SELF_HOSTED = "self_hosted"
    BOOKMARK = "bookmark"
    APP_LAUNCHER = "app_launcher"


@dataclass(frozen=True, slots=True)
class Cors:
    """`cors_headers` of an application (access.md 2.5). Empty tuples mean "not given"."""

    allowed_origins: tuple[str, ...] = ()
    allowed_methods: tuple[str, ...] = ()
    allowed_headers: tuple[str, ...] = ()
    allow_all_origins: bool = False
    allow_all_methods: bool = False
    allow_all_headers: bool = False
    allow_credentials: bool = False
    max_age: int | None = None


@dataclass(frozen=True, slots=True)
class Application:
    """A protected thing (access.md 2.2).

    `destinations` are `host[/path]` patterns (access.md 2.3), the first being the tile's
    link. `policy_ids` are in order of precedence; policies owned by the application are
    found among the configuration's policies too (`reusable=False`).
    `same_site` is `none`, `lax` or `strict`.
    """

    id: str
    aud: str
    name: str
    type: ApplicationType
    destinations: tuple[str, ...]
    policy_ids: tuple[str, ...] = ()
    session_duration: timedelta = timedelta(hours=24)
    allowed_idps: tuple[str, ...] = ()
    auto_redirect_to_identity: bool = False
    app_launcher_visible: bool = True
    logo_url: str = ""
    tags: tuple[str, ...] = ()
    same_site: str = "none"
    http_only_cookie: bool = True
    enable_binding_cookie: bool = False
    path_cookie: bool = False
    eager_redirect_cookie: bool = True
    cors: Cors | None = None
    options_preflight_bypass: bool = False
    service_auth_401_redirect: bool = False
    skip_interstitial: bool = False
    custom_deny_message: str = ""
    custom_deny_url: str = ""
    custom_non_identity_deny_url: str = ""
    allow_iframe: bool = False
    read_service_tokens_from_header: str = ""
    strip_authorization_cookie: bool = False
    enabled: bool = True
    created_at: datetime | None = None
    updated_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class HealthCheck:
    """How Envoy asks an origin whether it is well. Durations in seconds."""

    path: str = "/"
    interval: float = 10.0
    timeout: float = 2.0
    unhealthy_threshold: int = 3
    healthy_threshold: int = 1


@dataclass(frozen=True, slots=True)
class OriginTls:
    """How an `https://` origin proves itself. Verification is on unless `verify` is False."""

    verify: bool = True
    server_name: str = ""
    ca_file: str = ""
    client_certificate_file: str = ""
    client_key_file: str = ""


@dataclass(frozen=True, slots=True)
class Origin:
    """Which service stands behind a hostname and path.

    `match` is a `host[/path]` pattern like a destination's. `urls` are `http://`,
    `https://` or `h2c://` (HTTP/2 without TLS, for gRPC) `host:port`, balanced evenly.
    `host_header` replaces the Host that the origin sees; empty keeps the visitor's.
    `connect_timeout` and `response_timeout` are seconds; response 0 means no limit.
    """

    id: str
    name: str
    match: str
    urls: tuple[str, ...]
    host_header: str = ""
    connect_timeout: float = 5.0
    response_timeout: float = 0.0
    health_check: HealthCheck | None = None
    tls: OriginTls = OriginTls()
    http2: bool = False
