"""The people this installation knows: one for each e-mail address."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import ColumnElement, select

from vestibule.model.identity import User
from vestibule.store import documents
from vestibule.store.tables import users
from vestibule.store.unit import Unit


class PeopleRecords(Unit):
    """Users by id and by e-mail address."""

    def user(self, id: str) -> User | None:
        """The user with this id."""
        return self._user(users.c.id == id)

    def user_by_email(self, email: str) -> User | None:
        """The user with this address, compared lower-cased."""
        return self._user(users.c.email_key == email.lower())

    def put_user(self, user: User) -> None:
        """Create or replace; raises `Conflict` when somebody else has the address."""
        row = {"id": user.id, "email_key": user.email.lower(), "document": documents.dump(user)}
        self._put(users, row)

    def users(self, *, limit: int = 1000, after: str = "") -> Sequence[User]:
        """In the order of their ids, those whose id is greater than `after`."""
        page = select(users.c.document).where(users.c.id > after).order_by(users.c.id)
        return [documents.load(User, row["document"]) for row in self._rows(page.limit(limit))]

    def _user(self, condition: ColumnElement[bool]) -> User | None:
        row = self._row(select(users.c.document).where(condition))
        return documents.load(User, row["document"]) if row else None
