"""The JSON envelope of every answer (api.md 1.4)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from starlette.responses import JSONResponse

from vestibule.model.values import Json

_HEADERS = {"cache-control": "no-store", "x-content-type-options": "nosniff"}


@dataclass(frozen=True, slots=True)
class ApiError(Exception):
    """A refusal: the HTTP status, the vendor's code, and what was wrong."""

    status: int
    code: int
    message: str


def succeeded(result: Json, messages: Sequence[Json] = ()) -> JSONResponse:
    """An answer with a result."""
    body = {"success": True, "errors": [], "messages": list(messages), "result": result}
    return JSONResponse(body, headers=_HEADERS)


def failed(error: ApiError) -> JSONResponse:
    """An answer that says what was wrong."""
    body = {
        "success": False,
        "errors": [{"code": error.code, "message": error.message}],
        "messages": [],
        "result": None,
    }
    return JSONResponse(body, error.status, headers=_HEADERS)
