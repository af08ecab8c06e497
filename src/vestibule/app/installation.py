"""An installation: its settings, its store, and what the flows need besides."""

from __future__ import annotations

import fcntl
import hashlib
import os
import secrets
import uuid
from base64 import urlsafe_b64encode
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from vestibule.flows.ports import ApiToken, Clock, Entropy, Network, Store
from vestibule.flows.rotate_keys import ensure_key
from vestibule.model.errors import Conflict, InvalidConfiguration, NotFound
from vestibule.model.organization import Organization
from vestibule.outbound.network import SafeNetwork
from vestibule.settings import Settings
from vestibule.store import Seal, migrate, open_store

ACCOUNT_OCTETS = 16


class SystemClock:
    """The machine's clock (`flows.ports.Clock`)."""

    def now(self) -> datetime:
        """The present moment in UTC."""
        return datetime.now(UTC)


class SystemEntropy:
    """The operating system's randomness (`flows.ports.Entropy`)."""

    def token(self, octets: int = 32) -> str:
        """Random octets as base64url without padding."""
        return urlsafe_b64encode(secrets.token_bytes(octets)).rstrip(b"=").decode()

    def hexadecimal(self, octets: int = 32) -> str:
        """Random octets in lower-case hexadecimal."""
        return secrets.token_hex(octets)

    def uuid(self) -> str:
        """A random UUID (version 4)."""
        return str(uuid.uuid4())


@dataclass(frozen=True, slots=True)
class Installation:
    """An opened installation: its settings, its store, and what the flows need besides."""

    settings: Settings
    store: Store
    clock: Clock
    entropy: Entropy
    network: Network

    def ensure_api_token(
        self, name: str, secret: str, scopes: Sequence[str] = ("account:edit",)
    ) -> None:
        """Make sure that `secret` is a credential of the API called `name`."""
        hashed = hashlib.sha256(secret.encode()).hexdigest()
        with self.store.transaction() as records:
            if records.api_token_by_hash(hashed) is None:
                now = self.clock.now()
                records.put_api_token(
                    ApiToken(self.entropy.uuid(), name, hashed, tuple(scopes), created_at=now)
                )


def open_installation(settings: Settings, *, create: bool = False) -> Installation:
    """Open the store of an installation; `create` makes what is not there yet.

    Raises `InvalidConfiguration` (settings, sealing key), `StoreUnavailable`, or `NotFound`
    when nothing was initialised.
    """
    if create:
        settings.data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
        if not os.access(settings.data_dir, os.W_OK):
            raise InvalidConfiguration(f"cannot write into {settings.data_dir}", path="data_dir")
        migrate(settings.store_url)
    elif not settings.data_dir.is_dir() or not settings.seal_file.exists():
        raise NotFound(
            f"there is no installation in {settings.data_dir}: run `vestibule init`, or name "
            "its settings with --config"
        )
    seal = Seal.from_file(settings.seal_file, create=create)
    store = open_store(settings.store_url, seal)
    installation = Installation(
        settings,
        store,
        SystemClock(),
        SystemEntropy(),
        SafeNetwork(settings.outbound.allow, settings.outbound.ca_file, settings.outbound.timeout),
    )
    if create:
        _ensure_organization(installation)
        ensure_key(store=store, clock=installation.clock)
    return installation


def _ensure_organization(installation: Installation) -> None:
    """The one tenant, with a team domain that the operator is to change."""
    try:
        installation.store.configuration()
    except NotFound:
        port = installation.settings.listen.port
        first = Organization(
            id=installation.entropy.hexadecimal(ACCOUNT_OCTETS),
            name="Vestibule",
            auth_domain="team.localhost" + ("" if port in (80, 443) else f":{port}"),
        )
        with installation.store.transaction() as records:
            records.put_organization(first)


def run_directory(settings: Settings) -> Path:
    """The directory of sockets, made where it is missing; only its owner may enter.

    Whoever reached the sockets could say who a visitor is. Raises `InvalidConfiguration`.
    """
    directory = settings.run_dir
    try:
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        directory.chmod(0o700)
    except OSError as error:
        raise InvalidConfiguration(
            f"cannot keep {directory} to ourselves: {error.strerror}", path="runtime_dir"
        ) from error
    return directory


@contextmanager
def alone(directory: Path, name: str) -> Generator[None]:
    """Hold the lock of the process called `name`; raises `Conflict` when another one does.

    The system lets go of it however the process ends.
    """
    with (directory / f"{name}.lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise Conflict(f"another {name} runs with {directory} already") from error
        yield
