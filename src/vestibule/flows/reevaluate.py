"""Judges live grants anew when what they rest upon has changed (design.md, "State").

Nobody waits for a token to expire: who no longer passes loses it, and with it their open
streams. Place and certificate are judged on each request anyway; here they are taken as
they were when the token was given.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from vestibule.flows.ports import Clock, Records, Store
from vestibule.flows.present import person_context
from vestibule.flows.view import Protected, View
from vestibule.model.application import Application
from vestibule.model.errors import VestibuleError
from vestibule.model.request import RequestFacts
from vestibule.model.rules import Decision
from vestibule.model.session import Grant
from vestibule.model.state import Revisions
from vestibule.policy.context import Context
from vestibule.policy.evaluate import evaluate
from vestibule.policy.needs import all_rules
from vestibule.policy.verdict import Outcome

_LOOK_AGAIN = 30.0
_CERTIFICATE_SELECTORS = frozenset(("certificate", "common_name"))

_log = logging.getLogger("vestibule.reevaluate")


@dataclass(frozen=True, slots=True)
class _Judge:
    """One application, or its absence, with the records to look people up in."""

    view: View
    protected: Protected | None
    records: Records
    certificates_matter: bool

    def passes(self, grant: Grant) -> bool:
        """Whether `grant` would be given again."""
        protected = self.protected
        if protected is None or not protected.application.enabled:
            return False
        policy = next((p for p in protected.policies if p.id == grant.policy_id), None)
        context = Context(
            _facts(protected.application, grant),
            groups=self.view.configuration.groups,
            lists=self.view.configuration.lists,
        )
        if grant.session_id is None:
            return self._machine_passes(protected, grant, context)
        if policy is not None and policy.decision is Decision.NON_IDENTITY:
            return True  # a forwarded token: short-lived, and its rule still stands
        return self._person_passes(protected, grant, context)

    def _person_passes(self, protected: Protected, grant: Grant, context: Context) -> bool:
        session = self.records.session(grant.session_id or "")
        if session is None or session.ended_at is not None:
            return False
        user = self.records.user(session.user_id)
        provider = self.view.configuration.identity_providers.get(session.identity.idp_id)
        allowed = protected.application.allowed_idps
        if user is None or provider is None or not provider.enabled:
            return False
        if allowed and provider.id not in allowed:
            return False
        context = person_context(context, protected, session, user, grant)
        outcome = evaluate(protected.policies, context).outcome
        return self._stands(outcome)

    def _machine_passes(self, protected: Protected, grant: Grant, context: Context) -> bool:
        if grant.service_token_id is not None:
            token = self.view.configuration.service_tokens.get(grant.service_token_id)
            if token is None or not token.enabled:
                return False
            context = replace(context, service_token_id=token.id)
        outcome = evaluate(protected.machine_policies, context).outcome
        return self._stands(outcome)

    def _stands(self, outcome: Outcome) -> bool:
        """A refusal for whoever it is may be the missing certificate's: requests will tell."""
        if outcome in (Outcome.ALLOW, Outcome.BYPASS, Outcome.SERVICE_AUTH):
            return True
        return outcome is Outcome.FORBIDDEN and self.certificates_matter


class Reevaluation:
    """Remembers what was judged, so that a change costs what it touches."""

    def __init__(self, store: Store, clock: Clock, *, scheme: str) -> None:
        self._store = store
        self._clock = clock
        self._scheme = scheme
        self._judged: dict[str, object] = {}

    def run(self) -> int:
        """Judge the grants of every application that changed since the last run.

        Returns how many were revoked. The first run judges all.
        """
        revisions = self._store.revisions()
        view = View(self._store.configuration(), (), revisions, scheme=self._scheme)
        now_standing = _fingerprints(view)
        gone = self._judged.keys() - now_standing.keys()
        changed = {
            id for id, fingerprint in now_standing.items() if self._judged.get(id) != fingerprint
        }
        revoked = self._judge(view, changed | gone, first=not self._judged)
        self._judged = now_standing
        return revoked

    def run_for_user(self, user_id: str) -> int:
        """Judge the grants of one person: their risk level or their groups changed."""
        view = View(self._store.configuration(), (), self._store.revisions(), scheme=self._scheme)
        with self._store.reading() as records:
            grants = records.live_grants(self._clock.now(), user_id=user_id)
            failing = _failing(view, records, grants)
        return self._revoke(failing)

    def follow(self, stop: threading.Event) -> None:
        """Run after every change of the configuration, until `stop` is set."""
        known = Revisions()
        while not stop.is_set():
            try:
                if revoked := self.run():
                    _log.info("revoked %d grants that no longer pass", revoked)
                known = self._wait(known, stop)
            except VestibuleError as error:
                _log.warning("live grants were not judged anew: %s", error.message)
                stop.wait(1.0)

    def _wait(self, known: Revisions, stop: threading.Event) -> Revisions:
        """Return once the configuration, not merely a revocation, has changed."""
        while not stop.is_set():
            latest = self._store.wait_for_change(known, 1.0)
            if latest.configuration != known.configuration:
                return latest
            known = latest
        return known

    def _judge(self, view: View, application_ids: Iterable[str], *, first: bool) -> int:
        now = self._clock.now()
        with self._store.reading() as records:
            if first:
                failing = _failing(view, records, records.live_grants(now))
            else:
                failing = [
                    grant_id
                    for id in application_ids
                    for grant_id in _failing(
                        view, records, records.live_grants(now, application_id=id)
                    )
                ]
        return self._revoke(failing)

    def _revoke(self, grant_ids: Sequence[str]) -> int:
        """Judging may take a while; only this keeps other writers waiting."""
        if grant_ids:
            with self._store.transaction() as records:
                records.revoke_grants(grant_ids, self._clock.now())
        return len(grant_ids)


def _failing(view: View, records: Records, grants: Iterable[Grant]) -> list[str]:
    judges: dict[str, _Judge] = {}
    failing: list[str] = []
    for grant in grants:
        judge = judges.get(grant.application_id)
        if judge is None:
            judge = judges[grant.application_id] = _judge_of(view, grant, records)
        if not judge.passes(grant):
            failing.append(grant.id)
    return failing


def _judge_of(view: View, grant: Grant, records: Records) -> _Judge:
    try:
        protected = view.protected(grant.application_id)
    except KeyError:
        return _Judge(view, None, records, certificates_matter=False)
    rules = all_rules(protected.policies, view.configuration.groups)
    matter = any(rule.selector in _CERTIFICATE_SELECTORS for rule in rules)
    return _Judge(view, protected, records, certificates_matter=matter)


def _facts(application: Application, grant: Grant) -> RequestFacts:
    """The request under which the grant was given, as far as it is remembered."""
    host = application.destinations[0].partition("/")[0] if application.destinations else ""
    return RequestFacts(
        method="GET",
        scheme="https",
        host=host,
        authority=host,
        path="/",
        client_ip=grant.ip,
        country=grant.country or None,
    )


def _fingerprints(view: View) -> dict[str, object]:
    """What a grant rests upon, for each application: equal means nothing to judge."""
    configuration = view.configuration
    idps = tuple((idp.id, idp.enabled) for idp in configuration.identity_providers.values())
    services = tuple((token.id, token.enabled) for token in configuration.service_tokens.values())
    found: dict[str, object] = {}
    for id, application in configuration.applications.items():
        try:
            version = view.protected(id).plan.version
        except KeyError:
            version = ""
        found[id] = (version, application.enabled, application.allowed_idps, idps, services)
    return found
