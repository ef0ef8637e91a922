"""What the minute's audit mends, what the watch says, drills, and the test alert."""

from __future__ import annotations

from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db.models.functions import Now

from controlplane.lib.errors import Invalid, NotAllowed
from controlplane.notify.models import Delivery, Notification, OutboxMessage
from incidents.models import Drill, EscalationRun, Incident, Page
from incidents.paging import auditing, drilling
from incidents.records.moving import acknowledge
from tests.kit import alerts as senders
from tests.kit import incidents as kit
from tests.kit import settled
from tests.kit.incidents import Watchroom

pytestmark = pytest.mark.django_db


@settled.once
def room() -> Watchroom:
    room = Watchroom()
    room.everybody()
    return room


def test_audit__finds_nothing_where_all_is_well(room: Watchroom) -> None:
    for level in ("sev1", "sev4"):
        room.incident(level)
    room.tick()
    assert auditing.audit() == {"forgotten": 0, "unsent": 0}
    assert list(auditing.paging()) == []


def test_audit__calls_for_an_incident_that_was_forgotten(room: Watchroom) -> None:
    incident = room.incident("sev3")
    room.tick()
    EscalationRun.objects.update(
        status="ended", next_at=None, ended_at=Now() - timedelta(minutes=2), ended_why="By a bug."
    )
    assert auditing.audit()["forgotten"] == 1
    assert kit.run_of(incident).status == "running"
    assert Notification.objects.filter(kind="paging.repaired").count() == 1
    assert auditing.audit()["forgotten"] == 0


def test_audit__leaves_alone_what_is_answered_over_or_calls_nobody(room: Watchroom) -> None:
    answered, over = room.incident("sev3"), room.incident("sev3")
    acknowledge(answered, actor=room.by(room.primary))
    calm = room.incident("sev3")
    EscalationRun.objects.filter(status="running").update(
        status="ended", next_at=None, ended_at=Now() - timedelta(minutes=2), ended_why="Over."
    )
    Incident.objects.filter(pk=over.pk).update(status="resolved", resolved_at=Now())
    Incident.objects.filter(pk=calm.pk).update(severity="sev4")
    assert auditing.audit()["forgotten"] == 0


def test_audit__hands_over_what_was_never_given_to_the_sender(room: Watchroom) -> None:
    incident = room.incident("sev3")
    room.tick()
    [mail] = [each for each in kit.deliveries(incident) if each.method == "email"]
    OutboxMessage.objects.filter(key=f"delivery:{mail.uid}").delete()
    Delivery.objects.filter(pk=mail.pk).update(created_at=Now() - timedelta(minutes=2))
    assert auditing.audit()["unsent"] == 1
    assert OutboxMessage.objects.filter(key=f"delivery:{mail.uid}", state="waiting").exists()


def test_watch__says_when_nobody_takes_steps_and_who_was_not_answered(room: Watchroom) -> None:
    room.incident("sev3")
    room.later(120, tick=False)
    [late] = auditing.paging()
    assert (late.kind, late.subject, late.critical) == ("lag", "escalations", True)
    room.tick()
    EscalationRun.objects.update(
        status="unanswered", next_at=None, ended_at=Now(), trouble="", ended_why="Nobody."
    )
    [silent] = auditing.paging()
    assert (silent.subject, silent.critical) == ("unanswered", False)


def test_drill__calls_for_real_and_scores_what_was_done(room: Watchroom) -> None:
    drill = drilling.begin_drill(room.workspace, actor=room.by(room.primary))
    room.tick()
    incident = Incident.objects.get(drills=drill)
    assert incident.origin == "drill"
    page = Page.objects.filter(incident=incident).earliest("pk")
    assert page.notification is not None
    assert page.notification.subject.startswith("Drill: ")
    Delivery.objects.filter(method="email").update(state="sent", settled_at=Now())
    room.tick()
    acknowledge(incident, actor=room.by(room.lead))
    done = drilling.end_drill(drill, actor=room.by(room.primary))
    assert (done.status, done.score) == ("done", 100)
    assert done.seen["calls"] == 3
    incident.refresh_from_db()
    assert incident.status == "cancelled"


def test_drill__nobody_answers_and_nothing_was_sent() -> None:
    asked = {"called_s": 10, "sent_s": 60, "acknowledged_s": 300}
    assert drilling.score(asked, {"called_s": 1, "sent_s": None, "acknowledged_s": None}) == 20
    assert drilling.score(asked, {"called_s": 1, "sent_s": 70, "acknowledged_s": 301}) == 60


def test_drill__ends_by_itself(room: Watchroom) -> None:
    drill = drilling.begin_drill(room.workspace, actor=room.by(room.primary), severity="sev3")
    room.tick()
    room.later(1801)
    room.promises()
    drill.refresh_from_db()
    assert drill.status == "done"


def test_drill__is_begun_by_those_who_may_of_levels_that_call(room: Watchroom) -> None:
    with pytest.raises(NotAllowed):
        drilling.begin_drill(room.workspace, actor=room.by(room.person("viewer")))
    with pytest.raises(Invalid):
        drilling.begin_drill(room.workspace, actor=room.by(room.primary), severity="sev4")
    other = Watchroom()
    with pytest.raises(NotAllowed):
        drilling.begin_drill(other.workspace, actor=room.by(room.primary))


def test_drill_paging__prints_the_score(room: Watchroom) -> None:
    said = StringIO()
    call_command("drill_paging", workspace=room.workspace.slug, wait=0.01, stdout=said)
    assert "score:" in said.getvalue()
    assert Drill.objects.get().status == "done"
    with pytest.raises(CommandError, match="no workspace"):
        call_command("drill_paging", workspace="nowhere")


def test_alert_test__goes_from_a_senders_message_to_somebodys_mail(room: Watchroom) -> None:
    said = StringIO()
    call_command("alert_test", workspace=room.workspace.slug, stdout=said)
    assert said.getvalue().count("ok  ") == 5
    incident = Incident.objects.get()
    assert incident.status == "cancelled"
    assert not incident.escalations.filter(status="running").exists()


def test_alert_test__leaves_a_real_incident_of_that_name_alone(room: Watchroom) -> None:
    source, _ = senders.source(room.workspace)
    senders.tell(source, senders.incoming("ServiceDown"))
    real = Incident.objects.get()
    # Made by an earlier release: what it sent was put together by its name.
    senders.source(room.workspace, name="Alert test")
    call_command("alert_test", workspace=room.workspace.slug, stdout=StringIO())
    real.refresh_from_db()
    assert (real.status, real.alert_count) == ("detected", 1)
    assert Incident.objects.exclude(pk=real.pk).get().status == "cancelled"


def test_alert_test__says_where_it_got_stuck() -> None:
    empty = Watchroom()
    said = StringIO()
    with pytest.raises(CommandError, match="got stuck"):
        call_command("alert_test", workspace=empty.workspace.slug, within=0.2, stdout=said)
    assert "FAIL" in said.getvalue()
