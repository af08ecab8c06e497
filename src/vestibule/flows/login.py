"""A visitor comes to the login page, and goes to an identity provider (access.md 5.2-3)."""

from __future__ import annotations

from typing import assert_never

from vestibule.connectors import SignIn, SignInFailed
from vestibule.flows.access_records import login_record
from vestibule.flows.admission import Entrant, advance
from vestibule.flows.attempts import begin_attempt
from vestibule.flows.door import Door
from vestibule.flows.judgement import case_of, judge
from vestibule.flows.login_answers import Answer, GoTo, ShowChooser, ShowFailure, ShowForbidden
from vestibule.flows.question import reference
from vestibule.flows.refresh import REFRESH_PATH, nobody, refresh_visit
from vestibule.flows.signed_in import signed_in
from vestibule.flows.visit import (
    CALLBACK_PATH,
    AskedLogin,
    Visit,
    providers_for,
    visit_for,
)
from vestibule.login.browser import Browser
from vestibule.login.step_up import parse_acr_values
from vestibule.login.steps import (
    Admit,
    ApprovalRefused,
    AskPurpose,
    AwaitApproval,
    ChooseProvider,
    Demands,
    GoToProvider,
    Proved,
    Refuse,
    RequestApproval,
    TurnAway,
    next_step,
)
from vestibule.model.identity import IdentityProvider
from vestibule.model.request import RequestFacts
from vestibule.model.session import AttemptStage
from vestibule.protocols.exchange import run
from vestibule.protocols.oauth2 import code_challenge

NO_PROVIDER = "There is no way to sign in to this application at present."


def start_login(door: Door, facts: RequestFacts, asked: AskedLogin, browser: Browser) -> Answer:
    """Answer the login page. Raises `NotFound` for a link that belongs to no application.

    Somebody with a session goes on silently, unless they asked to sign in `again` or came
    by a provider that this application does not allow.
    """
    configuration = door.store.configuration()
    visit = visit_for(door, configuration, facts, asked, browser)
    providers = providers_for(door, visit)
    if not visit.again:
        with door.store.reading() as records:
            found = signed_in(door, records, configuration, facts)
        if found is not None and found[0].identity.idp_id in {one.id for one in providers}:
            return advance(door, visit, Entrant(*found))
    return _sign_in(door, visit, providers, asked.chosen)


def start_refresh(door: Door, facts: RequestFacts, browser: Browser) -> Answer:
    """Answer refresh-identity: whoever is signed in goes to their provider once more."""
    configuration = door.store.configuration()
    with door.store.reading() as records:
        found = signed_in(door, records, configuration, facts)
    visit = refresh_visit(door, configuration, facts, browser)
    providers = {one.id: one for one in providers_for(door, visit)}
    if found is None or found[0].identity.idp_id not in providers:
        return nobody(facts)
    return go_to_provider(door, visit, providers[found[0].identity.idp_id])


def _sign_in(
    door: Door, visit: Visit, providers: tuple[IdentityProvider, ...], chosen: str
) -> Answer:
    configuration, application = visit.configuration, visit.application
    verdict = judge(case_of(configuration, application, visit.judged_facts, None, None, {}))
    demands = Demands(
        providers,
        verdict,
        door.clock.now(),
        straight=application.auto_redirect_to_identity
        or configuration.organization.auto_redirect_to_identity,
    )
    step = next_step(Proved(chosen=chosen), demands)
    match step:
        case GoToProvider(provider):
            return go_to_provider(door, visit, provider)
        case ChooseProvider(offered) if offered:
            choices = tuple((one, visit.login_path(idp=one.id, **_again(visit))) for one in offered)
            return ShowChooser(application, visit.host, choices)
        case ChooseProvider():
            return ShowFailure(NO_PROVIDER, reference=reference(visit.facts), status=403)
        case TurnAway(refusal) | Refuse(refusal):
            unmet = refusal.unmet()
            with door.store.transaction() as records:
                records.log(
                    login_record(
                        visit.judged_facts,
                        door.clock.now(),
                        allowed=False,
                        application=application,
                        verdict=refusal,
                        reason=" ".join(unmet),
                        connection="nonidentity",
                    )
                )
            return ShowForbidden(application, unmet, reference(visit.facts))
        case Admit() | AskPurpose() | RequestApproval() | AwaitApproval() | ApprovalRefused():
            # A bypass: the application's host lets this request in without a sign-in.
            return GoTo(f"{visit.origin}{visit.return_to}")
        case _:
            assert_never(step)


def go_to_provider(
    door: Door, visit: Visit, provider: IdentityProvider, *, without_groups: bool = False
) -> Answer:
    """Begin a sign-in at `provider`: a new attempt, and the browser sent there."""
    remember = {
        "again": "1" if visit.again else "",
        "without_groups": "1" if without_groups else "",
        "acr": visit.acr,
    }
    with door.store.transaction() as records:
        attempt = begin_attempt(
            door,
            records,
            visit,
            AttemptStage.AT_PROVIDER,
            idp_id=provider.id,
            remember=remember,
        )
    sign_in = SignIn(
        redirect_uri=callback_url(door, visit),
        state=attempt.id,
        nonce=attempt.nonce,
        code_challenge=code_challenge(attempt.code_verifier),
        prompt="login" if visit.again else "",
        max_age=0 if visit.again else None,
        acr_values=parse_acr_values(visit.acr) if visit.again else (),
        without_groups=without_groups,
    )
    try:
        begun = door.connectors[provider.type].begin(provider, sign_in)
        return GoTo(run(begun, door.network.send))
    except SignInFailed as error:
        return failed(door, visit, provider, error)


def failed(
    door: Door, visit: Visit, provider: IdentityProvider, error: SignInFailed
) -> ShowFailure:
    """Write down that a sign-in failed, and say so."""
    with door.store.transaction() as records:
        records.log(
            login_record(
                visit.facts,
                door.clock.now(),
                allowed=False,
                application=visit.application,
                reason=error.message,
                connection=provider.type,
                idp_id=provider.id,
                detail={"code": error.code, **error.detail},
            )
        )
    return ShowFailure(
        error.message,
        retry_url=visit.login_path() if visit.application.id else REFRESH_PATH,
        reference=reference(visit.facts),
        status=403,
    )


def callback_url(door: Door, visit: Visit) -> str:
    """The one callback of all providers (access.md 5.4)."""
    return door.team_url(visit.configuration.organization, CALLBACK_PATH)


def _again(visit: Visit) -> dict[str, str]:
    if not visit.again:
        return {}
    return {"again": "1", "acr": visit.acr} if visit.acr else {"again": "1"}
