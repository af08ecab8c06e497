"""What can be said of an installation's database and of Envoy without running either."""

from __future__ import annotations

import sqlite3
import subprocess
from dataclasses import dataclass
from pathlib import Path

from vestibule.dataplane.envoy_process import envoy_binary
from vestibule.model.errors import InvalidConfiguration, StoreUnavailable
from vestibule.settings import Settings
from vestibule.store.engine import is_sqlite, make_engine, reading
from vestibule.store.schema import HEAD, present_revision


@dataclass(frozen=True, slots=True)
class DatabaseFacts:
    """A database that answers: which one, the schema it has, the schema that we need."""

    engine: str
    schema: str
    wanted_schema: str

    @property
    def current(self) -> bool:
        """Whether this version can work with it."""
        return self.schema == self.wanted_schema


def inspect_database(settings: Settings) -> DatabaseFacts:
    """Ask the database, creating nothing. Raises `StoreUnavailable`, `InvalidConfiguration`."""
    engine = make_engine(settings.store_url)
    try:
        if is_sqlite(engine) and not Path(engine.url.database or "").exists():
            raise StoreUnavailable(f"there is no database file {engine.url.database}")
        with reading(engine) as connection:
            if is_sqlite(engine):
                name = f"SQLite {sqlite3.sqlite_version}"
            else:
                version = connection.exec_driver_sql("SHOW server_version").scalar_one()
                name = f"PostgreSQL {version}"
            return DatabaseFacts(name, present_revision(connection), HEAD)
    finally:
        engine.dispose()


def inspect_envoy() -> tuple[Path, str]:
    """Where Envoy is, and the version that it says. Raises `InvalidConfiguration`."""
    binary = envoy_binary()
    try:
        said = subprocess.run(
            [str(binary), "--version"], capture_output=True, text=True, timeout=20, check=True
        ).stdout
    except (OSError, subprocess.SubprocessError) as error:
        raise InvalidConfiguration(f"{binary} cannot be run: {error}") from error
    # "envoy  version: COMMIT/1.40.0/Clean/RELEASE/BoringSSL"
    parts = said.strip().rpartition(" ")[2].split("/")
    return binary, parts[1] if len(parts) > 2 else said.strip()
