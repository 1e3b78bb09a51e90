"""The metrics for Prometheus. Labels hold only our own names: no repository, number, login or id."""

from __future__ import annotations

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Gauge, Histogram, generate_latest

MEDIA_TYPE = CONTENT_TYPE_LATEST
_SECONDS = (0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)


class Metrics:
    """The metrics of one server."""

    def __init__(self) -> None:
        """All at zero."""
        self.registry = CollectorRegistry()
        self.requests = Counter(
            "pressplay_serve_requests",
            "Requests answered, by surface (mcp, http), operation and outcome (ok, or the kind of problem).",
            ("surface", "operation", "outcome"),
            registry=self.registry,
        )
        self.seconds = Histogram(
            "pressplay_serve_request_seconds",
            "How long an answer took, in seconds.",
            ("surface", "operation"),
            buckets=_SECONDS,
            registry=self.registry,
        )
        self.in_flight = Gauge("pressplay_serve_in_flight", "Requests that are worked on now.", registry=self.registry)
        self.github = Counter(
            "pressplay_serve_github_calls",
            "Calls to GitHub, by what was asked for and outcome (ok, refused, unavailable, failed).",
            ("what", "outcome"),
            registry=self.registry,
        )
        self.authentications = Counter(
            "pressplay_serve_authentications",
            "Tokens that were looked at, by outcome (ok, unauthorized, forbidden, unavailable, too_many).",
            ("outcome",),
            registry=self.registry,
        )

    def text(self) -> bytes:
        """All of it, as Prometheus reads it."""
        return generate_latest(self.registry)
