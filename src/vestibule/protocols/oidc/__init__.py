"""OpenID Connect Core and Discovery, the relying party's side."""

from vestibule.protocols.oidc.discovery import Metadata, discover
from vestibule.protocols.oidc.id_token import IdToken, IdTokenExpectations, verify_id_token
from vestibule.protocols.oidc.keys import fetch_keys, verify_with_published_keys
from vestibule.protocols.oidc.userinfo import UserinfoRefused, fetch_userinfo

__all__ = [
    "IdToken",
    "IdTokenExpectations",
    "Metadata",
    "UserinfoRefused",
    "discover",
    "fetch_keys",
    "fetch_userinfo",
    "verify_id_token",
    "verify_with_published_keys",
]
