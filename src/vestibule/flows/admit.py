"""What an admitted request carries to its origin, and what is taken from it (access.md 4.5)."""

from __future__ import annotations

from collections.abc import Sequence

from vestibule.flows.answers import Admitted
from vestibule.flows.issuer import Issued
from vestibule.flows.present import TOKEN_HEADER
from vestibule.flows.question import Question
from vestibule.model.request import RequestFacts
from vestibule.sessions import cookies, loops
from vestibule.sessions.cookies import Cookie
from vestibule.tokens.binding import binding_of
from vestibule.tokens.presented import (
    CLIENT_ID_HEADER,
    CLIENT_SECRET_HEADER,
    presented_credentials,
)

ASSERTION = "cf-access-jwt-assertion"
EMAIL = "cf-access-authenticated-user-email"
GRANT = "x-vestibule-grant"
_IDENTITY_HEADERS = (ASSERTION, EMAIL, GRANT, "cf-access-user")
_CONSUMED = (CLIENT_ID_HEADER, CLIENT_SECRET_HEADER, TOKEN_HEADER)
_OURS = (cookies.AUTHORIZATION, cookies.BINDING, cookies.SESSION, cookies.REDIRECTS)


def admit(
    question: Question,
    issued: Issued | None = None,
    *,
    email: str = "",
    keep_cookie: bool = False,
    set_cookies: Sequence[Cookie] = (),
) -> Admitted:
    """Let the request in as the bearer of `issued`, or as nobody (bypass).

    The origin sees `CF_Authorization` only with `keep_cookie`: then it holds the token that
    was proved, never another that came along.
    """
    headers: dict[str, str] = {}
    if issued is not None:
        headers[ASSERTION] = issued.raw
        headers[GRANT] = issued.grant.id
        if email.isprintable() and email:
            headers[EMAIL] = email
    remove = {name for name in _IDENTITY_HEADERS if name not in headers} | set(_CONSUMED)
    single = question.application.read_service_tokens_from_header.lower()
    if single and presented_credentials({single: question.facts.headers.get(single, "")}, single):
        remove.add(single)
    keep = issued.raw if issued and keep_cookie and not _strips(question) else ""
    presented = question.facts.headers.get("cookie", "")
    cookie = rewritten_cookies(presented, keep)
    if cookie:
        headers["cookie"] = cookie
    else:
        remove.add("cookie")
    forgotten: tuple[Cookie, ...] = ()
    if keep_cookie and cookies.REDIRECTS in question.facts.cookies:
        # Whoever is let in goes in no circle; and the data plane asks while this cookie lasts.
        forgotten = (loops.forgotten(loops.circle_of((), question.facts.path, question.now)),)
    return Admitted(headers, tuple(sorted(remove)), (*set_cookies, *forgotten))


def admit_unprotected(facts: RequestFacts) -> Admitted:
    """Let a request pass to what no application protects, as nobody."""
    remove = {*_IDENTITY_HEADERS, *_CONSUMED}
    cookie = rewritten_cookies(facts.headers.get("cookie", ""), "")
    if not cookie:
        return Admitted(remove=tuple(sorted({*remove, "cookie"})))
    return Admitted({"cookie": cookie}, tuple(sorted(remove)))


def token_cookies(question: Question, issued: Issued) -> tuple[Cookie, ...]:
    """Return the cookies that carry `issued` on the host that was asked."""
    application, path = question.application, question.destination.path
    grant = issued.grant
    made = [cookies.authorization(issued.raw, grant.expires_at, application, path=path)]
    if application.enable_binding_cookie:
        value = binding_of(grant.id, question.view.key)
        made.append(cookies.binding(value, grant.expires_at, application, path=path))
    return tuple(made)


def rewritten_cookies(header: str, authorization: str) -> str:
    """Return the `Cookie` header for an origin: the visitor's own, byte for byte, without ours.

    `authorization` is the token to show as `CF_Authorization`, empty for none.
    """
    kept = [part for part in header.split(";") if part.strip() and not _is_ours(part)]
    if authorization:
        kept.append(f" {cookies.AUTHORIZATION}={authorization}")
    return ";".join(kept).strip()


def _is_ours(part: str) -> bool:
    name = part.partition("=")[0].strip()
    return name in _OURS or cookies.is_app_session(name)


def _strips(question: Question) -> bool:
    return question.application.strip_authorization_cookie
