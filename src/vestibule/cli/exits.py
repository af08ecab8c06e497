"""What the exit codes mean, for scripts."""

from __future__ import annotations

from enum import IntEnum


class Exit(IntEnum):
    """The exit codes of every command."""

    OK = 0
    FOUND_PROBLEMS = 1  # the command ran; what it looked at is not in order
    USAGE = 2  # the command line or a document is wrong; nothing was changed
    UNAVAILABLE = 3  # a database, a provider or the gateway could not be reached
    CONFLICT = 4  # somebody else changed the thing first; nothing was changed
    DENIED = 5  # the gateway or a policy said no
