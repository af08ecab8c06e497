"""The clock: held against the providers' and against what was recorded before."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

from vestibule.cli.diagnosis.finding import Finding, bad, ok, unknown, warn
from vestibule.cli.diagnosis.patient import Patient
from vestibule.flows.ports import LogQuery
from vestibule.protocols.jose.claims import SKEW

NOTICED = timedelta(seconds=10)
REMEDY = "let this machine keep its time with NTP (systemd-timesyncd, chrony)"


def clock(patient: Patient) -> Iterator[Finding]:
    """Tokens of a provider count only while our clocks agree; and time does not run back."""
    yield _against_others(patient)
    yield from _against_the_past(patient)


def _against_others(patient: Patient) -> Finding:
    skews: list[timedelta] = []
    for date, arrived in patient.heard:
        try:
            told = parsedate_to_datetime(date)
        except ValueError:
            continue
        skews.append(arrived - (told if told.tzinfo else told.replace(tzinfo=UTC)))
    if not skews:
        return unknown("no identity provider told the time")
    # Of several the smallest: an answer may have been under way, or kept, for a while.
    skew = min(skews, key=abs)
    seconds = f"{abs(skew.total_seconds()):.0f} s {'ahead of' if skew > timedelta(0) else 'behind'}"
    if abs(skew) > SKEW:
        return bad(
            f"this clock is {seconds} the identity providers': their tokens are refused", REMEDY
        )
    if abs(skew) > NOTICED:
        return warn(f"this clock is {seconds} the identity providers'", REMEDY)
    return ok("this clock and the identity providers' agree")


def _against_the_past(patient: Patient) -> Iterator[Finding]:
    if patient.store is None:
        return
    with patient.store.reading() as records:
        moments: list[datetime] = [key.created_at for key in records.signing_keys()]
        moments += [status.seen_at for status in records.gateway_statuses()]
        moments += [record.created_at for record in records.access_log(LogQuery(limit=1))]
    latest = max(moments, default=None)
    now = patient.now()
    if latest is not None and latest > now + NOTICED:
        yield bad(
            f"the newest record is of {latest.isoformat(timespec='seconds')}, which this clock "
            f"has yet to reach ({now.isoformat(timespec='seconds')})",
            f"the clock was set back, or another machine's runs ahead: {REMEDY}",
        )
    else:
        yield ok("nothing was recorded after now")
