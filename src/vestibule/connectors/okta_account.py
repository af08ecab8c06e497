"""Which organisation and which authorization server (identity.md 1.2, 1.3, 2.1)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import quote, urlsplit

from vestibule.connectors.configuration import is_local, is_url
from vestibule.model.errors import InvalidConfiguration
from vestibule.model.values import Json
from vestibule.protocols.json_values import text
from vestibule.protocols.oidc import Metadata

_SERVER_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
_ADMIN = re.compile(r"^([a-z0-9-]+)-admin\.(okta|oktapreview|okta-emea|okta-gov)\.[a-z.]+$")


def normalise_account(value: str, path: str) -> str:
    """`company.okta.com`, with or without scheme and slash, as `https://company.okta.com`.

    Raises `InvalidConfiguration` for anything that is not the origin of an organisation.
    """
    given = value.strip()
    url = given if "://" in given else f"https://{given}"
    parts = urlsplit(url)
    if parts.scheme == "http" and not is_local(parts):
        url = f"https{url[4:]}"
    origin = url.rstrip("/")
    parts = urlsplit(origin)
    if parts.path or parts.query or parts.fragment:
        raise InvalidConfiguration(
            f"expected the organisation's address alone, without a path, found {given!r}; an "
            "authorization server is named by authorization_server_id",
            path=path,
        )
    host = (parts.hostname or "").lower()
    if not is_url(origin):
        raise InvalidConfiguration(
            f"expected an address like company.okta.com: {given!r}", path=path
        )
    if admin := _ADMIN.match(host):
        raise InvalidConfiguration(
            f"this is the address of the Admin Console; people sign in at "
            f"{admin.group(1)}{host.removeprefix(f'{admin.group(1)}-admin')}",
            path=path,
        )
    return origin.lower()


def check_server_id(value: str, path: str) -> str:
    """The id of a custom authorization server, `default`, or empty for the org's own."""
    if value and not _SERVER_ID.fullmatch(value):
        raise InvalidConfiguration(
            f"expected an id like aus1a2b3c4d5e6f7g8h9, or default, found {value!r}", path=path
        )
    return value


def account_of(config: Mapping[str, Json]) -> str:
    """The origin of the organisation."""
    return text(config, "okta_account")


def endpoints(config: Mapping[str, Json]) -> Metadata:
    """The endpoints, which Okta derives from the account and the server's id alone.

    Okta does not announce `iss` on its answers (RFC 9207), so none is demanded. The key set
    is asked for this client's sake, since an application may have a key of its own.
    """
    account, server = account_of(config), text(config, "authorization_server_id")
    base = f"{account}/oauth2/{server}/v1" if server else f"{account}/oauth2/v1"
    return Metadata(
        issuer=f"{account}/oauth2/{server}" if server else account,
        authorization_endpoint=f"{base}/authorize",
        token_endpoint=f"{base}/token",
        jwks_uri=f"{base}/keys?client_id={quote(text(config, 'client_id'), safe='')}",
        userinfo_endpoint=f"{base}/userinfo",
    )
