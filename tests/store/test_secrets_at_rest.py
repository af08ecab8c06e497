"""No secret can be read in the database's files, in a log or in an error (A2)."""

from __future__ import annotations

import json
import logging
import sqlite3
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.fakes.samples import sample
from vestibule.model.errors import InvalidConfiguration
from vestibule.model.identity import IdentityProvider
from vestibule.model.machine import ForwardAuthClient, SigningKey
from vestibule.model.organization import Organization
from vestibule.model.session import Handover, LoginAttempt
from vestibule.model.values import Secret
from vestibule.store import CannotUnseal, Seal, open_store
from vestibule.store.database import SqlStore

SEAL = Seal({"0badc0de": bytes(32)})
LATER = datetime(2030, 1, 1, tzinfo=UTC)
CANARIES = {
    name: f"canary-{name}-7f3a9c" for name in ("client", "api", "pem", "proxy", "verifier", "nonce")
} | {name: f"canary-{name}-7f3a9c" for name in ("facts", "handover", "blob", "blob-id", "once")}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "vestibule.db"


@pytest.fixture
def store(file: Path) -> SqlStore:
    """A store that holds every canary."""
    store = open_store(f"sqlite:///{file}", SEAL, migrate=True)
    provider = sample(
        IdentityProvider,
        id="okta",
        secrets={
            "client_secret": Secret(CANARIES["client"]),
            "api_token": Secret(CANARIES["api"]),
        },
    )
    with store.transaction() as records:
        records.put_organization(sample(Organization))
        records.put(provider)
        records.put(replace(provider, id="twin"))
        records.put(sample(ForwardAuthClient, secret=Secret(CANARIES["proxy"])))
        records.put_signing_key(sample(SigningKey, kid="one", private_pem=Secret(CANARIES["pem"])))
        records.put_signing_key(sample(SigningKey, kid="two", private_pem=Secret("other")))
        records.add_attempt(
            sample(
                LoginAttempt,
                code_verifier=CANARIES["verifier"],
                nonce=CANARIES["nonce"],
                facts={"transfer": CANARIES["facts"]},
            )
        )
        records.add_handover(sample(Handover, facts={"token": CANARIES["handover"]}))
        records.put_blob("transfer", CANARIES["blob-id"], {"token": CANARIES["blob"]}, LATER)
        records.use_once("assertion", CANARIES["once"], LATER)
    return store


def test_no_secret_is_readable_in_any_file_of_the_database(store: SqlStore, file: Path) -> None:
    for _ in range(2):
        octets = b"".join(part.read_bytes() for part in file.parent.glob("vestibule.db*"))
        assert b"okta" in octets  # what is no secret is there to be seen
        for name, canary in CANARIES.items():
            assert canary.encode() not in octets, name
        store.close()  # the second time round, all is in the main file


def test_the_files_belong_to_their_owner_alone(store: SqlStore, file: Path) -> None:
    parts = list(file.parent.glob("vestibule.db*"))
    assert len(parts) == 3
    assert {part.stat().st_mode & 0o777 for part in parts} == {0o600}
    store.close()


def test_no_secret_is_logged_or_shown(
    store: SqlStore,
    file: Path,
    caplog: pytest.LogCaptureFixture,
    capsys: pytest.CaptureFixture[str],
) -> None:
    with caplog.at_level(logging.DEBUG):
        store.close()
        again = open_store(f"sqlite:///{file}", SEAL)
        shown = repr(again.configuration()) + repr(again)
        with again.reading() as records:
            shown += repr(records.signing_keys())
        again.close()
    shown += caplog.text + "".join(capsys.readouterr())
    assert "canary" not in shown


@pytest.mark.parametrize(
    ("table", "key", "one", "other", "read"),
    [
        pytest.param("signing_keys", "kid", "one", "two", "keys", id="signing-key"),
        pytest.param("resources", "id", "okta", "twin", "configuration", id="client-secret"),
    ],
)
def test_a_sealed_value_moved_to_another_row_does_not_open(
    store: SqlStore, file: Path, table: str, key: str, one: str, other: str, read: str
) -> None:
    """Whoever can write the database cannot make one provider's secret another's."""
    store.close()
    with sqlite3.connect(file) as database:
        rows = dict(database.execute(f"SELECT {key}, document FROM {table}"))  # noqa: S608 - the test's own names
        here, there = json.loads(rows[one]), json.loads(rows[other])
        for name in ("private_pem", "secrets"):
            if name in here:
                there[name] = here[name]
        database.execute(
            f"UPDATE {table} SET document = ? WHERE {key} = ?",  # noqa: S608 - the test's own names
            (json.dumps(there), other),
        )
    database.close()
    again = open_store(f"sqlite:///{file}", SEAL)
    with pytest.raises(CannotUnseal, match="moved"), again.reading() as records:
        records.signing_keys() if read == "keys" else records.configuration()
    again.close()


def test_a_configuration_with_a_word_of_a_newer_version_is_refused_whole(
    store: SqlStore, file: Path
) -> None:
    """F6: and the one that was read before stays as it is."""
    before = store.configuration()
    with sqlite3.connect(file) as database:
        database.execute(
            "UPDATE resources SET document = json_set(document, '$.quarantine', 1) WHERE id='okta'"
        )
        database.execute("UPDATE state SET configuration = configuration + 1")
    database.close()
    with pytest.raises(InvalidConfiguration, match=r"identity_providers\[okta\]\.quarantine"):
        store.configuration()
    assert before.identity_providers["okta"].secrets["api_token"].reveal() == CANARIES["api"]
    store.close()


def test_after_rotation_everything_still_opens(tmp_path: Path) -> None:
    url, key_file = f"sqlite:///{tmp_path / 'v.db'}", tmp_path / "seal.key"
    key = sample(SigningKey)
    first = open_store(url, Seal.from_file(key_file, create=True), migrate=True)
    with first.transaction() as records:
        records.put_signing_key(key)
    first.close()
    rotated = open_store(url, Seal.add_key(key_file))
    with rotated.transaction() as records:
        assert records.signing_keys() == [key]
        records.put_blob("kind", "id", {"a": "b"}, LATER)
        assert records.take_blob("kind", "id", LATER - timedelta(1)) == {"a": "b"}
    rotated.close()


def test_after_resealing_the_old_key_can_be_thrown_away(store: SqlStore, file: Path) -> None:
    before = store.configuration()
    store.close()
    old, new = {"0badc0de": bytes(32)}, {"deadbeef": b"1" * 32}
    rotated = open_store(f"sqlite:///{file}", Seal({**old, **new}))
    rotated.reseal()
    rotated.close()
    again = open_store(f"sqlite:///{file}", Seal(new))
    assert again.configuration().identity_providers == before.identity_providers
    with again.reading() as records:
        assert CANARIES["pem"] in [key.private_pem.reveal() for key in records.signing_keys()]
    again.close()
    with pytest.raises(CannotUnseal):
        open_store(f"sqlite:///{file}", Seal(old))
