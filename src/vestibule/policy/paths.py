"""One reading of a path, or none: the policy and the origin must see the same one.

What two servers could read differently is refused rather than guessed at.
"""

from __future__ import annotations

import re

_UNRESERVED = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
_ESCAPE = re.compile(r"%([0-9A-Fa-f]{2})")
_ESCAPES = re.compile(r"(?:%[89A-F][0-9A-F])+")
_DOUBLE = re.compile(r"%25[0-9A-Fa-f]{2}")
_REFUSED_ESCAPES = frozenset("/\\\x7f") | frozenset(chr(code) for code in range(0x20))


def normalize_path(raw: str) -> str | None:
    """Return the one path that `raw` (no query) means, or None when it is ambiguous.

    Resolved: `.` and `..` segments, also when escaped; repeated slashes; escapes of
    unreserved characters; the case of the escapes that stay. Reserved ones stay escaped
    (`%23`, `%3F`: they are part of a name here, and nowhere else).

    Refused: what does not start with a slash; `\\`, `?`, `#`, control characters, spaces and
    anything outside ASCII; a broken escape; an escaped slash, backslash or control
    character; an escape of an escape (`%252e`); octets that are not UTF-8 (overlong forms
    among them); more `..` than there are segments; `..` or `.` or nothing with a parameter
    (`..;`, `;x`), which some servers strip and some keep.
    """
    if not raw.startswith("/") or any(not "!" <= sign <= "~" or sign in "\\?#" for sign in raw):
        return None
    if raw.count("%") != len(_ESCAPE.findall(raw)):
        return None
    try:
        decoded = _ESCAPE.sub(_unescape, raw)
    except ValueError:
        return None
    if _DOUBLE.search(decoded) or not _is_utf8(decoded):
        return None
    return _resolve(decoded)


def _unescape(escape: re.Match[str]) -> str:
    """The character, when escaping it meant nothing; raises ValueError when it hides one."""
    sign = chr(int(escape[1], 16))
    if sign in _REFUSED_ESCAPES:
        raise ValueError
    return sign if sign in _UNRESERVED else escape[0].upper()


def _is_utf8(path: str) -> bool:
    for run in _ESCAPES.findall(path):
        try:
            bytes.fromhex(run.replace("%", "")).decode("utf-8")
        except UnicodeDecodeError:
            return False
    return True


def _resolve(path: str) -> str | None:
    kept: list[str] = []
    segments = path.split("/")[1:]
    for segment in segments:
        name, semicolon, _ = segment.replace("%3B", ";").partition(";")
        if semicolon and name in ("", ".", ".."):
            return None
        if segment == "..":
            if not kept:
                return None
            kept.pop()
        elif segment not in ("", "."):
            kept.append(segment)
    ends_in_slash = segments[-1] in ("", ".", "..") and kept
    return "/" + "/".join(kept) + ("/" if ends_in_slash else "")
