"""Whatever the store: people, sessions, grants, approvals, keys come back and are found."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest

from tests.fakes.samples import sample
from vestibule.flows.ports import Store
from vestibule.model.errors import Conflict
from vestibule.model.identity import User
from vestibule.model.machine import SigningKey
from vestibule.model.session import ApprovalRequest, GlobalSession, Grant
from vestibule.model.state import ApiToken

NOW = datetime(2026, 11, 22, 19, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)


def test_a_user_is_found_by_id_and_by_address_in_any_case(store: Store) -> None:
    user = sample(User, email="Zoë.Öztürk@Example.com")
    with store.transaction() as records:
        records.put_user(user)
        assert records.user(user.id) == user
        assert records.user_by_email("ZOË.ÖZTÜRK@EXAMPLE.COM") == user
        assert records.user_by_email("someone@else.example") is None


def test_one_address_is_one_person(store: Store) -> None:
    with store.transaction() as records:
        records.put_user(sample(User, email="ada@example.com"))
    with pytest.raises(Conflict), store.transaction() as records:
        records.put_user(sample(User, email="ADA@example.com"))


def test_a_changed_address_is_free_again(store: Store) -> None:
    user = sample(User, email="ada@example.com")
    with store.transaction() as records:
        records.put_user(user)
        records.put_user(replace(user, email="countess@example.com"))
        records.put_user(sample(User, email="ada@example.com"))
        assert records.user_by_email("countess@example.com") == replace(
            user, email="countess@example.com"
        )


def test_users_come_in_pages_by_id(store: Store) -> None:
    ids = ["-b", "A", "a", "a-b", "ab", "é"]
    with store.transaction() as records:
        for one in reversed(ids):
            records.put_user(sample(User, id=one))
        assert [user.id for user in records.users()] == ids
        assert [user.id for user in records.users(limit=2)] == ids[:2]
        assert [user.id for user in records.users(limit=2, after="a")] == ["a-b", "ab"]


def test_a_session_comes_back_whole(store: Store) -> None:
    session = sample(GlobalSession)
    with store.transaction() as records:
        records.add_session(session)
        assert records.session(session.id) == session
        changed = replace(session, ended_at=None, ip="2001:db8::1")
        records.put_session(changed)
        assert records.session(session.id) == changed
        assert records.session("another") is None


def test_live_sessions_are_neither_ended_nor_expired(store: Store) -> None:
    def session(id: str, minutes: int, user: str = "ada", **more: object) -> GlobalSession:
        return sample(
            GlobalSession,
            **{
                "id": id,
                "user_id": user,
                "created_at": NOW - timedelta(minutes=minutes),
                "expires_at": NOW + HOUR,
                "ended_at": None,
                **more,
            },
        )

    with store.transaction() as records:
        for one in (
            session("old", 30),
            session("new", 10),
            session("other", 20, user="bob"),
            session("ended", 5, ended_at=NOW - HOUR),
            session("expired", 5, expires_at=NOW),
            session("to-be-ended", 5),
        ):
            records.add_session(one)
        records.end_sessions(["to-be-ended", "ended", "nobody"], NOW)
        assert [s.id for s in records.live_sessions(NOW)] == ["old", "other", "new"]
        assert [s.id for s in records.live_sessions(NOW, user_id="ada")] == ["old", "new"]
        ended = [records.session(name) for name in ("to-be-ended", "ended")]
        assert [s.ended_at for s in ended if s] == [NOW, NOW - HOUR]


def test_a_grant_comes_back_whole(store: Store) -> None:
    grant = sample(Grant)
    machine = sample(Grant, session_id=None, user_id=None)
    with store.transaction() as records:
        records.add_grant(grant)
        records.add_grant(machine)
        assert records.grant(grant.id) == grant
        assert records.grant(machine.id) == machine


@pytest.fixture
def granted(store: Store) -> Store:
    """Grants g0-g7: two applications, two people, two sessions each."""
    with store.transaction() as records:
        for n in range(8):
            records.add_grant(
                sample(
                    Grant,
                    id=f"g{n}",
                    application_id=f"app{n & 1}",
                    user_id=f"user{n >> 1 & 1}",
                    session_id=f"session{n >> 1}",
                    service_token_id=None,
                    issued_at=NOW - timedelta(minutes=n),
                    expires_at=NOW + timedelta(minutes=n),
                    revoked_at=None,
                )
            )
        machine = sample(
            Grant,
            id="machine",
            application_id="app0",
            user_id=None,
            session_id=None,
            service_token_id="token",
            issued_at=NOW,
            expires_at=NOW + HOUR,
            revoked_at=None,
        )
        records.add_grant(machine)
    return store


@pytest.mark.parametrize(
    ("filters", "found"),
    [
        pytest.param({}, "g7 g6 g5 g4 g3 g2 g1 machine", id="all"),
        pytest.param({"user_id": "user0"}, "g5 g4 g1", id="user"),
        pytest.param({"session_id": "session3"}, "g7 g6", id="session"),
        pytest.param({"application_id": "app0"}, "g6 g4 g2 machine", id="application"),
        pytest.param({"service_token_id": "token"}, "machine", id="service-token"),
        pytest.param({"application_id": "app0", "user_id": "user0"}, "g4", id="two-filters"),
        pytest.param({"application_id": "app1", "service_token_id": "token"}, "", id="none"),
    ],
)
def test_live_grants_fit_all_filters(granted: Store, filters: dict[str, str], found: str) -> None:
    with granted.reading() as records:
        assert [grant.id for grant in records.live_grants(NOW, **filters)] == found.split()


def test_revoked_grants_are_listed_until_they_would_have_expired(granted: Store) -> None:
    with granted.transaction() as records:
        records.revoke_grants(["g0", "g3", "g6", "nobody"], NOW)
        records.revoke_grants(["g6"], NOW + HOUR)
    with granted.reading() as records:
        grant = records.grant("g6")
        assert grant is not None
        assert grant.revoked_at == NOW  # the first time counts
        assert sorted(records.revoked_grants(NOW)) == ["g3", "g6"]
        assert sorted(records.revoked_grants(NOW + timedelta(minutes=3))) == ["g6"]
        assert sorted(records.revoked_grants(NOW + HOUR)) == []
        assert [g.id for g in records.live_grants(NOW, user_id="user1")] == ["g7", "g2"]


def test_thousands_are_revoked_at_once(store: Store) -> None:
    ids = [f"grant-{n:04}" for n in range(1_300)]
    with store.transaction() as records:
        for one in ids:
            records.add_grant(sample(Grant, id=one, expires_at=NOW + HOUR, revoked_at=None))
    with store.transaction() as records:
        records.revoke_grants(iter(ids), NOW)
    assert store.revisions().revocations == 1
    with store.reading() as records:
        assert sorted(records.revoked_grants(NOW)) == ids


def test_times_are_the_same_moments_in_any_zone(store: Store) -> None:
    elsewhere = datetime(2026, 11, 22, 21, 0, 0, 1, tzinfo=timezone(timedelta(hours=2)))
    grant = sample(Grant, issued_at=elsewhere, expires_at=elsewhere + HOUR, revoked_at=None)
    with store.transaction() as records:
        records.add_grant(grant)
    with store.reading() as records:
        assert records.grant(grant.id) == grant
        assert records.live_grants(elsewhere.astimezone(UTC)) == [grant]
        assert records.live_grants(elsewhere.astimezone(UTC) + HOUR) == []


def test_approvals_are_found_by_id_and_by_what_they_ask(store: Store) -> None:
    asked = {"user_id": "ada", "application_id": "wiki"}
    late = sample(ApprovalRequest, created_at=NOW, **asked)
    early = sample(ApprovalRequest, created_at=NOW - HOUR, **asked)
    other = sample(ApprovalRequest, user_id="ada")
    with store.transaction() as records:
        for approval in (late, early, other):
            records.put_approval(approval)
        voted = replace(late, votes={"boss@example.com": False}, granted_seconds=60)
        records.put_approval(voted)
        assert records.approval(late.id) == voted
        assert records.approval("another") is None
        assert list(records.approvals_of("ada", "wiki")) == [early, voted]


def test_signing_keys_come_oldest_first(store: Store) -> None:
    young = sample(SigningKey, kid="a", created_at=NOW)
    old = sample(SigningKey, kid="b", created_at=NOW - HOUR)
    with store.transaction() as records:
        records.put_signing_key(young)
        records.put_signing_key(old)
        assert list(records.signing_keys()) == [old, young]
        retired = replace(old, retired_at=NOW, verify_until=NOW + HOUR)
        records.put_signing_key(retired)
        assert list(records.signing_keys()) == [retired, young]
        records.delete_signing_key("b")
        assert list(records.signing_keys()) == [young]


def test_an_api_token_is_found_by_its_hash(store: Store) -> None:
    token = sample(ApiToken, secret_hash="ab" * 32)
    with store.transaction() as records:
        records.put_api_token(token)
        assert records.api_token_by_hash("ab" * 32) == token
        used = replace(token, last_used_at=NOW)
        records.put_api_token(used)
        assert records.api_token_by_hash("ab" * 32) == used
        assert records.api_token_by_hash("AB" * 32) is None
