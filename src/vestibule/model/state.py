"""What is said about the state itself: its counters, its readers, its log's questions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Revisions:
    """Counters that grow with each change that others must hear of."""

    configuration: int = 0
    revocations: int = 0
    keys: int = 0


@dataclass(frozen=True, slots=True)
class GatewayStatus:
    """What one data plane said of itself last."""

    name: str
    seen_at: datetime
    applied_revision: int
    wanted_revision: int
    error: str = ""
    envoy_version: str = ""


@dataclass(frozen=True, slots=True)
class LogQuery:
    """Which access records are wanted; None is "any". Newest first unless `ascending`."""

    since: datetime | None = None
    until: datetime | None = None
    ray_id: str | None = None
    user_email: str | None = None
    application_id: str | None = None
    allowed: bool | None = None
    action: str | None = None
    ascending: bool = False
    limit: int = 100


@dataclass(frozen=True, slots=True)
class ApiToken:
    """A credential of the administration API; only its SHA-256 (hex) is kept."""

    id: str
    name: str
    secret_hash: str
    scopes: tuple[str, ...]
    created_at: datetime
    expires_at: datetime | None = None
    last_used_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class BackupContents:
    """What a backup file holds: rows by table, at one moment, of one schema."""

    schema: str
    made_at: datetime
    rows: Mapping[str, int]
