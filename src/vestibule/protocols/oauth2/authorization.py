"""The front channel: where the browser is sent, and what it brings back (RFC 6749, 4.1)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from vestibule.protocols.oauth2.errors import AuthorizationRefused, OAuthFailure, clean
from vestibule.protocols.oauth2.messages import grant_uri

_MAX_VALUE = 4096
_SINGLE = frozenset({"code", "state", "iss", "error", "error_description", "error_uri"})
_TOKENS = frozenset({"access_token", "id_token"})


@dataclass(frozen=True, slots=True)
class AuthorizationRequest:
    """What is asked of an authorization server. Empty values are not sent."""

    client_id: str
    redirect_uri: str
    scope: str
    state: str
    nonce: str
    code_challenge: str = ""
    prompt: str = ""
    max_age: int | None = None
    acr_values: tuple[str, ...] = ()
    login_hint: str = ""


def authorization_url(endpoint: str, request: AuthorizationRequest) -> str:
    """The URL that starts the sign-in: always a code, always `S256` (RFC 9700, 2.1.1)."""
    wanted = {
        "redirect_uri": request.redirect_uri,
        "scope": request.scope,
        "state": request.state,
        "nonce": request.nonce,
        "code_challenge": request.code_challenge,
        "code_challenge_method": "S256" if request.code_challenge else "",
        "prompt": request.prompt,
        "max_age": "" if request.max_age is None else str(request.max_age),
        "acr_values": " ".join(request.acr_values),
        "login_hint": request.login_hint,
    }
    return grant_uri(
        endpoint, request.client_id, {name: value for name, value in wanted.items() if value}
    )


def parse_callback(
    parameters: Mapping[str, tuple[str, ...]], *, issuer: str | None, issuer_announced: bool
) -> str:
    """Return the authorization code that the browser brought.

    `issuer` is the server that was asked, None when nobody knows its name;
    `issuer_announced` says that its metadata promises `iss` on each answer. Whose `state` it
    is has been settled by the caller. Raises `AuthorizationRefused` for the server's own
    errors, `OAuthFailure` when the answer is not one we may act upon.
    """
    if repeated := sorted(name for name in _SINGLE if len(parameters.get(name, ())) > 1):
        raise OAuthFailure(f"the answer repeats {', '.join(repeated)}", code="repeated_parameter")
    if _TOKENS & parameters.keys():
        # Only codes are asked for; a token in a URL has been seen by others (RFC 9700, 2.1.2).
        raise OAuthFailure("the answer carries a token in its address", code="token_in_url")
    _check_issuer(_one(parameters, "iss"), issuer, announced=issuer_announced)
    if error := _one(parameters, "error"):
        raise AuthorizationRefused(error, _one(parameters, "error_description"))
    code = _one(parameters, "code")
    if not code or len(code) > _MAX_VALUE:
        raise OAuthFailure("the answer carries no authorization code", code="no_code")
    return code


def _check_issuer(answered: str, issuer: str | None, *, announced: bool) -> None:
    """The defence against mix-up (RFC 9207, 2.4): a simple comparison of strings."""
    if not answered:
        if announced:
            raise OAuthFailure(
                "the answer does not say which provider it is from, though the provider's "
                "metadata promises it",
                code="issuer_missing",
            )
        return
    if issuer is not None and answered != issuer:
        raise OAuthFailure(
            f"the answer is from another provider: expected {issuer!r}, found {clean(answered)!r}",
            code="issuer_mismatch",
        )


def _one(parameters: Mapping[str, tuple[str, ...]], name: str) -> str:
    values = parameters.get(name, ())
    return values[0] if values else ""
