"""Calling one person by chosen ways: what is sent, what its owner hears, what stops it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import time, timedelta

import pytest
from django.core import mail
from pytest_django.fixtures import Settings

from controlplane.access.models import User, Workspace
from controlplane.base.models import Signal
from controlplane.lib.actors import Actor
from controlplane.lib.errors import Invalid
from controlplane.notify import answers, deliveries, outbox, services
from controlplane.notify.answers import Respond
from controlplane.notify.deliveries import Event
from controlplane.notify.models import (
    AnswerLink,
    Channel,
    ContactMethod,
    Delivery,
    Notification,
    OutboxMessage,
)
from controlplane.notify.services import methods
from tests import make
from tests.kit import settled
from tests.kit.receivers import Receiver, http_receiver

pytestmark = pytest.mark.django_db

SECRET = "a-signing-secret-of-some-length"
NUMBER = "+442079460958"
KIND = "page.test"


@settled.once
def workspace() -> Workspace:
    return make.workspace()


@settled.once
def admin(workspace: Workspace) -> Actor:
    return make.actor(make.person(workspace, "workspace_admin"))


@settled.once
def ana(workspace: Workspace) -> User:
    return make.person(workspace, "primary_operator")


@pytest.fixture
def receiver(settings: Settings) -> Iterator[Receiver]:
    settings.OUTGOING_ALLOW = ["127.0.0.1"]
    with http_receiver() as receiver:
        yield receiver


@pytest.fixture
def heard() -> Iterator[list[tuple[str, str]]]:
    """What the owner of pages was told: (event, state of the row as it stands then)."""
    told: list[tuple[str, str]] = []

    def handler(delivery: Delivery, event: Event) -> None:
        told.append((event.value, Delivery.objects.get(pk=delivery.pk).state))

    deliveries.on_settled("page.", handler)
    yield told
    deliveries._HANDLERS.remove(("page.", handler))


def gateway(workspace: Workspace, admin: Actor, receiver: Receiver, kind: str = "sms") -> Channel:
    return services.create_channel(
        workspace,
        actor=admin,
        name=f"Gateway {kind} {Channel.objects.count()}",
        kind=kind,
        target=receiver.url + "/send",
        secret=SECRET,
        options={"form": "json", "sender": "+15005550006"},
    )


def way(person: User, kind: str = "sms", target: str = NUMBER) -> ContactMethod:
    actor = make.actor(person)
    made = services.add_method(person, actor=actor, kind=kind, target=target)
    proven = services.confirm_method(made, actor=actor, code=methods.code_of(made))
    OutboxMessage.objects.all().delete()
    return proven


def page(person: User, workspace: Workspace, **extra: object) -> Notification:
    given = {"key": "page-1", "kind": KIND, "subject": "Checkout is down", "body": "5xx at 40 %"}
    return services.page(person, workspace_id=workspace.pk, **(given | extra))  # type: ignore[arg-type]


def test_page__goes_by_the_chosen_way_only(
    workspace: Workspace, admin: Actor, ana: User, receiver: Receiver,
    heard: list[tuple[str, str]],
) -> None:  # fmt: skip
    gateway(workspace, admin, receiver)
    phone = way(ana)
    news = page(ana, workspace, methods=[phone])
    outbox.send_due()
    (sent,) = receiver.received
    assert sent.json()["to"] == NUMBER
    assert "CRITICAL Checkout is down" in sent.json()["text"]
    assert mail.outbox == []
    row = news.deliveries.get(contact_method=phone)
    assert (row.state, row.gateway is not None) == ("sent", True)
    assert heard == [("sent", "sent")]


def test_page_without_chosen_ways__goes_by_every_proven_one(
    workspace: Workspace, ana: User
) -> None:
    services.add_method(ana, actor=make.actor(ana), kind="sms", target=NUMBER)
    news = page(ana, workspace)
    methods_used = set(news.deliveries.values_list("method", flat=True))
    assert methods_used == {"inbox", "email"}, "the account's address; not the unproven number"


def test_same_key_with_another_way__is_the_same_news(
    workspace: Workspace, admin: Actor, ana: User, receiver: Receiver
) -> None:
    gateway(workspace, admin, receiver)
    phone, account = way(ana), methods.of(ana)[0]
    first = page(ana, workspace, methods=[phone])
    again = page(ana, workspace, methods=[phone, account])
    assert first.pk == again.pk
    assert list(again.deliveries.order_by("id").values_list("method", flat=True)) == [
        "inbox", "sms", "email",
    ]  # fmt: skip


def test_refused__its_owner_tries_the_next_way_in_the_same_transaction(
    workspace: Workspace, admin: Actor, ana: User, receiver: Receiver
) -> None:
    gateway(workspace, admin, receiver)
    phone, account = way(ana), methods.of(ana)[0]

    def fall_over(delivery: Delivery, event: Event) -> None:
        if event.failed:
            page(ana, workspace, methods=[account])

    deliveries.on_settled("page.", fall_over)
    try:
        receiver.will_answer(400, b'{"error": "no such number", "recipient": true}')
        news = page(ana, workspace, methods=[phone])
        outbox.send_due()
        outbox.send_due()
    finally:
        deliveries._HANDLERS.remove(("page.", fall_over))
    states = dict(news.deliveries.values_list("method", "state"))
    assert states == {"inbox": "sent", "sms": "rejected", "email": "sent"}
    assert not Signal.objects.filter(kind="notify.undelivered").exists()


def test_every_way_failed__is_an_alert_of_its_own(
    workspace: Workspace, admin: Actor, ana: User, receiver: Receiver
) -> None:
    gateway(workspace, admin, receiver)
    phone = way(ana)
    receiver.will_answer(404, b"")
    news = page(ana, workspace, methods=[phone])
    outbox.send_due()
    news.refresh_from_db()
    assert news.undelivered_at is not None
    signal = Signal.objects.get(kind="notify.undelivered")
    assert signal.payload["notification"] == str(news.uid)
    assert signal.workspace_id == workspace.pk


def test_no_gateway__is_refused_at_once_and_told(
    workspace: Workspace, ana: User, heard: list[tuple[str, str]]
) -> None:
    news = page(ana, workspace, methods=[way(ana)])
    outbox.send_due()
    assert "no gateway" in news.deliveries.get(method="sms").why
    assert heard == [("rejected", "rejected")]


def test_owner_that_fails__is_told_again(workspace: Workspace, ana: User) -> None:
    calls: list[str] = []

    def handler(delivery: Delivery, event: Event) -> None:
        calls.append(event.value)
        if len(calls) == 1:
            raise RuntimeError("not now")

    deliveries.on_settled("page.", handler)
    try:
        news = page(ana, workspace, methods=[methods.of(ana)[0]])
        outbox.send_due()
        assert news.deliveries.get(method="email").state == "sent", "its result stands"
        outbox.send_due()
    finally:
        deliveries._HANDLERS.remove(("page.", handler))
    assert calls == ["sent", "sent"]
    assert len(mail.outbox) == 1


def test_check_before_sending__suppresses_with_its_reason(
    workspace: Workspace, ana: User, heard: list[tuple[str, str]]
) -> None:
    def check(delivery: Delivery) -> str:
        return "acknowledged meanwhile"

    deliveries.before_send("page.", check)
    try:
        news = page(ana, workspace, methods=[methods.of(ana)[0]])
        outbox.send_due()
    finally:
        deliveries._CHECKS.remove(("page.", check))
    row = news.deliveries.get(method="email")
    assert (row.state, row.why) == ("suppressed", "acknowledged meanwhile")
    assert OutboxMessage.objects.get(payload__delivery=row.pk).state == "done"
    assert mail.outbox == []
    assert heard == [("suppressed", "suppressed")]
    assert not Signal.objects.filter(kind="notify.undelivered").exists()


def test_check_that_fails__stops_nothing(workspace: Workspace, ana: User) -> None:
    def check(delivery: Delivery) -> str:
        raise RuntimeError("broken")

    deliveries.before_send("page.", check)
    try:
        page(ana, workspace, methods=[methods.of(ana)[0]])
        outbox.send_due()
    finally:
        deliveries._CHECKS.remove(("page.", check))
    assert len(mail.outbox) == 1


def test_critical__asks_neither_quiet_hours_nor_wishes(workspace: Workspace, ana: User) -> None:
    actor = make.actor(ana)
    services.set_quiet_hours(ana, actor=actor, starts=time(0), ends=time(23, 59))
    services.set_preference(ana, actor=actor, kind="*", method="email", wanted=False)
    page(ana, workspace, methods=[methods.of(ana)[0]])
    outbox.send_due()
    assert len(mail.outbox) == 1


def test_normal__waits_for_the_end_of_quiet_hours(workspace: Workspace, ana: User) -> None:
    services.set_quiet_hours(ana, actor=make.actor(ana), starts=time(0), ends=time(23, 59))
    news = page(ana, workspace, methods=[methods.of(ana)[0]], urgency="normal")
    outbox.send_due()
    assert mail.outbox == []
    assert "held for quiet hours" in news.deliveries.get(method="email").why


def test_way_that_was_removed__stands_there_as_refused(workspace: Workspace, ana: User) -> None:
    phone = way(ana)
    services.remove_method(phone, actor=make.actor(ana))
    phone.refresh_from_db()
    news = page(ana, workspace, methods=[phone])
    row = news.deliveries.get(method="sms")
    assert (row.state, row.why) == ("rejected", "its owner removed this way")
    assert Signal.objects.filter(kind="notify.undelivered").exists()


def test_way_of_somebody_else__is_refused(workspace: Workspace, ana: User) -> None:
    bob = make.person(workspace, "viewer")
    with pytest.raises(Invalid):
        page(ana, workspace, methods=[methods.of(bob)[0]])


def test_somebody_who_does_not_work_here__gets_nothing(ana: User) -> None:
    elsewhere = make.workspace()
    news = page(ana, elsewhere, methods=[methods.of(ana)[0]])
    assert not news.deliveries.exists()
    assert "does not work here" in news.note
    assert Signal.objects.filter(kind="notify.undelivered", workspace=elsewhere).exists()


def test_what_may_be_answered__stands_in_the_message(workspace: Workspace, ana: User) -> None:
    answers.register("test.paged", label="Acknowledge", act=lambda link, actor: "", words=["ack"])
    respond = Respond("incidents.page:7", ["test.paged"], lasts=timedelta(hours=2))
    page(ana, workspace, methods=[methods.of(ana)[0]], respond=respond)
    link = AnswerLink.objects.get(person=ana)
    outbox.send_due()
    assert answers.url_of(link, "test.paged") in mail.outbox[0].body


def test_answers_nobody_registered__are_refused(workspace: Workspace, ana: User) -> None:
    with pytest.raises(Invalid):
        page(ana, workspace, respond=Respond("x:1", ["no.such"]))
