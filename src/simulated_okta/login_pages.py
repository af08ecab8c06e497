"""The sign-in pages' endpoints: every form is bound to its browser and has a CSRF token."""

from __future__ import annotations

import secrets
from pathlib import Path

from pyotp.totp import TOTP
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

from simulated_okta import pages
from simulated_okta.factors import Factor
from simulated_okta.sign_in import BROWSER_COOKIE, AskFactor, SignInFlow, next_step
from simulated_okta.simulation import SignIn, Simulation

_FAILED = "Unable to sign in"


def _same(left: str, right: str) -> bool:
    return secrets.compare_digest(left.encode(), right.encode())


def routes(simulation: Simulation, flow: SignInFlow) -> list[BaseRoute]:
    """Return the sign-in pages, the home page and the sign-out."""

    async def submitted(request: Request) -> tuple[SignIn, dict[str, str]] | None:
        """Return the sign-in whose form this is, or None when it is not this browser's."""
        form = {n: v for n, v in (await request.form()).items() if isinstance(v, str)}
        sign_in = simulation.sign_in(form.get("stateToken", ""))
        if sign_in is None or not _same(form.get("csrf", ""), sign_in.csrf):
            return None
        mine = _same(request.cookies.get(BROWSER_COOKIE, ""), sign_in.browser)
        return (sign_in, form) if mine else None

    async def page(request: Request) -> Response:
        if "stateToken" not in request.query_params:
            return flow.begin(request, None)
        sign_in = simulation.sign_in(request.query_params["stateToken"])
        cookie = request.cookies.get(BROWSER_COOKIE, "")
        if sign_in is None or not _same(cookie, sign_in.browser):
            return _stale()
        return flow.show(sign_in)

    async def password(request: Request) -> Response:
        if (found := await submitted(request)) is None:
            return _stale()
        sign_in, form = found
        sign_in.identifier = form.get("identifier", "").strip()
        sign_in.remember = form.get("remember") == "1"
        person = simulation.world.person(sign_in.identifier)
        given = form.get("password", "")
        if person is None or not person.active or not _same(given, person.password):
            sign_in.error = _FAILED
            simulation.record("user.session.start", "FAILURE", actor=sign_in.identifier)
            return flow.advance(request, sign_in)
        sign_in.person, sign_in.factors, sign_in.skipped = person, (), False
        return proved(request, sign_in)

    def proved(request: Request, sign_in: SignIn) -> Response:
        sign_in.fresh, sign_in.error, sign_in.picked = True, "", None
        return flow.advance(request, sign_in)

    async def factor(request: Request) -> Response:
        if (found := await submitted(request)) is None:
            return _stale()
        sign_in, form = found
        step, wanted = next_step(simulation, sign_in), form.get("factor", "")
        sign_in.error, sign_in.picked = "", None
        if not isinstance(step, AskFactor) or wanted == "back":
            return flow.advance(request, sign_in)
        if wanted == "none" and step.skippable:
            sign_in.skipped = True
        elif wanted == Factor.OTP and Factor.OTP in step.offered:
            sign_in.picked = Factor.OTP
        elif wanted in step.offered:
            sign_in.factors = (*sign_in.factors, Factor(wanted))
            return proved(request, sign_in)
        else:
            sign_in.error = "Choose one of the methods below."
        return flow.advance(request, sign_in)

    async def code(request: Request) -> Response:
        if (found := await submitted(request)) is None:
            return _stale()
        sign_in, form = found
        step, person = next_step(simulation, sign_in), sign_in.person
        if person is None or not isinstance(step, AskFactor) or Factor.OTP not in step.offered:
            return flow.advance(request, sign_in)
        given = form.get("code", "").replace(" ", "")
        totp = TOTP(person.totp_secret) if person.totp_secret else None
        if totp is not None and totp.verify(given, for_time=simulation.now(), valid_window=1):
            sign_in.factors = (*sign_in.factors, Factor.OTP)
            return proved(request, sign_in)
        sign_in.error = "Your code doesn't match our records. Please try again."
        simulation.record("user.authentication.auth_via_mfa", "FAILURE", actor=person.login)
        return flow.advance(request, sign_in)

    async def restart(request: Request) -> Response:
        old = simulation.sign_ins.pop(request.query_params.get("stateToken", ""), None)
        mine = old is not None and _same(request.cookies.get(BROWSER_COOKIE, ""), old.browser)
        if old is None or not mine:
            return _stale()
        forget(request)
        return flow.begin(request, old.request)

    def forget(request: Request) -> None:
        simulation.sessions.pop(request.cookies.get("sid", ""), None)

    async def sign_out(request: Request) -> Response:
        forget(request)
        response = RedirectResponse("/", status_code=303)
        response.delete_cookie("sid")
        return response

    async def home(request: Request) -> Response:
        session = simulation.session(request)
        person = simulation.world.person(session.person_id) if session is not None else None
        return pages.home(person, simulation.world.name)

    return [
        Route("/", home),
        Route("/login/login.htm", page),
        Route("/login/password", password, methods=["POST"]),
        Route("/login/factor", factor, methods=["POST"]),
        Route("/login/code", code, methods=["POST"]),
        Route("/login/restart", restart),
        Route("/login/signout", sign_out),
        Mount("/simulator-static", StaticFiles(directory=Path(__file__).parent / "static")),
    ]


def _stale() -> Response:
    return pages.error(
        400,
        "Your session has expired",
        "This sign-in is no longer valid, or it was begun in another browser. Return to the "
        "application and try again.",
    )
