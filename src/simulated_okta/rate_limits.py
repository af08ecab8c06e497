"""Rate limits: one window of a minute for each endpoint, and Okta's client-based limit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from starlette.requests import Request

from simulated_okta.simulation import Simulation

_WINDOW: Final = 60
_ANNOUNCED: Final = 600
_LIMITED: Final = frozenset(
    {
        "authorize",
        "token",
        "keys",
        "userinfo",
        "introspect",
        "revoke",
        "logout",
        "users",
        "groups",
        "metadata",
    }
)


@dataclass(frozen=True)
class Allowance:
    """What the `X-Rate-Limit-*` headers say, `reset` being UTC epoch seconds."""

    limit: int
    remaining: int
    reset: int
    exceeded: bool


@dataclass
class _Window:
    ends: int
    used: int = 0


class Limiter:
    """Counts requests."""

    def __init__(self, simulation: Simulation) -> None:
        self._simulation = simulation
        self._windows: dict[tuple[str, ...], _Window] = {}

    def take(self, endpoint: str, request: Request) -> Allowance | None:
        """Count a request and return what is left, or None where nothing is limited."""
        if endpoint not in _LIMITED:
            return None
        limits = self._simulation.world.rate_limits
        enforced = limits.endpoints.get(endpoint)
        allowance = self._count((endpoint,), _ANNOUNCED if enforced is None else enforced)
        if enforced is None:
            allowance = Allowance(allowance.limit, allowance.remaining, allowance.reset, False)
        if endpoint != "authorize" or limits.client_based == "DISABLE":
            return allowance
        mine = self._count(_client_key(request), limits.client_based_limit)
        if not mine.exceeded:
            return allowance
        self._simulation.record("system.client.rate_limit.violation", "DENY")
        return mine if limits.client_based == "ENFORCE" else allowance

    def _count(self, key: tuple[str, ...], limit: int) -> Allowance:
        now = self._simulation.now()
        window = self._windows.get(key)
        if window is None or window.ends <= now:
            window = self._windows[key] = _Window(now + _WINDOW)
        window.used += 1
        # A limit of 0 plays a concurrency violation: zeros, and a reset that is only a hint.
        return Allowance(limit, max(0, limit - window.used), window.ends, window.used > limit)


def _client_key(request: Request) -> tuple[str, ...]:
    """Return Okta's key: the client id, the address and the device cookie."""
    address = request.client.host if request.client is not None else ""
    client = request.query_params.get("client_id", "")
    return ("client", client, address, request.cookies.get("dt", ""))
