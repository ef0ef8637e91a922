"""What the watch finds reaches the admins of every workspace, once per telling."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.db.models.functions import Now

from controlplane.access.models import User, Workspace
from controlplane.jobs import alarms, watch
from controlplane.jobs.models import WatchAlarm
from controlplane.lib import clock
from controlplane.notify import carriers, outbox, undelivered
from controlplane.notify.models import Channel, Delivery, InboxItem, Notification, OutboxMessage
from controlplane.notify.services import To, create_channel, notify, page
from controlplane.notify.watching import (
    failing_channels,
    stalled_gateways,
    undelivered_news,
    waiting_pages,
)
from tests import make
from tests.kit import gateways, receivers, settled
from tests.kit.gateways import way

pytestmark = pytest.mark.django_db

SILENT_BEAT = watch.Finding("component", "beat", "the beat process is silent for 40 s.")


@settled.once
def workspaces() -> list[Workspace]:
    found = [make.workspace(), make.workspace()]
    for workspace in found:
        make.person(workspace, "workspace_admin")
        make.person(workspace, "viewer")
    return found


def test_alarm__told_to_each_workspaces_admins_and_nobody_else(workspaces: list[Workspace]) -> None:
    alarms.settle([SILENT_BEAT])
    news = Notification.objects.filter(kind="portal.alarm")
    assert {row.workspace_id for row in news} == {workspace.pk for workspace in workspaces}
    assert {row.urgency for row in news} == {"critical"}
    assert "silent for 40 s" in news[0].body
    for row in news:
        people = set(row.deliveries.values_list("user", flat=True))
        assert len(people) == 1


def test_seven_alarms_of_one_look__one_notice_to_each_admin(workspaces: list[Workspace]) -> None:
    stalled = [watch.Finding("engine", f"module.{n}", f"last ran {n} s ago") for n in range(6)]
    alarms.settle([watch.Finding("component", "worker", "silent for 16 s."), *stalled])
    news = Notification.objects.filter(kind="portal.alarm")
    assert [row.subject for row in news] == ["Portal: component worker and 6 more"] * 2
    for finding in stalled:
        assert f"{finding.subject}: {finding.message}" in news[0].body
    WatchAlarm.objects.update(seen_at="2020-01-01T00:00:00Z")
    alarms.settle([])
    over = Notification.objects.filter(kind="portal.alarm_over")
    assert [row.subject for row in over] == ["Portal: component worker and 6 more is over"] * 2


def test_alarms__their_news_is_a_list_and_leads_to_the_runbook(workspaces: list[Workspace]) -> None:
    stalled = [watch.Finding("engine", f"module.{n}", f"last ran <{n}> s ago") for n in range(3)]
    alarms.settle([watch.Finding("component", "worker", "silent for 16 s."), *stalled])
    admin = make.person(workspaces[0], "workspace_admin")
    cause = WatchAlarm.objects.get(subject="worker")
    news = Notification.objects.filter(kind="portal.alarm", workspace=workspaces[0]).get()
    item = InboxItem.objects.filter(notification=news).first()
    assert item is not None
    page = make.client(item.user).get(f"/admin/inbox/{item.uid}/").content.decode()
    told = page.partition('aria-label="What it says"')[2].partition("</section>")[0]
    assert told.count("<li>") == 4
    assert "last ran &lt;2&gt; s ago</li>" in told
    assert f'/admin/jobs/watchalarm/{cause.uid}/change/"' in told
    runbook = make.client(admin).get(f"/admin/jobs/watchalarm/{cause.uid}/change/")
    assert "What to do" in runbook.content.decode()


def test_second_look__tells_nothing_new(workspaces: list[Workspace]) -> None:
    alarms.settle([SILENT_BEAT])
    before = Notification.objects.count()
    alarms.settle([SILENT_BEAT])
    assert Notification.objects.count() == before


def test_alarm_that_ended__is_told_as_over(workspaces: list[Workspace]) -> None:
    alarms.settle([SILENT_BEAT])
    WatchAlarm.objects.update(seen_at="2020-01-01T00:00:00Z")
    alarms.settle([])
    over = Notification.objects.filter(kind="portal.alarm_over")
    assert over.count() == len(workspaces)
    assert {row.urgency for row in over} == {"normal"}


def test_failing_channel__is_a_finding_until_it_works_again(workspaces: list[Workspace]) -> None:
    workspace = workspaces[0]
    channel = create_channel(
        workspace,
        actor=make.actor(make.person(workspace, "workspace_admin")),
        name="Mail",
        kind="email",
        target="ops@example.com",
    )
    Channel.objects.filter(pk=channel.pk).update(failures_in_a_row=3, last_error="SMTP 550")
    [finding] = list(failing_channels())
    assert "SMTP 550" in finding.message
    assert not finding.critical
    Channel.objects.filter(pk=channel.pk).update(failures_in_a_row=0)
    assert list(failing_channels()) == []


def test_pages_that_no_gateway_takes__are_a_critical_finding(workspaces: list[Workspace]) -> None:
    here = workspaces[0]
    ana = make.person(here, "primary_operator")
    gateways.gateway(here)
    page(ana, workspace_id=here.pk, kind="page.t", key="k", subject="S", methods=[way(ana)])
    assert list(stalled_gateways()) == [], "it has just been written"
    later = clock.now() + timedelta(minutes=4)
    with time_machine.travel(later):
        [finding] = list(stalled_gateways())
    assert finding.critical
    assert finding.subject == f"{here.slug}/sms"
    Delivery.objects.filter(method="sms").update(state="sent")
    with time_machine.travel(later):
        assert list(stalled_gateways()) == []


def test_critical_news_that_reached_nobody__is_a_finding_for_a_day(
    workspaces: list[Workspace],
) -> None:
    here = workspaces[0]
    ana = make.person(here, "primary_operator")
    page(ana, workspace_id=here.pk, kind="page.t", key="k", subject="S", methods=[way(ana)])
    OutboxMessage.objects.filter(topic="notify.code").delete()
    outbox.send_due()
    [finding] = list(undelivered_news())
    assert (finding.subject, finding.critical) == (here.slug, True)
    with time_machine.travel(clock.now() + timedelta(hours=25)):
        assert list(undelivered_news()) == []
    undelivered.forget(Notification.objects.get(key="k"))
    assert list(undelivered_news()) == []


def test_the_watchs_own_news__does_not_find_itself(workspaces: list[Workspace]) -> None:
    alarms.settle([SILENT_BEAT])
    Notification.objects.update(undelivered_at=clock.now())
    assert list(undelivered_news()) == []


def no_mail_server(settings: Any) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", receivers.free_port()


def called(workspace: Workspace) -> User:
    """By mail alone, as somebody who gave no number."""
    person = make.person(workspace, "primary_operator")
    notify(
        workspace_id=workspace.pk, kind="t.page", to=To(users=[person.pk]), key="p1",
        subject="Down", body="It is.", urgency="critical",
    )  # fmt: skip
    return person


def test_pages_that_no_mail_server_takes__are_found_and_nobody_elses(
    workspaces: list[Workspace], settings: Any
) -> None:
    no_mail_server(settings)
    called(workspaces[0])
    alarms.settle([SILENT_BEAT])  # the watch's own news waits as well
    outbox.send_due()
    assert list(waiting_pages()) == []
    Delivery.objects.update(created_at=clock.now() - timedelta(seconds=70))
    [finding] = waiting_pages()
    assert (finding.kind, finding.subject) == ("gateway", f"{workspaces[0].slug}/email")
    assert finding.critical
    assert "1 critical" in finding.message


def test_mail_server_away_for_ten_minutes__the_page_leaves_once_it_is_back(
    workspaces: list[Workspace], settings: Any
) -> None:
    no_mail_server(settings)
    person = called(workspaces[0])
    [message] = OutboxMessage.objects.all()
    for _ in range(30):  # each twenty seconds
        assert outbox.send_due() == 1
        message.refresh_from_db()
        assert message.state == "waiting"
        assert message.ready_at < clock.now() + timedelta(seconds=21)
        OutboxMessage.objects.update(ready_at=Now())
    with receivers.mail_receiver() as mailbox:
        settings.EMAIL_PORT = mailbox.port
        carriers.HERE.forget()  # some seconds later
        outbox.send_due()
        [mail] = mailbox.messages
    assert mail["To"] == person.email
    assert Delivery.objects.get(method="email").state == "sent"


def test_page_of_an_hour_ago__is_given_up_as_anything_else(
    workspaces: list[Workspace], settings: Any
) -> None:
    no_mail_server(settings)
    called(workspaces[0])
    Delivery.objects.update(created_at=clock.now() - timedelta(hours=2))
    OutboxMessage.objects.update(max_attempts=1)
    outbox.send_due()
    assert Delivery.objects.get(method="email").state == "dead"
