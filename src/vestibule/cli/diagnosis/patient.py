"""What the checks are given: the installation, and senses that a test can replace."""

from __future__ import annotations

import socket
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from vestibule.flows.ports import Network, Store
from vestibule.model.configuration import Configuration
from vestibule.settings import Settings

CONNECT_WITHIN = 2.0


def resolve(name: str) -> tuple[str, ...]:
    """The addresses of `name`. Raises `OSError`."""
    found = socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)
    return tuple(dict.fromkeys(str(entry[4][0]) for entry in found))


def connect(host: str, port: int) -> None:
    """Open a connection and close it. Raises `OSError`."""
    socket.create_connection((host, port), CONNECT_WITHIN).close()


@dataclass(frozen=True, slots=True)
class Patient:
    """An installation under examination.

    `store`, `network` and `configuration` are None where the database did not open. `heard`
    gathers the `Date` headers of providers with the moment they arrived at.
    """

    settings: Settings
    now: Callable[[], datetime]
    store: Store | None = None
    network: Network | None = None
    configuration: Configuration | None = None
    resolve: Callable[[str], tuple[str, ...]] = resolve
    connect: Callable[[str, int], None] = connect
    heard: list[tuple[str, datetime]] = field(default_factory=list[tuple[str, datetime]])
