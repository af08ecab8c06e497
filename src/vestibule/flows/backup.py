"""Keeping the whole state in one file, and bringing it back."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from vestibule.model.errors import Conflict, NotFound
from vestibule.model.state import BackupContents


class Archive(Protocol):
    """The state as something that can be written to a file and read from one."""

    def write(self, target: Path) -> BackupContents:
        """Write everything, as it was at one moment. Raises `StoreUnavailable`."""
        ...

    def restore(self, source: Path, *, keep_sessions: bool = False) -> BackupContents:
        """Replace everything, or nothing. Raises `InvalidConfiguration` for a bad file."""
        ...


def backup(archive: Archive, target: Path, *, overwrite: bool = False) -> BackupContents:
    """Write the state into a new file, readable by its owner alone.

    Secrets in it stay sealed: without the sealing key file it restores nothing. Raises
    `Conflict` when there is a file already.
    """
    if target.exists() and not overwrite:
        raise Conflict(f"{target} is there already")
    if not target.parent.is_dir():
        raise NotFound(f"the directory {target.parent} does not exist")
    return archive.write(target)


def restore(archive: Archive, source: Path, *, keep_sessions: bool = False) -> BackupContents:
    """Replace the state by that of a backup; a bad file changes nothing.

    Everybody signs in again, since nobody knows what was revoked after the backup was
    made. `keep_sessions` keeps them signed in, for moving to another, empty database.
    """
    if not source.is_file():
        raise NotFound(f"there is no backup {source}")
    return archive.restore(source, keep_sessions=keep_sessions)
