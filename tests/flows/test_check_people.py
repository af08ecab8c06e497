"""What becomes of people who present an application token (access.md 3.3, 4.3, 4.4)."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import pytest

from tests.flows.gate import (
    ADA,
    ALLOW_STAFF,
    EVERYONE,
    HERE,
    OFFICE,
    TEAM,
    XHR,
    Decision,
    Gate,
    policy,
    request,
    signing_key,
)
from vestibule.flows.answers import (
    Admitted,
    Answered,
    Denied,
    Forbidden,
    SentAway,
    SentToLogin,
    Unauthenticated,
)
from vestibule.model.errors import StoreUnavailable
from vestibule.model.identity import IdentityProvider
from vestibule.model.rules import RiskLevel, Rule
from vestibule.tokens.binding import binding_of
from vestibule.tokens.verify import TokenKind, verify


def claims_of(gate: Gate, raw: str, aud: str = "a" * 64):
    return verify(
        raw,
        [signing_key(), signing_key(1)],
        kind=TokenKind.APPLICATION,
        issuer=f"https://{TEAM}",
        audiences=(aud,),
        now=gate.clock.now(),
    )


def test_a_good_token_passes_as_it_is() -> None:
    gate = Gate()
    token, grant = gate.sign_in(gate.protect(ALLOW_STAFF), ALLOW_STAFF)
    decided = gate.ask(request(token=token, cookies={"theme": ("dark",)}))
    assert isinstance(decided.answer, Admitted)
    assert decided.answer.headers == {
        "cf-access-jwt-assertion": token,
        "cf-access-authenticated-user-email": "ada@example.com",
        "x-vestibule-grant": grant.id,
        "cookie": f"theme=dark; CF_Authorization={token}",
    }
    assert decided.answer.cookies == ()
    assert decided.record is not None
    assert decided.record.allowed
    assert decided.record.approving_policy_id == ALLOW_STAFF.id


def test_H8_cookies_of_ours_stay_here_and_others_pass_byte_for_byte() -> None:
    gate = Gate()
    application = gate.protect(ALLOW_STAFF, strip_authorization_cookie=True)
    token, _ = gate.sign_in(application, ALLOW_STAFF)
    held = {
        "a": ('"q=1"',),
        "CF_AppSession": ("n1",),
        "CF_AppSession_07": ("n1",),
        "CF_Binding": ("b",),
        "CF_Redirects": ("1.1",),
        "b": ("x y",),
    }
    decided = gate.ask(request(token=token, cookies=held))
    assert isinstance(decided.answer, Admitted)
    assert decided.answer.headers["cookie"] == 'a="q=1"; b=x y'
    alone = gate.ask(request(token=token))
    assert isinstance(alone.answer, Admitted)
    assert "cookie" in alone.answer.remove


def test_h8_the_counter_of_circles_is_taken_from_whoever_is_let_in() -> None:
    gate = Gate()
    token, _ = gate.sign_in(gate.protect(ALLOW_STAFF), ALLOW_STAFF)
    admitted = gate.ask(request(token=token, cookies={"CF_Redirects": ("x",)})).answer
    assert isinstance(admitted, Admitted)
    assert [(one.name, one.value, one.path) for one in admitted.cookies] == [
        ("CF_Redirects", "", "/")
    ]
    assert admitted.cookies[0].expires_at.timestamp() == 0


def test_a_token_in_the_header_passes_and_does_not_reach_the_origin() -> None:
    gate = Gate()
    token, _ = gate.sign_in(gate.protect(ALLOW_STAFF), ALLOW_STAFF)
    decided = gate.ask(request(header_token=token))
    assert isinstance(decided.answer, Admitted)
    assert "cf-access-token" in decided.answer.remove
    assert "cookie" in decided.answer.remove


def test_S5_a_planted_cookie_neither_lets_in_nor_locks_out() -> None:
    gate = Gate()
    token, _ = gate.sign_in(gate.protect(ALLOW_STAFF), ALLOW_STAFF)
    both = {"CF_Authorization": ("planted.by.sibling", token)}
    decided = gate.ask(request(cookies=both))
    assert isinstance(decided.answer, Admitted)
    assert "planted" not in decided.answer.headers["cookie"]
    planted = {"CF_Authorization": ("planted.by.sibling", "another")}
    assert isinstance(gate.ask(request(cookies=planted)).answer, SentToLogin)


def test_S5_of_two_good_tokens_each_is_tried() -> None:
    gate = Gate()
    application = gate.protect(ALLOW_STAFF)
    ended, grant = gate.sign_in(application, ALLOW_STAFF)
    token, _ = gate.sign_in(application, ALLOW_STAFF)
    with gate.store.transaction() as records:
        records.revoke_grants([grant.id], gate.clock.now())
    assert isinstance(
        gate.ask(request(cookies={"CF_Authorization": (ended, token)})).answer, Admitted
    )


def test_a_header_speaks_for_the_whole_request() -> None:
    gate = Gate()
    token, _ = gate.sign_in(gate.protect(ALLOW_STAFF), ALLOW_STAFF)
    assert isinstance(gate.ask(request(token=token, header_token="bad")).answer, SentToLogin)


@pytest.mark.parametrize("end", ["grant", "session", "user", "provider", "other provider"])
def test_S2_a_token_whose_owner_is_gone_lets_nobody_in(end: str) -> None:
    gate = Gate()
    application = gate.protect(ALLOW_STAFF)
    token, grant = gate.sign_in(application, ALLOW_STAFF)
    now = gate.clock.now()
    if end == "provider":
        gate.put(IdentityProvider("idp", "Okta", "okta", enabled=False))
    elif end == "other provider":
        gate.put(replace(application, allowed_idps=("another",)))
    elif end == "user":
        gate.store._state.users.clear()
    else:
        with gate.store.transaction() as records:
            if end == "grant":
                records.revoke_grants([grant.id], now)
            else:
                records.end_sessions([grant.session_id or ""], now)
    assert isinstance(gate.ask(request(token=token)).answer, SentToLogin)
    assert isinstance(gate.ask(request(token=token, headers=XHR)).answer, Unauthenticated)


def test_S3_a_token_of_another_application_opens_nothing_here() -> None:
    gate = Gate()
    gate.protect(ALLOW_STAFF)
    other = gate.protect(ALLOW_STAFF, id="other", host="other.example.com", aud="b" * 64)
    token, _ = gate.sign_in(other, ALLOW_STAFF)
    assert isinstance(gate.ask(request(token=token)).answer, SentToLogin)
    assert isinstance(gate.ask(request(header_token=token)).answer, SentToLogin)


def test_F2_without_a_database_nobody_is_let_in_by_a_token() -> None:
    gate = Gate()
    token, _ = gate.sign_in(gate.protect(ALLOW_STAFF), ALLOW_STAFF)
    gate.ask(request(token=token))
    gate.store.fail()
    assert gate.check.at_once(request(token=token)) is None
    with pytest.raises(StoreUnavailable):
        gate.check.decide(request(token=token))


def test_the_cookie_binds_when_the_application_wants_it() -> None:
    gate = Gate()
    application = gate.protect(ALLOW_STAFF, enable_binding_cookie=True)
    token, grant = gate.sign_in(application, ALLOW_STAFF)
    binding = binding_of(grant.id, signing_key())
    bound = {"CF_Binding": ("nonsense", binding)}
    assert isinstance(gate.ask(request(token=token, cookies=bound)).answer, Admitted)
    wrong = {"CF_Binding": (binding_of("other", signing_key()),)}
    assert isinstance(gate.ask(request(token=token, cookies=wrong)).answer, SentToLogin)
    assert isinstance(gate.ask(request(token=token)).answer, SentToLogin)


def test_a_token_of_an_older_configuration_is_renewed_without_prolonging_it() -> None:
    gate = Gate()
    application = gate.protect(ALLOW_STAFF)
    token, grant = gate.sign_in(application, ALLOW_STAFF, lifetime=timedelta(hours=2))
    changed = replace(ALLOW_STAFF, require=(OFFICE,))
    gate.put(changed)
    decided = gate.ask(request(token=token))
    assert isinstance(decided.answer, Admitted)
    (cookie,) = decided.answer.cookies
    fresh = claims_of(gate, cookie.value)
    assert fresh.id not in (grant.id, "")
    assert fresh.expires_at == int(grant.expires_at.timestamp())
    assert decided.answer.headers["cf-access-jwt-assertion"] == cookie.value
    assert f"CF_Authorization={cookie.value}" in decided.answer.headers["cookie"]
    with gate.store.reading() as records:
        kept, old = records.grant(fresh.id), records.grant(grant.id)
    assert kept is not None
    assert kept.session_id == grant.session_id
    assert old is not None
    assert old.revoked_at is None
    again = gate.ask(request(token=cookie.value))
    assert isinstance(again.answer, Admitted)
    assert again.answer.cookies == ()


def test_S6_requests_that_come_together_share_the_renewed_token() -> None:
    gate = Gate()
    token, _ = gate.sign_in(gate.protect(ALLOW_STAFF), ALLOW_STAFF)
    gate.put(replace(ALLOW_STAFF, require=(OFFICE,)))
    answers = [gate.ask(request(f"/{n}", token=token)).answer for n in range(5)]
    assert len({answer.cookies[0].value for answer in answers}) == 1
    with gate.store.reading() as records:
        assert len(records.live_grants(gate.clock.now())) == 2


def test_a_token_taken_back_is_not_shared_again() -> None:
    gate = Gate()
    token, _ = gate.sign_in(gate.protect(ALLOW_STAFF), ALLOW_STAFF)
    gate.put(replace(ALLOW_STAFF, require=(OFFICE,)))
    first = gate.ask(request(token=token)).answer
    assert isinstance(first, Admitted)
    with gate.store.transaction() as records:
        records.revoke_grants([first.headers["x-vestibule-grant"]], gate.clock.now())
    gate.clock.turn(seconds=1)
    second = gate.ask(request(token=token)).answer
    assert isinstance(second, Admitted)
    assert second.headers["x-vestibule-grant"] != first.headers["x-vestibule-grant"]


@pytest.mark.parametrize(
    ("changed", "facts", "expected"),
    [
        pytest.param({"require": (HERE,)}, {"country": "US"}, Forbidden, id="other country"),
        pytest.param({"require": (HERE,)}, {"country": None}, Denied, id="unknown country"),
        pytest.param({"require": (OFFICE,)}, {"ip": "203.0.113.9"}, Forbidden, id="other network"),
        pytest.param({"require": (OFFICE,)}, {}, Admitted, id="all is well"),
        pytest.param(
            {"require": (Rule("auth_method", {"auth_method": "hwk"}),)},
            {},
            Denied,
            id="a factor is missing",
        ),
        pytest.param(
            {"exclude": (Rule("email", {"email": "ada@example.com"}),)}, {}, Denied, id="excluded"
        ),
    ],
)
def test_a_running_session_is_judged_by_fresh_facts_and_the_kept_identity(
    changed: dict, facts: dict, expected: type
) -> None:
    gate = Gate()
    token, _ = gate.sign_in(gate.protect(ALLOW_STAFF), ALLOW_STAFF)
    gate.put(replace(ALLOW_STAFF, **changed))
    decided = gate.ask(request(token=token, **facts))
    assert isinstance(decided.answer, expected)
    assert decided.record is not None
    assert decided.record.allowed is (expected is Admitted)
    assert decided.record.user_email == "ada@example.com"
    assert decided.record.trace["outcome"]


def test_the_denied_learn_what_they_lack_and_where_to_go() -> None:
    gate = Gate()
    application = gate.protect(ALLOW_STAFF, custom_deny_message="Ask the help desk.")
    token, _ = gate.sign_in(application, ALLOW_STAFF)
    gate.put(replace(ALLOW_STAFF, require=(Rule("auth_method", {"auth_method": "hwk"}),)))
    answer = gate.ask(request(token=token)).answer
    assert isinstance(answer, Denied)
    assert answer.message == "Ask the help desk."
    assert "hwk" in " ".join(answer.unmet)
    assert answer.sign_in_again_url.startswith(f"https://{TEAM}/cdn-cgi/access/login/")
    gate.put(replace(application, custom_deny_url="https://help.example/denied"))
    assert gate.ask(request(token=token)).answer == SentAway("https://help.example/denied")


def test_a_risk_level_that_rose_counts_at_once() -> None:
    low = policy(
        Decision.ALLOW, EVERYONE, require=(Rule("user_risk_score", {"user_risk_score": ["low"]}),)
    )
    gate = Gate()
    with gate.store.transaction() as records:
        user = records.user("ada-id")
        assert user is not None
        records.put_user(replace(user, risk_level=RiskLevel.LOW))
    token, _ = gate.sign_in(gate.protect(low), low)
    assert isinstance(gate.ask(request(token=token)).answer, Admitted)
    with gate.store.transaction() as records:
        records.put_user(replace(user, risk_level=RiskLevel.HIGH))
    assert not isinstance(gate.ask(request(token=token)).answer, Admitted)


EXTERNAL = Rule(
    "external_evaluation",
    {"evaluate_url": "https://judge.example/", "keys_url": "https://judge.example/keys"},
)


@pytest.mark.parametrize(("said", "expected"), [(True, Admitted), (False, Denied), (None, Denied)])
def test_an_external_evaluation_counts_as_it_was_at_login(
    said: bool | None, expected: type
) -> None:
    asks = policy(Decision.ALLOW, EVERYONE)
    gate = Gate()
    known = {} if said is None else {"https://judge.example/": said}
    token, _ = gate.sign_in(gate.protect(asks), asks, external=known)
    gate.put(replace(asks, require=(EXTERNAL,)))
    assert isinstance(gate.ask(request(token=token)).answer, expected)


def test_a_policy_that_came_to_ask_for_a_purpose_asks_at_the_login_page() -> None:
    gate = Gate()
    token, _ = gate.sign_in(gate.protect(ALLOW_STAFF), ALLOW_STAFF)
    gate.put(replace(ALLOW_STAFF, purpose_justification_required=True))
    assert isinstance(gate.ask(request(token=token)).answer, SentToLogin)


def test_somebody_who_gave_a_purpose_is_not_asked_again() -> None:
    asking = replace(ALLOW_STAFF, purpose_justification_required=True)
    gate = Gate()
    token, _ = gate.sign_in(gate.protect(asking), asking)
    assert isinstance(gate.ask(request(token=token)).answer, Admitted)


def test_a_terminals_token_check_never_reaches_the_origin() -> None:
    gate = Gate()
    token, grant = gate.sign_in(gate.protect(ALLOW_STAFF), ALLOW_STAFF)
    query = "x=1&cloudflared_token_check=true"
    headers = {"accept": "", "sec-fetch-mode": "", "user-agent": "Go-http-client/1.1"}
    good = gate.ask(request(query=query, header_token=token, headers=headers))
    assert good.answer == Answered(204)
    with gate.store.transaction() as records:
        records.revoke_grants([grant.id], gate.clock.now())
    bad = gate.ask(request(query=query, header_token=token, headers=headers))
    assert isinstance(bad.answer, SentToLogin)
    assert isinstance(
        gate.ask(request(query=query, header_token="junk", headers=headers)).answer, SentToLogin
    )


def test_a_retired_key_still_proves_what_it_signed() -> None:
    gate = Gate()
    application = gate.protect(ALLOW_STAFF)
    token, _ = gate.sign_in(application, ALLOW_STAFF)
    now = gate.clock.now()
    with gate.store.transaction() as records:
        old = replace(signing_key(), retired_at=now, verify_until=now + timedelta(days=7))
        records.put_signing_key(old)
        records.put_signing_key(signing_key(1))
    gate.clock.turn(minutes=5)
    assert isinstance(gate.ask(request(token=token)).answer, Admitted)
    with gate.store.transaction() as records:
        records.put_signing_key(replace(old, verify_until=now))
    gate.clock.turn(minutes=5)
    assert isinstance(gate.ask(request(token=token)).answer, SentToLogin)


FORWARDED_NAMES = [
    *(
        f"x-forwarded-{n}"
        for n in ["for", "host", "proto", "port", "uri", "prefix", "method", "user", "email"]
    ),
    "x-forwarded-groups",
    "x-original-uri",
    "x-original-url",
    "x-original-host",
    "x-rewrite-url",
    "x-real-ip",
    "true-client-ip",
    "cf-connecting-ip",
    "forwarded",
    "x-http-method-override",
    "cf-access-jwt-assertion",
    "cf-access-authenticated-user-email",
]


@pytest.mark.parametrize("name", FORWARDED_NAMES)
def test_H1_what_a_visitor_claims_in_headers_changes_nothing(name: str) -> None:
    gate = Gate()
    gate.protect(policy(Decision.BYPASS, OFFICE), ALLOW_STAFF)
    outside = request(ip="203.0.113.5")
    claimed = request(ip="203.0.113.5", headers={name: "192.0.2.7"})
    plain, spoofed = gate.ask(outside).answer, gate.ask(claimed).answer
    assert isinstance(plain, SentToLogin)
    assert isinstance(spoofed, SentToLogin)
    assert plain.location.partition("&meta=")[0] == spoofed.location.partition("&meta=")[0]


def test_an_identity_from_the_engine_is_the_sessions_not_the_tokens() -> None:
    """A token says who; what they are, the session says (groups do not travel in tokens)."""
    group = Rule("okta", {"name": "engineering", "identity_provider_id": "idp"})
    engineers = policy(Decision.ALLOW, group)
    gate = Gate()
    application = gate.protect(engineers)
    token, _ = gate.sign_in(application, engineers)
    gate.put(replace(engineers, require=(OFFICE,)))
    assert isinstance(gate.ask(request(token=token)).answer, Admitted)
    other, _ = gate.sign_in(application, engineers, identity=replace(ADA))
    with gate.store.transaction() as records:
        claims = claims_of(gate, other)
        session = records.session(claims.text("identity_nonce"))
        assert session is not None
        records.put_session(replace(session, identity=replace(ADA, groups=())))
    assert isinstance(gate.ask(request(token=other)).answer, Denied)


def test_S6_a_hundred_requests_at_once_share_one_fresh_token() -> None:
    gate = Gate()
    token, _ = gate.sign_in(gate.protect(ALLOW_STAFF), ALLOW_STAFF)
    gate.put(replace(ALLOW_STAFF, require=(OFFICE,)))
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda n: gate.ask(request(f"/{n}", token=token)), range(100)))
    given = {a.answer.cookies[0].value for a in answers if isinstance(a.answer, Admitted)}
    assert len(given) == 1
