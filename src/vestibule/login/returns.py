"""Where a visitor may be sent back to: a path on the host that they came from, nothing else.

A path that passes here is always appended to an origin of our own choosing, so that even
one that a browser would read oddly by itself cannot name another host.
"""

from __future__ import annotations

import re
from urllib.parse import quote, unquote

_CONTROLS = re.compile(r"[\x00-\x1f\x7f]")
_PRINTABLE = "".join(chr(code) for code in range(0x21, 0x7F))
_RESERVED = "/cdn-cgi/"
_LONGEST = 4096

_RESERVED_TARGETS = ("/cdn-cgi/access/cli", "/cdn-cgi/access/approval/")
_RESERVED_EXACTLY = ("/cdn-cgi/access/refresh-identity?success=true",)


def return_path(asked: str, fragment: str = "") -> str:
    """The path, query and fragment to go back to; `/` when `asked` is not such a thing.

    Printable ASCII is kept byte for byte, and anything else is percent-encoded, so that
    routes of single-page applications survive (access.md 5). Refused are other hosts,
    schemes, `\\` in the path, control characters, and our own endpoints under `/cdn-cgi/`,
    of which a sign-in must not be able to trigger any but those that expect it.
    """
    whole = f"{asked}#{fragment}" if fragment and "#" not in asked else asked
    path = re.split(r"[?#]", whole, maxsplit=1)[0]
    if (
        not whole.startswith("/")
        or len(whole) > _LONGEST
        or path.startswith("//")
        or "\\" in path
        or _CONTROLS.search(whole)
        or not _allowed(whole, path)
    ):
        return "/"
    return quote(whole, safe=_PRINTABLE)


def _allowed(whole: str, path: str) -> bool:
    """Whether `path` is the application's, or one of ours that a sign-in may lead to."""
    decoded = path
    for _ in range(3):  # what is encoded more often than that no server reads as ours
        decoded = unquote(decoded)
    plain = re.sub(r"/+", "/", decoded.replace("\\", "/"))
    lower = f"{plain}/".lower()
    if _RESERVED not in lower:
        return True
    if "/." in lower:
        return False
    if not lower.startswith(_RESERVED):
        return True
    return path == plain and (whole in _RESERVED_EXACTLY or path.startswith(_RESERVED_TARGETS))
