"""Who hears that a service is down or a breaker open, and how often."""

from __future__ import annotations

import time
from datetime import timedelta

import pytest

from controlplane.access.models import User
from controlplane.catalog import services
from controlplane.catalog.models import DownInterval, Probe
from controlplane.jobs import timers
from controlplane.jobs.models import Timer
from controlplane.lib import clock
from controlplane.notify.models import InboxItem, Notification
from tests import make
from tests.kit import catalog

pytestmark = pytest.mark.django_db


def work() -> None:
    timers.work(time.monotonic() + 5)


def report(probe: Probe, ok: bool) -> None:
    services.report_result(probe, actor=make.JOB, ok=ok, error="" if ok else "no answer")


def kinds() -> list[str]:
    return list(Notification.objects.order_by("pk").values_list("kind", flat=True))


def inbox(user: User) -> list[str]:
    rows = InboxItem.objects.filter(user=user).order_by("pk")
    return list(rows.values_list("notification__subject", flat=True))


def test_down_and_up__told_to_the_owner_once_each() -> None:
    workspace = make.workspace()
    owner = make.person(workspace, "sre_liaison")
    bystander = make.person(workspace, "viewer")
    service = catalog.service(workspace, owner_role="sre_liaison", name="Agent service")
    probe = catalog.probe(service, down_after=1)
    for _ in range(3):
        report(probe, ok=False)
        work()
    assert inbox(owner) == ["Agent service is down in Production"]
    report(probe, ok=True)
    report(probe, ok=True)
    work()
    assert kinds() == ["catalog.service_down", "catalog.service_up"]
    assert inbox(owner)[1] == "Agent service is up again in Production"
    assert inbox(bystander) == []
    news = Notification.objects.latest("pk")
    assert "no answer" in Notification.objects.earliest("pk").body
    assert str(service.uid) in news.link


def test_owner_chair_empty__admins_hear() -> None:
    workspace = make.workspace()
    admin = make.person(workspace, "workspace_admin")
    report(catalog.probe(catalog.service(workspace), down_after=1), ok=False)
    work()
    assert len(inbox(admin)) == 1


def test_up_before_the_news_went_out__no_news() -> None:
    probe = catalog.probe(down_after=1)
    report(probe, ok=False)
    report(probe, ok=True)
    work()
    assert kinds() == []


def test_flapping__told_once_and_again_only_if_it_stays_down() -> None:
    probe = catalog.probe(down_after=1)
    report(probe, ok=False)
    work()
    report(probe, ok=True)
    for _ in range(4):
        report(probe, ok=False)
        work()
        report(probe, ok=True)
    assert kinds() == ["catalog.service_down", "catalog.service_up"]
    report(probe, ok=False)
    timer = Timer.objects.get(kind="catalog.down_news", state="waiting")
    wait = (timer.due_at - clock.now()).total_seconds()
    assert 110 < wait <= 120
    Timer.objects.filter(pk=timer.pk).update(ready_at=clock.now() - timedelta(seconds=1))
    work()
    assert kinds()[2:] == ["catalog.service_down"]
    assert DownInterval.objects.filter(told=True).count() == 2


def test_switched_off_while_down__the_promise_is_taken_back() -> None:
    probe = catalog.probe(down_after=1)
    report(probe, ok=False)
    services.switch_probe(probe, actor=make.JOB, active=False)
    work()
    assert kinds() == []


def test_breaker__opening_and_closing_told_trials_not() -> None:
    workspace = make.workspace()
    owner = make.person(workspace, "engineering_lead")
    row = catalog.broken(workspace, owner_role="engineering_lead", name="Gmail")
    services.half_open(row, actor=make.JOB)
    token = services.ask(row, actor=make.JOB).token
    row = services.report_outcome(row, actor=make.JOB, ok=False, trial=token)
    services.half_open(row, actor=make.JOB)
    token = services.ask(row, actor=make.JOB).token
    services.report_outcome(row, actor=make.JOB, ok=True, trial=token)
    assert inbox(owner) == [
        "Do not call Gmail: its breaker opened",
        "Gmail may be called again",
    ]
