"""What a service counts, for Prometheus."""

from __future__ import annotations

import os

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

FOLDER = "PROMETHEUS_MULTIPROC_DIR"
"""Where the workers of one service put their counts together (prometheus_client's own variable)."""

_SECONDS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
_TEXTS = (1, 2, 4, 8, 16, 32, 64, 128)


class Metrics:
    """The counts of one process; several processes are summed where ``FOLDER`` is set before this is imported."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        own = self._registry
        ProcessCollector(registry=own)
        self.requests = Counter("relik_requests", "Requests answered", ["path", "status"], registry=own)
        self.seconds = Histogram("relik_request_seconds", "Until the answer", ["path"], buckets=_SECONDS, registry=own)
        self.texts = Counter("relik_texts", "Texts that the model read", registry=own)
        self.characters = Counter("relik_characters", "Code points that the model read", registry=own)
        self.batch = Histogram("relik_batch_texts", "Texts given to the model at once", buckets=_TEXTS, registry=own)
        self.work = Histogram("relik_batch_seconds", "The model's time for a batch", buckets=_SECONDS, registry=own)
        self.waiting = Gauge(
            "relik_waiting_texts", "Texts that wait for the model", multiprocess_mode="livesum", registry=own
        )

    def exposition(self) -> bytes:
        """All counts in the text format of Prometheus."""
        if not os.environ.get(FOLDER):
            return generate_latest(self._registry)
        joined = CollectorRegistry()
        MultiProcessCollector(joined)  # type: ignore[no-untyped-call]
        return generate_latest(joined)
