"""Why a sign-in did not end well: one sentence for the visitor, the facts for the log."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NoReturn

from vestibule.model.errors import VestibuleError
from vestibule.model.values import Json
from vestibule.protocols.exchange import OutboundError
from vestibule.protocols.jose import TokenRejected
from vestibule.protocols.oauth2 import AuthorizationRefused, OAuthFailure
from vestibule.protocols.oidc import UserinfoRefused

GROUPS_FAILED = "Failed to fetch user/group information from the identity"
"""The sentence that people know from other gateways (identity.md 10)."""


class SignInFailed(VestibuleError):
    """The provider did not vouch for anybody.

    `message` is shown to the visitor, `detail` only to administrators: it never holds a
    token, a code or a secret. Texts of the provider in both are cleaned, not escaped.
    """

    code = "sign_in_failed"

    def __init__(
        self, message: str, *, code: str | None = None, detail: Mapping[str, Json] | None = None
    ) -> None:
        super().__init__(message, code=code)
        self.detail: Mapping[str, Json] = detail or {}


class RetryWithoutGroups(SignInFailed):
    """The provider cannot put so many groups into a token: ask once more without them.

    The authorization code is spent, so the browser must go there again (identity.md 2.4).
    """

    def __init__(self) -> None:
        super().__init__(GROUPS_FAILED, code="too_many_groups")


def fail(error: VestibuleError, during: str) -> NoReturn:
    """Raise `error` of a protocol again as what the visitor and the administrator read."""
    detail: dict[str, Json] = {"during": during, "reason": error.message, "code": error.code}
    match error:
        case SignInFailed():
            raise error
        case AuthorizationRefused():
            detail |= {"error": error.error, "error_description": error.description}
            said = error.description or error.error
            raise SignInFailed(
                f"The identity provider refused the sign-in: {said}",
                code=error.error,
                detail=detail,
            ) from error
        case TokenRejected():
            detail["code"] = f"id_token_{error.reason}"
            raise SignInFailed(
                "The identity provider's answer could not be verified.",
                code=f"id_token_{error.reason}",
                detail=detail,
            ) from error
        case OutboundError():
            raise SignInFailed(
                "The identity provider cannot be reached.", code=error.code, detail=detail
            ) from error
        case OAuthFailure():
            if error.answer is not None:
                detail["status"] = error.answer.status
            message = "The identity provider's answer could not be used."
            if isinstance(error, UserinfoRefused):
                message = GROUPS_FAILED
            raise SignInFailed(message, code=error.code, detail=detail) from error
        case _:
            raise SignInFailed("The sign-in failed.", code=error.code, detail=detail) from error
