"""What Prometheus may know of a server: how many requests, how long, how full. No names, no scores."""

from __future__ import annotations

import os
from collections.abc import Sequence

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

_SECONDS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)

CONTENT_TYPE = CONTENT_TYPE_LATEST


class Metrics:
    """Of one process. Several processes of one server answer in turn: each series says of which it is."""

    def __init__(self) -> None:
        registry = self._registry = CollectorRegistry()
        self._worker = str(os.getpid())
        ProcessCollector(registry=registry)
        self._requests = Counter(
            "facekit_requests",
            "Requests that were answered.",
            ["worker", "route", "status"],
            registry=registry,
        )
        self._seconds = Histogram(
            "facekit_request_seconds",
            "How long they took.",
            ["worker", "route"],
            buckets=_SECONDS,
            registry=registry,
        )
        self._pictures = Counter(
            "facekit_pictures", "Pictures that were looked through.", ["worker", "result"], registry=registry
        )
        self._inside = Gauge(
            "facekit_requests_inside", "Requests at work or waiting.", ["worker"], registry=registry
        )
        self._people = Gauge(
            "facekit_gallery_people", "People in the gallery.", ["worker"], registry=registry
        )
        self._templates = Gauge(
            "facekit_gallery_templates", "Templates in the gallery.", ["worker"], registry=registry
        )

    def answered(self, route: str, status: int, seconds: float) -> None:
        self._requests.labels(self._worker, route, str(status)).inc()
        self._seconds.labels(self._worker, route).observe(seconds)

    def pictures_read(self, errors: Sequence[str | None]) -> None:
        """Pictures, by the error of each."""
        for error in errors:
            self._pictures.labels(self._worker, "unreadable" if error else "read").inc()

    def text(self, *, inside: int, people: float, templates: float) -> bytes:
        """As Prometheus reads it."""
        self._inside.labels(self._worker).set(inside)
        self._people.labels(self._worker).set(people)
        self._templates.labels(self._worker).set(templates)
        return generate_latest(self._registry)
