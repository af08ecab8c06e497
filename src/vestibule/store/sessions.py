"""Global sessions, the grants under them, and requests for temporary access."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import RowMapping, select, update

from vestibule.model.session import ApprovalRequest, GlobalSession, Grant
from vestibule.store import documents
from vestibule.store.tables import approvals, grants, sessions
from vestibule.store.unit import Unit, chunks


class SessionRecords(Unit):
    """Who is signed in, and what was issued under each sign-in."""

    def add_session(self, session: GlobalSession) -> None:
        """Keep a new session; raises `Conflict` when its id is taken."""
        self._add(sessions, _session_row(session))

    def session(self, id: str) -> GlobalSession | None:
        """The session with this id, ended or not."""
        row = self._row(select(sessions).where(sessions.c.id == id))
        return _session(row) if row else None

    def put_session(self, session: GlobalSession) -> None:
        """Create or replace it."""
        self._put(sessions, _session_row(session))

    def live_sessions(
        self, now: datetime, *, user_id: str | None = None
    ) -> Sequence[GlobalSession]:
        """Neither ended nor expired, oldest first."""
        query = select(sessions).where(sessions.c.ended_at.is_(None), sessions.c.expires_at > now)
        if user_id is not None:
            query = query.where(sessions.c.user_id == user_id)
        ordered = query.order_by(sessions.c.created_at, sessions.c.id)
        return [_session(row) for row in self._rows(ordered)]

    def end_sessions(self, ids: Iterable[str], at: datetime) -> None:
        """Mark them ended; one that ended before keeps its time."""
        self._must_be_writable()
        for portion in chunks(ids):
            here = (sessions.c.id.in_(portion), sessions.c.ended_at.is_(None))
            self._write(update(sessions).where(*here).values(ended_at=at))

    def add_grant(self, grant: Grant) -> None:
        """Keep a new grant; raises `Conflict` when its id is taken."""
        self._add(grants, grant_row(grant))

    def grant(self, id: str) -> Grant | None:
        """The grant with this id, revoked or not."""
        row = self._row(select(grants).where(grants.c.id == id))
        return _grant(row) if row else None

    def live_grants(
        self,
        now: datetime,
        *,
        user_id: str | None = None,
        session_id: str | None = None,
        application_id: str | None = None,
        service_token_id: str | None = None,
    ) -> Sequence[Grant]:
        """Neither revoked nor expired, oldest first; all given filters must fit."""
        query = select(grants).where(grants.c.revoked_at.is_(None), grants.c.expires_at > now)
        filters = {
            "user_id": user_id,
            "session_id": session_id,
            "application_id": application_id,
            "service_token_id": service_token_id,
        }
        for column, wanted in filters.items():
            if wanted is not None:
                query = query.where(grants.c[column] == wanted)
        ordered = query.order_by(grants.c.issued_at, grants.c.id)
        return [_grant(row) for row in self._rows(ordered)]

    def revoke_grants(self, ids: Iterable[str], at: datetime) -> None:
        """Mark them revoked; grows `Revisions.revocations` if that changed anything."""
        self._must_be_writable()
        for portion in chunks(ids):
            here = (grants.c.id.in_(portion), grants.c.revoked_at.is_(None))
            self._write(update(grants).where(*here).values(revoked_at=at), "revocations")

    def revoked_grants(self, now: datetime) -> Sequence[str]:
        """Ids of grants that are revoked and would not have expired yet."""
        query = select(grants.c.id).where(
            grants.c.revoked_at.is_not(None), grants.c.expires_at > now
        )
        # Sorted here: asked for an order, SQLite would walk all grants by id to save the sorting.
        return sorted(row["id"] for row in self._rows(query))

    def put_approval(self, approval: ApprovalRequest) -> None:
        """Create or replace it."""
        row = {
            "id": approval.id,
            "user_id": approval.user_id,
            "application_id": approval.application_id,
            "created_at": approval.created_at,
            "expires_at": approval.expires_at,
            "document": documents.dump(approval),
        }
        self._put(approvals, row)

    def approval(self, id: str) -> ApprovalRequest | None:
        """The request with this id."""
        row = self._row(select(approvals.c.document).where(approvals.c.id == id))
        return documents.load(ApprovalRequest, row["document"]) if row else None

    def approvals_of(self, user_id: str, application_id: str) -> Sequence[ApprovalRequest]:
        """Everything that this person asked for this application, oldest first."""
        query = select(approvals.c.document).where(
            approvals.c.user_id == user_id, approvals.c.application_id == application_id
        )
        ordered = query.order_by(approvals.c.created_at, approvals.c.id)
        return [documents.load(ApprovalRequest, row["document"]) for row in self._rows(ordered)]


# A document is written once; what changes later stands in its column, which wins.


def _session_row(session: GlobalSession) -> dict[str, Any]:
    return {
        "id": session.id,
        "user_id": session.user_id,
        "created_at": session.created_at,
        "expires_at": session.expires_at,
        "ended_at": session.ended_at,
        "document": documents.dump(session),
    }


def _session(row: RowMapping) -> GlobalSession:
    session = documents.load(GlobalSession, row["document"])
    return replace(session, ended_at=row["ended_at"])


def grant_row(grant: Grant) -> dict[str, Any]:
    """A grant as its row."""
    return {
        "id": grant.id,
        "application_id": grant.application_id,
        "session_id": grant.session_id,
        "user_id": grant.user_id,
        "service_token_id": grant.service_token_id,
        "issued_at": grant.issued_at,
        "expires_at": grant.expires_at,
        "revoked_at": grant.revoked_at,
        "document": documents.dump(grant),
    }


def _grant(row: RowMapping) -> Grant:
    return replace(documents.load(Grant, row["document"]), revoked_at=row["revoked_at"])
