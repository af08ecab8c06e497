"""A backup brings back what was there, on either database; a bad file changes nothing."""

from __future__ import annotations

import gzip
import shutil
from collections.abc import Callable
from dataclasses import fields
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.fakes.postgres import new_postgres_database
from tests.fakes.samples import sample
from vestibule.flows.backup import backup, restore
from vestibule.model.access_log import AccessRecord
from vestibule.model.application import Application
from vestibule.model.configuration import Configuration
from vestibule.model.errors import Conflict, InvalidConfiguration, NotFound, StoreUnavailable
from vestibule.model.identity import IdentityProvider, User
from vestibule.model.machine import ForwardAuthClient, ServiceToken, SigningKey
from vestibule.model.organization import Organization
from vestibule.model.session import GlobalSession, Grant
from vestibule.model.state import LogQuery
from vestibule.store import Archive, CannotUnseal, Seal, migrate, open_store

NOW = datetime(2026, 11, 22, 19, 0, tzinfo=UTC)
SOON = NOW + timedelta(hours=1)
SEAL = Seal({"0badc0de": bytes(range(32))})
OTHER_SEAL = Seal({"deadbeef": bytes(32)})
USER = sample(User)
KEY = sample(SigningKey)
GRANT = sample(Grant, revoked_at=None, expires_at=SOON)
SESSION = sample(GlobalSession, ended_at=None, expires_at=SOON)
LOG = [sample(AccessRecord, ray_id=str(n), created_at=NOW, allowed=n % 2 == 0) for n in range(3)]
RESOURCES = [
    sample(kind)
    for kind in (Application, IdentityProvider, ServiceToken, ForwardAuthClient)
    for _ in range(2)
]

NewDatabase = Callable[[str], str]


@pytest.fixture
def new_sqlite(tmp_path: Path) -> NewDatabase:
    return lambda name: f"sqlite:///{tmp_path / name}.db"


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def new_database(request: pytest.FixtureRequest, new_sqlite: NewDatabase) -> NewDatabase:
    """Makes the URLs of new, empty databases."""
    if request.param == "sqlite":
        return new_sqlite
    return lambda name: new_postgres_database(f"backup_{name}")


def _fill(url: str) -> Configuration:
    store = open_store(url, SEAL, migrate=True)
    with store.transaction() as records:
        records.put_organization(sample(Organization))
        for resource in RESOURCES:
            records.put(resource)
        records.put_user(USER)
        records.put_signing_key(KEY)
        records.add_session(SESSION)
        records.add_grant(GRANT)
        records.use_once("assertion", "before", SOON)
        for record in LOG:
            records.log(record)
    configuration = store.configuration()
    store.close()
    return configuration


def _same(one: Configuration, other: Configuration) -> bool:
    names = {f.name for f in fields(Configuration)} - {"revision"}
    return all(getattr(one, name) == getattr(other, name) for name in names)


def test_all_comes_back_and_everybody_signs_in_again(
    new_database: NewDatabase, tmp_path: Path
) -> None:
    file, old, new = tmp_path / "state.backup", new_database("old"), new_database("new")
    before = _fill(old)
    made = backup(Archive(old, SEAL), file)
    assert made.rows["grants"] == 1
    assert file.stat().st_mode & 0o777 == 0o600
    restored = restore(Archive(new, SEAL), file)
    assert restored.made_at == made.made_at
    store = open_store(new, SEAL)
    assert _same(store.configuration(), before)
    with store.transaction() as records:
        assert records.user(USER.id) == USER
        assert records.session(SESSION.id) is None
        assert records.grant(GRANT.id) is None
        assert records.signing_keys() == []  # the control plane makes one as it starts
        records.log(LOG[0])  # the database goes on counting
        assert records.access_log(LogQuery(ascending=True)) == [*LOG, LOG[0]]
        assert not records.use_once("assertion", "before", SOON)
    store.close()


