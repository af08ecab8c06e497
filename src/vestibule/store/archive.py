"""The backup file: rows of every table, portable between SQLite and PostgreSQL.

Gzip over JSON lines: a header, `["table", [columns]]` before the rows of each table, each
row a list, and at the end a line with the number of rows and the SHA-256 of all before it.
A file that was cut short, changed, or is something else is refused. The checksum finds
damage, not malice: keep the file as you keep the database.
"""

from __future__ import annotations

import gzip
import json
import os
import zlib
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from tempfile import mkstemp
from typing import BinaryIO, cast

from vestibule.model.errors import InvalidConfiguration
from vestibule.model.state import BackupContents
from vestibule.model.values import Json

_FORMAT = "vestibule-backup-1"


@dataclass(frozen=True, slots=True)
class Rows:
    """The rows of one table, each in the order of `columns`."""

    table: str
    columns: tuple[str, ...]
    rows: Iterable[Sequence[Json]]


def write(target: Path, schema: str, tables: Iterable[Rows]) -> BackupContents:
    """Write the file beside its place, then put it there: complete, or not at all."""
    made_at = datetime.now(UTC)
    counts: dict[str, int] = {}
    with _beside(target) as raw, gzip.GzipFile(fileobj=raw, mode="wb", mtime=0) as file:
        digest = sha256()

        def line(value: Json) -> None:
            octets = json.dumps(value, separators=(",", ":")).encode() + b"\n"
            digest.update(octets)
            file.write(octets)

        line({"format": _FORMAT, "schema": schema, "made_at": made_at.isoformat()})
        for table in tables:
            line({"table": table.table, "columns": table.columns})
            counts[table.table] = 0
            for row in table.rows:
                line(list(row))
                counts[table.table] += 1
        end = {"end": True, "rows": sum(counts.values()), "sha256": digest.hexdigest()}
        file.write(json.dumps(end).encode() + b"\n")
    return BackupContents(schema, made_at, counts)


class ArchiveReader:
    """Reads a file once, from its header to its checksum."""

    def __init__(self, file: BinaryIO) -> None:
        """Raises `InvalidConfiguration` when this is no backup."""
        self._file = file
        self._digest = sha256()
        self._rows = 0
        self._ended = False
        match self._line():
            case {"format": str(name), "schema": str(schema), "made_at": str(made_at)} if (
                name == _FORMAT
            ):
                self.schema = schema
                self.made_at = datetime.fromisoformat(made_at)
            case _:
                raise InvalidConfiguration("this is not a backup of Vestibule")

    def rows(self) -> Iterator[tuple[str, Mapping[str, Json]]]:
        """Each row with its table. Only when this ends well, the file was whole."""
        table, columns = "", list[str]()
        while True:
            before = self._digest.hexdigest()
            line = self._line()
            match line:
                case {"table": str(name), "columns": names}:
                    table, columns = name, [str(one) for one in names]
                case {"end": True, "rows": count, "sha256": digest}:
                    if (count, digest) != (self._rows, before) or self._file.read(1):
                        raise InvalidConfiguration("the backup is damaged: its checksum differs")
                    return
                case list():
                    values = cast("list[Json]", line)
                    self._rows += 1
                    yield table, dict(zip(columns, values, strict=True))
                case _:
                    raise InvalidConfiguration("the backup is damaged: it has an unknown line")

    def _line(self) -> Json:
        octets = self._file.readline()
        if not octets.endswith(b"\n"):
            raise InvalidConfiguration("the backup is cut short")
        self._digest.update(octets)
        return json.loads(octets)


@contextmanager
def opened(source: Path) -> Generator[ArchiveReader]:
    """Open a backup to read it once. Raises `InvalidConfiguration` for what is not whole."""
    try:
        with gzip.open(source, "rb") as file:
            yield ArchiveReader(cast(BinaryIO, file))
    except EOFError as error:
        raise InvalidConfiguration(f"{source}: the backup is cut short") from error
    except (gzip.BadGzipFile, zlib.error, ValueError) as error:
        raise InvalidConfiguration(f"{source}: this is not a backup, or it is damaged") from error
    except OSError as error:
        raise InvalidConfiguration(f"cannot read {source}: {error.strerror}") from error


@contextmanager
def _beside(target: Path) -> Generator[BinaryIO]:
    try:
        descriptor, name = mkstemp(dir=target.parent, prefix=f".{target.name}-")  # mode 0600
        beside = Path(name)
        try:
            with os.fdopen(descriptor, "wb") as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            beside.replace(target)
        finally:
            beside.unlink(missing_ok=True)
    except OSError as error:
        raise InvalidConfiguration(f"cannot write {target}: {error.strerror}") from error
