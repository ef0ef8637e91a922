"""What `/metrics` says, in the Prometheus text format, over all processes of this machine.

Counters and histograms live in small shared files, one per process (`prometheus_client`'s
multi-process mode), so any web process can answer for all. What rows know is asked at scrape
time, by bounded queries, once, and is true for the whole installation.

A package adds its own: a counter or histogram made from `prometheus_client` with a name that
begins with `controlplane_`, or a reading at scrape time (`jobs.measures.reading`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from controlplane.jobs import measures, metrics_files, metrics_sums

# Before the client's first import; see there.
FOLDER = metrics_files.settle_folder()
FOLDER.mkdir(parents=True, exist_ok=True, mode=0o700)

from prometheus_client import (  # noqa: E402
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    generate_latest,
)
from prometheus_client.core import GaugeMetricFamily  # noqa: E402
from prometheus_client.metrics_core import Metric  # noqa: E402
from prometheus_client.registry import Collector  # noqa: E402

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

REQUESTS = Counter(
    "controlplane_http_requests_total",
    "Requests answered, by route pattern.",
    ["method", "route", "status"],
)
DURATION = Histogram(
    "controlplane_http_request_duration_seconds",
    "Time to answer, by route pattern.",
    ["method", "route"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.5, 1.0, 2.5, 5.0, 10.0),
)

# The same by few classes and in finer steps: what the portal reports of itself as events.
ANSWERS_NAME = "controlplane_answer_duration_seconds"
ANSWER_BOUNDS = (
    *(0.001, 0.002, 0.003, 0.005, 0.0075, 0.01, 0.015, 0.02, 0.03, 0.04, 0.05, 0.075),
    *(0.1, 0.125, 0.15, 0.175, 0.2, 0.25, 0.3, 0.4, 0.5, 0.75, 1.0, 1.5, 2.5, 5.0, 10.0, 30.0),
)
_ANSWERS = Histogram(
    ANSWERS_NAME,
    "Time to answer, by kind of route and class of status.",
    ["kind", "status"],
    buckets=ANSWER_BOUNDS,
)
# In files like all of these, so that they count while the database is away.
CONNECTIONS_NAME = "controlplane_db_connection_attempts"
CONNECTIONS = Counter(CONNECTIONS_NAME, "Connections asked of the pool or the database.")
FAILURES_NAME = "controlplane_db_connection_failures"
CONNECTION_FAILURES = Counter(FAILURES_NAME, "Connections that could not be had.")
POOL_NAME = "controlplane_db_pool_used_percent"
POOL_USED = Gauge(
    POOL_NAME,
    "The fullest connection pool of a process.",
    ["database"],  # with a label nothing is said where there is no pool
    multiprocess_mode="livemax",
)
SLOW_STATEMENTS = Counter(
    "controlplane_db_slow_statements_total",
    "Statements that took longer than the log tells of, by what they were part of.",
    ["source"],
)
SLOW_SECONDS = Counter(
    "controlplane_db_slow_statement_seconds_total",
    "The time that those statements took together.",
    ["source"],
)
CACHE = Counter(
    "controlplane_cache_lookups_total",
    "Looks into the cache, by family of keys and what came of it: hit, miss, or away.",
    ["family", "result"],
)


def observe_request(
    *, method: str, route: str, status: int, seconds: float, kind: str = "page"
) -> None:
    """Count one answer. `route` is the pattern, never the path: paths hold ids without number."""
    REQUESTS.labels(method, route, str(status)).inc()
    DURATION.labels(method, route).observe(seconds)
    _ANSWERS.labels(kind, f"{status // 100}xx").observe(seconds)


def samples(
    kind: metrics_sums.Kind, families: Collection[str]
) -> Iterator[tuple[str, Mapping[str, str], float]]:
    """What the files of this machine hold of some families of one type: (name, labels, value)."""
    for family in metrics_sums.families(FOLDER, kind, families):
        for sample in family.samples:
            yield sample.name, sample.labels, sample.value


class _Readings(Collector):
    def collect(self) -> Iterator[Metric]:
        failed = 0
        for gauge in measures.READINGS.values():
            family = GaugeMetricFamily(gauge.name, gauge.help, labels=gauge.labels)
            try:
                for labels, value in gauge.read():
                    family.add_metric(labels, value)
            except Exception:  # noqa: BLE001  (one broken reading must not blind the others)
                failed += 1
                continue
            yield family
        yield GaugeMetricFamily(
            "controlplane_scrape_failed_readings", "Readings that failed in this scrape.", failed
        )


def exposition() -> bytes:
    """The whole page."""
    registry = CollectorRegistry()
    registry.register(_Readings())
    return metrics_sums.text(metrics_sums.families(FOLDER)).encode() + generate_latest(registry)
