"""The UserInfo endpoint (OIDC Core, 5.3)."""

from __future__ import annotations

from collections.abc import Mapping

from vestibule.model.values import Json
from vestibule.protocols.exchange import Exchange, Request
from vestibule.protocols.jose import TokenRejected, parse_object
from vestibule.protocols.json_values import text
from vestibule.protocols.oauth2.errors import OAuthFailure, clean


class UserinfoRefused(OAuthFailure):
    """The endpoint did not answer with claims; `answer` is what it said instead."""

    code = "userinfo_refused"


def fetch_userinfo(
    endpoint: str, access_token: str, *, subject: str
) -> Exchange[Mapping[str, Json]]:
    """Return the claims of `subject`. Raises `UserinfoRefused`, or `OAuthFailure`.

    An answer about somebody else is refused (5.3.2: token substitution). A signed answer
    is not asked for and not accepted.
    """
    answer = yield Request(
        "GET",
        endpoint,
        headers={"Authorization": f"Bearer {access_token}", "Accept": "application/json"},
    )
    if answer.status != 200:
        said = clean(answer.headers.get("www-authenticate", ""))
        raise UserinfoRefused(
            f"the userinfo endpoint answered {answer.status}" + (f" ({said})" if said else ""),
            answer=answer,
        )
    try:
        claims = parse_object(answer.body, "the userinfo answer")
    except TokenRejected as error:
        raise OAuthFailure(error.message, code="userinfo_malformed") from error
    if text(claims, "sub") != subject:
        raise OAuthFailure(
            "the userinfo endpoint answered about somebody else (sub)", code="userinfo_subject"
        )
    return claims
