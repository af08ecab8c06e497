"""Who is asking at the token, introspection and revocation endpoints (RFC 6749, 2.3)."""

from __future__ import annotations

import base64
import binascii
import secrets
from collections.abc import Mapping
from urllib.parse import unquote_plus

from starlette.requests import Request

from simulated_okta.errors import OAuthError
from simulated_okta.world import Client, World


async def parameters(request: Request) -> dict[str, str]:
    """Return the form's parameters, or raise `OAuthError` (RFC 6749, 3.2)."""
    if request.headers.get("content-type", "").split(";")[0].strip() != (
        "application/x-www-form-urlencoded"
    ):
        text = "Accept and/or Content-Type headers do not match supported values."
        raise OAuthError("invalid_request", text)
    form = await request.form()
    sent = [(name, value) for name, value in form.multi_items() if isinstance(value, str)]
    if len(sent) != len(dict(sent)):
        raise OAuthError("invalid_request", "The request has repeated parameters.")
    return dict(sent)


def authenticate(request: Request, form: Mapping[str, str], world: World) -> Client:
    """Return the application that proved itself, or raise `OAuthError` with status 401."""
    basic = _basic(request)
    posted = form.get("client_secret", "")
    if basic is not None and posted:
        text = (
            "Cannot supply multiple client credentials. Use one of the following: credentials in "
            "the Authorization header, credentials in the post body, or a client_assertion in the "
            "post body."
        )
        raise OAuthError("invalid_request", text)
    client_id, secret = basic or (form.get("client_id", ""), posted)
    if not client_id:
        raise OAuthError("invalid_client", "No client credentials found.", 401)
    if (client := world.client(client_id)) is None:
        raise OAuthError("invalid_client", "Invalid value for 'client_id' parameter.", 401)
    if client.public:
        if secret:
            raise OAuthError(
                "invalid_client",
                "Browser requests to the token endpoint must use Proof Key for Code Exchange.",
                401,
            )
        return client
    if not secret:
        text = (
            "Client authentication failed. Either the client or the client credentials are invalid."
        )
        raise OAuthError("invalid_client", text, 401)
    if not secrets.compare_digest(secret.encode(), client.client_secret.encode()):
        text = "The client secret supplied for a confidential client is invalid."
        raise OAuthError("invalid_client", text, 401)
    return client


def _basic(request: Request) -> tuple[str, str] | None:
    """Return what HTTP Basic carries, both parts being form-encoded (RFC 6749, 2.3.1)."""
    scheme, _, encoded = request.headers.get("authorization", "").partition(" ")
    if scheme.casefold() != "basic":
        return None
    try:
        user, colon, password = base64.b64decode(encoded, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        colon, user, password = "", "", ""
    if not colon:
        raise OAuthError("invalid_client", "The Authorization header is not well-formed.", 401)
    return unquote_plus(user), unquote_plus(password)
