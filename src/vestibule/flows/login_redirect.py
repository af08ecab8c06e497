"""Sends a visitor to the login page, and notices when they come back too often (access.md 5.1)."""

from __future__ import annotations

from urllib.parse import quote, urlencode

from vestibule.flows.answers import Looping, SentToLogin
from vestibule.flows.ports import Entropy
from vestibule.flows.question import Question, challenge, is_web_socket
from vestibule.sessions import cookies, loops
from vestibule.tokens.meta import Meta, sign_meta
from vestibule.tokens.verify import Flaw

LOGIN_PATH = "/cdn-cgi/access/login"
_LONGEST_RETURN = 4096

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
    path = question.facts.path
    sent = question.facts.cookies.get(cookies.REDIRECTS, ())
    before = loops.circle_of(sent, path, question.now)
    counts = question.facts.method == "GET" and not is_web_socket(question.facts)
    circle = loops.sent_away(before) if counts else before
    if circle.closed:
        return Looping(
            application_name=question.application.name,
            findings=_findings(question, flaws),
            retry_url=return_url(question),
            reference=question.reference,
            cookies=(loops.forgotten(circle),),
        )
    app_session = cookies.new_app_session(entropy.hexadecimal(16))
    set_cookies = list(cookies.app_session_cookies(app_session, question.now))
    if circle != before:
        set_cookies.append(loops.cookie(circle))
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
