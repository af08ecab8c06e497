"""The whole state: kept in a file, brought back, moved between schemas."""

from __future__ import annotations

from pathlib import Path

from vestibule.flows import backup
from vestibule.model.state import BackupContents
from vestibule.settings import Settings
from vestibule.store import Seal, migrate
from vestibule.store.backup import Archive


def _archive(settings: Settings) -> Archive:
    return Archive(settings.store_url, Seal.from_file(settings.seal_file))


def backup_state(settings: Settings, target: Path) -> BackupContents:
    """Write the state into the new file `target`. Raises `Conflict`, `StoreUnavailable`."""
    return backup.backup(_archive(settings), target)


def restore_state(
    settings: Settings, source: Path, *, keep_sessions: bool = False
) -> BackupContents:
    """Replace the state by that of `source`. Raises `InvalidConfiguration` for a bad file."""
    return backup.restore(_archive(settings), source, keep_sessions=keep_sessions)


def migrate_state(settings: Settings, revision: str) -> str:
    """Bring the schema to `revision`; returns where it is then."""
    return migrate(settings.store_url, revision)
