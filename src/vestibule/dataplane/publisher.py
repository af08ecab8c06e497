"""From the store to Envoy: what changed there becomes files here, or a reason why not."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Protocol

from vestibule.compiler.envoy import names
from vestibule.compiler.resources import (
    compile_files,
    compile_static,
    keep_clusters,
    recent_revocation_file,
    revocation_file,
    token_file,
)
from vestibule.compiler.snapshot import Edge, Snapshot
from vestibule.dataplane.files import FileDirectory
from vestibule.dataplane.revoked import RevokedLists
from vestibule.model.configuration import Configuration
from vestibule.model.errors import NotFound, StoreUnavailable, VestibuleError
from vestibule.model.machine import SigningKey
from vestibule.model.state import GatewayStatus, Revisions
from vestibule.policy.continuous import plan as continuous_plan
from vestibule.tokens.keys import jwks

_log = logging.getLogger(__name__)

_STATIC_FILE = "validated.json"
_HEARTBEAT = 10.0
_REFRESH = 60.0
_WARMING = 5.0


class StoreRecords(Protocol):
    """What the data plane does within one transaction."""

    def signing_keys(self) -> Sequence[SigningKey]: ...
    def revoked_grants(self, now: datetime) -> Sequence[str]: ...
    def put_gateway_status(self, status: GatewayStatus) -> None: ...


class Store(Protocol):
    """What the data plane needs of the store."""

    def transaction(self) -> AbstractContextManager[StoreRecords]: ...
    def reading(self) -> AbstractContextManager[StoreRecords]: ...
    def revisions(self) -> Revisions: ...
    def wait_for_change(self, known: Revisions, timeout: float) -> Revisions: ...
    def configuration(self) -> Configuration: ...


class Streams(Protocol):
    """Whoever holds the open streams."""

    def revoke(self, grants: Sequence[str]) -> None: ...


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the publisher is given: the time, its name, how to judge and where things are.

    `edge` reads the certificates anew each time. `validate` says why Envoy would refuse a
    static bootstrap. `warming` says how many clusters Envoy is still resolving.
    """

    name: str
    clock: Callable[[], datetime]
    edge: Callable[[], Edge]
    validate: Callable[[str], str]
    warming: Callable[[], int]
    envoy_version: str = ""


