"""Makes our signing keys, replaces them in time, and forgets them (access.md 4.2)."""

from __future__ import annotations

from datetime import datetime, timedelta

from vestibule.flows.ports import Clock, Records, Store
from vestibule.model.machine import SigningKey
from vestibule.sessions.lifetimes import LONGEST, SINGLE_USE
from vestibule.tokens import keys

_SIGNED_MEANWHILE = timedelta(minutes=5)
"""How late somebody may still sign with a key that was just retired."""


def ensure_key(*, store: Store, clock: Clock) -> SigningKey:
    """Return the key that signs now; makes the first one."""
    with store.reading() as records:
        known = records.signing_keys()
    if any(key.retired_at is None for key in known):
        return keys.current(known)
    made = keys.generate(clock.now())
    with store.transaction() as records:
        known = records.signing_keys()
        if any(key.retired_at is None for key in known):
            return keys.current(known)  # somebody else was quicker
        records.put_signing_key(made)
    return made


def rotate(*, store: Store, clock: Clock) -> SigningKey:
    """Replace the current key now; what it signed stays good until it expires."""
    now = clock.now()
    made = keys.generate(now)
    last = _last_expiry(store, now)
    with store.transaction() as records:
        _replace(records, made, now, last)
    return made


def rotate_if_due(*, store: Store, clock: Clock) -> SigningKey | None:
    """Replace the current key if it has served its time; returns the new one, if any.

    Deletes, too, what need not be published any longer.
    """
    now = clock.now()
    with store.reading() as records:
        due = _is_due(records, now)
    made = keys.generate(now) if due else None
    last = _last_expiry(store, now) if due else now
    with store.transaction() as records:
        if made is not None:
            if _is_due(records, now):
                _replace(records, made, now, last)
            else:
                made = None  # somebody else was quicker
        for key in keys.forgotten(records.signing_keys(), now):
            records.delete_signing_key(key.kid)
    return made


def _is_due(records: Records, now: datetime) -> bool:
    days = records.configuration().organization.key_rotation_interval_days
    return keys.rotation_due(records.signing_keys(), now, timedelta(days=days))


def _replace(records: Records, made: SigningKey, now: datetime, last: datetime) -> None:
    for key in records.signing_keys():
        if key.retired_at is None:
            records.put_signing_key(keys.retire(key, now, last))
    records.put_signing_key(made)


def _last_expiry(store: Store, now: datetime) -> datetime:
    """When the last token expires that the current key has signed, or signs until it retires.

    Read beside the transaction, which must be short: what is signed meanwhile lasts as long
    as the longest setting.
    """
    configuration = store.configuration()
    durations = [configuration.organization.session_duration]
    durations += [app.session_duration for app in configuration.applications.values()]
    durations += [
        policy.session_duration or SINGLE_USE for policy in configuration.policies.values()
    ]
    with store.reading() as records:
        ends = [grant.expires_at for grant in records.live_grants(now)]
        ends += [session.expires_at for session in records.live_sessions(now)]
    return max(*ends, now + min(max(durations), LONGEST) + _SIGNED_MEANWHILE, now)
