"""News to people and channels: one delivery per target, each with its own result."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import time

import pytest
import time_machine
from django.core import mail
from django.db import transaction
from pytest_django.fixtures import Settings

from controlplane.access.models import User, Workspace
from controlplane.lib.actors import Actor
from controlplane.lib.errors import Invalid, NotAllowed
from controlplane.notify import outbox, services, wording
from controlplane.notify.models import Channel, Delivery, InboxItem, Notification, OutboxMessage
from controlplane.notify.services import To
from tests import make
from tests.kit import settled
from tests.kit.receivers import Receiver, http_receiver

pytestmark = pytest.mark.django_db

SECRET = "a-signing-secret-of-some-length"


@settled.once
def workspace() -> Workspace:
    return make.workspace()


@pytest.fixture
def receiver(settings: Settings) -> Iterator[Receiver]:
    settings.OUTGOING_ALLOW = ["127.0.0.1"]
    with http_receiver() as receiver:
        yield receiver


def tell(workspace: Workspace, to: To, **extra: str) -> Notification:
    fields = {"kind": "test", "key": "news-1", "subject": "Something happened", "body": "Look."}
    return services.notify(workspace_id=workspace.pk, to=to, **(fields | extra))  # type: ignore[arg-type]


def hook(workspace: Workspace, admin: Actor, receiver: Receiver, **extra: object) -> Channel:
    return services.create_channel(
        workspace,
        actor=admin,
        **({"name": "Hook", "kind": "webhook", "target": receiver.url, "secret": SECRET} | extra),  # type: ignore[arg-type]
    )


def states(news: Notification) -> set[tuple[str, str]]:
    return set(news.deliveries.values_list("method", "state"))


@settled.once
def admin(workspace: Workspace) -> Actor:
    return make.actor(make.person(workspace, "workspace_admin"))


@settled.once
def ana(workspace: Workspace) -> User:
    return make.person(workspace, "security_lead")


def test_person__inbox_at_once_and_mail_through_the_outbox(workspace: Workspace, ana: User) -> None:
    news = tell(workspace, To(users=[ana.pk]))
    assert states(news) == {("inbox", "sent"), ("email", "waiting")}
    assert InboxItem.objects.filter(user=ana).unread().count() == 1
    outbox.send_due()
    assert states(news) == {("inbox", "sent"), ("email", "sent")}
    assert [sent.to for sent in mail.outbox] == [[ana.email]]


def test_times__are_told_by_each_readers_clock_and_kept_in_utc(workspace: Workspace) -> None:
    ben = make.person(workspace, "viewer")
    User.objects.filter(pk=ben.pk).update(time_zone="Europe/Berlin")
    kim = make.person(workspace, "viewer")
    said = "Look until 2026-11-23 16:39 UTC"
    services.notify(
        workspace_id=workspace.pk, kind="test", to=To(users=[ben.pk, kim.pk]), key="clock",
        subject=said, body=f"{said}.",
    )  # fmt: skip
    outbox.send_due()
    heard = {sent.to[0]: sent for sent in mail.outbox}
    assert heard[ben.email].subject == "Look until 2026-11-23 17:39 Europe/Berlin"
    assert "Look until 2026-11-23 17:39 Europe/Berlin." in heard[ben.email].body
    assert heard[kim.email].subject == said
    assert Notification.objects.get(key="clock").subject == said
    page = make.client(ben).get("/admin/inbox/").content.decode()
    assert "Look until 2026-11-23 17:39 Europe/Berlin" in page


def test_rolled_back_change__tells_nobody(workspace: Workspace, ana: User) -> None:
    with pytest.raises(RuntimeError), transaction.atomic():
        tell(workspace, To(users=[ana.pk]))
        raise RuntimeError("the change failed")
    assert not Notification.objects.exists()
    assert not OutboxMessage.objects.exists()


def test_same_key__is_told_once(workspace: Workspace, ana: User) -> None:
    first = tell(workspace, To(users=[ana.pk]))
    assert tell(workspace, To(users=[ana.pk])).pk == first.pk
    assert Delivery.objects.count() == 2


def test_role__reaches_whoever_holds_it_now(workspace: Workspace, ana: User) -> None:
    make.person(workspace, "viewer")
    news = tell(workspace, To(roles=["security_lead"]))
    assert set(news.deliveries.values_list("user", flat=True)) == {ana.pk}


def test_empty_role__falls_to_the_admins_and_says_so(workspace: Workspace, admin: Actor) -> None:
    news = tell(workspace, To(roles=["database_lead"]))
    assert set(news.deliveries.values_list("user", flat=True)) == {admin.user_id}
    assert "Nobody holds database_lead" in news.note


def test_outsider__is_never_addressed(workspace: Workspace) -> None:
    outsider = make.person(make.workspace(), "workspace_admin")
    assert not tell(workspace, To(users=[outsider.pk])).deliveries.exists()


def test_unwanted_mail__is_suppressed_visibly(workspace: Workspace, ana: User) -> None:
    services.set_preference(ana, actor=make.actor(ana), kind="*", method="email", wanted=False)
    news = tell(workspace, To(users=[ana.pk]))
    assert states(news) == {("inbox", "sent"), ("email", "suppressed")}


def test_wish_for_a_kind__beats_the_wish_for_all(workspace: Workspace, ana: User) -> None:
    kind = next(iter(wording.CATALOGUE))
    actor = make.actor(ana)
    services.set_preference(ana, actor=actor, kind="*", method="email", wanted=False)
    services.set_preference(ana, actor=actor, kind=kind, method="email", wanted=True)
    assert ("email", "waiting") in states(tell(workspace, To(users=[ana.pk]), kind=kind))


def test_critical__ignores_wishes_and_quiet_hours(workspace: Workspace, ana: User) -> None:
    actor = make.actor(ana)
    services.set_preference(ana, actor=actor, kind="*", method="email", wanted=False)
    services.set_quiet_hours(ana, actor=actor, starts=time(0), ends=time(23, 59))
    tell(workspace, To(users=[ana.pk]), urgency="critical")
    outbox.send_due()
    assert mail.outbox[0].subject.startswith("[critical]")


@time_machine.travel("2026-11-18T23:00:00Z", tick=False)
def test_quiet_hours__hold_the_mail_not_the_inbox(workspace: Workspace, ana: User) -> None:
    services.set_quiet_hours(ana, actor=make.actor(ana), starts=time(22), ends=time(7))
    news = tell(workspace, To(users=[ana.pk]))
    held = OutboxMessage.objects.get()
    assert held.ready_at.isoformat() == "2026-11-19T07:00:00+00:00"
    assert InboxItem.objects.filter(user=ana).exists()
    assert "quiet hours" in news.deliveries.get(method="email").why


@time_machine.travel("2026-03-02T20:00:00Z", tick=False)
def test_contacts_without_account__are_mailed_in_their_hours(
    workspace: Workspace, admin: Actor, ana: User
) -> None:
    def known(**fields: object) -> int:
        return services.add_contact(workspace, actor=admin, purpose="lead", **fields).pk

    hours = {"days": "mon_fri", "from_time": time(9), "until_time": time(17)}
    there = known(name="A", email="a@house.example")
    later = known(name="B", email="b@house.example", **hours)
    others = known(name="C", phone="+49 30 1234567"), known(name="D", email="d@x.org", user=ana)
    strange = services.add_contact(
        make.workspace(), actor=make.JOB, purpose="lead", name="E", email="e@x.example"
    )
    wanted = [there, later, *others, strange.pk]
    news = tell(workspace, To(contacts=wanted))
    rows = {row.contact_id: row for row in news.deliveries.all()}
    assert set(rows) == {there, later}
    assert rows[later].why == "held for their hours until 2026-03-03 09:00 UTC"
    critical = tell(workspace, To(contacts=wanted), urgency="critical", key="news-2")
    assert {row.why for row in critical.deliveries.all()} == {""}


def test_channels__each_has_its_own_result(
    workspace: Workspace, admin: Actor, receiver: Receiver
) -> None:
    good = hook(workspace, admin, receiver, name="Good")
    bad = hook(workspace, admin, receiver, name="Bad", target=receiver.url + "/gone")
    news = tell(workspace, To(channels=None))
    receiver.answer_by_path = {"/": 200, "/gone": 410}
    outbox.send_due()
    result = dict(news.deliveries.values_list("channel", "state"))
    assert result == {good.pk: "sent", bad.pk: "rejected"}
    bad.refresh_from_db()
    assert bad.failures_in_a_row == 1
    attempt = news.deliveries.get(channel=bad).attempts.get()
    assert (attempt.outcome, attempt.status) == ("rejected", 410)


def test_channel__takes_only_its_urgencies(
    workspace: Workspace, admin: Actor, receiver: Receiver
) -> None:
    hook(workspace, admin, receiver, urgencies=["critical"])
    assert not tell(workspace, To(channels=None)).deliveries.exists()
    assert tell(workspace, To(channels=None), key="2", urgency="critical").deliveries.exists()


def test_channel_switched_off_meanwhile__is_not_called(
    workspace: Workspace, admin: Actor, receiver: Receiver
) -> None:
    channel = hook(workspace, admin, receiver)
    news = tell(workspace, To(channels=None))
    services.set_channel_active(channel, actor=admin, active=False, reason="noisy")
    outbox.send_due()
    assert receiver.received == []
    assert news.deliveries.get().why == "the channel was switched off"


def test_other_workspaces_channel__is_never_addressed(
    workspace: Workspace, receiver: Receiver
) -> None:
    other = make.workspace()
    other_admin = make.actor(make.person(other, "workspace_admin"))
    channel = hook(other, other_admin, receiver)
    assert not tell(workspace, To(channels=[channel.pk])).deliveries.exists()


def test_test_button__shows_the_receivers_real_answer(
    workspace: Workspace, admin: Actor, receiver: Receiver
) -> None:
    channel = hook(workspace, admin, receiver)
    receiver.will_answer(403, b"no such hook")
    outcome = services.test_channel(channel, actor=admin)
    assert (outcome.kind, outcome.status) == ("rejected", 403)
    assert "no such hook" in outcome.detail


def test_channel_switched_while_it_is_edited__the_version_never_goes_back(
    workspace: Workspace, admin: Actor, receiver: Receiver
) -> None:
    channel = hook(workspace, admin, receiver)
    stale = Channel.objects.get(pk=channel.pk)
    changed = services.change_channel(channel, actor=admin, version=channel.version, name="New")
    switched = services.set_channel_active(stale, actor=admin, active=False)
    assert switched.version == changed.version + 1


def test_channel_secret__is_sealed_in_the_database(
    workspace: Workspace, admin: Actor, receiver: Receiver
) -> None:
    channel = hook(workspace, admin, receiver)
    stored = Channel.objects.values_list("secret_sealed", flat=True).get(pk=channel.pk)
    assert SECRET not in stored
    assert channel.secret == SECRET


def test_stranger__neither_sees_nor_changes_nor_tests(
    workspace: Workspace, admin: Actor, receiver: Receiver
) -> None:
    channel = hook(workspace, admin, receiver)
    stranger = make.actor(make.person(make.workspace(), "workspace_admin"))
    viewer = make.actor(make.person(workspace, "viewer"))
    assert not Channel.objects.visible_to(stranger).exists()
    for actor in (stranger, viewer):
        with pytest.raises(NotAllowed):
            services.change_channel(channel, actor=actor, version=1, name="Mine")
        with pytest.raises(NotAllowed):
            services.test_channel(channel, actor=actor)
    assert receiver.received == []


def test_inbox__is_its_owners_alone(workspace: Workspace, ana: User, admin: Actor) -> None:
    tell(workspace, To(users=[ana.pk]))
    item = InboxItem.objects.get()
    assert services.mark_read(admin, [item.uid]) == 0
    assert services.mark_read(make.actor(ana), [item.uid]) == 1
    assert services.archive(make.actor(ana), [item.uid]) == 1
    assert not InboxItem.objects.filter(user=ana).open().exists()


def test_preferences_of_another__are_not_mine_to_change(
    workspace: Workspace, ana: User, admin: Actor
) -> None:
    with pytest.raises(NotAllowed):
        services.set_preference(ana, actor=admin, kind="*", method="email", wanted=False)


def test_wording__own_words_win_and_unknown_placeholders_are_refused(
    workspace: Workspace, admin: Actor, ana: User
) -> None:
    kind, shipped = next((k, w) for k, w in wording.CATALOGUE.items() if w.placeholders)
    name = min(shipped.placeholders)
    services.set_wording(workspace, actor=admin, kind=kind, subject=f"Ours: {{{name}}}", body="")
    news = services.notify(
        workspace_id=workspace.pk, kind=kind, to=To(users=[ana.pk]), key="w", values={name: "{x}"}
    )
    assert news.subject == "Ours: {x}", "a value is never read as a placeholder"
    with pytest.raises(Invalid):
        services.set_wording(workspace, actor=admin, kind=kind, subject="{settings}", body="")