class Publisher:
    """Keeps the files as the store says, and the last good ones when that cannot be."""

    def __init__(
        self, store: Store, directory: FileDirectory, streams: Streams, surroundings: Surroundings
    ) -> None:
        self._store, self._directory, self._streams = store, directory, streams
        self._with = surroundings
        self._known_quick = Revisions(-1, -1, -1)
        self._known_configuration = Revisions(-1, -1, -1)
        self._quick = threading.Lock()
        self._revoked = RevokedLists()
        self._edge: Edge | None = None
        self._issuer = ""
        self._outage = ""
        self._told: GatewayStatus | None = None
        self._told_at = 0.0
        self._refreshed_at = 0.0
        self.applied_revision = 0
        self.error = ""
        self.rejections = 0

    def prime(self, stop: threading.Event) -> None:
        """Put files in place that Envoy can start with; wait for the store while there are none.

        When the present configuration cannot be used, the files of the last good one stay;
        if there never was one, nothing is published and every request is refused.
        """
        while not stop.is_set():
            try:
                revisions = self._store.revisions()
                self._publish_configuration(revisions)
                self._publish_quick(revisions)
            except (StoreUnavailable, NotFound) as error:
                self._failed(error.message)
            if not self._directory.holds(names.BOOTSTRAP_FILE):
                self._publish_nothing()
            if self._directory.holds(names.BOOTSTRAP_FILE):
                return
            stop.wait(0.5)

    def follow_configuration(self, stop: threading.Event) -> None:
        """Follow what takes a while to publish, until `stop` is set."""

        def step() -> None:
            known = replace(
                self._store.revisions(), configuration=self._known_configuration.configuration
            )
            revisions = self._store.wait_for_change(known, 1.0)
            self._publish_configuration(revisions)
            self._tell(revisions)

        self._follow(step, stop)

    def follow_revocations(self, stop: threading.Event) -> None:
        """Follow what cannot wait for the rest: revocations, and keys."""
        self._follow(
            lambda: self._publish_quick(self._store.wait_for_change(self._known_quick, 1.0)), stop
        )

    def _follow(self, step: Callable[[], None], stop: threading.Event) -> None:
        while not stop.is_set():
            try:
                step()
                self._outage = ""
            except (StoreUnavailable, NotFound) as error:
                self._failed(error.message)
                stop.wait(0.5)
            except OSError as error:
                self._failed(f"cannot write Envoy's files: {error}")
                stop.wait(0.5)

    def _publish_quick(self, revisions: Revisions) -> None:
        known = self._known_quick
        due = time.monotonic() - self._refreshed_at > _REFRESH
        if revisions.revocations != known.revocations or due:
            self._publish_revocations()
        if revisions.keys != known.keys or due:
            self._publish_keys()
        if due:
            self._refreshed_at = time.monotonic()
        self._known_quick = revisions

    def _publish_revocations(self) -> None:
        # Read and written in one go: an older list must never replace a newer one.
        with self._quick:
            with self._store.reading() as records:
                revoked = list(records.revoked_grants(self._with.clock()))
            self._streams.revoke(revoked)
            recent, whole = self._revoked.split(frozenset(revoked), time.monotonic())
            # The short file first: Envoy takes its time with the long one.
            self._directory.write(names.RECENT_REVOCATION_FILE, recent_revocation_file(recent))
            if whole is not None:
                self._directory.write(names.REVOCATION_FILE, revocation_file(whole))

    def _publish_keys(self) -> None:
        if not self._issuer:
            return  # the first configuration brings them
        with self._quick:
            now = self._with.clock()
            with self._store.reading() as records:
                keys = jwks(records.signing_keys(), now)
            self._directory.write(names.TOKEN_FILE, token_file(self._issuer, keys))

    def _publish_configuration(self, revisions: Revisions) -> None:
        edge = self._with.edge()
        if (
            revisions.configuration == self._known_configuration.configuration
            and edge == self._edge
        ):
            return
        configuration = self._store.configuration()
        try:
            self._apply(self._snapshot(configuration, edge))
        except VestibuleError as error:
            if isinstance(error, StoreUnavailable | NotFound):
                raise
            self._rejected(configuration.revision, str(error))
        except KeyError as error:
            reason = f"a policy that is referred to is missing: {error}"
            self._rejected(configuration.revision, reason)
        # Keys go on being published where the last good configuration is an earlier run's.
        self._issuer = self._issuer or Snapshot(configuration, edge).issuer
        self._known_configuration, self._edge = revisions, edge

    def _snapshot(self, configuration: Configuration, edge: Edge) -> Snapshot:
        now = self._with.clock()
        with self._store.reading() as records:
            keys = records.signing_keys()
            revoked = tuple(records.revoked_grants(now))
        plans = {
            application.id: continuous_plan(
                configuration.policies_of(application), configuration.groups, configuration.lists
            )
            for application in configuration.applications.values()
        }
        return Snapshot(configuration, edge, plans, jwks(keys, now), revoked)

    def _apply(self, snapshot: Snapshot) -> None:
        revision = snapshot.configuration.revision
        files = dict(compile_files(snapshot))
        # Those are written by whoever reads them last; what is in `files` may be old.
        for name in (names.REVOCATION_FILE, names.RECENT_REVOCATION_FILE, names.TOKEN_FILE):
            del files[name]
        changed = [name for name, content in files.items() if self._differs(name, content)]
        if changed and (reason := self._judge(snapshot)):
            self._rejected(revision, reason)
            return
        self._issuer = snapshot.issuer
        self._publish_keys()
        self._publish_revocations()
        self._replace(files)
        self.applied_revision = revision
        self.error = ""
        if changed:
            _log.info("published revision %d: %s", revision, ", ".join(changed))

    def _replace(self, files: dict[str, bytes]) -> None:
        """Write `files` so that no route ever leads to a cluster that is not there."""
        clusters = files.pop(names.CLUSTERS_FILE)
        old = self._directory.read(names.CLUSTERS_FILE)
        if self._directory.write(names.CLUSTERS_FILE, keep_clusters(clusters, old)):
            self._wait_for_clusters()
        last = (names.LISTENERS_FILE, names.ROUTES_FILE)
        for name in sorted(files, key=lambda name: last.index(name) if name in last else -1):
            self._directory.write(name, files[name])
        self._directory.write(names.CLUSTERS_FILE, clusters)

    def _wait_for_clusters(self) -> None:
        end = time.monotonic() + _WARMING
        time.sleep(0.01)
        while self._with.warming() and time.monotonic() < end:
            time.sleep(0.01)

    def _differs(self, name: str, content: bytes) -> bool:
        return self._directory.read(name) != content

    def _judge(self, snapshot: Snapshot) -> str:
        self._directory.write(_STATIC_FILE, compile_static(snapshot))
        return self._with.validate(str(self._directory.path / _STATIC_FILE))

    def _publish_nothing(self) -> None:
        """Files for an Envoy that refuses everything: there never was a good configuration."""
        try:
            configuration = self._store.configuration()
        except (StoreUnavailable, NotFound):
            return
        bare = replace(configuration, applications={}, origins={}, mtls_certificates={})
        reason = self.error
        self._apply(self._snapshot(bare, self._with.edge()))
        self.applied_revision, self.error = 0, reason

    def _rejected(self, revision: int, reason: str) -> None:
        self.rejections += 1
        self.error = reason
        _log.error("revision %d is not published: %s", revision, reason)

    def _failed(self, reason: str) -> None:
        if reason != self._outage:
            _log.error("cannot follow the store, and keep what there is: %s", reason)
        self._outage = reason

    def _tell(self, revisions: Revisions) -> None:
        """Leave word in the store, when there is news and now and then."""
        status = GatewayStatus(
            name=self._with.name,
            seen_at=self._with.clock(),
            applied_revision=self.applied_revision,
            wanted_revision=revisions.configuration,
            error=self.error,
            envoy_version=self._with.envoy_version,
        )
        news = self._told is None or replace(self._told, seen_at=status.seen_at) != status
        if not news and time.monotonic() - self._told_at < _HEARTBEAT:
            return
        with self._store.transaction() as records:
            records.put_gateway_status(status)
        self._told, self._told_at = status, time.monotonic()
