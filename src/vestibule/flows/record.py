"""Tells the access log what was decided, with the facts it was decided from (access.md 11).

Never a token, a secret or a query. Writing happens beside the decision: a slow or broken
database delays no answer and changes none.
"""

from __future__ import annotations

import contextlib
import logging
import queue
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from vestibule.flows.ports import Store
from vestibule.flows.question import Question, reference
from vestibule.model.access_log import AccessRecord
from vestibule.model.request import RequestFacts
from vestibule.model.session import GlobalSession
from vestibule.model.values import Json
from vestibule.policy.verdict import Verdict

_log = logging.getLogger("vestibule.access_log")

_LONGEST_TEXT = 1000
_BATCH = 200
_WAITING_AT_MOST = 20_000


@dataclass(frozen=True, slots=True)
class Whose:
    """Who a decision was about, so far as anybody proved it."""

    session: GlobalSession | None = None
    email: str = ""
    user_id: str = ""
    service_token_id: str = ""
    had_token: bool = False


NOBODY = Whose()


def check_record(
    question: Question,
    *,
    allowed: bool,
    reason: str = "",
    verdict: Verdict | None = None,
    whose: Whose = NOBODY,
) -> AccessRecord:
    """Return the record of one decision of the check flow."""
    facts, application = question.facts, question.application
    certificate = facts.certificate
    identity = whose.session.identity if whose.session else None
    approved_by = verdict.policy.id if allowed and verdict and verdict.policy else ""
    return AccessRecord(
        ray_id=question.reference,
        created_at=question.now,
        action="check",
        allowed=allowed,
        reason=reason,
        user_email=whose.email,
        user_id=whose.user_id,
        ip_address=facts.client_ip,
        country=facts.country or "",
        application_id=application.id,
        application_domain=question.destination.host,
        application_type=application.type.value,
        connection=identity.idp_type if identity else "nonidentity",
        identity_provider_id=identity.idp_id if identity else "",
        approving_policy_id=approved_by,
        service_token_id=whose.service_token_id,
        mtls_common_name=certificate.common_name if certificate else "",
        mtls_serial=certificate.serial if certificate else "",
        method=facts.method,
        host=facts.host,
        path=plain(facts.path),
        user_agent=plain(facts.headers.get("user-agent", "")),
        facts=_facts(question, whose),
        trace=verdict.to_json() if verdict else None,
    )


def unmatched_record(facts: RequestFacts, now: datetime) -> AccessRecord:
    """Return the record of a request for which no application is configured."""
    return AccessRecord(
        ray_id=reference(facts),
        created_at=now,
        action="check",
        allowed=False,
        reason="no application is configured for this address",
        ip_address=facts.client_ip,
        country=facts.country or "",
        connection="nonidentity",
        method=facts.method,
        host=facts.host,
        path=plain(facts.path),
        user_agent=plain(facts.headers.get("user-agent", "")),
    )


def _facts(question: Question, whose: Whose) -> dict[str, Json]:
    facts: dict[str, Json] = {
        "configuration_revision": question.view.configuration.revision,
        "forward_auth": question.facts.forward_auth,
        "had_token": whose.had_token,
        "certificate": question.facts.certificate is not None,
    }
    if whose.session is not None:
        identity = whose.session.identity
        facts["session_id"] = whose.session.id
        facts["amr"] = list(identity.amr) if identity.amr is not None else None
        facts["groups"] = [group.name for group in identity.groups[:100]]
        facts["signed_in_at"] = whose.session.created_at.isoformat()
    return facts


def plain(text: str) -> str:
    """Return `text` without what could steer a terminal or break a line, and not too long."""
    short = text[:_LONGEST_TEXT]
    return "".join(sign if sign.isprintable() else "\N{REPLACEMENT CHARACTER}" for sign in short)


class LogWriter:
    """Writes records in batches from a thread of its own.

    When the database cannot keep up, what does not fit is counted and dropped: the log may
    have a gap, the gateway has none. `lost` is told how many.
    """

    def __init__(self, store: Store, *, lost: Callable[[int], None] = lambda _count: None) -> None:
        self._store = store
        self._lost = lost
        self._waiting: queue.Queue[AccessRecord | None] = queue.Queue(_WAITING_AT_MOST)
        self._thread = threading.Thread(target=self._work, name="access log", daemon=True)

    def start(self) -> None:
        """Begin to write."""
        self._thread.start()

    def put(self, record: AccessRecord) -> None:
        """Hand over a record; returns at once."""
        try:
            self._waiting.put_nowait(record)
        except queue.Full:
            self._lost(1)

    def stop(self, timeout: float = 5.0) -> None:
        """Write what is waiting, then end."""
        if self._thread.is_alive():
            with contextlib.suppress(queue.Full):
                self._waiting.put(None, timeout=timeout)
            self._thread.join(timeout)

    def _work(self) -> None:
        while True:
            batch, ended = self._next_batch()
            if batch:
                self._write(batch)
            if ended:
                return

    def _next_batch(self) -> tuple[list[AccessRecord], bool]:
        first = self._waiting.get()
        if first is None:
            return [], True
        batch = [first]
        while len(batch) < _BATCH:
            try:
                record = self._waiting.get_nowait()
            except queue.Empty:
                break
            if record is None:
                return batch, True
            batch.append(record)
        return batch, False

    def _write(self, batch: Sequence[AccessRecord]) -> None:
        try:
            with self._store.transaction() as records:
                for record in batch:
                    records.log(record)
        except Exception:
            # The thread must outlive whatever the database does; the gap is counted.
            _log.exception("could not write %d access records", len(batch))
            self._lost(len(batch))
