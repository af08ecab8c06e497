"""A network in memory: scripted routes, and a record of what was asked."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from vestibule.protocols.exchange import OutboundError, Request, Response

Answer = Response | Exception | Callable[[Request], Response]


def json_response(
    value: Any, status: int = 200, headers: Mapping[str, str] | None = None
) -> Response:
    """A JSON answer as a driver hands it back: header names in lower case."""
    named = {"content-type": "application/json"}
    named |= {name.lower(): text for name, text in (headers or {}).items()}
    return Response(status, named, json.dumps(value).encode(), tuple(named.items()))


@dataclass
class FakeNetwork:
    """Fits `flows.ports.Network`. A request to where no route leads raises `OutboundError`.

    Routes go by method and by URL without its query; a route with several answers gives one
    after the other and goes on with the last. `requests` are all that were sent, in order.
    """

    requests: list[Request] = field(default_factory=list)
    _routes: dict[tuple[str, str], list[Answer]] = field(default_factory=dict)

    def on(self, method: str, url: str, *answers: Answer) -> FakeNetwork:
        """Answer `method` `url` so from now on."""
        self._routes[method, url] = list(answers)
        return self

    def send(self, request: Request) -> Response:
        """Answer by the script."""
        self.requests.append(request)
        answers = self._routes.get((request.method, request.url.partition("?")[0]))
        if not answers:
            raise OutboundError(f"nobody answers {request.method} {request.url}")
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer if isinstance(answer, Response) else answer(request)

    def sent(self, method: str, url: str) -> list[Request]:
        """What was sent there so far."""
        return [
            request
            for request in self.requests
            if (request.method, request.url.partition("?")[0]) == (method, url)
        ]
