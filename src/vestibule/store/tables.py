"""The schema: one set of tables for SQLite and PostgreSQL.

Columns exist for what is asked by; everything else of a value is in its JSON `document`.
Times are whole microseconds since 1970 in UTC, so that both databases order and compare
them alike. No foreign keys: what belongs together has a common end, and is pruned by it.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Dialect,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
    false,
)
from sqlalchemy.types import TypeDecorator, TypeEngine

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


class PlainText(TypeDecorator[str]):
    """Text that both databases take and order alike, whatever a stranger put in it.

    PostgreSQL knows no NUL and neither database lone surrogates: they become escapes, when
    written and when asked for, so that a lookup finds nothing instead of failing.
    """

    impl = Text
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[str]:
        """Order by code point on PostgreSQL too."""
        collation = "C" if dialect.name == "postgresql" else None
        return Text(collation=collation)  # type_descriptor() would make it a VARCHAR

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        """Escape what cannot be kept."""
        if value is None or (value.isascii() and "\0" not in value):
            return value
        return value.encode("utf-8", "backslashreplace").decode().replace("\0", "\\x00")


class Moment(TypeDecorator[datetime]):
    """An aware datetime as microseconds since 1970."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:
        """Refuse a time without a zone: nobody knows when it was."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a time without a time zone cannot be stored")
        return (value - _EPOCH) // _MICROSECOND

    def process_result_value(self, value: int | None, dialect: Dialect) -> datetime | None:
        """The same moment, in UTC."""
        return None if value is None else _EPOCH + timedelta(microseconds=value)


metadata = MetaData()

state = Table(
    "state",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("configuration", BigInteger, nullable=False),
    Column("revocations", BigInteger, nullable=False),
    Column("keys", BigInteger, nullable=False),
    Column("seal_check", PlainText, nullable=False),
)

resources = Table(
    "resources",
    metadata,
    Column("kind", PlainText, primary_key=True),
    Column("id", PlainText, primary_key=True),
    Column("position", BigInteger, nullable=False),
    Column("name", PlainText, nullable=False),
    Column("document", PlainText, nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("updated_at", Moment, nullable=False),
    Index("resources_in_order", "position"),
)

service_token_uses = Table(
    "service_token_uses",
    metadata,
    Column("id", PlainText, primary_key=True),
    Column("last_seen_at", Moment, nullable=False),
)

users = Table(
    "users",
    metadata,
    Column("id", PlainText, primary_key=True),
    Column("email_key", PlainText, nullable=False),
    Column("document", PlainText, nullable=False),
    Index("users_by_email", "email_key", unique=True),
)

login_attempts = Table(
    "login_attempts",
    metadata,
    Column("id", PlainText, primary_key=True),
    Column("expires_at", Moment, nullable=False),
    Column("sealed", PlainText, nullable=False),
    Index("login_attempts_by_end", "expires_at"),
)

handovers = Table(
    "handovers",
    metadata,
    Column("id", PlainText, primary_key=True),
    Column("expires_at", Moment, nullable=False),
    Column("sealed", PlainText, nullable=False),
    Index("handovers_by_end", "expires_at"),
)

sessions = Table(
    "sessions",
    metadata,
    Column("id", PlainText, primary_key=True),
    Column("user_id", PlainText, nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("expires_at", Moment, nullable=False),
    Column("ended_at", Moment),
    Column("document", PlainText, nullable=False),
    Index("sessions_by_user", "user_id", "expires_at"),
    Index("sessions_by_end", "expires_at"),
)

grants = Table(
    "grants",
    metadata,
    Column("id", PlainText, primary_key=True),
    Column("application_id", PlainText, nullable=False),
    Column("issued_at", Moment, nullable=False),
    Column("expires_at", Moment, nullable=False),
    Column("session_id", PlainText),
    Column("user_id", PlainText),
    Column("service_token_id", PlainText),
    Column("revoked_at", Moment),
    Column("document", PlainText, nullable=False),
    Index("grants_by_end", "expires_at"),
    Index("grants_by_application", "application_id", "expires_at"),
)
for _name in ("user_id", "session_id", "service_token_id"):
    Index(
        f"grants_by_{_name.removesuffix('_id')}",
        grants.c[_name],
        grants.c.expires_at,
        sqlite_where=grants.c[_name].is_not(None),
        postgresql_where=grants.c[_name].is_not(None),
    )
Index(
    "grants_revoked",
    grants.c.expires_at,
    grants.c.id,
    sqlite_where=grants.c.revoked_at.is_not(None),
    postgresql_where=grants.c.revoked_at.is_not(None),
)

approvals = Table(
    "approvals",
    metadata,
    Column("id", PlainText, primary_key=True),
    Column("user_id", PlainText, nullable=False),
    Column("application_id", PlainText, nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("expires_at", Moment, nullable=False),
    Column("document", PlainText, nullable=False),
    Index("approvals_by_person", "user_id", "application_id", "created_at"),
    Index("approvals_by_end", "expires_at"),
)

signing_keys = Table(
    "signing_keys",
    metadata,
    Column("kid", PlainText, primary_key=True),
    Column("created_at", Moment, nullable=False),
    Column("document", PlainText, nullable=False),
)

api_tokens = Table(
    "api_tokens",
    metadata,
    Column("id", PlainText, primary_key=True),
    Column("secret_hash", PlainText, nullable=False),
    Column("document", PlainText, nullable=False),
    Index("api_tokens_by_hash", "secret_hash", unique=True),
)

used_once = Table(
    "used_once",
    metadata,
    Column("kind", PlainText, primary_key=True),
    Column("value_hash", PlainText, primary_key=True),
    Column("expires_at", Moment, nullable=False),
    Index("used_once_by_end", "expires_at"),
)

blobs = Table(
    "blobs",
    metadata,
    Column("kind", PlainText, primary_key=True),
    Column("id_hash", PlainText, primary_key=True),
    Column("expires_at", Moment, nullable=False),
    Column("sealed", PlainText, nullable=False),
    Index("blobs_by_end", "expires_at"),
)

access_log = Table(
    "access_log",
    metadata,
    Column(
        "seq",
        BigInteger().with_variant(Integer, "sqlite"),  # SQLite counts only in plain INTEGER
        primary_key=True,
        autoincrement=True,
    ),
    Column("created_at", Moment, nullable=False),
    Column("ray_id", PlainText, nullable=False),
    Column("action", PlainText, nullable=False),
    Column("allowed", Boolean, nullable=False),
    Column("user_email", PlainText, nullable=False),
    Column("application_id", PlainText, nullable=False),
    Column("document", PlainText, nullable=False),
    Index("access_log_by_time", "created_at", "seq"),
    Index("access_log_by_ray", "ray_id"),
    Index("access_log_by_email", "user_email", "created_at", "seq"),
    Index("access_log_by_application", "application_id", "created_at", "seq"),
)
Index(
    "access_log_refused",
    access_log.c.created_at,
    access_log.c.seq,
    sqlite_where=access_log.c.allowed == false(),
    postgresql_where=access_log.c.allowed == false(),
)

gateways = Table(
    "gateways",
    metadata,
    Column("name", PlainText, primary_key=True),
    Column("document", PlainText, nullable=False),
)
