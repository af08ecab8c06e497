"""What an authorization server refuses, and how its words are made safe to repeat."""

from __future__ import annotations

import unicodedata

from vestibule.model.errors import VestibuleError
from vestibule.protocols.exchange import Response

_MAX_SHOWN = 200


class OAuthFailure(VestibuleError):
    """The conversation with an authorization server cannot go on.

    `answer` is the HTTP answer that ended it, where there is one.
    """

    code = "oauth"

    def __init__(
        self, message: str, *, code: str | None = None, answer: Response | None = None
    ) -> None:
        super().__init__(message, code=code)
        self.answer = answer


class AuthorizationRefused(OAuthFailure):
    """The server answered with an OAuth error (RFC 6749, 4.1.2.1 and 5.2).

    `error` is its code and `description` its words, both cleaned by `clean`: they come from
    a stranger, are never HTML, and a page must escape them as it does any text.
    """

    code = "authorization_refused"

    def __init__(self, error: str, description: str, answer: Response | None = None) -> None:
        self.error = clean(error)
        self.description = clean(description)
        super().__init__(
            f"the identity provider answered {self.error}"
            + (f": {self.description}" if self.description else ""),
            answer=answer,
        )


def clean(text: str) -> str:
    """A stranger's words on one short line, without control or direction characters."""
    kept = "".join(
        " " if character.isspace() else character
        for character in text[: 4 * _MAX_SHOWN]
        if character.isspace() or not unicodedata.category(character).startswith("C")
    )
    line = " ".join(kept.split())
    return line if len(line) <= _MAX_SHOWN else f"{line[:_MAX_SHOWN]}…"
