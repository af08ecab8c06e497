"""The configuration and the keys, ready to be asked about a request, without the database.

Built anew when a counter of the store grows; what is costly is worked out once for each
application and kept.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import lru_cache

from vestibule.flows.ports import Clock, Store
from vestibule.model.application import Application, ApplicationType
from vestibule.model.conditions import ContinuousPlan
from vestibule.model.configuration import Configuration
from vestibule.model.machine import ServiceToken, SigningKey
from vestibule.model.rules import Decision, ExternalEvaluation, Policy, RuleGroup
from vestibule.model.state import Revisions
from vestibule.policy import continuous
from vestibule.policy.destinations import DestinationIndex, Pattern
from vestibule.policy.needs import all_rules, external_evaluations
from vestibule.tokens.keys import current
from vestibule.tokens.service import by_client_id

LOOK_AGAIN = timedelta(milliseconds=300)
"""For so long the counters need not be asked about: what was taken away counts soon after."""


@dataclass(frozen=True, slots=True)
class Protected:
    """An application with all that deciding about it needs.

    `linked` maps the AUD tags whose tokens may be forwarded to this application to the
    ids of the applications that they are for (access.md 4.4). `external` are the services
    that its policies ask about people.
    """

    application: Application
    policies: tuple[Policy, ...]
    plan: ContinuousPlan
    linked: Mapping[str, str]
    external: frozenset[ExternalEvaluation] = frozenset()

    @property
    def machine_policies(self) -> tuple[Policy, ...]:
        """Those that count for a request with service credentials (access.md 8.1)."""
        return tuple(p for p in self.policies if p.decision in _NO_IDENTITY)

    @property
    def may_keep_machine_tokens(self) -> bool:
        """Whether a machine may come back with a token in place of its credentials."""
        return any(policy.decision is Decision.ALLOW for policy in self.policies)

    @property
    def asks_for_machines(self) -> bool:
        """Whether some policy is Service Auth."""
        return any(policy.decision is Decision.NON_IDENTITY for policy in self.policies)


_NO_IDENTITY = (Decision.NON_IDENTITY, Decision.BYPASS)


@dataclass(frozen=True, slots=True)
class Destination:
    """The pattern by which a request was found to be for an application."""

    host: str
    path: str
    application_id: str


class View:
    """One moment's configuration. Safe to share between threads."""

    def __init__(
        self,
        configuration: Configuration,
        keys: Sequence[SigningKey],
        revisions: Revisions,
        *,
        scheme: str,
    ) -> None:
        self.configuration = configuration
        self.keys = tuple(keys)
        self.revisions = revisions
        self.issuer = f"{scheme}://{configuration.organization.auth_domain}"
        self._index = DestinationIndex(_patterns(configuration.applications.values()))
        self._service_tokens = by_client_id(configuration.service_tokens)
        self._protect = lru_cache(maxsize=None)(self._protected)

    @property
    def key(self) -> SigningKey:
        """The key that signs now; raises `NoSigningKey`."""
        return current(self.keys)

    def destination(self, host: str, path: str) -> Destination | None:
        """Return where a request goes (access.md 2.3), None when no application is there."""
        return self._index.find(host, path)

    def protected(self, application_id: str) -> Protected:
        """Return the application. Raises KeyError for a policy that is not there."""
        return self._protect(application_id)

    def service_token(self, client_id: str) -> ServiceToken | None:
        """Return the service token with that client id."""
        return self._service_tokens.get(client_id)

    def _protected(self, application_id: str) -> Protected:
        configuration = self.configuration
        application = configuration.applications[application_id]
        policies = configuration.policies_of(application)
        linked = {
            configuration.applications[sender].aud: sender
            for sender in linked_application_ids(policies, configuration.groups)
            if sender in configuration.applications and sender != application_id
        }
        plan = continuous.plan(policies, configuration.groups, configuration.lists)
        external = external_evaluations(policies, configuration.groups)
        return Protected(application, policies, plan, linked, external)


class LiveView:
    """The present view, kept up to date by asking the store's counters now and then."""

    def __init__(self, store: Store, clock: Clock, *, scheme: str) -> None:
        self._store = store
        self._clock = clock
        self._scheme = scheme
        self._building = threading.Lock()
        self._view: View | None = None
        self._confirmed_at: datetime | None = None

    @property
    def latest(self) -> View | None:
        """The last view, however old: good for how a page looks, never for a decision."""
        return self._view

    def fresh(self) -> View | None:
        """Return the view if it was confirmed just now, None when the store must be asked."""
        if self._view is None or self._confirmed_at is None:
            return None
        age = self._clock.now() - self._confirmed_at
        return self._view if timedelta(0) <= age < LOOK_AGAIN else None

    def current(self) -> View:
        """Return the present view, asking the store if need be.

        Raises `StoreUnavailable`: a view that nobody confirms lets nobody in.
        """
        if view := self.fresh():
            return view
        with self._building:
            if view := self.fresh():
                return view
            now = self._clock.now()
            revisions = self._store.revisions()
            if self._view is None or not _same_view(revisions, self._view.revisions):
                self._view = self._build(revisions)
            elif revisions != self._view.revisions:
                self._view.revisions = revisions
            self._confirmed_at = now
            return self._view

    def _build(self, revisions: Revisions) -> View:
        # The counters are read first: what grows meanwhile is seen the next time.
        configuration = self._store.configuration()
        with self._store.reading() as records:
            keys = records.signing_keys()
        return View(configuration, keys, revisions, scheme=self._scheme)


def _same_view(one: Revisions, other: Revisions) -> bool:
    return replace(one, revocations=0) == replace(other, revocations=0)


def _patterns(applications: Iterable[Application]) -> Iterable[tuple[Pattern, Destination]]:
    """The patterns of what has a door; a switched-off application keeps its door, shut."""
    for application in applications:
        if application.type is ApplicationType.SELF_HOSTED:
            for text in application.destinations:
                pattern = Pattern.parse(text)
                yield pattern, Destination(pattern.host, pattern.path, application.id)


def linked_application_ids(
    policies: Sequence[Policy], groups: Mapping[str, RuleGroup]
) -> frozenset[str]:
    """Return the applications that some rule names as senders of linked tokens."""
    return frozenset(
        str(rule.body.get("app_uid", ""))
        for rule in all_rules(policies, groups)
        if rule.selector == "linked_app_token"
    )
