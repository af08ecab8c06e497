"""The sign-in flow: what somebody must still prove, and how they return to the application."""

from __future__ import annotations

from dataclasses import dataclass
from typing import assert_never

from pyotp.totp import TOTP
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from simulated_okta import claims, pages
from simulated_okta.errors import OAuthError
from simulated_okta.factors import (
    Factor,
    acr_satisfied,
    amr,
    factors_for,
    known_acr_values,
)
from simulated_okta.responses import deliver, refuse
from simulated_okta.simulation import (
    AuthorizationRequest,
    Grant,
    OktaSession,
    SignIn,
    Simulation,
    random_id,
)
from simulated_okta.world import Person

BROWSER_COOKIE = "oktaStateToken"
UNMET = "Unable to meet the authentication requirements imposed by 'acr_values' parameter."


@dataclass(frozen=True)
class AskPassword:
    """Nobody is known yet."""


@dataclass(frozen=True)
class AskFactor:
    """One of these second factors is asked for."""

    offered: tuple[Factor, ...]
    skippable: bool


@dataclass(frozen=True)
class Unmet:
    """What the application asks for is beyond the person's factors."""


@dataclass(frozen=True)
class Done:
    """Everything is proved; `acr` is the value that was met, if one was asked for."""

    acr: str | None


Step = AskPassword | AskFactor | Unmet | Done


def next_step(simulation: Simulation, sign_in: SignIn) -> Step:
    """Decide from what has been proved, and from `acr_values`, what comes next."""
    person = sign_in.person
    if person is None:
        return AskPassword()
    asked = sign_in.request.acr_values if sign_in.request is not None else ()
    acrs = known_acr_values(simulation.world.engine, asked)
    if acrs:
        for acr in acrs:
            if acr_satisfied(acr, sign_in.factors, person.factors):
                return Done(acr) if not _still_to_prove(sign_in, person) else _any_factor(person)
        for acr in acrs:
            if offered := factors_for(acr, person.factors):
                return AskFactor(offered, skippable=False)
        return Unmet()
    return _any_factor(person) if _still_to_prove(sign_in, person) else Done(None)


def _still_to_prove(sign_in: SignIn, person: Person) -> bool:
    """Whether the global policy wants a second factor that has not been given or skipped."""
    return bool(person.factors) and not sign_in.factors and not sign_in.skipped


def _any_factor(person: Person) -> AskFactor:
    return AskFactor(tuple(person.factors), skippable=person.password_only)


