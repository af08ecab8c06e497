"""Sealed secrets open in their place, with their key, and nowhere else."""

from __future__ import annotations

import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from vestibule.model.errors import InvalidConfiguration
from vestibule.store import CannotUnseal, Seal

PLACE = {"table": "signing_keys", "row": "kid-1", "column": "document.private_pem"}
SECRET = "-----BEGIN a secret é🔑\0"


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    return tmp_path / "keys" / "seal.key"


def test_a_sealed_secret_opens_again_from_its_file(key_file: Path) -> None:
    sealed = Seal.from_file(key_file, create=True).seal(SECRET, **PLACE)
    assert SECRET not in sealed
    assert Seal.from_file(key_file).unseal(sealed, **PLACE) == SECRET


def test_no_two_sealed_values_look_alike() -> None:
    seal = Seal({"a": bytes(32)})
    assert seal.seal(SECRET, **PLACE) != seal.seal(SECRET, **PLACE)


@pytest.mark.parametrize("part", PLACE)
def test_a_value_that_was_moved_does_not_open(part: str) -> None:
    seal = Seal({"a": bytes(32)})
    sealed = seal.seal(SECRET, **PLACE)
    with pytest.raises(CannotUnseal, match="moved"):
        seal.unseal(sealed, **{**PLACE, part: "elsewhere"})


def test_a_place_is_not_another_one_that_is_spelled_alike() -> None:
    seal = Seal({"a": bytes(32)})
    sealed = seal.seal(SECRET, table="t", row="r", column="cx")
    with pytest.raises(CannotUnseal):
        seal.unseal(sealed, table="t", row="rc", column="x")


def test_the_wrong_key_is_named_and_the_secret_is_not() -> None:
    sealed = Seal({"0badc0de": bytes(32)}).seal(SECRET, **PLACE)
    with pytest.raises(CannotUnseal, match=r"0badc0de.*deadbeef") as refused:
        Seal({"deadbeef": bytes(32)}).unseal(sealed, **PLACE)
    assert "BEGIN" not in str(refused.value)


@pytest.mark.parametrize(
    "spoil",
    [
        pytest.param(lambda sealed: sealed[:-4], id="cut"),
        pytest.param(lambda sealed: sealed[:20] + "AAAA" + sealed[24:], id="changed"),
        pytest.param(lambda sealed: "", id="empty"),
        pytest.param(lambda sealed: "plain text", id="not-sealed"),
        pytest.param(lambda sealed: "s1.a", id="no-text"),
        pytest.param(lambda sealed: "s1.a.é", id="no-base64"),
        pytest.param(lambda sealed: "s1.a.AAAA", id="too-short"),
        pytest.param(lambda sealed: "s2" + sealed[2:], id="other-version"),
    ],
)
def test_what_was_tampered_with_does_not_open(spoil: object) -> None:
    assert callable(spoil)
    seal = Seal({"a": bytes(32)})
    with pytest.raises(CannotUnseal):
        seal.unseal(spoil(seal.seal(SECRET, **PLACE)), **PLACE)


def test_after_rotation_the_new_key_seals_and_the_old_one_opens(key_file: Path) -> None:
    old = Seal.from_file(key_file, create=True)
    sealed = old.seal(SECRET, **PLACE)
    rotated = Seal.add_key(key_file)
    assert rotated.unseal(sealed, **PLACE) == SECRET
    assert not rotated.is_newest(sealed)
    anew = rotated.seal(SECRET, **PLACE)
    assert rotated.is_newest(anew)
    with pytest.raises(CannotUnseal):
        old.unseal(anew, **PLACE)
    assert stat.S_IMODE(key_file.stat().st_mode) == 0o600


def test_the_key_file_is_made_for_its_owner_alone_and_never_replaced(key_file: Path) -> None:
    Seal.from_file(key_file, create=True)
    before = key_file.read_bytes()
    assert stat.S_IMODE(key_file.stat().st_mode) == 0o600
    Seal.from_file(key_file, create=True)
    assert key_file.read_bytes() == before
    assert [path.name for path in key_file.parent.iterdir()] == ["seal.key"]


def test_of_many_that_make_the_file_at_once_all_use_the_same_key(key_file: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        seals = list(pool.map(lambda _: Seal.from_file(key_file, create=True), range(8)))
    assert len({repr(seal) for seal in seals}) == 1


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o644])
def test_a_key_file_that_others_may_read_is_refused(key_file: Path, mode: int) -> None:
    """F3."""
    Seal.from_file(key_file, create=True)
    key_file.chmod(mode)
    with pytest.raises(InvalidConfiguration, match="chmod 600"):
        Seal.from_file(key_file)


@pytest.mark.parametrize(
    "text",
    ["", "# only a comment\n", "k1.00000000.AAAA\n", "nonsense\n", "k1.zz." + "A" * 43 + "=\n"],
    ids=["empty", "comment", "short", "nonsense", "wrong-id"],
)
def test_a_damaged_key_file_is_refused(key_file: Path, text: str) -> None:
    """F3: never a fresh key in its place, which would open nothing."""
    Seal.from_file(key_file, create=True)
    key_file.write_text(text)
    with pytest.raises(InvalidConfiguration):
        Seal.from_file(key_file, create=True)
    assert key_file.read_text() == text


def test_a_missing_key_file_is_refused(key_file: Path) -> None:
    """F3."""
    with pytest.raises(InvalidConfiguration, match="cannot read"):
        Seal.from_file(key_file)
    assert not key_file.exists()


def test_a_seal_shows_no_key() -> None:
    assert repr(Seal({"a": b"0123456789abcdef" * 2})) == "Seal(keys=['a'])"
