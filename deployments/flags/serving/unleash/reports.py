"""What SDKs tell: that they run, how often each flag was asked for, what they measured.

Read by hand and not by forms: what an SDK of next year adds is skipped, what is malformed is
refused whole, and nothing is counted of a report that is refused.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from math import isfinite
from typing import Any

from controlplane.lib import clock
from controlplane.lib.defaults import define
from controlplane.lib.errors import Invalid
from deployments.flags.services.impact import Sample
from deployments.flags.serving.counting import Answer
from deployments.flags.serving.names import clean
from deployments.flags.serving.snapshots import Snapshot

MAX_TOGGLES = define(
    "flags.max_toggles", 5_000, unit="flags", why="Of one report; more flags nobody has."
)
MAX_SAMPLES = define(
    "flags.max_impact_samples",
    2_000,
    unit="samples",
    why="Of one report: each set of labels of each metric is one, and each is a row a minute.",
)
MAX_BUCKETS = 100
MAX_LABELS = 20
_OLDEST = timedelta(days=2)  # an SDK that was offline tells late, but not that late
_LONGEST = timedelta(days=3_652)  # no program has run for longer
_MOST = 10**9  # nobody asks more often between two reports; sums of these stay whole numbers
DISABLED = "disabled"


def app_named(told: Any) -> str:
    """The application's own name; a report without one is refused."""
    if not isinstance(told, Mapping):
        raise Invalid("The body is a JSON object.")
    name = clean(told.get("appName"))
    if not name:
        raise _wrong("appName", "Required: what the application calls itself.")
    return name


def instance_named(told: Mapping[str, Any]) -> str:
    return clean(told.get("instanceId")) or clean(told.get("connectionId")) or "-"


def about_sdk(told: Mapping[str, Any]) -> dict[str, Any]:
    """What an instance says of itself when it registers."""
    platform = f"{clean(told.get('platformName'))} {clean(told.get('platformVersion'))}"
    strategies = told.get("strategies")
    if strategies is not None and not isinstance(strategies, list):
        raise _wrong("strategies", "A list of names.")
    found: dict[str, Any] = {
        "sdk": clean(told.get("sdkVersion")),
        "platform": platform.strip(),
        "spec": clean(told.get("specVersion"), 20),
        "strategies": [name for each in (strategies or [])[:50] if (name := clean(each))],
    }
    started = told.get("started")
    if started is not None:
        found["started_at"] = _likely(_when("started", started))
    return found


# --- How often each flag was asked for ------------------------------------------------------------


class Usage:
    """One bucket: what the application answered itself, in which hour."""

    def __init__(self, told: Any, snapshot: Snapshot) -> None:
        self.counted: dict[Answer, int] = {}
        self.unknown: dict[str, int] = {}
        self.hour = clock.now().replace(minute=0, second=0, microsecond=0)
        if told is None:
            return
        if not isinstance(told, Mapping):
            raise _wrong("bucket", "An object, or null.")
        _when("bucket.start", told.get("start"))
        self.hour = _hour(_when("bucket.stop", told.get("stop")))
        toggles = told.get("toggles", {})
        if not isinstance(toggles, Mapping) or len(toggles) > MAX_TOGGLES.value:
            raise _wrong("bucket.toggles", f"An object of at most {MAX_TOGGLES.value:,} flags.")
        for name, counts in toggles.items():
            self._take(name, counts, snapshot)

    def _take(self, name: str, counts: Any, snapshot: Snapshot) -> None:
        if not isinstance(counts, Mapping):
            raise _wrong(f"bucket.toggles.{name[:100]}", "An object.")
        yes, no = _whole(name, counts.get("yes", 0)), _whole(name, counts.get("no", 0))
        variants = counts.get("variants") or {}
        if not isinstance(variants, Mapping):
            raise _wrong(f"bucket.toggles.{name[:100]}", "Variants are an object.")
        feature = snapshot.features.get(name)
        if feature is None:
            if yes + no:
                self.unknown[name] = yes + no
            return
        self._add(Answer(name, False, ""), no)
        for variant, told in variants.items():
            times = min(_whole(name, told), yes)
            # SDKs count "disabled" for whoever got no variant; so does the rest here.
            if variant != DISABLED and variant in variant_names(feature):
                self._add(Answer(name, True, variant), times)
                yes -= times
        self._add(Answer(name, True, ""), yes)

    def _add(self, answer: Answer, times: int) -> None:
        if times:
            self.counted[answer] = self.counted.get(answer, 0) + times


def variant_names(feature: Mapping[str, Any]) -> set[str]:
    told = [*feature.get("variants", ())]
    for strategy in feature.get("strategies", ()):
        told += strategy.get("variants", ())
    return {each["name"] for each in told}


# --- What it measured -----------------------------------------------------------------------------


