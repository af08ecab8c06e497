"""Signs the tokens that were drafted, and lets requests that come together share one.

So a page with fifty images leaves one grant behind, not fifty, and a machine that calls a
hundred times a second costs one signature in five minutes.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from vestibule.flows.ports import Entropy, Records, Store
from vestibule.flows.question import Question
from vestibule.flows.reissue import Draft
from vestibule.model.session import Grant
from vestibule.tokens.signing import sign

_KEPT = 4096
_LONGEST_REUSE = timedelta(minutes=5)


class RecordsNeeded(Exception):
    """The answer needs the database, which whoever asked did not offer."""


@dataclass(frozen=True, slots=True)
class Issued:
    """An application token with the grant that it stands for."""

    raw: str
    grant: Grant


@dataclass(frozen=True, slots=True)
class _Kept:
    issued: Issued
    reuse_until: datetime
    revocations: int


class Issuer:
    """Issues tokens, and remembers for a while which were issued. Safe between threads."""

    def __init__(self, entropy: Entropy) -> None:
        self._entropy = entropy
        self._lock = threading.Lock()
        self._kept: OrderedDict[Hashable, _Kept] = OrderedDict()

    def issue(self, question: Question, draft: Draft, store: Store | None) -> Issued:
        """Return the drafted token, a shared one if there is.

        Raises `RecordsNeeded` when it must be written down and `store` is None.
        """
        revisions = question.view.revisions
        key = (draft.key, question.application.id, revisions.configuration, revisions.keys)
        kept = self._kept.get(key)
        if kept and kept.revocations == revisions.revocations and question.now < kept.reuse_until:
            return kept.issued
        if store is None:
            raise RecordsNeeded
        with self._lock:
            with store.transaction() as records:
                kept = self._kept.get(key)
                issued = _still_good(kept, question.now, records)
                if issued is None:
                    issued = self._write(question, draft, records)
            # Committed, and nobody else was let in meanwhile: now others may share it.
            self._keep(key, issued, question)
        return issued

    def _write(self, question: Question, draft: Draft, records: Records) -> Issued:
        grant = replace(draft.grant, id=self._entropy.uuid())
        raw = sign(draft.claims(grant), question.view.key)
        records.add_grant(grant)
        if grant.service_token_id is not None:
            records.saw_service_token(grant.service_token_id, question.now)
        return Issued(raw, grant)

    def _keep(self, key: Hashable, issued: Issued, question: Question) -> None:
        half = (issued.grant.expires_at - issued.grant.issued_at) / 2
        reuse_until = issued.grant.issued_at + min(half, _LONGEST_REUSE)
        self._kept[key] = _Kept(issued, reuse_until, question.view.revisions.revocations)
        self._kept.move_to_end(key)
        while len(self._kept) > _KEPT:
            self._kept.popitem(last=False)


def _still_good(kept: _Kept | None, now: datetime, records: Records) -> Issued | None:
    """Something was revoked since the token was kept: return it if it was not this one."""
    if kept is None or now >= kept.reuse_until:
        return None
    stored = records.grant(kept.issued.grant.id)
    return kept.issued if stored is not None and stored.revoked_at is None else None
