"""A connector for each kind of identity provider: its answers become an `Identity`.

`state`, its binding to the browser, timeouts and the audit belong to whoever calls; a
connector fills in only what is its provider's own.
"""

from __future__ import annotations

from collections.abc import Mapping

from vestibule.connectors.base import Connector, Expected, ProbeResult, SignIn
from vestibule.connectors.errors import RetryWithoutGroups, SignInFailed
from vestibule.connectors.oidc import GenericOidc
from vestibule.connectors.okta import Okta

CONNECTORS: Mapping[str, Connector] = {
    "oidc": GenericOidc(),
    "okta": Okta(),
}

__all__ = [
    "CONNECTORS",
    "Connector",
    "Expected",
    "ProbeResult",
    "RetryWithoutGroups",
    "SignIn",
    "SignInFailed",
]