@pytest.mark.postgres
@pytest.mark.parametrize("to", ["postgres", "sqlite"])
def test_an_installation_moves_between_databases_with_its_sessions(
    to: str, new_sqlite: NewDatabase, tmp_path: Path
) -> None:
    urls = [new_sqlite("here"), new_postgres_database("backup_there")]
    old, new = urls if to == "postgres" else reversed(urls)
    before = _fill(old)
    file = tmp_path / "state.backup"
    backup(Archive(old, SEAL), file)
    restore(Archive(new, SEAL), file, keep_sessions=True)
    store = open_store(new, SEAL)
    assert _same(store.configuration(), before)
    with store.reading() as records:
        assert records.session(SESSION.id) == SESSION
        assert records.live_grants(NOW) == [GRANT]
        assert records.signing_keys() == [KEY]
        assert records.access_log(LogQuery(ascending=True)) == LOG
        assert records.access_log(LogQuery(allowed=False)) == [LOG[1]]
    store.close()


def test_a_restore_replaces_what_was_there_and_running_processes_hear_of_it(
    new_database: NewDatabase, tmp_path: Path
) -> None:
    url, file = new_database("one"), tmp_path / "state.backup"
    _fill(url)
    backup(Archive(url, SEAL), file)
    running = open_store(url, SEAL)
    with running.transaction() as records:
        records.put(sample(Application, id="newer"))
        records.add_grant(sample(Grant, id="newer"))
        records.use_once("assertion", "after", SOON)
    known, seen = running.configuration(), running.revisions()
    restore(Archive(url, SEAL), file)
    now = running.wait_for_change(seen, 10)
    assert now.configuration > seen.configuration
    assert now.revocations > seen.revocations
    assert now.keys > seen.keys
    assert "newer" in known.applications
    assert "newer" not in running.configuration().applications
    with running.transaction() as records:
        assert records.grant("newer") is None
        assert not records.use_once("assertion", "after", SOON)  # used stays used (replay)
    running.close()


def test_sessions_are_not_kept_where_others_were_revoked(
    new_sqlite: NewDatabase, tmp_path: Path
) -> None:
    url, file = new_sqlite("one"), tmp_path / "state.backup"
    _fill(url)
    backup(Archive(url, SEAL), file)
    with pytest.raises(Conflict, match="revoked"):
        restore(Archive(url, SEAL), file, keep_sessions=True)


