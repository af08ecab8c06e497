"""Sends a visitor to the login page, and notices when they come back too often (access.md 5.1)."""

from __future__ import annotations

import re
from datetime import timedelta
from urllib.parse import quote, urlencode

from vestibule.flows.answers import Looping, SentToLogin
from vestibule.flows.ports import Entropy
from vestibule.flows.question import Question, challenge, is_web_socket
from vestibule.sessions import cookies
from vestibule.sessions.cookies import Cookie
from vestibule.tokens.meta import Meta, sign_meta
from vestibule.tokens.verify import Flaw

LOGIN_PATH = "/cdn-cgi/access/login"
LOOP_WINDOW = timedelta(seconds=30)
LOOP_COUNT = 3
_LONGEST_RETURN = 4096
_COUNTED = re.compile(r"([1-9])\.([0-9]{10})", re.ASCII)
_PATH_FOR_A_COOKIE = re.compile(r"/[A-Za-z0-9/._~%!$&'()*+:@=-]*", re.ASCII)

_FINDINGS: dict[str, str] = {
    Flaw.EXPIRED: (
        "Your browser sent a session that had ended already. "
        "Check that the clock of this computer is right."
    ),
    Flaw.NOT_YET_VALID: "Your browser sent a session that begins in the future: clocks differ.",
    Flaw.WRONG_AUDIENCE: (
        "Your browser sent the session of another application on this hostname. "
        "Ask the administrator to turn on path cookies for both."
    ),
    Flaw.UNKNOWN_KEY: "Your browser sent a session that another installation had signed.",
    "ended": "Your session for this application was ended while you signed in.",
    "unbound": "Your browser did not send the cookie CF_Binding along with your session.",
}
_NO_COOKIE = (
    "Your browser did not send the cookie CF_Authorization back. "
    "Allow cookies for this site; a private window or an extension may block them."
)
_UNREADABLE = "Your browser sent a cookie CF_Authorization that cannot be read."


def send_to_login(
    question: Question, entropy: Entropy, flaws: tuple[str, ...] = ()
) -> SentToLogin | Looping:
    """Return the redirect to the login page, or the page that explains why it is the third."""
    count, first = _counted(question)
    counts = question.facts.method == "GET" and not is_web_socket(question.facts)
    if counts and count + 1 >= LOOP_COUNT:
        gone = cookies.deleted(_counter(question, 1, first))
        return Looping(
            application_name=question.application.name,
            findings=_findings(question, flaws),
            retry_url=return_url(question),
            reference=question.reference,
            cookies=(gone,),
        )
    app_session = cookies.new_app_session(entropy.hexadecimal(16))
    set_cookies = list(cookies.app_session_cookies(app_session, question.now))
    if counts:
        set_cookies.append(_counter(question, count + 1, first))
    return SentToLogin(
        location=login_url(question, app_session),
        challenge=challenge(question.facts),
        cookies=tuple(set_cookies),
    )


def login_url(question: Question, app_session: str = "") -> str:
    """Return the address of the login page for this request."""
    facts, view = question.facts, question.view
    meta = Meta(
        origin=f"{facts.scheme}://{facts.authority}",
        hostname=facts.host,
        app_session=cookies.hash_app_session(app_session) if app_session else "",
        ip=facts.client_ip,
        country=facts.country or "",
        certificate=facts.certificate.common_name if facts.certificate else "",
    )
    signed = sign_meta(
        meta,
        issuer=view.issuer,
        application_aud=question.application.aud,
        key=view.key,
        now=question.now,
    )
    query = urlencode(
        {
            "kid": question.application.aud,
            "redirect_url": return_url(question),
            "meta": signed,
        },
        quote_via=quote,
        safe="",
    )
    return f"{view.issuer}{LOGIN_PATH}/{quote(facts.host, safe='[]:')}?{query}"


def return_url(question: Question) -> str:
    """Return path and query to come back to: on this host and nowhere else."""
    facts = question.facts
    path = "/" + facts.path.lstrip("/\\")
    whole = f"{path}?{facts.query}" if facts.query else path
    if len(whole) > _LONGEST_RETURN:
        whole = path
    return whole if len(whole) <= _LONGEST_RETURN else "/"


def _counted(question: Question) -> tuple[int, int]:
    """How often this page was sent to the login page lately, and since when (seconds)."""
    now = int(question.now.timestamp())
    found = (
        (int(match[1]), int(match[2]))
        for value in question.facts.cookies.get(cookies.REDIRECTS, ())[:8]
        if (match := _COUNTED.fullmatch(value))
    )
    recent = [
        (count, first)
        for count, first in found
        if first <= now < first + LOOP_WINDOW.total_seconds()
    ]
    return max(recent, default=(0, now))


def _counter(question: Question, count: int, first: int) -> Cookie:
    """The cookie that counts; other pages, open in other tabs, have their own."""
    path = question.facts.path
    if not _PATH_FOR_A_COOKIE.fullmatch(path):
        path = "/"
    return cookies.redirects(f"{count}.{first}", question.now, LOOP_WINDOW, path)


def _findings(question: Question, flaws: tuple[str, ...]) -> tuple[str, ...]:
    if not flaws:
        findings = [_NO_COOKIE]
        if question.application.same_site == "strict":
            findings.append(
                "This application's cookie is SameSite=Strict, which browsers do not send "
                "after a sign-in elsewhere. Ask the administrator to choose Lax."
            )
        return tuple(findings)
    return tuple(dict.fromkeys(_FINDINGS.get(flaw, _UNREADABLE) for flaw in flaws))
