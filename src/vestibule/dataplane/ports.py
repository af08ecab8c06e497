"""Which port Envoy gets, so that it gets the same one when it is started again."""

from __future__ import annotations

import socket

from vestibule.model.errors import Conflict


class PortReservation:
    """Holds a port that Envoy will share, or makes sure that the asked one is free.

    Envoy binds with SO_REUSEPORT; a socket of ours that is bound but never listens gets no
    connection, and keeps the port ours while Envoy is being restarted.
    """

    def __init__(self, host: str, port: int) -> None:
        self.host = host
        self._socket = _bound(host, port)
        self.port: int = self._socket.getsockname()[1]

    def release(self) -> None:
        """Give the port back."""
        self._socket.close()


def _bound(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    if port:
        _refuse_if_taken(family, host, port)
    reserved = socket.socket(family, socket.SOCK_STREAM)
    reserved.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    reserved.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    try:
        reserved.bind((host, port))
    except OSError as error:
        reserved.close()
        raise Conflict(f"cannot listen on {host}:{port}: {error.strerror}") from error
    return reserved


def _refuse_if_taken(family: socket.AddressFamily, host: str, port: int) -> None:
    """Somebody else who shares ports would silently take part of our connections."""
    probe = socket.socket(family, socket.SOCK_STREAM)
    probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        probe.bind((host, port))
    except OSError as error:
        raise Conflict(f"cannot listen on {host}:{port}: {error.strerror}") from error
    finally:
        probe.close()