def _cut(octets: bytes) -> bytes:
    return octets[: len(octets) // 2]


def _without_end(octets: bytes) -> bytes:
    lines = gzip.decompress(octets).splitlines(keepends=True)
    return gzip.compress(b"".join(lines[:-1]))


def _changed(octets: bytes) -> bytes:
    return gzip.compress(gzip.decompress(octets).replace(b'"login_attempts"', b'"handovers"', 1))


def _without_a_row(octets: bytes) -> bytes:
    lines = gzip.decompress(octets).splitlines(keepends=True)
    return gzip.compress(b"".join(lines[:5] + lines[6:]))


def _continued(octets: bytes) -> bytes:
    return gzip.compress(gzip.decompress(octets) + b'{"more":true}\n')


def _of_another_schema(octets: bytes) -> bytes:
    return gzip.compress(gzip.decompress(octets).replace(b'"schema":"0001"', b'"schema":"0999"'))


@pytest.mark.parametrize(
    "spoil",
    [
        _cut,
        _without_end,
        _changed,
        _without_a_row,
        _continued,
        _of_another_schema,
        pytest.param(lambda octets: octets[:-1], id="last-octet"),
        pytest.param(lambda _: b"", id="empty"),
        pytest.param(lambda _: b"PK\3\4 something else", id="something-else"),
        pytest.param(lambda _: gzip.compress(b"[]\n"), id="other-json"),
        pytest.param(lambda _: gzip.compress(b"not json\n"), id="no-json"),
    ],
)
def test_a_bad_file_changes_nothing(
    spoil: Callable[[bytes], bytes], new_sqlite: NewDatabase, tmp_path: Path
) -> None:
    """F3: whatever is the matter with it, all of it is refused."""
    url, file = new_sqlite("one"), tmp_path / "state.backup"
    before = _fill(url)
    backup(Archive(url, SEAL), file)
    file.write_bytes(spoil(file.read_bytes()))
    with pytest.raises(InvalidConfiguration):
        restore(Archive(url, SEAL), file)
    store = open_store(url, SEAL)
    assert store.configuration() == before
    with store.reading() as records:
        assert records.grant(GRANT.id) == GRANT
    store.close()


def test_a_backup_of_another_sealing_key_changes_nothing(
    new_sqlite: NewDatabase, tmp_path: Path
) -> None:
    url, other, file = new_sqlite("one"), new_sqlite("other"), tmp_path / "state.backup"
    _fill(url)
    open_store(other, OTHER_SEAL, migrate=True).close()
    backup(Archive(url, SEAL), file)
    with pytest.raises(CannotUnseal, match="0badc0de"):
        restore(Archive(other, OTHER_SEAL), file)
    open_store(other, OTHER_SEAL).close()


def test_a_backup_holds_no_secret(new_sqlite: NewDatabase, tmp_path: Path) -> None:
    """A2: the archive is worth nothing without the key file."""
    url, file = new_sqlite("one"), tmp_path / "state.backup"
    store = open_store(url, SEAL, migrate=True)
    with store.transaction() as records:
        records.put_organization(sample(Organization))
        for resource in RESOURCES:
            records.put(resource)
        records.put_signing_key(KEY)
    store.close()
    backup(Archive(url, SEAL), file)
    text = gzip.decompress(file.read_bytes()).decode()
    assert KEY.kid in json_text(text)
    assert KEY.private_pem.reveal() not in text
    for resource in RESOURCES:
        if isinstance(resource, IdentityProvider):
            assert not any(secret.reveal() in text for secret in resource.secrets.values())


def json_text(text: str) -> str:
    """Text with JSON's escapes undone, so that names can be found in it."""
    return text.encode().decode("unicode_escape").encode("utf-16", "surrogatepass").decode("utf-16")


def test_a_backup_does_not_replace_a_file_unasked(new_sqlite: NewDatabase, tmp_path: Path) -> None:
    url, file = new_sqlite("one"), tmp_path / "state.backup"
    migrate(url)
    file.write_text("something dear")
    with pytest.raises(Conflict):
        backup(Archive(url, SEAL), file)
    assert file.read_text() == "something dear"
    backup(Archive(url, SEAL), file, overwrite=True)
    assert list(tmp_path.glob(".state*")) == []
    with pytest.raises(NotFound):
        backup(Archive(url, SEAL), tmp_path / "nowhere" / "state.backup")
    with pytest.raises(NotFound):
        restore(Archive(url, SEAL), tmp_path / "no-such-file")


def test_a_backup_of_nothing_is_refused(new_sqlite: NewDatabase, tmp_path: Path) -> None:
    with pytest.raises(StoreUnavailable, match="vestibule init"):
        backup(Archive(new_sqlite("empty"), SEAL), tmp_path / "state.backup")
    assert list(tmp_path.glob("*.backup")) == []


def test_a_backup_is_made_while_others_write(new_sqlite: NewDatabase, tmp_path: Path) -> None:
    url, file = new_sqlite("one"), tmp_path / "state.backup"
    _fill(url)
    store = open_store(url, SEAL)
    with store.transaction() as records:
        records.put_user(sample(User, id="not committed yet"))
        backup(Archive(url, SEAL), file)
    shutil.copy(file, tmp_path / "copy")
    restore(Archive(url, SEAL), tmp_path / "copy")
    with store.reading() as records:
        assert records.user("not committed yet") is None
    store.close()
