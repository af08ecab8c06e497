"""Sign-ins in flight, and whatever else may happen only once.

Attempts, handovers and blobs are sealed whole: they carry code verifiers and tokens on their
way. `take` is one `DELETE ... RETURNING`, so that of any number of takers one gets it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from hashlib import sha256
from typing import TypeVar

from sqlalchemy import Table, delete, select

from vestibule.model.session import Handover, LoginAttempt
from vestibule.store import documents
from vestibule.store.tables import blobs, handovers, login_attempts, used_once
from vestibule.store.unit import Unit

_Step = TypeVar("_Step", LoginAttempt, Handover)


class AttemptRecords(Unit):
    """Login attempts, handovers, values used once, and small blobs with an end."""

    def add_attempt(self, attempt: LoginAttempt) -> None:
        """Keep a new attempt; raises `Conflict` when its id is taken."""
        self._keep(login_attempts, attempt)

    def attempt(self, id: str) -> LoginAttempt | None:
        """Look at an attempt without taking it."""
        query = select(login_attempts.c.sealed).where(login_attempts.c.id == id)
        row = self._row(query)
        return self._open(login_attempts, LoginAttempt, id, row["sealed"]) if row else None

    def take_attempt(self, id: str) -> LoginAttempt | None:
        """Take an attempt out; nobody gets it twice."""
        return self._take_out(login_attempts, LoginAttempt, id)

    def add_handover(self, handover: Handover) -> None:
        """Keep a new handover; raises `Conflict` when its id is taken."""
        self._keep(handovers, handover)

    def take_handover(self, id: str) -> Handover | None:
        """Take a handover out; nobody gets it twice."""
        return self._take_out(handovers, Handover, id)

    def use_once(self, kind: str, value: str, until: datetime) -> bool:
        """True for the first caller with this pair. Only a hash of `value` is kept."""
        hashed = _hash(value)
        here = (used_once.c.kind == kind, used_once.c.value_hash == hashed)
        self._must_be_writable()
        if self._row(select(used_once.c.kind).where(*here)):
            return False
        row = {"kind": kind, "value_hash": hashed, "expires_at": until}
        self._add(used_once, row)
        return True

    def put_blob(self, kind: str, id: str, value: Mapping[str, str], until: datetime) -> None:
        """Keep `value` under the hash of its id, sealed; replaces an older one."""
        hashed = _hash(id)
        sealed = self._seal.seal(
            json.dumps(dict(value)), table="blobs", row=f"{kind}/{hashed}", column="sealed"
        )
        row = {"kind": kind, "id_hash": hashed, "expires_at": until, "sealed": sealed}
        self._put(blobs, row)

    def take_blob(self, kind: str, id: str, now: datetime) -> Mapping[str, str] | None:
        """Read and delete, atomically; None when its time was over."""
        hashed = _hash(id)
        gone = delete(blobs).where(blobs.c.kind == kind, blobs.c.id_hash == hashed)
        row = self._take(gone.returning(blobs.c.sealed, blobs.c.expires_at))
        if row is None or row["expires_at"] <= now:
            return None
        text = self._seal.unseal(
            row["sealed"], table="blobs", row=f"{kind}/{hashed}", column="sealed"
        )
        value: dict[str, str] = json.loads(text)
        return value

    def _keep(self, table: Table, step: LoginAttempt | Handover) -> None:
        sealed = self._seal.seal(
            documents.dump(step), table=table.name, row=step.id, column="sealed"
        )
        row = {"id": step.id, "expires_at": step.expires_at, "sealed": sealed}
        self._add(table, row)

    def _take_out(self, table: Table, kind: type[_Step], id: str) -> _Step | None:
        row = self._take(delete(table).where(table.c.id == id).returning(table.c.sealed))
        return self._open(table, kind, id, row["sealed"]) if row else None

    def _open(self, table: Table, kind: type[_Step], id: str, sealed: str) -> _Step:
        text = self._seal.unseal(sealed, table=table.name, row=id, column="sealed")
        return documents.load(kind, text)


def _hash(value: str) -> str:
    return sha256(value.encode("utf-8", "surrogatepass")).hexdigest()
