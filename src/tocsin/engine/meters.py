"""Figures about the server's own work, for /metrics."""

from __future__ import annotations

from functools import cache

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

_SECONDS = (0.01, 0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10, 30, 60, 300)


class Meters:
    """One server's meters, in a registry of their own."""

    def __init__(self) -> None:
        registry = CollectorRegistry()
        self._registry = registry
        self.signals = Counter("tocsin_signals", "Signals stored.", ["integration"], registry=registry)
        self.signals_of = cache(self.signals.labels)
        """An integration's; each looked up once, since some thousand signals come in a second."""
        self.refused = Counter(
            "tocsin_intake_refused", "Requests with signals, not stored.", ["status"], registry=registry
        )
        self.ended = Counter(
            "tocsin_connections_ended",
            "Connections that the server ended: too slow, too long a head, too many.",
            ["why"],
            registry=registry,
        )
        self.messages = Counter(
            "tocsin_messages", "Attempts to send.", ["channel", "outcome"], registry=registry
        )
        self.lateness = Histogram(
            "tocsin_wake_lateness_seconds",
            "How late deadlines are carried out.",
            registry=registry,
            buckets=_SECONDS,
        )
        self.overdue = Gauge("tocsin_overdue_incidents", "Incidents past a deadline.", registry=registry)
        self.waiting = Gauge("tocsin_outbox_waiting", "Messages that wait to be sent.", registry=registry)
        self.untriaged = Gauge("tocsin_alerts_waiting", "Alerts that wait for triage.", registry=registry)
        self.skew = Gauge(
            "tocsin_clock_skew_seconds", "This node's clock minus the database's.", registry=registry
        )

    def render(self) -> bytes:
        """All of them, in Prometheus' text format."""
        return generate_latest(self._registry)
