"""All groups of a person from Okta's API (identity.md 2.4, 2.6).

The list is whole or the sign-in fails: with a part of it, a policy that keeps a group out
would silently let its members in.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from email.utils import parsedate_to_datetime
from urllib.parse import SplitResult, urlsplit

from vestibule.connectors.okta_errors import error_code_of, failed_answer, groups_failed
from vestibule.connectors.person import as_groups
from vestibule.model.identity import IdentityGroup
from vestibule.model.values import Json, Secret
from vestibule.protocols.exchange import Exchange, OutboundError, Request, Response
from vestibule.protocols.json_values import as_list, as_object, text
from vestibule.protocols.oauth2.errors import clean

TRIGGER = 100
"""From so many groups on, the API is asked where it can be: a trigger, and no limit."""

_DURING = "groups from Okta's API"
_PAGE_SIZE = 200
_MAX_PAGES = 200
_MAX_WAIT = 3.0
_MAX_RETRIES = 2
_USER_ID = re.compile(r"[A-Za-z0-9_-]{1,100}")
_LINK = re.compile(r"<([^<>]*)>\s*((?:;[^,<]*)*)")
_REL_NEXT = re.compile(r";\s*rel\s*=\s*\"?next\"?\s*(?:;|$)", re.IGNORECASE)


def groups_from_api(
    account: str, token: Secret, user_id: str
) -> Exchange[tuple[IdentityGroup, ...]]:
    """Every group of `user_id`, page by page. Raises `SignInFailed`."""
    if not _USER_ID.fullmatch(user_id):
        # It becomes part of a path, where `..` would lead elsewhere.
        raise groups_failed("okta_user_id", _DURING, "the ID token's sub is not an Okta user id")
    path = f"/api/v1/users/{user_id}/groups"
    url: str | None = f"{account}{path}?limit={_PAGE_SIZE}"
    names: list[str] = []
    seen: set[str] = set()
    while url is not None:
        if url in seen or len(seen) >= _MAX_PAGES:
            raise groups_failed("okta_paging", _DURING, "Okta's list of groups does not end")
        seen.add(url)
        answer = yield from _get(account, url, token)
        names.extend(_names(answer))
        url = _next_page(answer, urlsplit(account), path)
    return as_groups(names)


def check_token(account: str, token: Secret) -> Exchange[Response]:
    """Ask for the token's own owner: the most harmless call there is, and it keeps it alive."""
    return (yield Request("GET", f"{account}/api/v1/users/me", headers=_headers(token)))


def _get(account: str, url: str, token: Secret) -> Exchange[Response]:
    """One page, waiting for a rate limit that ends soon. Raises `SignInFailed`."""
    request = Request("GET", url, headers=_headers(token))
    try:
        answer = yield request
        for _ in range(_MAX_RETRIES):
            wait = _wait(answer)
            if wait is None:
                break
            answer = yield Request("GET", url, headers=_headers(token), delay=wait)
        if answer.status == 200:
            return answer
        blocked = False
        if answer.status == 403:
            # Whoever owns a token may read themselves; if even that is refused, it is not the
            # token that Okta dislikes but where we call from.
            blocked = (yield from check_token(account, token)).status == 403
    except OutboundError as error:
        raise groups_failed(
            "okta_unreachable", _DURING, "Okta's API cannot be reached", reason=error.message
        ) from error
    raise failed_answer(answer, _DURING, blocked=blocked)


def _wait(answer: Response) -> float | None:
    """Seconds until the limit is lifted, when that is worth waiting for.

    The moment is Okta's, so it is measured by Okta's clock, the Date header. A violation of
    the concurrency limit shows zeros, and its reset is only a hint.
    """
    if answer.status != 429:
        return None
    headers = answer.headers
    if headers.get("x-rate-limit-limit") == "0" and headers.get("x-rate-limit-remaining") == "0":
        return 1.0
    try:
        reset = float(headers["x-rate-limit-reset"])
        now = parsedate_to_datetime(headers["date"]).timestamp()
    except (KeyError, ValueError, TypeError):
        return None
    wait = reset - now
    # The Date header has whole seconds only, so the moment may be almost one second later.
    return max(wait, 0.0) + 0.2 if math.isfinite(wait) and wait <= _MAX_WAIT else None


def _names(answer: Response) -> Iterator[str]:
    try:
        listed: Json = json.loads(answer.body)
    except (ValueError, RecursionError):
        listed = None
    entries = as_list(listed)
    if entries is None:
        raise groups_failed(
            "okta_malformed", _DURING, "Okta's answer is no list", error_code=error_code_of(answer)
        )
    for entry in entries:
        profile = as_object((as_object(entry) or {}).get("profile")) or {}
        name = text(profile, "name")
        if not name:
            raise groups_failed("okta_malformed", _DURING, "Okta sent a group without a name")
        yield name


def _next_page(answer: Response, account: SplitResult, path: str) -> str | None:
    """The next page as Okta links it (RFC 8288), never built by us; None on the last one.

    A link that leads to another origin or path is not followed: it would carry the API token
    there. Raises `SignInFailed`.
    """
    links = [value for name, value in answer.header_list if name == "link"]
    if not links and "link" in answer.headers:
        links = [answer.headers["link"]]
    for link in _LINK.finditer(", ".join(links)):
        if not _REL_NEXT.search(link[2]):
            continue
        target = link[1]
        if not _is_at(target, account, path):
            raise groups_failed(
                "okta_foreign_link",
                _DURING,
                "Okta's next page is not at okta_account: compare the address configured with "
                "the organisation's own",
                found=clean(target.partition("?")[0]),
            )
        return target
    return None


def _is_at(url: str, account: SplitResult, path: str) -> bool:
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return (parts.scheme, parts.netloc.lower(), parts.path) == (
        account.scheme,
        account.netloc,
        path,
    )


def _headers(token: Secret) -> dict[str, str]:
    return {"Authorization": f"SSWS {token.reveal()}", "Accept": "application/json"}
