"""Revocations, keys and service tokens as stories told to a store (access.md 4.2, 4.7, 8.1)."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from tests.flows.gate import (
    ADA,
    ALLOW_STAFF,
    EVERYONE,
    SECRET,
    SERVICE,
    SERVICE_HEADERS,
    Decision,
    Gate,
    policy,
    request,
)
from vestibule.flows import revoke, rotate_keys, service_tokens
from vestibule.flows.answers import Admitted, SentToLogin, Unauthenticated
from vestibule.flows.reevaluate import Reevaluation
from vestibule.model.application import Application
from vestibule.model.errors import InvalidConfiguration, NotFound
from vestibule.model.identity import IdentityProvider
from vestibule.model.rules import RiskLevel, Rule
from vestibule.model.state import LogQuery
from vestibule.sessions.revocation import OfApplication, OfGrant, OfServiceToken, OfSession, OfUser
from vestibule.tokens import keys


def ports(gate: Gate) -> dict:
    return {"store": gate.store, "clock": gate.clock, "entropy": gate.entropy}


def revoked(gate: Gate) -> set[str]:
    with gate.store.reading() as records:
        return set(records.revoked_grants(gate.clock.now()))


def test_taking_everything_from_a_person_ends_all_and_bars_them_for_a_minute() -> None:
    gate = Gate()
    wiki = gate.protect(ALLOW_STAFF)
    mail = gate.protect(ALLOW_STAFF, id="mail", host="mail.example.com", aud="b" * 64)
    grants = [gate.sign_in(app, ALLOW_STAFF)[1] for app in (wiki, mail)]
    before = gate.store.revisions().revocations
    reached = revoke.revoke_user_by_email("ADA@example.com", **ports(gate), reason="left")
    assert revoked(gate) == {grant.id for grant in grants} == set(reached.grants)
    assert gate.store.revisions().revocations > before
    with gate.store.reading() as records:
        user = records.user("ada-id")
        assert user is not None
        assert user.login_barred_until == gate.clock.now() + timedelta(minutes=1)
        assert records.live_sessions(gate.clock.now()) == []
        (record,) = records.access_log(LogQuery(action="revoke"))
        assert (record.user_email, record.reason) == ("ada@example.com", "left")


def test_ending_one_session_or_one_grant_leaves_the_others() -> None:
    gate = Gate()
    wiki = gate.protect(ALLOW_STAFF)
    (one, first), (two, second) = gate.sign_in(wiki, ALLOW_STAFF), gate.sign_in(wiki, ALLOW_STAFF)
    revoke.revoke(OfSession(first.session_id or ""), **ports(gate))
    assert isinstance(gate.ask(request(token=one)).answer, SentToLogin)
    assert isinstance(gate.ask(request(token=two)).answer, Admitted)
    revoke.revoke(OfGrant(second.id), **ports(gate))
    assert isinstance(gate.ask(request(token=two)).answer, SentToLogin)


def test_taking_an_applications_tokens_stops_no_machine() -> None:
    gate = Gate()
    gate.protect(SERVICE)
    gate.machine()
    gate.ask(request(headers=SERVICE_HEADERS))
    reached = revoke.revoke(OfApplication("wiki"), **ports(gate))
    assert len(reached.grants) == 1
    gate.clock.turn(seconds=1)
    answer = gate.ask(request(headers=SERVICE_HEADERS)).answer
    assert isinstance(answer, Admitted)
    assert answer.headers["x-vestibule-grant"] not in revoked(gate)


@pytest.mark.parametrize("of", [OfUser("x"), OfSession("x"), OfGrant("x")])
def test_what_is_not_there_cannot_be_revoked(of) -> None:
    with pytest.raises(NotFound):
        revoke.revoke(of, **ports(Gate()))


def test_the_first_key_is_made_once() -> None:
    gate = Gate()
    gate.store._state.signing_keys.clear()
    made = rotate_keys.ensure_key(store=gate.store, clock=gate.clock)
    assert rotate_keys.ensure_key(store=gate.store, clock=gate.clock) == made


def test_a_rotation_logs_nobody_out() -> None:
    gate = Gate()
    application = gate.protect(ALLOW_STAFF)
    lifetime = timedelta(days=30)
    token, grant = gate.sign_in(application, ALLOW_STAFF, lifetime=lifetime)
    gate.clock.turn(days=1)
    made = rotate_keys.rotate(store=gate.store, clock=gate.clock)
    with gate.store.reading() as records:
        known = records.signing_keys()
    assert keys.current(known) == made
    (old,) = [key for key in known if key.kid != made.kid]
    assert old.verify_until is not None
    assert old.verify_until >= grant.expires_at
    for _ in range(3):
        gate.clock.turn(days=8)
        assert isinstance(gate.ask(request(token=token)).answer, Admitted)


def test_keys_are_rotated_in_time_and_forgotten_after_it() -> None:
    gate = Gate()
    first = rotate_keys.ensure_key(store=gate.store, clock=gate.clock)
    assert rotate_keys.rotate_if_due(store=gate.store, clock=gate.clock) is None
    gate.clock.turn(days=42)
    second = rotate_keys.rotate_if_due(store=gate.store, clock=gate.clock)
    assert second is not None
    gate.clock.turn(days=6)
    rotate_keys.rotate_if_due(store=gate.store, clock=gate.clock)
    with gate.store.reading() as records:
        assert {key.kid for key in records.signing_keys()} == {first.kid, second.kid}
    gate.clock.turn(days=2)
    rotate_keys.rotate_if_due(store=gate.store, clock=gate.clock)
    with gate.store.reading() as records:
        assert {key.kid for key in records.signing_keys()} == {second.kid}


def test_a_service_tokens_life() -> None:
    gate = Gate()
    gate.protect(SERVICE)
    made = service_tokens.create("Robot", **ports(gate))
    id = made.token.id

    def works(secret: str) -> bool:
        gate.clock.turn(seconds=1)
        headers = {
            "cf-access-client-id": made.token.client_id,
            "cf-access-client-secret": secret,
        }
        return isinstance(gate.ask(request(headers=headers)).answer, Admitted)

    first = made.secret.reveal()
    assert works(first)
    assert not works(SECRET)
    soon = gate.clock.now() + timedelta(hours=1)
    second = service_tokens.rotate(id, **ports(gate), previous_expires_at=soon).secret.reveal()
    assert works(first)
    assert works(second)
    gate.clock.turn(hours=1)
    assert not works(first)
    third = service_tokens.rotate(id, **ports(gate)).secret.reveal()
    assert not works(second)
    service_tokens.switch(id, enabled=False, **ports(gate))
    assert not works(third)
    service_tokens.switch(id, enabled=True, **ports(gate))
    assert works(third)
    gate.clock.turn(days=365)
    assert not works(third)
    service_tokens.refresh(id, store=gate.store)
    assert works(third)
    short = service_tokens.prolong(id, timedelta(hours=1), store=gate.store, clock=gate.clock)
    assert short.expires_at == gate.clock.now() + timedelta(hours=1)
    service_tokens.delete(id, **ports(gate))
    assert not works(third)


def test_switching_a_machine_off_takes_its_tokens_back() -> None:
    gate = Gate()
    gate.protect(SERVICE)
    token = gate.machine()
    answer = gate.ask(request(headers=SERVICE_HEADERS)).answer
    assert isinstance(answer, Admitted)
    service_tokens.switch(token.id, enabled=False, **ports(gate))
    assert revoked(gate) == {answer.headers["x-vestibule-grant"]}
    gate.clock.turn(seconds=1)
    assert isinstance(gate.ask(request(headers=SERVICE_HEADERS)).answer, Unauthenticated)
    revoke.revoke(OfServiceToken(token.id), **ports(gate))


def test_a_previous_secret_serves_for_thirty_days_at_most() -> None:
    gate = Gate()
    made = service_tokens.create("Robot", **ports(gate))
    late = gate.clock.now() + timedelta(days=31)
    with pytest.raises(InvalidConfiguration):
        service_tokens.rotate(made.token.id, **ports(gate), previous_expires_at=late)
    with pytest.raises(NotFound):
        service_tokens.rotate("nobody", **ports(gate))
    with pytest.raises(InvalidConfiguration):
        service_tokens.create("", **ports(gate))


def reevaluation(gate: Gate) -> Reevaluation:
    made = Reevaluation(gate.store, gate.clock, scheme="https")
    assert made.run() == 0
    return made


EXCLUDED = {"exclude": (Rule("email", {"email": "ada@example.com"}),)}
HARDWARE = {"require": (Rule("auth_method", {"auth_method": "hwk"}),)}


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        pytest.param(lambda gate, app: None, 0, id="nothing"),
        pytest.param(
            lambda gate, app: gate.put(replace(ALLOW_STAFF, **EXCLUDED)), 1, id="excluded"
        ),
        pytest.param(
            lambda gate, app: gate.put(replace(ALLOW_STAFF, **HARDWARE)), 1, id="stronger factor"
        ),
        pytest.param(
            lambda gate, app: gate.put(replace(ALLOW_STAFF, include=(EVERYONE,))), 0, id="widened"
        ),
        pytest.param(lambda gate, app: gate.put(replace(app, enabled=False)), 1, id="switched off"),
        pytest.param(
            lambda gate, app: gate.put(replace(app, policy_ids=())), 1, id="no policy left"
        ),
        pytest.param(
            lambda gate, app: gate.put(replace(app, policy_ids=("lost",))), 1, id="policy lost"
        ),
        pytest.param(
            lambda gate, app: gate.put(replace(app, allowed_idps=("other",))),
            1,
            id="provider not allowed",
        ),
        pytest.param(
            lambda gate, app: gate.put(IdentityProvider("idp", "Okta", "okta", enabled=False)),
            1,
            id="provider switched off",
        ),
        pytest.param(
            lambda gate, app: gate.put(replace(ALLOW_STAFF, require=(Rule("certificate", {}),))),
            0,
            id="a certificate is asked for on each request",
        ),
    ],
)
def test_S2_a_change_ends_the_grants_that_no_longer_pass(change, expected: int) -> None:
    gate = Gate()
    application = gate.protect(ALLOW_STAFF)
    gate.sign_in(application, ALLOW_STAFF)
    judged = reevaluation(gate)
    change(gate, application)
    assert judged.run() == expected
    assert len(revoked(gate)) == expected
    assert judged.run() == 0


def test_S2_a_deleted_application_takes_its_grants_with_it() -> None:
    gate = Gate()
    gate.sign_in(gate.protect(ALLOW_STAFF), ALLOW_STAFF)
    judged = reevaluation(gate)
    with gate.store.transaction() as records:
        records.delete(Application, "wiki")
    assert judged.run() == 1


def test_a_change_here_ends_nothing_there() -> None:
    gate = Gate()
    gate.protect(ALLOW_STAFF)
    others = policy(Decision.ALLOW, EVERYONE, id="others")
    mail = gate.protect(others, id="mail", host="mail.example.com", aud="b" * 64)
    gate.sign_in(mail, others)
    judged = reevaluation(gate)
    gate.put(replace(ALLOW_STAFF, **EXCLUDED))
    assert judged.run() == 0


def test_S2_a_risk_that_rose_ends_the_grants_of_that_person() -> None:
    calm = policy(
        Decision.ALLOW,
        EVERYONE,
        require=(Rule("user_risk_score", {"user_risk_score": ["unscored", "low"]}),),
    )
    gate = Gate()
    _, grant = gate.sign_in(gate.protect(calm), calm)
    judged = reevaluation(gate)
    with gate.store.transaction() as records:
        user = records.user("ada-id")
        assert user is not None
        records.put_user(replace(user, risk_level=RiskLevel.HIGH))
    assert judged.run_for_user("ada-id") == 1
    assert revoked(gate) == {grant.id}


def test_S2_what_changed_while_nobody_watched_is_judged_at_the_start() -> None:
    gate = Gate()
    gate.sign_in(gate.protect(ALLOW_STAFF), ALLOW_STAFF, identity=replace(ADA))
    gate.put(replace(ALLOW_STAFF, **EXCLUDED))
    assert Reevaluation(gate.store, gate.clock, scheme="https").run() == 1