class SignInFlow:
    """Begins a sign-in, shows the page of its step, and ends it."""

    def __init__(self, simulation: Simulation) -> None:
        self._simulation = simulation

    def begin(self, request: Request, asked: AuthorizationRequest | None) -> Response:
        """Start for an application, or for nobody (the home page), with single sign-on."""
        session = self._simulation.session(request)
        sign_in = self._new(request, asked)
        if session is not None and _usable(session, asked, self._simulation.now()):
            sign_in.person = self._simulation.world.person(session.person_id)
            # A session was let in once: its second factor is not asked for again.
            sign_in.factors, sign_in.skipped = session.factors, True
        step = next_step(self._simulation, sign_in)
        silent = asked is not None and asked.prompt == "none"
        if asked is not None and silent and isinstance(step, AskPassword):
            text = "The client specified not to prompt, but the user is not logged in."
            return refuse(asked, "login_required", text)
        if asked is not None and silent and isinstance(step, AskFactor):
            text = "The client specified not to prompt, but another factor is required."
            return refuse(asked, "interaction_required", text)
        if isinstance(step, Done | Unmet):
            return self.advance(request, sign_in)
        self._simulation.sign_ins[sign_in.id] = sign_in
        response = self._to_page(sign_in)
        response.set_cookie(
            BROWSER_COOKIE,
            sign_in.browser,
            path="/login",
            httponly=True,
            samesite="lax",
            secure=request.url.scheme == "https",
        )
        return response

    def advance(self, request: Request, sign_in: SignIn) -> Response:
        """Go on: to the next page, or back to the application."""
        step = next_step(self._simulation, sign_in)
        match step:
            case AskPassword() | AskFactor():
                return self._to_page(sign_in)
            case Unmet():
                self._simulation.sign_ins.pop(sign_in.id, None)
                response = _unmet(sign_in.request)
                self._remember(request, response, sign_in)
                return response
            case Done(acr):
                self._simulation.sign_ins.pop(sign_in.id, None)
                return self._finish(request, sign_in, acr)
            case _:
                assert_never(step)

    def show(self, sign_in: SignIn) -> Response:
        """Return the page of the step that `sign_in` is at."""
        simulation, organisation = self._simulation, self._simulation.world.name
        step = next_step(simulation, sign_in)
        if isinstance(step, AskFactor):
            if sign_in.picked is Factor.OTP:
                hint, seconds = self._hint(sign_in)
                return pages.code(sign_in, organisation, hint=hint, seconds=seconds)
            return pages.factor(sign_in, step.offered, organisation, skippable=step.skippable)
        people = [p for p in simulation.world.people if p.active] if simulation.hints else []
        return pages.password(sign_in, people, organisation)

    def _new(self, request: Request, asked: AuthorizationRequest | None) -> SignIn:
        return SignIn(
            id=random_id("00"),
            browser=request.cookies.get(BROWSER_COOKIE) or random_id(),
            csrf=random_id(),
            started=self._simulation.clock(),
            request=asked,
            identifier=asked.login_hint if asked is not None else "",
        )

    def _hint(self, sign_in: SignIn) -> tuple[str, int]:
        now = self._simulation.now()
        if not self._simulation.hints or sign_in.person is None:
            return "", 0
        return current_code(sign_in.person, now), 30 - now % 30

    def _to_page(self, sign_in: SignIn) -> RedirectResponse:
        return RedirectResponse(f"/login/login.htm?stateToken={sign_in.id}", status_code=303)

    def _finish(self, request: Request, sign_in: SignIn, acr: str | None) -> Response:
        """Keep the session, and answer the application that asked."""
        person, asked = sign_in.person, sign_in.request
        if person is None:
            return pages.error(400, "400 - Bad Request", "Nobody signed in.")
        session = self._keep(request, sign_in, person)
        if asked is None:
            response: Response = RedirectResponse("/", status_code=303)
        else:
            response = self._answer(asked, person, session, acr)
        _set_session(request, response, session, remember=sign_in.remember)
        return response

    def _keep(self, request: Request, sign_in: SignIn, person: Person) -> OktaSession:
        """Return the session: the old one as it was, or a new one when anything was proved."""
        simulation = self._simulation
        old = simulation.session(request)
        expires = simulation.clock() + simulation.world.session_lifetime
        if old is not None and not sign_in.fresh:
            old.expires = expires
            return old
        if old is not None:
            del simulation.sessions[old.id]
        session = OktaSession(
            random_id("102"), person.id, sign_in.factors, simulation.now(), expires
        )
        simulation.sessions[session.id] = session
        simulation.record("user.session.start", "SUCCESS", actor=person.login)
        return session

    def _remember(self, request: Request, response: Response, sign_in: SignIn) -> None:
        if sign_in.person is not None:
            session = self._keep(request, sign_in, sign_in.person)
            _set_session(request, response, session, remember=sign_in.remember)

    def _answer(
        self, asked: AuthorizationRequest, person: Person, session: OktaSession, acr: str | None
    ) -> Response:
        """Return a code or tokens, or why the application gets none for this person."""
        simulation = self._simulation
        client = simulation.world.client(asked.client_id)
        server = simulation.world.server(asked.server_id)
        if client is None or server is None:
            return pages.error(400, "400 - Bad Request", "Invalid value for 'client_id' parameter.")
        if not simulation.world.assigned(client, person):
            text = "User is not assigned to the client application."
            return refuse(asked, "access_denied", text)
        if not server.is_org and not server.access_policy:
            simulation.record("app.oauth2.as.authorize", "FAILURE", reason="no_matching_policy")
            text = (
                "Policy evaluation failed for this request, please check the policy configurations."
            )
            return refuse(asked, "access_denied", text)
        methods = amr(simulation.world.engine, session.factors)
        grant = Grant(asked, person.id, methods, acr, session.auth_time)
        if asked.response_type == "code":
            return deliver(asked, {"code": simulation.issue_code(grant)})
        answer: dict[str, str] = {}
        try:
            if "token" in asked.response_type.split():
                answer["access_token"] = claims.access_token(simulation, grant, server)
                answer |= {"token_type": "Bearer", "expires_in": str(claims.LIFETIME)}
                answer["scope"] = " ".join(asked.scopes)
            answer["id_token"] = claims.id_token(
                simulation, grant, server, access_token=answer.get("access_token", "")
            )
        except OAuthError as error:
            return refuse(asked, error.error, error.description)
        return deliver(asked, answer)


def current_code(person: Person, now: int) -> str:
    """Return the code that the authenticator app of `person` shows at `now`."""
    return TOTP(person.totp_secret).at(now) if person.totp_secret else ""


def _usable(session: OktaSession, asked: AuthorizationRequest | None, now: int) -> bool:
    """Whether single sign-on may answer, or the application wants a fresh sign-in."""
    if asked is None:
        return True
    if "login" in asked.prompt.split():
        return False
    return asked.max_age is None or (asked.max_age > 0 and now - session.auth_time <= asked.max_age)


def _unmet(asked: AuthorizationRequest | None) -> Response:
    if asked is None:
        return pages.error(400, "400 - Bad Request", UNMET)
    return refuse(asked, "unmet_authentication_requirements", UNMET)


def _set_session(
    request: Request, response: Response, session: OktaSession, *, remember: bool
) -> None:
    response.set_cookie(
        "sid",
        session.id,
        max_age=30 * 24 * 3600 if remember else None,
        httponly=True,
        samesite="lax",
        secure=request.url.scheme == "https",
    )