def samples(told: Any, app: str) -> list[Sample]:
    """The impact metrics of a report. What is only an echo of a reset (no labels, nothing
    counted) is left out."""
    if told is None:
        return []
    if not isinstance(told, list):
        raise _wrong("impactMetrics", "A list.")
    found: list[Sample] = []
    for metric in told:
        found.extend(_of_metric(metric, app))
        if len(found) > MAX_SAMPLES.value:
            raise _wrong("impactMetrics", f"At most {MAX_SAMPLES.value:,} samples a report.")
    return found


def _of_metric(metric: Any, app: str) -> Iterator[Sample]:
    if not isinstance(metric, Mapping):
        raise _wrong("impactMetrics", "Each is an object.")
    name, kind = clean(metric.get("name")), metric.get("type")
    if not name:
        raise _wrong("impactMetrics", "Each has a name.")
    if kind not in ("counter", "gauge", "histogram"):
        return  # a kind of next year
    given = metric.get("samples", [])
    if not isinstance(given, list):
        raise _wrong(f"impactMetrics.{name}", "Samples are a list.")
    for each in given:
        if not isinstance(each, Mapping):
            raise _wrong(f"impactMetrics.{name}", "Each sample is an object.")
        labels = _labels(name, each.get("labels"))
        own = labels.pop("appName", "") or app
        labels.pop("environment", None)  # the token knows
        sample = _sample(Sample(own, name, str(kind), labels), each)
        if each.get("labels") or sample.value or sample.count:
            yield sample


def _labels(name: str, told: Any) -> dict[str, str]:
    if told is None:
        return {}
    if not isinstance(told, Mapping) or len(told) > MAX_LABELS:
        raise _wrong(f"impactMetrics.{name}", f"Labels are an object of at most {MAX_LABELS}.")
    return {clean(key): clean(value) for key, value in told.items() if clean(key)}


def _sample(sample: Sample, told: Mapping[str, Any]) -> Sample:
    if sample.kind != "histogram":
        sample.value = _number(sample.name, told.get("value", 0))
        if sample.kind == "counter" and sample.value < 0:
            raise _wrong(f"impactMetrics.{sample.name}", "A counter only rises.")
        return sample
    sample.value = _number(sample.name, told.get("sum", 0))
    sample.count = _whole(sample.name, told.get("count", 0))
    buckets = told.get("buckets", [])
    if not isinstance(buckets, Sequence) or isinstance(buckets, str) or len(buckets) > MAX_BUCKETS:
        raise _wrong(f"impactMetrics.{sample.name}", f"At most {MAX_BUCKETS} buckets.")
    for bucket in buckets:
        if not isinstance(bucket, Mapping):
            raise _wrong(f"impactMetrics.{sample.name}", "Each bucket is an object.")
        bound = _bound(sample.name, bucket.get("le"))
        sample.buckets[bound] = _whole(sample.name, bucket.get("count", 0))
    return sample


def _bound(name: str, told: Any) -> str:
    """The upper bound as one spelling: `0.5`, `1`, `+Inf`."""
    if told is None or (isinstance(told, str) and told.lower() in {"+inf", "inf", "infinity"}):
        return "+Inf"
    number = _number(name, told)
    return str(int(number)) if number.is_integer() else repr(number)


# --- Values ---------------------------------------------------------------------------------------


def _whole(name: str, told: Any) -> int:
    if isinstance(told, bool) or not isinstance(told, int) or not 0 <= told <= _MOST:
        raise _wrong(clean(name, 100) or "count", "A whole number, zero or more.")
    return told


def _number(name: str, told: Any) -> float:
    if isinstance(told, bool) or not isinstance(told, int | float):
        raise _wrong(f"impactMetrics.{name}", "A number.")
    number = float(told) if abs(told) < 1e300 else float("inf")
    if not isfinite(number):
        raise _wrong(f"impactMetrics.{name}", "A finite number.")
    return number


def _when(field: str, told: Any) -> datetime:
    """ISO 8601 as Python, Node and the others write it, or milliseconds since 1970."""
    try:
        if isinstance(told, str) and len(told) < 60:
            found = datetime.fromisoformat(told)
            return found if found.tzinfo else found.replace(tzinfo=UTC)
        if isinstance(told, int | float) and not isinstance(told, bool):
            return datetime.fromtimestamp(told / 1000, UTC)
    except (ValueError, OverflowError, OSError):
        pass
    raise _wrong(field, "A time, as RFC 3339 writes it.")


def _likely(at: datetime) -> datetime | None:
    """None for a clock that is years off; some moments PostgreSQL keeps, Python can't even read."""
    now = clock.now()
    return at if now - _LONGEST <= at <= now + timedelta(days=1) else None


def _hour(at: datetime) -> datetime:
    now = clock.now()
    inside = min(max(at, now - _OLDEST), now).astimezone(UTC)
    return inside.replace(minute=0, second=0, microsecond=0)


def _wrong(field: str, message: str) -> Invalid:
    return Invalid(message, details={field: f"{field}: {message}"})
