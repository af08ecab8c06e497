"""The directory that Envoy reads: whole files appear in it, or nothing does."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path


class FileDirectory:
    """A private directory whose files are replaced by renaming, and only when they differ."""

    def __init__(self, path: Path) -> None:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.chmod(0o700)
        self.path = path

    def holds(self, name: str) -> bool:
        """Whether there is such a file."""
        return (self.path / name).exists()

    def read(self, name: str) -> bytes:
        """Return what `name` holds, nothing when there is no such file."""
        try:
            return (self.path / name).read_bytes()
        except FileNotFoundError:
            return b""

    def write(self, name: str, content: bytes) -> bool:
        """Make `name` hold `content`; False when it did already. Envoy reacts to the rename."""
        target = self.path / name
        if content and self.read(name) == content:
            return False
        descriptor, temporary = tempfile.mkstemp(dir=self.path, prefix=".new-")
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(content)
            Path(temporary).replace(target)
        except OSError:
            Path(temporary).unlink(missing_ok=True)
            raise
        return True
