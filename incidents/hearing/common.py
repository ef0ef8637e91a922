"""From a signal to alerts, by the same way as every other sender's."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from controlplane.access.models import Workspace
from controlplane.base import signals
from controlplane.base.models import Signal
from controlplane.lib import clock, defaults
from incidents.intake.formats.common import labels_of, link_of, moment_of, text_of
from incidents.intake.normal import FIRING, RESOLVED, Incoming, Read, key_of
from incidents.intake.receiving import take
from incidents.intake.sources import portal_source

STALE = defaults.define(
    "alerts.stale_after_s",
    3600.0,
    unit="seconds",
    why="What waited for longer before it was heard calls nobody unless it is still so.",
)
HOME = defaults.define(
    "alerts.installation_workspace",
    "",
    unit="slug",
    why="Where alerts about the installation itself go; empty: to the eldest workspace.",
)
_WORD = re.compile(r"[^a-zA-Z0-9]+")

Payload = Mapping[str, Any]
Translate = Callable[[Payload, Signal], Incoming | None]
# Asked of what waited for long: is it still so?
Still = Callable[[Payload], bool]


def hear(kind: str, *, still: Still | None = None) -> Callable[[Translate], Translate]:
    """Register what a kind of signal means as an alert. `still`: asked of what is heard late;
    without it, it was over by then."""

    def register(translate: Translate) -> Translate:
        @signals.consumes(kind)
        def heard(signal: Signal) -> None:
            workspace = _place(signal)
            if workspace is None:
                return  # there is nobody yet to tell
            alert = translate(signal.payload, signal)
            if alert is None:
                return
            if alert.fires and _is_stale(signal) and not (still and still(signal.payload)):
                make_over(alert, signal)
            take(portal_source(workspace), Read(alerts=[alert]))

        return translate

    return register


def _place(signal: Signal) -> Workspace | None:
    rows = Workspace.objects.filter(archived_at=None)
    if signal.workspace_id is not None:
        return rows.filter(pk=signal.workspace_id).first()
    named = rows.filter(slug=HOME.value).first() if HOME.value else None
    return named or rows.order_by("pk").first()


def _is_stale(signal: Signal) -> bool:
    return signal.created_at < clock.now() - timedelta(seconds=STALE.value)


def make_over(alert: Incoming, signal: Signal) -> None:
    """Kept with its time, and over: whoever looks back finds it."""
    alert.status = RESOLVED
    alert.starts_at = alert.starts_at or signal.created_at
    alert.ends_at = max(signal.created_at, alert.starts_at)
    alert.timed = True


def alert(
    name: str,
    *,
    key: str,
    severity: str,
    title: str,
    fires: bool = True,
    description: Any = "",
    labels: Mapping[str, Any] | None = None,
    link: str = "",
    starts_at: Any = None,
    ends_at: Any = None,
    lasts: timedelta | None = None,
    **asks: Any,
) -> Incoming:
    """`lasts`: it is an event, not a state; after so long it is over by itself."""
    began = starts_at if isinstance(starts_at, datetime) else moment_of(starts_at)
    end = ends_at if isinstance(ends_at, datetime) else moment_of(ends_at)
    known = {"alertname": name, "severity": severity, **labels_of(labels or {})}
    return Incoming(
        key=key_of(key),
        status=FIRING if fires else RESOLVED,
        severity=severity,
        title=text_of(title, 300),
        description=text_of(description, 8_000),
        labels={label: value for label, value in known.items() if value},
        links=[{"href": link, "text": "In the portal"}]
        if link.startswith("/")
        else link_of(link, "In the portal"),
        starts_at=began,
        ends_at=clock.now() + lasts if lasts is not None and fires else end,
        timed=began is not None,
        asks={name: value for name, value in asks.items() if value not in (None, "", ())},
    )


def uid_of(payload: Payload, name: str) -> UUID:
    """A row that it names; one that is nowhere where it names none."""
    try:
        return UUID(str(payload.get(name)))
    except ValueError:
        return UUID(int=0)


def camel(slug: str) -> str:
    """`service-down` as alerts are called: ServiceDown."""
    return "".join(part[:1].upper() + part[1:] for part in _WORD.split(slug))
