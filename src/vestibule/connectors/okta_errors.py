"""What Okta's refusals mean, for the visitor and for the administrator (identity.md 2.2, 2.7)."""

from __future__ import annotations

from dataclasses import dataclass

from vestibule.connectors.errors import GROUPS_FAILED, SignInFailed
from vestibule.model.values import Json
from vestibule.protocols.exchange import Response
from vestibule.protocols.jose import TokenRejected, parse_object
from vestibule.protocols.json_values import text
from vestibule.protocols.oauth2 import AuthorizationRefused

TOO_MANY_GROUPS_HINT = (
    "Okta found more groups than it puts into a token: set api_token, so that they are read "
    "from Okta's API, or narrow the groups claim filter of the application"
)
_BLOCKED_HINT = (
    "Okta refuses this gateway's own address: exempt its egress IP from ThreatInsight and from "
    "blocked network zones (Okta's System Log shows security.threat.detected)"
)


@dataclass(frozen=True, slots=True)
class _Known:
    """A refusal that we can explain; `message` empty shows Okta's own sentence."""

    error: str
    says: str
    message: str = ""
    hint: str = ""


_REFUSALS = (
    _Known(
        "access_denied",
        "user is not assigned to the client application",
        hint="assign the person, or a group of theirs, to the application in Okta",
    ),
    _Known(
        "access_denied",
        "policy evaluation failed",
        "Okta's access policy does not allow this sign-in.",
        "a custom authorization server needs an access policy with a rule for this client",
    ),
    _Known(
        "access_denied",
        "requested scopes were denied",
        "Okta's access policy does not allow this sign-in.",
        "let the authorization server's access policy grant the scopes of this provider",
    ),
    _Known(
        "access_denied",
        "network zones",
        "Okta does not accept sign-ins to this application from your network.",
        "the application is limited to network zones in Okta",
    ),
    _Known("access_denied", "", "The sign-in was cancelled or denied at Okta."),
    _Known("login_required", "", "You are not signed in to Okta. Please try again."),
    _Known("consent_required", "", "Okta wants to ask for your consent. Please try again."),
    _Known("interaction_required", "", "Okta wants to ask you something. Please try again."),
    _Known(
        "invalid_scope",
        "",
        "Okta does not know one of the scopes that this gateway asks for.",
        "a custom authorization server has no groups scope unless you create it: create it, or "
        "set scopes without groups",
    ),
    _Known(
        "unmet_authentication_requirements",
        "",
        "Okta could not carry out the stronger sign-in that is required here.",
        "the person may have no fitting authenticator, or acr_values asks for too much",
    ),
    _Known("temporarily_unavailable", "", "Okta is not available now. Please try again later."),
    _Known("invalid_grant", "", "The sign-in took too long or was used twice. Please try again."),
    _Known(
        "invalid_client",
        "",
        "Okta does not accept this gateway's credentials.",
        "compare client_id and client_secret with the application in Okta, and its client "
        "authentication with token_endpoint_auth_method",
    ),
)


def is_too_many_groups(error: AuthorizationRefused) -> bool:
    """Whether Okta could not put the groups into a token (identity.md 2.4)."""
    said = error.description.lower()
    return error.error == "too_many_groups_in_groups_claim" or (
        error.error == "server_error"
        and ("too many groups" in said or "too_many_groups_in_groups_claim" in said)
    )


def refusal(error: AuthorizationRefused) -> SignInFailed:
    """An OAuth error of Okta as a sentence for the visitor."""
    detail: dict[str, Json] = {"error": error.error, "error_description": error.description}
    if error.answer is not None:
        detail |= {"status": error.answer.status, "request_id": _request_id(error.answer)}
    for known in _REFUSALS:
        if error.error == known.error and known.says in error.description.lower():
            if known.hint:
                detail["hint"] = known.hint
            return SignInFailed(known.message or error.description, code=known.error, detail=detail)
    said = error.description or error.error
    return SignInFailed(f"Okta refused the sign-in: {said}", code=error.error, detail=detail)


def groups_failed(code: str, during: str, hint: str, **facts: Json) -> SignInFailed:
    """The failure that people know, with what only administrators see."""
    return SignInFailed(
        GROUPS_FAILED, code=code, detail={"during": during, "hint": hint, "code": code, **facts}
    )


def failed_answer(answer: Response, during: str, *, blocked: bool = False) -> SignInFailed:
    """What an answer means that is not the one we wanted; only codes decide, never words.

    `blocked` says that even the most harmless call is refused, so it is our address.
    """
    error_code = error_code_of(answer)
    facts: dict[str, Json] = {
        "status": answer.status,
        "error_code": error_code,
        "request_id": _request_id(answer),
    }
    match answer.status:
        case 401:
            code, hint = (
                "okta_api_token_rejected",
                (
                    "the API token is not valid: it was revoked, its owner was deactivated, "
                    "or it was not used for 30 days; create a new one in Okta"
                ),
            )
        case 403 if blocked:
            code, hint = "okta_address_blocked", _BLOCKED_HINT
        case 403:
            code, hint = (
                "okta_api_token_permission",
                (
                    "the API token may not read people's groups: create one as a read-only "
                    "administrator"
                ),
            )
        case 404:
            code, hint = "okta_user_not_found", "Okta's API does not know this person"
        case 429:
            code, hint = (
                "okta_rate_limited",
                (
                    "Okta's rate limit is used up: raise the API token's share of it, or see what "
                    "else calls this endpoint"
                ),
            )
        case _:
            code, hint = "okta_unavailable", "Okta answered with an error; try again later"
    return groups_failed(code, during, hint, **facts)


def error_code_of(answer: Response) -> str:
    """`errorCode` of Okta's error object; empty when it is none."""
    try:
        return text(parse_object(answer.body, "the error"), "errorCode")[:20]
    except TokenRejected:
        return ""


def _request_id(answer: Response) -> str:
    return answer.headers.get("x-okta-request-id", "")[:100]
