"""How each answer of the check flow looks over HTTP: a page for people, JSON for programs."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import assert_never

from vestibule.flows.answers import (
    Admitted,
    Answer,
    Answered,
    Denied,
    Forbidden,
    Looping,
    SentAway,
    SentToLogin,
    Unauthenticated,
    Unmatched,
)
from vestibule.flows.question import reference, wants_page
from vestibule.model.organization import Brand, Organization
from vestibule.model.request import RequestFacts
from vestibule.model.values import Json
from vestibule.sessions.cookies import Cookie
from vestibule.sessions.cookies import render as render_cookie
from vestibule.web.pages import render
from vestibule.web.pages.views import (
    DeniedPage,
    ForbiddenPage,
    LoopPage,
    MessagePage,
    Page,
    UnmatchedHostPage,
)

NOT_CACHED = "private, max-age=0, no-store, no-cache, must-revalidate"
TO_REMOVE = "x-envoy-auth-headers-to-remove"
_NO_BRAND = Brand()


@dataclass(frozen=True, slots=True)
class Reply:
    """A response as ASGI sends it."""

    status: int
    headers: Sequence[tuple[bytes, bytes]]
    body: bytes = b""

    @staticmethod
    def of(
        status: int,
        headers: Mapping[str, str],
        body: bytes = b"",
        cookies: Iterable[Cookie] = (),
    ) -> Reply:
        """Build a reply; the length is added, and the cookies are set."""
        now = datetime.now(UTC)
        pairs = [(name.encode(), value.encode(_octets(name))) for name, value in headers.items()]
        pairs += [(b"set-cookie", render_cookie(cookie, now).encode()) for cookie in cookies]
        if status not in (204, 304):
            pairs.append((b"content-length", str(len(body)).encode()))
        return Reply(status, pairs, body)

    @staticmethod
    def plain(status: int, text: str) -> Reply:
        """A reply in plain text that nobody keeps."""
        headers = {"content-type": "text/plain; charset=utf-8", "cache-control": NOT_CACHED}
        return Reply.of(status, headers, text.encode())


def _octets(name: str) -> str:
    """Cookies go on as the octets they came as; what we say ourselves is UTF-8."""
    return "latin-1" if name == "cookie" else "utf-8"


def reply_to(answer: Answer, facts: RequestFacts, organization: Organization | None) -> Reply:
    """Return `answer` as the data plane and the visitor understand it."""
    match answer:
        case Admitted():
            headers = dict(answer.headers)
            if answer.remove:
                headers[TO_REMOVE] = ",".join(answer.remove)
            return Reply.of(200, headers, cookies=answer.cookies)
        case SentToLogin():
            headers = {
                "location": answer.location,
                "www-authenticate": answer.challenge,
                "cache-control": NOT_CACHED,
            }
            return Reply.of(302, headers, cookies=answer.cookies)
        case SentAway():
            return Reply.of(302, {"location": answer.location, "cache-control": NOT_CACHED})
        case Answered():
            return Reply.of(answer.status, {"cache-control": NOT_CACHED, **answer.headers})
        case Unauthenticated():
            headers = {
                "www-authenticate": answer.challenge,
                **_about(answer.application_aud, answer.application_domain),
            }
            told = _told("unauthenticated", answer.message, answer.reference)
            return _json(401, told, headers)
        case Denied() | Forbidden():
            return _refused(answer, facts, organization)
        case Unmatched():
            message = "No application is configured for this address."
            told = _told("unmatched", message, answer.reference)
            page = UnmatchedHostPage(answer.host, answer.reference)
            return _page_or_json(403, page, told, {}, facts, organization)
        case Looping():
            told = _told("redirect_loop", answer.findings[0], answer.reference)
            page = LoopPage(
                answer.application_name, answer.findings, answer.retry_url, answer.reference
            )
            return _page_or_json(400, page, told, {}, facts, organization, cookies=answer.cookies)
        case _:
            assert_never(answer)


def unavailable(facts: RequestFacts | None) -> Reply:
    """503: nothing could be decided, so nobody is let in."""
    code = reference(facts) if facts else ""
    message = "This service cannot check your access right now. Try again in a moment."
    if facts is not None and wants_page(facts):
        page = MessagePage("Temporarily unavailable", message, reference=code, status=503)
        try:
            return _page(page, 503, {"retry-after": "5"}, facts, None)
        except Exception:  # noqa: S110 - the page is a courtesy: the plain refusal below stands
            pass
    return _json(503, _told("unavailable", message, code), {"retry-after": "5"})


def _refused(
    answer: Denied | Forbidden, facts: RequestFacts, organization: Organization | None
) -> Reply:
    headers = _about(answer.application_aud, answer.application_domain)
    match answer:
        case Denied():
            headers["cf-access-error"] = "identity_denied"
            told = _told("identity_denied", answer.message, answer.reference, answer.unmet)
            page = DeniedPage(
                application_name=answer.application_name,
                message=answer.message,
                email=answer.email,
                unmet=answer.unmet,
                sign_in_again_url=answer.sign_in_again_url,
                launcher_url=answer.launcher_url,
                reference=answer.reference,
            )
        case Forbidden():
            headers["cf-access-error"] = "forbidden"
            message = "This request may not enter, whoever it is from."
            told = _told("forbidden", message, answer.reference, answer.reasons)
            page = ForbiddenPage(answer.application_name, answer.reasons, answer.reference)
    return _page_or_json(403, page, told, headers, facts, organization)


def _about(aud: str, domain: str) -> dict[str, str]:
    """What terminals read of a refusal (access.md 12.2)."""
    return {"cf-access-aud": aud, "cf-access-domain": domain}


def _told(code: str, message: str, ray: str, reasons: Sequence[str] = ()) -> dict[str, Json]:
    told: dict[str, Json] = {"error": code, "message": message, "reference": ray}
    if reasons:
        told["reasons"] = list(reasons)
    return told


def _page_or_json(
    status: int,
    page: Page,
    told: Mapping[str, Json],
    headers: Mapping[str, str],
    facts: RequestFacts,
    organization: Organization | None,
    *,
    cookies: Iterable[Cookie] = (),
) -> Reply:
    if wants_page(facts):
        return _page(page, status, headers, facts, organization, cookies=cookies)
    return _json(status, told, headers, cookies=cookies)


def _page(
    page: Page,
    status: int,
    headers: Mapping[str, str],
    facts: RequestFacts,
    organization: Organization | None,
    *,
    cookies: Iterable[Cookie] = (),
) -> Reply:
    rendered = render(
        page,
        brand=organization.brand if organization else _NO_BRAND,
        locale=organization.default_locale if organization else "en",
        accept_language=facts.headers.get("accept-language", ""),
    )
    merged = {name.lower(): value for name, value in rendered.headers.items()}
    merged |= {"cache-control": NOT_CACHED, **headers}
    return Reply.of(rendered.status or status, merged, rendered.html.encode(), cookies)


def _json(
    status: int,
    told: Mapping[str, Json],
    headers: Mapping[str, str],
    *,
    cookies: Iterable[Cookie] = (),
) -> Reply:
    body = json.dumps(told, ensure_ascii=False).encode() + b"\n"
    base = {
        "content-type": "application/json",
        "cache-control": NOT_CACHED,
        "x-content-type-options": "nosniff",
    }
    return Reply.of(status, {**base, **headers}, body, cookies)
