"""What happened: the access log, and what the data planes say of themselves."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import ColumnElement, false, select, true

from vestibule.model.access_log import AccessRecord
from vestibule.model.state import GatewayStatus, LogQuery
from vestibule.store import documents
from vestibule.store.tables import access_log, gateways
from vestibule.store.unit import Unit

_LONGEST_KEY = 320
"""Indexed columns are cut here (PostgreSQL's index rows are bounded); documents are not."""


class LogRecords(Unit):
    """Decisions, each with the facts it was made from."""

    def log(self, record: AccessRecord) -> None:
        """Append a record."""
        row = {
            "created_at": record.created_at,
            "ray_id": _key(record.ray_id),
            "action": _key(record.action),
            "allowed": record.allowed,
            "user_email": _key(record.user_email.lower()),
            "application_id": _key(record.application_id),
            "document": documents.dump(record),
        }
        self._add(access_log, row)

    def access_log(self, query: LogQuery) -> Sequence[AccessRecord]:
        """The records that fit, newest first unless asked otherwise."""
        columns = (access_log.c.created_at, access_log.c.seq)
        order = [c.asc() if query.ascending else c.desc() for c in columns]
        wanted = select(access_log.c.document).where(*_conditions(query)).order_by(*order)
        return [
            documents.load(AccessRecord, row["document"])
            for row in self._rows(wanted.limit(query.limit))
        ]

    def put_gateway_status(self, status: GatewayStatus) -> None:
        """What this data plane says now replaces what it said before."""
        self._put(gateways, {"name": status.name, "document": documents.dump(status)})

    def gateway_statuses(self) -> Sequence[GatewayStatus]:
        """The last word of each data plane, by name."""
        query = select(gateways.c.document).order_by(gateways.c.name)
        return [documents.load(GatewayStatus, row["document"]) for row in self._rows(query)]


def _conditions(query: LogQuery) -> list[ColumnElement[bool]]:
    columns = access_log.c
    conditions: list[ColumnElement[bool]] = []
    if query.since is not None:
        conditions.append(columns.created_at >= query.since)
    if query.until is not None:
        conditions.append(columns.created_at < query.until)
    if query.ray_id is not None:
        conditions.append(columns.ray_id == _key(query.ray_id))
    if query.user_email is not None:
        conditions.append(columns.user_email == _key(query.user_email.lower()))
    if query.application_id is not None:
        conditions.append(columns.application_id == _key(query.application_id))
    if query.allowed is not None:
        # A literal, not a parameter, so that SQLite can use the index of refusals.
        conditions.append(columns.allowed == (true() if query.allowed else false()))
    if query.action is not None:
        conditions.append(columns.action == _key(query.action))
    return conditions


def _key(text: str) -> str:
    return text[:_LONGEST_KEY]
