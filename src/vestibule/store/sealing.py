"""Secrets at rest: AES-256-GCM with a key that is not in the database.

A sealed value reads `s1.KEY-ID.BASE64URL(nonce + ciphertext)`. It is bound to its place
(table, row, column), so that a value moved to another row does not open. The key file holds
one key a line, oldest first; the last one seals, all of them open. Nonces are random, so
retire a key well before it has sealed 2^32 values (NIST SP 800-38D, 8.3).
"""

from __future__ import annotations

import json
import os
import stat
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as NotBase64
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from tempfile import mkstemp

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from vestibule.model.errors import InvalidConfiguration, VestibuleError

_SEALED = "s1"
_KEY = "k1"
_NONCE_OCTETS = 12
_HEADER = "# Vestibule's sealing keys, oldest first; the last one seals. Keep this file secret.\n"


class CannotUnseal(VestibuleError):
    """A stored secret does not open: another key, or it was changed or moved."""

    code = "cannot_unseal"


class Seal:
    """Closes and opens secrets. Its keys never show in a `repr`."""

    def __init__(self, keys: Mapping[str, bytes]) -> None:
        """`keys` by key id, the newest last. Raises `InvalidConfiguration` for none."""
        if not keys:
            raise InvalidConfiguration("there is no sealing key")
        self._keys = {key_id: AESGCM(key) for key_id, key in keys.items()}
        self._newest = list(keys)[-1]

    def __repr__(self) -> str:
        return f"Seal(keys={list(self._keys)})"

    @classmethod
    def from_file(cls, path: Path, create: bool = False) -> Seal:
        """Read the key file; `create` makes one where there is none.

        Raises `InvalidConfiguration` when it is missing, damaged, or open to others.
        """
        if create and not path.exists():
            _write_keys(path, [_new_key()])
        return cls(_read_keys(path))

    @classmethod
    def add_key(cls, path: Path) -> Seal:
        """Append a new key to the file: it seals from now on, the older ones still open."""
        _write_keys(path, [*_read_keys(path).values(), _new_key()], replace=True)
        return cls.from_file(path)

    def seal(self, secret: str, *, table: str, row: str, column: str) -> str:
        """Close `secret` with the newest key, for this place alone."""
        nonce = os.urandom(_NONCE_OCTETS)
        place = _place(self._newest, table, row, column)
        octets = nonce + self._keys[self._newest].encrypt(nonce, secret.encode(), place)
        return f"{_SEALED}.{self._newest}.{urlsafe_b64encode(octets).decode()}"

    def unseal(self, sealed: str, *, table: str, row: str, column: str) -> str:
        """Open what was sealed for this place. Raises `CannotUnseal`."""
        where = f"{table}.{column}"
        version, _, rest = sealed.partition(".")
        key_id, _, text = rest.partition(".")
        if version != _SEALED:
            raise CannotUnseal(f"a sealed value was expected in {where}")
        if key_id not in self._keys:
            raise CannotUnseal(
                f"{where} was sealed with key {key_id}, but the key file holds "
                f"{', '.join(self._keys)}: this is another installation's key file, "
                "or a key was removed from it"
            )
        try:
            octets = urlsafe_b64decode(text)
            nonce, ciphertext = octets[:_NONCE_OCTETS], octets[_NONCE_OCTETS:]
            place = _place(key_id, table, row, column)
            return self._keys[key_id].decrypt(nonce, ciphertext, place).decode()
        except (InvalidTag, NotBase64, ValueError) as error:
            raise CannotUnseal(
                f"a secret in {where} does not open: it was changed, or moved from another row"
            ) from error

    def is_newest(self, sealed: str) -> bool:
        """Whether `sealed` needs no sealing anew."""
        return sealed.startswith(f"{_SEALED}.{self._newest}.")


def _place(key_id: str, table: str, row: str, column: str) -> bytes:
    return json.dumps([_SEALED, key_id, table, row, column]).encode()


def _new_key() -> bytes:
    return AESGCM.generate_key(256)


def _key_id(key: bytes) -> str:
    return sha256(b"vestibule sealing key id" + key).hexdigest()[:8]


def _read_keys(path: Path) -> dict[str, bytes]:
    try:
        with path.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            text = file.read().decode("ascii", "replace")
    except OSError as error:
        raise InvalidConfiguration(
            f"cannot read the sealing key file {path}: {error.strerror}"
        ) from error
    if mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise InvalidConfiguration(
            f"the sealing key file {path} is open to others (mode {stat.S_IMODE(mode):04o}): "
            f"expected 0600; run `chmod 600 {path}`"
        )
    keys: dict[str, bytes] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        if line.strip() and not line.startswith("#"):
            key = _parse_key(line.strip(), f"{path}, line {number}")
            keys[_key_id(key)] = key
    if not keys:
        raise InvalidConfiguration(f"the sealing key file {path} holds no key")
    return keys


def _parse_key(line: str, where: str) -> bytes:
    """One line, `k1.KEY-ID.BASE64URL`; the id is a hash of the key, and shows damage."""
    version, _, rest = line.partition(".")
    key_id, _, text = rest.partition(".")
    try:
        key = urlsafe_b64decode(text)
    except (NotBase64, ValueError):
        key = b""
    if version != _KEY or len(key) != 32 or _key_id(key) != key_id:
        raise InvalidConfiguration(f"{where}: this sealing key is damaged")
    return key


def _write_keys(path: Path, keys: list[bytes], replace: bool = False) -> None:
    """Write the whole file beside its place, then put it there: complete, or not at all."""
    lines = [f"{_KEY}.{_key_id(key)}.{urlsafe_b64encode(key).decode()}\n" for key in keys]
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, name = mkstemp(dir=path.parent, prefix=".seal-")  # mkstemp makes it 0600
        beside = Path(name)
        try:
            with os.fdopen(descriptor, "w") as file:
                file.write(_HEADER + "".join(lines))
                file.flush()
                os.fsync(file.fileno())
            if replace:
                beside.replace(path)
            else:
                _link_unless_there(beside, path)
        finally:
            beside.unlink(missing_ok=True)
    except OSError as error:
        raise InvalidConfiguration(
            f"cannot write the sealing key file {path}: {error.strerror}"
        ) from error


def _link_unless_there(beside: Path, path: Path) -> None:
    """Of two processes that start at once, one key file wins, and both read that one."""
    try:
        path.hardlink_to(beside)
    except FileExistsError:
        return
