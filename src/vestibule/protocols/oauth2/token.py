"""The back channel: a code is traded for tokens (RFC 6749, 4.1.3 to 5.2)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from vestibule.model.values import Json, Secret
from vestibule.protocols.exchange import Exchange, Request, Response
from vestibule.protocols.jose import TokenRejected, parse_object
from vestibule.protocols.json_values import text
from vestibule.protocols.oauth2.errors import AuthorizationRefused, OAuthFailure
from vestibule.protocols.oauth2.messages import authenticate, token_body

AUTH_METHODS = ("client_secret_basic", "client_secret_post")
"""How a client may prove itself (OIDC Core, 9), the first being the default."""


@dataclass(frozen=True, slots=True)
class Client:
    """Who we are to an authorization server."""

    id: str
    secret: Secret
    auth_method: str = AUTH_METHODS[0]


@dataclass(frozen=True, slots=True)
class Tokens:
    """What a token endpoint handed out; the ID token is not verified yet."""

    access_token: str = field(repr=False)
    id_token: str = field(repr=False)


def redeem_code(
    endpoint: str, client: Client, *, code: str, redirect_uri: str, code_verifier: str
) -> Exchange[Tokens]:
    """Trade an authorization code for an ID token and an access token (OIDC Core, 3.1.3).

    Raises `AuthorizationRefused` for the server's own errors, `OAuthFailure` for answers
    that are not of the standard.
    """
    body = token_body(code=code, redirect_uri=redirect_uri, code_verifier=code_verifier)
    url, headers, body = authenticate(
        client.auth_method, client.id, client.secret.reveal(), endpoint, body
    )
    headers["Accept"] = "application/json"
    answer = yield Request("POST", url, headers=headers, body=body.encode("ascii"))
    return _parse_answer(answer)


def _parse_answer(answer: Response) -> Tokens:
    members = _members(answer)
    if error := text(members, "error"):
        raise AuthorizationRefused(error, text(members, "error_description"), answer)
    if answer.status != 200:
        raise OAuthFailure(
            f"the token endpoint answered {answer.status}",
            code="token_endpoint_status",
            answer=answer,
        )
    if text(members, "token_type").lower() not in ("bearer", "dpop", ""):
        raise OAuthFailure(
            "the token endpoint answered with a foreign token type", code="token_type"
        )
    id_token = text(members, "id_token")
    if not id_token:
        raise OAuthFailure(
            "the token endpoint answered without an ID token: is the scope openid granted?",
            code="no_id_token",
        )
    return Tokens(access_token=text(members, "access_token"), id_token=id_token)


def _members(answer: Response) -> Mapping[str, Json]:
    media_type = answer.headers.get("content-type", "").partition(";")[0].strip().lower()
    if not (media_type == "application/json" or media_type.endswith("+json")):
        raise OAuthFailure(
            f"the token endpoint answered {answer.status} without JSON",
            code="token_endpoint_status",
            answer=answer,
        )
    try:
        return parse_object(answer.body, "the token endpoint's answer")
    except TokenRejected as error:
        raise OAuthFailure(error.message, code="token_endpoint_json") from error
