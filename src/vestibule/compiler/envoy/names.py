"""The names that Envoy's resources and our headers go by; told once, used everywhere."""

from __future__ import annotations

# Clusters of our own.
CHECK = "control_plane_check"
WEB = "control_plane_web"
AGENT = "stream_agent"

# HTTP filters, in the order of the chain.
ARRIVAL = "vestibule.arrival"
CALLER = "vestibule.caller"
PATHS = "vestibule.paths"
COUNTRY = "vestibule.country"
TOKEN = "vestibule.token"  # noqa: S105 - the name of a filter
REVOCATION = "vestibule.revocation"
RECENT_REVOCATION = "vestibule.recent_revocation"
PRESENTATION = "vestibule.presentation"
APPLICATION = "vestibule.application"
RAW_TOKEN = "vestibule.raw_token"  # noqa: S105 - the name of a filter
IDENTITY = "vestibule.identity"
CHECK_FILTER = "vestibule.check"
STREAMS = "vestibule.streams"
COOKIES = "vestibule.cookies"
DEPARTURE = "vestibule.departure"
ROUTER = "vestibule.router"

# Headers between Envoy and the control plane.
CLIENT_IP = "x-vestibule-client-ip"
SCHEME = "x-vestibule-scheme"
COUNTRY_HEADER = "x-vestibule-country"
MODE = "x-vestibule-mode"
GRANT = "x-vestibule-grant"
JTI = "x-vestibule-jti"
APPLICATION_HEADER = "x-vestibule-application"
CALLER_SECRET = "x-vestibule-secret"  # noqa: S105 - the name of a header

# Headers of the protocol (access.md 4.4, 4.5, 8.1).
ASSERTION = "cf-access-jwt-assertion"
EMAIL = "cf-access-authenticated-user-email"
PRESENTED_TOKEN = "cf-access-token"  # noqa: S105 - the name of a header
CLIENT_ID = "cf-access-client-id"
CLIENT_SECRET = "cf-access-client-secret"  # noqa: S105 - the name of a header
METADATA_REQUEST = "cf-access-metadata-request"
JUMP_DESTINATION = "cf-access-jump-destination"
CERTIFICATE = "x-forwarded-client-cert"

# Dynamic metadata.
JWT_METADATA = "envoy.filters.http.jwt_authn"
RBAC_METADATA = "envoy.filters.http.rbac"
OWN_METADATA = "vestibule"

# Files, under the directory that Envoy watches.
BOOTSTRAP_FILE = "bootstrap.json"
LISTENERS_FILE = "listeners.json"
CLUSTERS_FILE = "clusters.json"
ROUTES_FILE = "routes.json"
FORWARD_AUTH_ROUTES_FILE = "forward-auth-routes.json"
CERTIFICATE_ROUTES_FILE = "certificate-routes.json"
CALLER_FILE = "caller.json"
TOKEN_FILE = "token.json"  # noqa: S105 - the name of a file
REVOCATION_FILE = "revocation.json"
RECENT_REVOCATION_FILE = "recent-revocation.json"
SECRETS_FILE = "certificates.json"

PUBLIC_ROUTES = "public"
FORWARD_AUTH_ROUTES = "forward_auth"
