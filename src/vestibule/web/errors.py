"""Every error that may leave the process as a page, and how it looks outside.

A person reads one sentence and a reference; the log has the rest.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass

from starlette.exceptions import HTTPException

from vestibule.connectors import SignInFailed
from vestibule.model.errors import Conflict, NotFound, StoreUnavailable, VestibuleError
from vestibule.protocols.exchange import OutboundError
from vestibule.tokens.keys import NoSigningKey
from vestibule.web.facts import BadRequest, NotFromTheDataPlane

_log = logging.getLogger("vestibule.web")

_STATUS: tuple[tuple[type[VestibuleError], int], ...] = (
    (NotFound, 404),
    (Conflict, 409),
    (StoreUnavailable, 503),
    (NoSigningKey, 503),
    (NotFromTheDataPlane, 400),
    (BadRequest, 400),
    (SignInFailed, 403),
    (OutboundError, 502),
)
_HTTP = {
    400: "This request cannot be understood",
    403: "This request was refused",
    404: "There is nothing here",
    405: "This address does not take that kind of request",
    413: "That is too much",
    415: "A form was expected",
}
_OURS = "Something went wrong here. Please try again; if it happens again, tell your administrator"


@dataclass(frozen=True, slots=True)
class Shown:
    """An error as a visitor sees it."""

    status: int
    message: str


def shown(error: Exception, reference: str) -> Shown:
    """What is shown of `error`; what is our own fault is logged under `reference`."""
    match error:
        case HTTPException():
            return Shown(error.status_code, _HTTP.get(error.status_code, _HTTP[400]))
        case VestibuleError():
            status = next((code for kind, code in _STATUS if isinstance(error, kind)), 500)
            if status >= 500:
                _log.error("%s: %s (reference %s)", error.code, error.message, reference)
                return Shown(status, _OURS)
            return Shown(status, _sentence(error.message))
        case _:
            _log.error("unexpected error (reference %s)", reference, exc_info=error)
            return Shown(500, _OURS)


def _sentence(message: str) -> str:
    return message[:1].upper() + message[1:]
