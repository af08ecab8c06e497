"""The root of every error that someone can act upon."""

from __future__ import annotations


class VestibuleError(Exception):
    """Something a person can mend: a stable `code`, and one sentence in the reader's words.

    `message` says what was expected and what was found. `path` names the place in a
    document (`applications[2].domain`), where there is one.
    """

    code = "error"

    def __init__(self, message: str, *, code: str | None = None, path: str = "") -> None:
        super().__init__(f"{path}: {message}" if path else message)
        self.message = message
        self.path = path
        if code is not None:
            self.code = code


class InvalidConfiguration(VestibuleError):
    """What an operator wrote cannot be used; nothing of it was applied."""

    code = "invalid_configuration"


class NotFound(VestibuleError):
    """The thing that was named does not exist."""

    code = "not_found"


class Conflict(VestibuleError):
    """Somebody else changed the thing first, or it is still in use."""

    code = "conflict"


class StoreUnavailable(VestibuleError):
    """The database cannot be reached; nothing was changed."""

    code = "store_unavailable"
