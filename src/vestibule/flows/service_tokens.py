"""A service token's life: made, given a new secret, prolonged, switched off, deleted (8.1)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from vestibule.flows.ports import Clock, Entropy, Records, Store
from vestibule.flows.revoke import revoke_in
from vestibule.model.errors import InvalidConfiguration, NotFound
from vestibule.model.machine import ServiceToken
from vestibule.model.values import Secret
from vestibule.sessions.revocation import OfServiceToken
from vestibule.tokens import service

_YEAR = timedelta(hours=8760)
_LONGEST_NAME = 350
_LONGEST_GRACE = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class NewSecret:
    """A service token with its secret, which is shown this once."""

    token: ServiceToken
    secret: Secret


def create(
    name: str,
    *,
    store: Store,
    clock: Clock,
    entropy: Entropy,
    duration: timedelta = service.DEFAULT_DURATION,
) -> NewSecret:
    """Make a service token. Raises `InvalidConfiguration`."""
    if not name.strip() or len(name) > _LONGEST_NAME:
        raise InvalidConfiguration("expected a name of 1 to 350 characters", path="name")
    now = clock.now()
    secret = service.secret(entropy.hexadecimal(service.SECRET_ENTROPY))
    token = ServiceToken(
        id=entropy.uuid(),
        name=name,
        client_id=service.client_id(entropy.hexadecimal(service.CLIENT_ID_ENTROPY)),
        secret_hash=service.hash_secret(secret.reveal()),
        expires_at=now + _positive(duration),
        duration=duration,
        created_at=now,
    )
    with store.transaction() as records:
        records.put(token)
    return NewSecret(token, secret)


def rotate(
    id: str,
    *,
    store: Store,
    clock: Clock,
    entropy: Entropy,
    previous_expires_at: datetime | None = None,
) -> NewSecret:
    """Give the token a new secret. The old one dies now, or serves until `previous_expires_at`."""
    now = clock.now()
    if previous_expires_at is not None and previous_expires_at > now + _LONGEST_GRACE:
        raise InvalidConfiguration(
            "the previous secret may serve for 30 days at most",
            path="previous_client_secret_expires_at",
        )
    secret = service.secret(entropy.hexadecimal(service.SECRET_ENTROPY))
    with store.transaction() as records:
        token = _existing(records, id)
        in_grace = previous_expires_at is not None and previous_expires_at > now
        changed = replace(
            token,
            secret_hash=service.hash_secret(secret.reveal()),
            previous_secret_hash=token.secret_hash if in_grace else "",
            previous_secret_expires_at=previous_expires_at if in_grace else None,
        )
        records.put(changed)
    return NewSecret(changed, secret)


def end_previous_secret(
    id: str, at: datetime | None = None, *, store: Store, clock: Clock
) -> ServiceToken:
    """Let the previous secret die `at` that time; None or a past one kills it now."""
    with store.transaction() as records:
        token = _existing(records, id)
        now = clock.now()
        if at is None or at <= now:
            changed = replace(token, previous_secret_hash="", previous_secret_expires_at=None)
        else:
            changed = replace(token, previous_secret_expires_at=min(at, now + _LONGEST_GRACE))
        records.put(changed)
        return changed


def refresh(id: str, *, store: Store) -> ServiceToken:
    """Add a year to the token's life."""
    with store.transaction() as records:
        token = _existing(records, id)
        changed = replace(token, expires_at=token.expires_at + _YEAR)
        records.put(changed)
        return changed


def prolong(id: str, duration: timedelta, *, store: Store, clock: Clock) -> ServiceToken:
    """Give the token another duration, counted from now."""
    with store.transaction() as records:
        token = _existing(records, id)
        changed = replace(token, duration=duration, expires_at=clock.now() + _positive(duration))
        records.put(changed)
        return changed


def switch(id: str, *, enabled: bool, store: Store, clock: Clock, entropy: Entropy) -> ServiceToken:
    """Switch the token on or off; switched off, what it was given stops counting too."""
    with store.transaction() as records:
        changed = replace(_existing(records, id), enabled=enabled)
        records.put(changed)
        if not enabled:
            _revoke(records, id, clock, entropy, "the service token was switched off")
        return changed


def delete(id: str, *, store: Store, clock: Clock, entropy: Entropy) -> None:
    """Delete the token; what it was given stops counting."""
    with store.transaction() as records:
        _existing(records, id)
        records.delete(ServiceToken, id)
        _revoke(records, id, clock, entropy, "the service token was deleted")


def _revoke(records: Records, id: str, clock: Clock, entropy: Entropy, reason: str) -> None:
    revoke_in(records, OfServiceToken(id), clock=clock, entropy=entropy, reason=reason)


def _existing(records: Records, id: str) -> ServiceToken:
    token = records.configuration().service_tokens.get(id)
    if token is None:
        raise NotFound("there is no such service token")
    return token


def _positive(duration: timedelta) -> timedelta:
    if duration <= timedelta(0):
        raise InvalidConfiguration("expected a duration longer than nothing", path="duration")
    return duration
