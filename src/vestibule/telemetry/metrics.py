"""The control plane's numbers, for Prometheus."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

_BUCKETS = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)


class Metrics:
    """What is counted. Each process has one; nothing registers itself globally.

    Labels come from closed lists alone: no hostname, no address, no person.
    """

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._decisions = Counter(
            "vestibule_decisions",
            "Requests that the data plane asked about, by answer.",
            ("outcome",),
            registry=self.registry,
        )
        self._latency = Histogram(
            "vestibule_decision_seconds",
            "How long the data plane waited for an answer.",
            registry=self.registry,
            buckets=_BUCKETS,
        )
        self._logins = Counter(
            "vestibule_logins",
            "Sign-ins that ended, by type of provider and outcome.",
            ("provider_type", "outcome"),
            registry=self.registry,
        )
        self._lost = Counter(
            "vestibule_access_records_lost",
            "Access records that could not be written.",
            registry=self.registry,
        )
        self._revision = Gauge(
            "vestibule_configuration_revision",
            "The revision of the configuration in use.",
            registry=self.registry,
        )

    def decided(self, outcome: str, seconds: float) -> None:
        """One answer to the data plane; `outcome` is its kind."""
        self._decisions.labels(outcome).inc()
        self._latency.observe(seconds)

    def signed_in(self, provider_type: str, outcome: str) -> None:
        """One sign-in that ended, well or not."""
        self._logins.labels(provider_type, outcome).inc()

    def lost_records(self, count: int) -> None:
        """So many access records were dropped."""
        self._lost.inc(count)

    def uses_configuration(self, revision: int) -> None:
        """The configuration that decisions are made from."""
        self._revision.set(revision)

    def exposition(self) -> tuple[str, bytes]:
        """Return the content type and the text that a scrape of this process answers."""
        return CONTENT_TYPE_LATEST, generate_latest(self.registry)
