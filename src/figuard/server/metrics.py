"""
Metrics: plain counts while requests are answered, turned into Prometheus' form only when somebody asks.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterable
from functools import cache
from typing import Any

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from figuard.domain.refusal import Refusal
from figuard.wire.operations import Operation
from figuard.wire.responses import AuthorizeBatchResponse, AuthorizeResponse, EventResponse, VoidTreeResponse

CONTENT_TYPE = CONTENT_TYPE_LATEST
LATENCY_BUCKETS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Upper bounds of the latency of an authorization, in seconds."""
_SETTLING = {
    "confirm_event": ("CONFIRMED", "figuard_event_confirmed"),
    "fail_event": ("FAILED", "figuard_event_failed"),
    "void_event": ("VOIDED", "figuard_event_voided"),
}
VELOCITY = "VELOCITY_LIMIT_EXCEEDED"

PLAIN: dict[str, str] = {
    "figuard_authorize_approved": "Authorizations approved.",
    "figuard_event_confirmed": "Events confirmed.",
    "figuard_event_failed": "Events failed.",
    "figuard_event_voided": "Events voided.",
    "figuard_event_tree_voided": "Trees of events voided.",
    "figuard_event_external": "External events recorded.",
    "figuard_velocity_denied": "Authorizations denied by a velocity limit.",
    "figuard_reservation_expired": "Holds that ended by their time, as far as a sweep came first.",
    "figuard_integrity_runs": "Passes of the ledger verification.",
    "figuard_integrity_violations": "Findings of the ledger verification, each counted once.",
    "figuard_webhook_retry_attempts": "Webhook deliveries tried again.",
    "figuard_webhook_retry_recovered": "Webhook deliveries that went through when tried again.",
    "figuard_webhook_retry_terminal": "Webhook deliveries given up.",
    "figuard_webhook_retry_renewal_alerts": "Alerts about a renewal that could not be told.",
    "figuard_renewal_sweep_runs": "Passes of the renewal of entitlements.",
    "figuard_renewal_sweep_items_renewed": "Entitlements renewed.",
    "figuard_renewal_sweep_errors": "Entitlements whose renewal failed.",
}
"""The counters without labels."""
LABELLED: dict[str, tuple[str, tuple[str, ...]]] = {
    "figuard_authorize_denied": ("Authorizations denied.", ("denial_reason",)),
    "figuard_sweep_runs": ("Passes of a background job.", ("job",)),
    "figuard_sweep_events_processed": ("What a background job did.", ("job",)),
    "figuard_requests": ("Requests answered.", ("operation", "status")),
    "figuard_refusals": ("Requests refused.", ("code",)),
}
"""The counters with labels."""


class Counts:
    """What has happened in this process. Belongs to one event loop."""

    def __init__(self) -> None:
        """Start at zero."""
        self.plain: Counter[str] = Counter()
        self.labelled: Counter[tuple[str, tuple[str, ...]]] = Counter()
        self.pending_authorizations = 0
        self._latency = [0] * (len(LATENCY_BUCKETS) + 1)
        self._latency_sum = 0.0

    def add(self, name: str, *labels: str, by: int = 1) -> None:
        """Count *by* more of what is called *name*."""
        if labels:
            self.labelled[name, labels] += by
        else:
            self.plain[name] += by

    def answered(self, operation: Operation, status: int, answer: Any, seconds: float) -> None:  # noqa: ANN401 - any response
        """Count an answer by what it says."""
        self.labelled[_requests(operation.name, status)] += 1
        match answer:
            case AuthorizeResponse():
                self._latency[bisect_left(LATENCY_BUCKETS, seconds)] += 1
                self._latency_sum += seconds
                self._authorized(answer)
            case EventResponse() if operation.name in _SETTLING:
                decision, name = _SETTLING[operation.name]
                self.plain[name] += answer.decision == decision
            case AuthorizeBatchResponse():
                for one in answer.results:
                    self._authorized(one)
            case EventResponse() if operation.name == "record_external_event":
                self.plain["figuard_event_external"] += 1
            case VoidTreeResponse():
                self.plain["figuard_event_tree_voided"] += 1
            case _:
                return

    def _authorized(self, answer: AuthorizeResponse) -> None:
        if answer.decision == "AUTHORIZED":
            self.plain["figuard_authorize_approved"] += 1
        if answer.denial_reason is None:
            return
        self.labelled["figuard_authorize_denied", (answer.denial_reason,)] += 1
        if answer.denial_reason == VELOCITY:
            self.plain["figuard_velocity_denied"] += 1

    def refused(self, operation: Operation, refusal: Refusal) -> None:
        """Count a request that was refused."""
        self.labelled[_requests(operation.name, refusal.row.status)] += 1
        self.labelled["figuard_refusals", (refusal.code.value,)] += 1

    def latency(self) -> tuple[list[tuple[str, float]], float]:
        """Return the cumulative buckets of the latency and its sum in seconds."""
        buckets: list[tuple[str, float]] = []
        total = 0
        for bound, count in zip((*map(str, LATENCY_BUCKETS), "+Inf"), self._latency, strict=True):
            total += count
            buckets.append((bound, total))
        return buckets, self._latency_sum


@cache
def _requests(operation: str, status: int) -> tuple[str, tuple[str, ...]]:
    return "figuard_requests", (operation, str(status))


class _Collected(Collector):
    def __init__(self, counts: Counts, waiting: Callable[[], int]) -> None:
        self._counts = counts
        self._waiting = waiting

    def collect(self) -> Iterable[Metric]:
        counts = self._counts
        for name, says in PLAIN.items():
            yield CounterMetricFamily(name, says, value=counts.plain[name])
        for name, (says, labels) in LABELLED.items():
            family = CounterMetricFamily(name, says, labels=labels)
            for (counted, values), count in sorted(counts.labelled.items()):
                if counted == name:
                    family.add_metric(values, count)
            yield family
        buckets, total = counts.latency()
        yield HistogramMetricFamily(
            "figuard_authorize_latency", "Seconds from request to answer.", buckets=buckets, sum_value=total
        )
        yield GaugeMetricFamily(
            "figuard_sweep_pending_authorizations",
            "Budgets with holds that were due when last looked.",
            value=counts.pending_authorizations,
        )
        yield GaugeMetricFamily("figuard_queue_waiting", "Orders that wait to be committed.", value=self._waiting())


def exposition(counts: Counts, waiting: Callable[[], int]) -> bytes:
    """Return everything counted as Prometheus text."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Collected(counts, waiting))
    return generate_latest(registry)
