"""The demo tells one story, whose parts refer to each other, and tells it the same each time."""

from __future__ import annotations

from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
import time_machine
from django.core.management import call_command
from django.db import transaction
from django.db.models import Count, Min

from controlplane.access.models import Workspace
from controlplane.approvals.models import Request
from controlplane.audit.models import AuditEvent, AuditReview
from controlplane.audit.refs import subject_ref
from controlplane.jobs.models import JobRun
from controlplane.lib import clock
from controlplane.oncall.models import Schedule
from controlplane.privacy.models import LegalHold
from controlplane.work.models import Item
from deployments.models import Deployment, MaintenanceWindow, Rollout, RolloutSample
from incidents.models import Action, Incident, Ticket
from missions import stages
from missions.models import Meeting, Mission
from missions.threads.models import Message, RuntimeSession, Thread
from telemetry import demo as demo_telemetry
from telemetry.models import Event, KpiValue
from tests import make
from tests.kit import telemetry as kit

pytestmark = [pytest.mark.slow, pytest.mark.django_db]


class Again(Exception):
    """The first telling is taken back."""


def names_and_numbers(demo: Workspace) -> dict[str, Any]:
    """What a reader sees of it. Not what is drawn by lot everywhere: keys of items, uids."""
    here = {"workspace": demo}
    of = demo.pk
    return {
        "missions": list(Mission.objects.filter(**here).order_by("pk").values_list(
            "ref", "title", "stage", "status", "due_on")),
        "incidents": list(Incident.objects.filter(**here).order_by("pk").values_list(
            "ref", "title", "severity", "status", "impact_percent")),
        "rollouts": list(Rollout.objects.filter(**here).order_by("pk").values_list(
            "ref", "title", "status")),
        "samples": list(RolloutSample.objects.filter(step__rollout__workspace=of).order_by("pk")
                        .values_list("n", "errors", "p95_ms", "others")),
        "deployments": list(Deployment.objects.filter(**here).order_by("pk").values_list(
            "ref", "release", "status")),
        "threads": list(Thread.objects.filter(**here).order_by("pk").values_list(
            "ref", "title", "status")),
        "said": list(Message.objects.filter(thread__workspace=of).order_by("pk").values_list(
            "seq", "body")),
        "tickets": list(Ticket.objects.filter(**here).order_by("pk").values_list(
            "ref", "subject", "status", "priority")),
        "approvals": list(Request.objects.filter(**here).order_by("pk").values_list(
            "number", "title", "status")),
        "items": sorted(Item.objects.filter(**here).values_list("title", "status", "priority")),
        "events": list(Event.objects.filter(**here).order_by("event_type").values_list(
            "event_type").annotate(n=Count("pk"))),
        "figures": list(KpiValue.objects.filter(**here).order_by("kpi", "start").values_list(
            "kpi", "start", "value", "state")),
    }  # fmt: skip


def test_demo__one_story__told_the_same_twice(
    settings: Any, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.STATE_DIR = tmp_path
    # A month is told where people look; a day of it is enough to see that it is the same.
    assert demo_telemetry.DAYS >= 28
    monkeypatch.setattr(demo_telemetry, "DAYS", 1)
    monkeypatch.setattr(demo_telemetry, "WEEKS", 0)
    other = make.workspace()
    kit.forget()
    told: list[dict[str, Any]] = []
    with time_machine.travel(clock.now(), tick=False):
        try:
            with transaction.atomic():
                call_command("seed_demo", stdout=StringIO())
                told.append(names_and_numbers(Workspace.objects.get(slug="demo")))
                raise Again
        except Again:
            kit.forget()
        (tmp_path / "logins.json").unlink(missing_ok=True)
        call_command("seed_demo", stdout=StringIO())
        demo = Workspace.objects.get(slug="demo")
        told.append(names_and_numbers(demo))
    for part, first in told[0].items():
        assert first == told[1][part], part
    hangs_together(demo)
    assert not Mission.objects.filter(workspace=other).exists()
    assert not Event.objects.filter(workspace=other).exists()


def hangs_together(demo: Workspace) -> None:
    backed_up = JobRun.objects.get(name="backups.daily")  # asked for, for whoever runs the jobs
    assert backed_up.asked_by
    closed = Incident.objects.filter(workspace=demo, resolved_at__isnull=False).order_by("pk")[0]
    events = AuditEvent.objects.filter(subject_ref=subject_ref(closed))
    first = events.order_by("pk")[0]
    assert first.happened_at - closed.opened_at < timedelta(minutes=1) < first.at - closed.opened_at
    missions = Mission.objects.filter(workspace=demo)
    assert set(missions.values_list("stage", flat=True)) == set(stages.SLUGS)
    burns = Incident.objects.get(workspace=demo, severity="sev2", status="mitigating")
    assert burns.next_update_at is not None
    assert burns.service is not None
    assert burns.service.slug == "agent-service"
    canary = Rollout.objects.get(workspace=demo, status="running")
    assert canary.environment.slug == "production"
    assert canary.steps.get(state="running").percent == 10
    assert canary.flag.flag_name in burns.symptoms
    [pause] = Action.objects.filter(incident=burns, kind="pause_missions", status="done")
    held = missions.get(ref=pause.made["missions"][0])
    assert held.status == "paused"
    assert burns.ref in held.pause_reason
    thread = Thread.objects.get(workspace=demo, item=burns.item)
    assert canary.flag.flag_name in " ".join(thread.messages.values_list("body", flat=True))
    assert Ticket.objects.filter(workspace=demo, incident=burns).exists()
    router = KpiValue.objects.filter(workspace=demo, kpi="measure.router.success_rate")
    assert router.filter(state="missed").exists()
    awake = RuntimeSession.objects.filter(workspace=demo)
    assert {"active", "idle"} <= set(awake.values_list("status", flat=True))
    assert MaintenanceWindow.objects.filter(workspace=demo, starts_at__gt=clock.now()).exists()
    assert Schedule.objects.filter(workspace=demo).count() == 2
    assert Request.objects.filter(workspace=demo, status="open").count() >= 5
    assert Meeting.objects.filter(series__workspace=demo, closed_at__lt=clock.now()).count() == 2
    reviews = AuditReview.objects.filter(workspace_id=demo.pk).order_by("week")
    assert [row.signed_at is not None for row in reviews] == [True, False]
    [stands] = LegalHold.objects.filter(workspace=demo).standing()
    assert Incident.objects.filter(workspace=demo, ref=stands.ref).exists()
    oldest = Event.objects.filter(workspace=demo).aggregate(at=Min("occurred_at"))["at"]
    assert oldest < clock.now() - timedelta(hours=20)
