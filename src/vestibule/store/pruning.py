"""Forgetting what is over."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Column, delete, select, tuple_

from vestibule.store import tables
from vestibule.store.unit import Unit

_AT_ONCE = 20_000
"""At most so many rows of a table in one transaction: other writers wait for it."""

_ENDING = (
    tables.login_attempts,
    tables.handovers,
    tables.sessions,
    tables.grants,
    tables.approvals,
    tables.used_once,
    tables.blobs,
)


class PruningRecords(Unit):
    """Deletes rows whose time is over."""

    def prune(self, now: datetime, *, log_before: datetime) -> int:
        """Delete what has expired and log records older than `log_before`; says how many."""
        gone = sum(self._delete_before(t.c.expires_at, now, inclusive=True) for t in _ENDING)
        return gone + self._delete_before(tables.access_log.c.created_at, log_before)

    def _delete_before(
        self, end: Column[datetime], moment: datetime, *, inclusive: bool = False
    ) -> int:
        keys = list(end.table.primary_key)
        over = end <= moment if inclusive else end < moment
        oldest = select(*keys).where(over).order_by(end).limit(_AT_ONCE)
        these = keys[0].in_(oldest) if len(keys) == 1 else tuple_(*keys).in_(oldest)
        return self._write(delete(end.table).where(these))
