"""The composition root: decides which adapter fills which port. No rules live here."""

from vestibule.app.control_plane import run_control_plane
from vestibule.app.data_plane import run_gateway
from vestibule.app.inspection import DatabaseFacts, inspect_database, inspect_envoy
from vestibule.app.installation import (
    Installation,
    SystemClock,
    SystemEntropy,
    open_installation,
)
from vestibule.app.state import backup_state, migrate_state, restore_state

__all__ = [
    "DatabaseFacts",
    "Installation",
    "SystemClock",
    "SystemEntropy",
    "backup_state",
    "inspect_database",
    "inspect_envoy",
    "migrate_state",
    "open_installation",
    "restore_state",
    "run_control_plane",
    "run_gateway",
]
