"""The first schema: configuration, people, sign-ins, sessions, grants, keys and the log."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_TABLES = (
    "access_log",
    "api_tokens",
    "approvals",
    "blobs",
    "gateways",
    "grants",
    "handovers",
    "login_attempts",
    "resources",
    "service_token_uses",
    "sessions",
    "signing_keys",
    "state",
    "used_once",
    "users",
)


def upgrade() -> None:
    """Create every table, and the one row of counters."""
    _create_configuration()
    _create_people()
    _create_sign_ins()
    _create_sessions()
    _create_keys()
    _create_log()


def downgrade() -> None:
    """Drop every table, with all that is in them."""
    for name in _TABLES:
        op.drop_table(name)


def _create_configuration() -> None:
    op.create_table(
        "state",
        sa.Column("id", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("configuration", sa.BigInteger(), nullable=False),
        sa.Column("revocations", sa.BigInteger(), nullable=False),
        sa.Column("keys", sa.BigInteger(), nullable=False),
        sa.Column("seal_check", _text(), nullable=False),
    )
    op.create_table(
        "resources",
        sa.Column("kind", _text(), primary_key=True),
        sa.Column("id", _text(), primary_key=True),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("name", _text(), nullable=False),
        sa.Column("document", _text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
    )
    op.create_index("resources_in_order", "resources", ["position"])
    op.create_table(
        "service_token_uses",
        sa.Column("id", _text(), primary_key=True),
        sa.Column("last_seen_at", sa.BigInteger(), nullable=False),
    )
    op.execute(
        "INSERT INTO state (id, configuration, revocations, keys, seal_check) "
        "VALUES (1, 0, 0, 0, '')"
    )


def _create_people() -> None:
    op.create_table(
        "users",
        sa.Column("id", _text(), primary_key=True),
        sa.Column("email_key", _text(), nullable=False),
        sa.Column("document", _text(), nullable=False),
    )
    op.create_index("users_by_email", "users", ["email_key"], unique=True)
    op.create_table(
        "approvals",
        sa.Column("id", _text(), primary_key=True),
        sa.Column("user_id", _text(), nullable=False),
        sa.Column("application_id", _text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.Column("document", _text(), nullable=False),
    )
    op.create_index("approvals_by_end", "approvals", ["expires_at"])
    op.create_index("approvals_by_person", "approvals", ["user_id", "application_id", "created_at"])


def _create_sign_ins() -> None:
    op.create_table(
        "login_attempts",
        sa.Column("id", _text(), primary_key=True),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.Column("sealed", _text(), nullable=False),
    )
    op.create_index("login_attempts_by_end", "login_attempts", ["expires_at"])
    op.create_table(
        "handovers",
        sa.Column("id", _text(), primary_key=True),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.Column("sealed", _text(), nullable=False),
    )
    op.create_index("handovers_by_end", "handovers", ["expires_at"])
    op.create_table(
        "used_once",
        sa.Column("kind", _text(), primary_key=True),
        sa.Column("value_hash", _text(), primary_key=True),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
    )
    op.create_index("used_once_by_end", "used_once", ["expires_at"])
    op.create_table(
        "blobs",
        sa.Column("kind", _text(), primary_key=True),
        sa.Column("id_hash", _text(), primary_key=True),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.Column("sealed", _text(), nullable=False),
    )
    op.create_index("blobs_by_end", "blobs", ["expires_at"])


def _create_sessions() -> None:
    op.create_table(
        "sessions",
        sa.Column("id", _text(), primary_key=True),
        sa.Column("user_id", _text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.Column("ended_at", sa.BigInteger()),
        sa.Column("document", _text(), nullable=False),
    )
    op.create_index("sessions_by_end", "sessions", ["expires_at"])
    op.create_index("sessions_by_user", "sessions", ["user_id", "expires_at"])
    op.create_table(
        "grants",
        sa.Column("id", _text(), primary_key=True),
        sa.Column("application_id", _text(), nullable=False),
        sa.Column("issued_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.Column("session_id", _text()),
        sa.Column("user_id", _text()),
        sa.Column("service_token_id", _text()),
        sa.Column("revoked_at", sa.BigInteger()),
        sa.Column("document", _text(), nullable=False),
    )
    op.create_index("grants_by_application", "grants", ["application_id", "expires_at"])
    op.create_index("grants_by_end", "grants", ["expires_at"])
    _partial_index(
        "grants_by_service_token",
        "grants",
        ["service_token_id", "expires_at"],
        condition=sa.column("service_token_id").is_not(None),
    )
    _partial_index(
        "grants_by_session",
        "grants",
        ["session_id", "expires_at"],
        condition=sa.column("session_id").is_not(None),
    )
    _partial_index(
        "grants_by_user",
        "grants",
        ["user_id", "expires_at"],
        condition=sa.column("user_id").is_not(None),
    )
    _partial_index(
        "grants_revoked",
        "grants",
        ["expires_at", "id"],
        condition=sa.column("revoked_at").is_not(None),
    )


def _create_keys() -> None:
    op.create_table(
        "signing_keys",
        sa.Column("kid", _text(), primary_key=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("document", _text(), nullable=False),
    )
    op.create_table(
        "api_tokens",
        sa.Column("id", _text(), primary_key=True),
        sa.Column("secret_hash", _text(), nullable=False),
        sa.Column("document", _text(), nullable=False),
    )
    op.create_index("api_tokens_by_hash", "api_tokens", ["secret_hash"], unique=True)


def _create_log() -> None:
    op.create_table(
        "access_log",
        sa.Column(
            "seq",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            primary_key=True,
            autoincrement=True,
        ),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("ray_id", _text(), nullable=False),
        sa.Column("action", _text(), nullable=False),
        sa.Column("allowed", sa.Boolean(), nullable=False),
        sa.Column("user_email", _text(), nullable=False),
        sa.Column("application_id", _text(), nullable=False),
        sa.Column("document", _text(), nullable=False),
    )
    op.create_index(
        "access_log_by_application", "access_log", ["application_id", "created_at", "seq"]
    )
    op.create_index("access_log_by_email", "access_log", ["user_email", "created_at", "seq"])
    op.create_index("access_log_by_ray", "access_log", ["ray_id"])
    op.create_index("access_log_by_time", "access_log", ["created_at", "seq"])
    _partial_index(
        "access_log_refused",
        "access_log",
        ["created_at", "seq"],
        condition=sa.column("allowed") == sa.false(),
    )
    op.create_table(
        "gateways",
        sa.Column("name", _text(), primary_key=True),
        sa.Column("document", _text(), nullable=False),
    )


def _text() -> sa.types.TypeEngine[str]:
    """Text that orders by code point on both databases."""
    return sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def _partial_index(
    name: str, table: str, columns: list[str], *, condition: sa.ColumnElement[bool]
) -> None:
    op.create_index(name, table, columns, sqlite_where=condition, postgresql_where=condition)
