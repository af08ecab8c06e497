"""The messages of RFC 6749 and RFC 7636, built by Authlib, which is untyped and wrapped here."""
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
# Authlib publishes no types; the casts below say what its documentation says.

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast
from urllib.parse import quote_plus

from authlib.oauth2.auth import ClientAuth
from authlib.oauth2.rfc6749.parameters import prepare_grant_uri, prepare_token_request
from authlib.oauth2.rfc7636 import create_s256_code_challenge
from authlib.oidc.core.util import create_half_hash


def grant_uri(endpoint: str, client_id: str, parameters: Mapping[str, str]) -> str:
    """The authorization request as a URL (RFC 6749, 4.1.1), `response_type=code`."""
    named: dict[str, Any] = dict(parameters)
    return prepare_grant_uri(endpoint, client_id, "code", **named)


def token_body(*, code: str, redirect_uri: str, code_verifier: str) -> str:
    """The form of a token request (RFC 6749, 4.1.3; RFC 7636, 4.5)."""
    body: str = prepare_token_request(
        "authorization_code", redirect_uri=redirect_uri, code=code, code_verifier=code_verifier
    )
    return body


def authenticate(
    method: str, client_id: str, secret: str, url: str, body: str
) -> tuple[str, dict[str, str], str]:
    """Add the client's credentials by `method`; returns URL, headers and body.

    For `client_secret_basic` both are form-encoded first (RFC 6749, 2.3.1), so that a colon
    or a percent sign in them survives.
    """
    if method == "client_secret_basic":
        client_id, secret = quote_plus(client_id), quote_plus(secret)
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    prepared = ClientAuth(client_id, secret, method).prepare("POST", url, headers, body)
    return cast("tuple[str, dict[str, str], str]", prepared)


def code_challenge(code_verifier: str) -> str:
    """The S256 challenge of a PKCE verifier (RFC 7636, 4.2)."""
    return create_s256_code_challenge(code_verifier)


def half_hash(value: str, algorithm: str) -> str | None:
    """The left half of a hash, as in `at_hash` (OIDC Core, 3.1.3.6); None: no such algorithm."""
    digest = create_half_hash(value, algorithm)
    return None if digest is None else digest.decode("ascii")
