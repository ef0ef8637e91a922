"""Alertmanager's webhook (version 4), and the alerts that Prometheus posts to its API.

What each alert says of itself is the truth, not what its group says. An alert that is over may
have lost its annotations on the way. Times have nanoseconds, and the year 1 means none.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from controlplane.lib import clock, collecting
from controlplane.lib.errors import Invalid
from incidents.intake.formats.common import (
    Links,
    is_object,
    labels_of,
    links_of,
    looked_through,
    moment_of,
    object_of,
    parsed,
    text_of,
)
from incidents.intake.normal import (
    FIRING,
    MOST_LABELS,
    RESOLVED,
    Incoming,
    Read,
    Refusal,
    fingerprint,
)
from incidents.intake.receiving import reader
from incidents.models import AlertSource, InboundEvent

_TITLES = ("summary", "title", "message")
_TEXTS = ("description", "message", "summary")
_LINKS = (
    "Where it comes from", "Runbook", "Dashboard", "Panel", "Silence it there", "Alertmanager",
)  # fmt: skip


@reader("alertmanager", "webhook")
def webhook(source: AlertSource, row: InboundEvent, body: bytes) -> Read:
    said = object_of(parsed(body))
    alerts = said.get("alerts")
    if not isinstance(alerts, list):
        raise Invalid("There are no alerts in it.", details={"alerts": "A list is missing."})
    found = read_each(alerts, row.created_at, external=text_of(said.get("externalURL")))
    found.truncated = _count(said.get("truncatedAlerts"))
    return found


@reader("alertmanager", "api")
def api(source: AlertSource, row: InboundEvent, body: bytes) -> Read:
    """A list; of a list with one bad alert the good ones are taken."""
    said = parsed(body)
    if not isinstance(said, list):
        raise Invalid("Must be a list of alerts.", details={"body": "A list."})
    return read_each(said, row.created_at, by_time=True)


def read_each(
    alerts: list[Any], received: datetime, *, external: str = "", by_time: bool = False
) -> Read:
    """`by_time`: whether it fires is not said, but follows from when it ends."""
    with collecting.waits(len(alerts)):
        return _read_each(alerts, received, external, by_time=by_time)


def _read_each(alerts: list[Any], received: datetime, external: str, *, by_time: bool) -> Read:
    read, clean = Read(), looked_through(alerts, "labels", "annotations")
    links: Links = {}
    for place, given in enumerate(alerts):
        try:
            read.alerts.append(
                one(object_of(given), received, external, by_time=by_time, clean=clean, seen=links)
            )
        except Invalid as error:
            read.refused.append(Refusal(place, error.message[:200]))
    return read


def one(
    given: Mapping[str, Any],
    received: datetime,
    external: str = "",
    *,
    by_time: bool = False,
    clean: dict[str, str] | None = None,
    seen: Links | None = None,
) -> Incoming:
    """Title and text are taken from labels and annotations, which were looked through for secrets
    as they were read. `seen`: links of the same message, most of whose alerts have the same."""
    labels = labels_of(given.get("labels"), clean)
    _check(given, labels)
    annotations = labels_of(given.get("annotations"), clean)
    starts_at, ends_at = moment_of(given.get("startsAt")), moment_of(given.get("endsAt"))
    if by_time and starts_at and ends_at and ends_at < starts_at:
        raise Invalid("start time must be before end time")
    over = _is_over(given, ends_at, received, by_time=by_time)
    name = labels.get("alertname", "")
    runbook = annotations.get("runbook_url") or annotations.get("runbook")
    return Incoming(
        key=("" if by_time else text_of(given.get("fingerprint"), 100)) or fingerprint(labels),
        status=RESOLVED if over else FIRING,
        severity=labels.get("severity", ""),
        title=(_first(annotations, _TITLES) or name or "An alert without a name")[:300],
        description=_first(annotations, _TEXTS),
        labels=labels,
        annotations=annotations,
        links=links_of(
            _LINKS,
            (
                given.get("generatorURL"),
                runbook,
                given.get("dashboardURL"),
                given.get("panelURL"),
                given.get("silenceURL"),
                external,
            ),
            {} if seen is None else seen,
        ),
        starts_at=starts_at or received,
        ends_at=ends_at,
        timed=starts_at is not None,
    )


def _check(given: Mapping[str, Any], labels: Mapping[str, str]) -> None:
    if not labels or not any(labels.values()):
        raise Invalid("at least one label pair required")
    if is_object(given.get("labels")) and len(given["labels"]) > MOST_LABELS:
        raise Invalid(f"At most {MOST_LABELS} labels.")


def _is_over(
    given: Mapping[str, Any], ends_at: datetime | None, received: datetime, *, by_time: bool
) -> bool:
    if by_time:
        return ends_at is not None and ends_at <= max(received, clock.now())
    if given.get("status") == FIRING:
        return False
    status = text_of(given.get("status")).lower()
    if status not in {FIRING, RESOLVED}:
        raise Invalid("An alert is firing or resolved.", details={"status": status[:40]})
    return status == RESOLVED


def _first(annotations: Mapping[str, str], names: tuple[str, ...]) -> str:
    for name in names:
        said = annotations.get(name)
        if said:
            return said
    return ""


def _count(value: Any) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else 0
