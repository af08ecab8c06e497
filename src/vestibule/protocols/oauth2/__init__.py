"""OAuth 2.0, the client's side of the authorization code grant (RFC 6749, 7636, 9207, 9700)."""

from vestibule.protocols.oauth2.authorization import (
    AuthorizationRequest,
    authorization_url,
    parse_callback,
)
from vestibule.protocols.oauth2.errors import AuthorizationRefused, OAuthFailure
from vestibule.protocols.oauth2.messages import code_challenge
from vestibule.protocols.oauth2.token import AUTH_METHODS, Client, Tokens, redeem_code

__all__ = [
    "AUTH_METHODS",
    "AuthorizationRefused",
    "AuthorizationRequest",
    "Client",
    "OAuthFailure",
    "Tokens",
    "authorization_url",
    "code_challenge",
    "parse_callback",
    "redeem_code",
]
