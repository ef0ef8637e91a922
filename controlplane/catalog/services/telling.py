"""Telling whoever looks after a thing that it fails, and that it works again.

To the role that owns it, and to the workspace's channels. Paging is not done here: the same news
goes up as signals, and apps above decide whom to wake.
"""

from __future__ import annotations

from datetime import timedelta

from django.db import transaction

from controlplane.catalog.models import DownInterval, Integration
from controlplane.jobs import timers
from controlplane.jobs.models import Timer
from controlplane.lib import clock, defaults
from controlplane.notify import wording
from controlplane.notify.services.news import To, notify

DOWN_NEWS = "catalog.down_news"
CALM_FOR = defaults.define(
    "catalog.flapping_within_s",
    600,
    unit="seconds",
    why="A service that was told of so lately is flapping; each swing is no news.",
)
STILL_DOWN = defaults.define(
    "catalog.flapping_down_for_s",
    120,
    unit="seconds",
    why="The playbook's two minutes: down this long is news even of a flapping service.",
)
NOBODY = "primary_operator"  # looks after what no role owns

wording.register(
    "catalog.service_down",
    "A service is down",
    subject="{service} is down in {environment}",
    body="{service} is down in {environment} since {since} UTC: {error}",
)
wording.register(
    "catalog.service_up",
    "A service is up again",
    subject="{service} is up again in {environment}",
    body="{service} was down in {environment} from {since} to {until} UTC.",
)
wording.register(
    "catalog.breaker_opened",
    "A circuit breaker opened",
    subject="Do not call {integration}: its breaker opened",
    body="{integration} may not be called: {reason}",
)
wording.register(
    "catalog.breaker_closed",
    "A circuit breaker closed",
    subject="{integration} may be called again",
    body="The breaker of {integration} closed: {reason}",
)


def went_down(interval: DownInterval) -> None:
    """Promise the news: at once, or for a flapping service if it stays down."""
    now = clock.now()
    lately = DownInterval.objects.filter(
        probe=interval.probe, told=True, starts_at__gte=now - timedelta(seconds=CALM_FOR.value)
    )
    wait = timedelta(seconds=STILL_DOWN.value) if lately.exists() else timedelta(0)
    timers.set_timer(
        DOWN_NEWS,
        key=_key(interval),
        due_at=now + wait,
        subject=f"catalog.downinterval:{interval.pk}",
        workspace_id=interval.workspace_id,
        payload={"interval": interval.pk},
    )


@timers.on(DOWN_NEWS)
def tell_down(timer: Timer) -> None:
    rows = DownInterval.objects.select_for_update(of=("self",))
    rows = rows.select_related("service", "environment")
    interval = rows.filter(pk=timer.payload["interval"], ends_at=None, told=False).first()
    if interval is not None:
        DownInterval.objects.filter(pk=interval.pk).update(told=True)
        _tell_of(interval, "catalog.service_down")


def no_longer(interval: DownInterval) -> None:
    """Nobody looks any more: what was not told yet is not told."""
    timers.cancel_timer(_key(interval))


@transaction.atomic
def came_up(interval: DownInterval) -> None:
    """Whoever heard that it is down hears that it is not."""
    timers.cancel_timer(_key(interval))
    if interval.told:
        _tell_of(interval, "catalog.service_up")


def _tell_of(interval: DownInterval, kind: str) -> None:
    service = interval.service
    notify(
        workspace_id=interval.workspace_id,
        kind=kind,
        to=To(roles=[service.owner_role or NOBODY], channels=None),
        key=f"{kind}:{interval.uid}",
        values={
            "service": service.name,
            "environment": interval.environment.name,
            "since": f"{interval.starts_at:%Y-%m-%d %H:%M:%S}",
            "until": f"{interval.ends_at:%Y-%m-%d %H:%M:%S}" if interval.ends_at else "",
            "error": interval.first_error or "no answer",
        },
        link=f"/admin/catalog/service/{service.uid}/change/",
        about=f"catalog.service:{service.pk}",
    )


def breaker_opened(integration: Integration) -> None:
    """Once per outage: trials that fail are no news."""
    _tell_breaker(integration, "catalog.breaker_opened", integration.reason)


def breaker_closed(integration: Integration, reason: str) -> None:
    _tell_breaker(integration, "catalog.breaker_closed", reason)


def _tell_breaker(integration: Integration, kind: str, reason: str) -> None:
    notify(
        workspace_id=integration.workspace_id,
        kind=kind,
        to=To(roles=[integration.owner_role or NOBODY], channels=None),
        key=f"{kind}:{integration.uid}:{integration.version}",
        values={"integration": integration.name, "reason": reason or "no reason given"},
        link=f"/admin/catalog/integration/{integration.uid}/change/",
        about=f"catalog.integration:{integration.pk}",
    )


def _key(interval: DownInterval) -> str:
    return f"down:{interval.uid}"
