"""The routes under `/client/v4`. What does not exist says so, and is never a silent success."""

from __future__ import annotations

from collections.abc import Callable

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from vestibule.flows.ports import Clock, Store
from vestibule.model.errors import StoreUnavailable
from vestibule.model.values import Json
from vestibule.web.api.authentication import token_of
from vestibule.web.api.envelope import ApiError, failed, succeeded

PREFIX = "/client/v4"
_METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"]
_VALID: Json = {"code": 10000, "message": "This API Token is valid and active", "type": None}


def api_routes(store: Store, clock: Clock) -> list[Route]:
    """Return the routes of the team domain that begin with `/client/v4`."""

    def answering(answer: Callable[[Request], Response]) -> Callable[[Request], Response]:
        def guarded(request: Request) -> Response:
            try:
                return answer(request)
            except ApiError as error:
                return failed(error)
            except StoreUnavailable:
                return failed(ApiError(503, 10001, "The store is not available: try again"))

        return guarded

    def verify(request: Request) -> Response:
        """`GET /user/tokens/verify` and its account form (api.md 20)."""
        token = token_of(request.headers, store, clock)
        if token is None:
            raise ApiError(401, 1000, "Invalid API Token")
        _visible(request, store)
        result: dict[str, Json] = {"id": token.id, "status": "active"}
        if token.expires_at is not None:
            result["expires_on"] = token.expires_at.isoformat().replace("+00:00", "Z")
        return succeeded(result, [_VALID])

    def unknown(request: Request) -> Response:
        if token_of(request.headers, store, clock) is None:
            raise ApiError(401, 10000, "Authentication error")
        raise ApiError(404, 7000, "No route for that URI")

    def wrong_method(_: Request) -> Response:
        raise ApiError(405, 10405, "Method not allowed for this URI")

    def route(path: str, answer: Callable[[Request], Response], methods: list[str]) -> Route:
        async def endpoint(request: Request) -> Response:
            return await run_in_threadpool(answering(answer), request)

        return Route(f"{PREFIX}{path}", endpoint, methods=methods)

    verifying = ("/user/tokens/verify", "/accounts/{account_id}/tokens/verify")
    return [
        *(route(path, verify, ["GET"]) for path in verifying),
        *(route(path, wrong_method, _METHODS) for path in verifying),
        route("/{rest:path}", unknown, _METHODS),
    ]


def _visible(request: Request, store: Store) -> None:
    """Refuse an account that is not ours (api.md 1.3)."""
    asked = request.path_params.get("account_id")
    if asked is not None and asked != store.configuration().organization.id:
        raise ApiError(
            404,
            7003,
            f"Could not route to /accounts/{asked[:64]}, "
            "perhaps your object identifier is invalid?",
        )
