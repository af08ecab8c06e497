"""Why a token was not believed."""

from __future__ import annotations

from enum import StrEnum

from vestibule.model.errors import VestibuleError


class Reason(StrEnum):
    """The kinds of rejection, stable for logs and tests."""

    MALFORMED = "malformed"
    ALGORITHM = "algorithm"
    HEADER = "header"
    UNKNOWN_KEY = "unknown_key"
    KEY = "key"
    SIGNATURE = "signature"
    TYPE = "type"
    CLAIM = "claim"
    ISSUER = "issuer"
    AUDIENCE = "audience"
    EXPIRED = "expired"
    NOT_YET_VALID = "not_yet_valid"
    STALE = "stale"
    NONCE = "nonce"
    HASH = "hash"


class TokenRejected(VestibuleError):
    """A token proves nothing. The message never repeats the token itself."""

    code = "token_rejected"

    def __init__(self, message: str, reason: Reason) -> None:
        super().__init__(message)
        self.reason = reason
