"""JSON that means the same to every reader: no repeated names, no numbers out of range."""

from __future__ import annotations

import json
from typing import NoReturn

from vestibule.model.values import Json
from vestibule.protocols.jose.errors import Reason, TokenRejected
from vestibule.protocols.json_values import as_object


def parse_object(raw: bytes | str, what: str) -> dict[str, Json]:
    """Read one JSON object; raise `TokenRejected` when two parsers could read it differently.

    RFC 8725, 2.4 and RFC 7515, 10.12: a repeated member is refused, since one parser takes
    the first and another the last. `what` names the document in the message.
    """
    try:
        text = raw.decode("utf-8") if isinstance(raw, bytes) else raw
        value: Json = json.loads(text, object_pairs_hook=_members, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        # ValueError includes bytes that are not UTF-8, and integers of thousands of digits.
        raise TokenRejected(
            f"{what} is not a JSON object that can be trusted: {_why(error)}", Reason.MALFORMED
        ) from error
    members = as_object(value)
    if members is None:
        raise TokenRejected(f"{what} should be a JSON object", Reason.MALFORMED)
    return members


def _members(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("a member appears twice")
    return members


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _why(error: Exception) -> str:
    match error:
        case json.JSONDecodeError():
            return "it does not parse"
        case UnicodeDecodeError():
            return "it is not UTF-8"
        case RecursionError():
            return "it is nested too deeply"
        case _:
            return str(error).split(":")[0]
