"""Several processes share one SQLite file, and none pulls it from under another."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

from vestibule.store import Seal, migrate, open_store

FAR = datetime(2100, 1, 1, tzinfo=UTC)
A_COMMAND = """
import sys
from pathlib import Path
from vestibule.store import Seal, open_store

store = open_store(sys.argv[1], Seal.from_file(Path(sys.argv[2])))
with store.transaction() as records:
    records.delete_signing_key("none")
store.revisions()
store.close()
"""


def test_a_command_that_ends_leaves_the_journal_of_a_running_process(tmp_path: Path) -> None:
    """A gateway whose -wal was deleted would never hear of a revocation again."""
    url, seal = f"sqlite:///{tmp_path}/v.db", tmp_path / "seal.key"
    migrate(url)
    running = open_store(url, Seal.from_file(seal, create=True))
    journal = tmp_path / "v.db-wal"
    try:
        running.revisions()
        with running.transaction(), running.reading():
            pass  # several connections are open now
        number = journal.stat().st_ino
        subprocess.run([sys.executable, "-c", A_COMMAND, url, str(seal)], check=True, timeout=60)
        assert journal.stat().st_ino == number
        with running.transaction() as records:
            assert records.use_once("kind", "afterwards", FAR)
        another = open_store(url, Seal.from_file(seal))
        with another.transaction() as records:
            assert not records.use_once("kind", "afterwards", FAR)
        another.close()
    finally:
        running.close()
