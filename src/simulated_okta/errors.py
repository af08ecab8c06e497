"""The two shapes of Okta's errors: the error object, and OAuth's pair.

Management endpoints answer `{errorCode, errorSummary, errorLink, errorId, errorCauses}`;
OAuth endpoints answer `{error, error_description}` (RFC 6749, 5.2).
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Final

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

SUMMARIES: Final[dict[str, tuple[int, str]]] = {
    "E0000001": (400, "Api validation failed"),
    "E0000003": (400, "The request body was not well-formed."),
    "E0000004": (401, "Authentication failed"),
    "E0000005": (401, "Invalid session"),
    "E0000006": (403, "You do not have permission to perform the requested action"),
    "E0000007": (404, "Not found: Resource not found"),
    "E0000009": (500, "Internal Server Error"),
    "E0000011": (401, "Invalid token provided"),
    "E0000015": (401, "You do not have permission to access the feature you are requesting"),
    "E0000022": (405, "The endpoint does not support the provided HTTP method"),
    "E0000047": (429, "API call exceeded rate limit due to too many requests."),
}


class OktaError(Exception):
    """A refusal of a management endpoint; `causes` become `errorCauses`."""

    def __init__(self, code: str, summary: str = "", causes: tuple[str, ...] = ()) -> None:
        super().__init__(code)
        self.code = code
        self.status, standard = SUMMARIES[code]
        self.summary = summary or standard
        self.causes = causes

    def response(self) -> Response:
        """Return the error object, all five members present."""
        body = {
            "errorCode": self.code,
            "errorSummary": self.summary,
            "errorLink": self.code,
            "errorId": "oae" + secrets.token_urlsafe(16)[:22],
            "errorCauses": [{"errorSummary": cause} for cause in self.causes],
        }
        return JSONResponse(body, status_code=self.status)


class OAuthError(Exception):
    """A refusal of a token, introspection or revocation request (RFC 6749, 5.2)."""

    def __init__(self, error: str, description: str, status: int = 400) -> None:
        super().__init__(error)
        self.error = error
        self.description = description
        self.status = status

    def response(self) -> Response:
        """Return the pair, never to be cached."""
        headers = {"cache-control": "no-cache, no-store", "pragma": "no-cache"}
        if self.status == 401:
            headers["www-authenticate"] = 'Basic realm="Okta"'
        body = {"error": self.error, "error_description": self.description}
        return JSONResponse(body, status_code=self.status, headers=headers)


class BearerError(Exception):
    """A refusal of `/userinfo`: a header and no body (RFC 6750, 3)."""

    def __init__(self, error: str, description: str, status: int) -> None:
        super().__init__(error)
        self.error = error
        self.description = description
        self.status = status

    def response(self) -> Response:
        """Return the status with its `WWW-Authenticate` header."""
        challenge = f'Bearer error="{self.error}", error_description="{self.description}"'
        headers: Mapping[str, str] = {"www-authenticate": challenge}
        return Response(status_code=self.status, headers=headers)


async def answer(_: Request, error: Exception) -> Response:
    """Turn one of the errors above into its response (a Starlette exception handler)."""
    if isinstance(error, OktaError | OAuthError | BearerError):
        return error.response()
    return OktaError("E0000009").response()


async def not_found(_: Request, error: Exception) -> Response:
    """Answer 404 and 405 of the router itself with Okta's error object."""
    wrong_method = getattr(error, "status_code", 404) == 405
    return OktaError("E0000022" if wrong_method else "E0000007").response()
