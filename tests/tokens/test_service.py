"""Service tokens: how they are made, told apart and checked (access.md 8.1)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vestibule.model.machine import ServiceToken
from vestibule.tokens import service
from vestibule.tokens.presented import Credentials, Malformed, presented_credentials

NOW = datetime(2026, 3, 1, tzinfo=UTC)


def test_a_secret_is_known_by_its_prefix_and_its_checksum() -> None:
    secret = service.secret("1f" * 64)
    text = secret.reveal()
    assert text.startswith("vst_")
    assert len(text) == len("vst_") + 40 + 8
    assert service.is_well_formed(text)
    assert text not in repr(secret)
    assert not service.is_well_formed(text[:-1] + ("0" if text[-1] != "0" else "1"))
    assert not service.is_well_formed(text.replace("vst_", "xyz_"))


def test_a_client_id_has_the_shape_that_clients_know() -> None:
    assert service.client_id("0f" * 16) == "0f" * 16 + ".access"
    with pytest.raises(ValueError):
        service.client_id("0F" * 16)


@given(st.text("0123456789abcdef", min_size=128, max_size=128))
def test_every_secret_is_well_formed_and_different_randomness_differs(entropy: str) -> None:
    text = service.secret(entropy).reveal()
    assert service.is_well_formed(text)
    flipped = format(int(entropy, 16) ^ 1, "0128x")
    assert service.secret(flipped).reveal() != text


@given(st.text(max_size=100))
def test_only_the_secret_itself_proves_a_token(guess: str) -> None:
    secret = service.secret("2e" * 64).reveal()
    token = ServiceToken(
        "id",
        "name",
        "client",
        service.hash_secret(secret),
        NOW + timedelta(days=1),
        timedelta(days=1),
        NOW,
    )
    assert service.check_secret(token, secret, NOW) is service.SecretCheck.VALID
    if guess != secret:
        assert service.check_secret(token, guess, NOW) is service.SecretCheck.WRONG_SECRET


def test_an_empty_previous_secret_is_nobodys() -> None:
    token = ServiceToken(
        id="id",
        name="name",
        client_id="client",
        secret_hash=service.hash_secret("real"),
        expires_at=NOW + timedelta(days=1),
        duration=timedelta(days=1),
        created_at=NOW,
        previous_secret_hash="",
        previous_secret_expires_at=NOW + timedelta(days=1),
    )
    assert service.check_secret(token, "", NOW) is service.SecretCheck.WRONG_SECRET


@given(
    st.dictionaries(
        st.sampled_from(["cf-access-client-id", "cf-access-client-secret", "authorization", "x"]),
        st.text(max_size=60),
    ),
    st.sampled_from(["", "Authorization", "cf-access-client-id"]),
)
def test_whatever_is_presented_is_read_or_refused(headers: dict, single: str) -> None:
    presented = presented_credentials(headers, single)
    if isinstance(presented, Credentials):
        assert presented.client_id
        assert "," not in presented.client_id
    else:
        assert presented is None or isinstance(presented, Malformed)
