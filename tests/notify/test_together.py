"""Deliveries of a batch side by side: at the same time, each with its own result."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from pytest_django.fixtures import Settings

from controlplane.access.models import Workspace
from controlplane.jobs import leases
from controlplane.notify import deliveries, outbox, services, together
from controlplane.notify.deliveries import Event
from controlplane.notify.models import Channel, Delivery, Notification, OutboxMessage
from controlplane.notify.services import To
from tests import make
from tests.kit import gateways
from tests.kit.gateways import SECRET
from tests.kit.receivers import Receiver, http_receiver

pytestmark = pytest.mark.django_db


@pytest.fixture
def workspace(settings: Settings) -> Workspace:
    settings.OUTGOING_ALLOW = ["127.0.0.1"]
    return make.workspace()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with http_receiver() as receiver:
        yield receiver


@contextmanager
def meeting(count: int) -> Iterator[str]:
    """Answers nobody before `count` calls are waiting at the same time."""
    barrier = threading.Barrier(count, timeout=20)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            try:
                barrier.wait()
                self.send_response(200)
            except threading.BrokenBarrierError:
                self.send_response(500)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:
            """Quiet: pytest's output is for results."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()


def hook(workspace: Workspace, url: str) -> Channel:
    return services.create_channel(
        workspace, actor=make.JOB, name=f"Hook {Channel.objects.count()}", kind="webhook",
        target=url, secret=SECRET,
    )  # fmt: skip


def news(workspace: Workspace, *channels: Channel, **extra: Any) -> Notification:
    to = To(channels=[channel.pk for channel in channels])
    given = {"kind": "page.test", "key": "k", "subject": "S"} | extra
    return services.notify(workspace_id=workspace.pk, to=to, **given)


def test_batch__is_sent_at_the_same_time(workspace: Workspace) -> None:
    with meeting(4) as url:
        told = news(workspace, *[hook(workspace, url) for _ in range(4)])
        assert outbox.send_due() == 4
    assert set(told.deliveries.values_list("state", flat=True)) == {"sent"}
    assert set(OutboxMessage.objects.values_list("state", flat=True)) == {"done"}


def test_each__has_its_own_result_and_try(workspace: Workspace, receiver: Receiver) -> None:
    channels = [hook(workspace, f"{receiver.url}/{status}") for status in (200, 404, 503)]
    receiver.answer_by_path |= {"/404": 404, "/503": 503}
    heard: list[tuple[str, str]] = []

    def handler(delivery: Delivery, event: Event) -> None:
        heard.append((event.value, Delivery.objects.get(pk=delivery.pk).state))

    deliveries.on_settled("page.", handler)
    try:
        told = news(workspace, *channels)
        outbox.send_due()
    finally:
        deliveries._HANDLERS.remove(("page.", handler))
    states = dict(told.deliveries.values_list("channel__target", "state"))
    assert [states[one.target] for one in channels] == ["sent", "rejected", "waiting"]
    assert sorted(heard) == [("rejected", "rejected"), ("sent", "sent")]
    assert sorted(OutboxMessage.objects.values_list("state", flat=True)) == [
        "dead", "done", "waiting",
    ]  # fmt: skip
    for row in told.deliveries.all():
        assert row.attempts.count() == 1
    failures = dict(Channel.objects.values_list("target", "failures_in_a_row"))
    assert [failures[one.target] for one in channels] == [0, 1, 1]


def test_one_that_cannot_be_prepared__harms_no_other(
    workspace: Workspace, receiver: Receiver
) -> None:
    good, broken = hook(workspace, receiver.url), hook(workspace, receiver.url)
    Channel.objects.filter(pk=broken.pk).update(secret_sealed="nonsense")
    told = news(workspace, good, broken)
    outbox.send_due()
    states = dict(told.deliveries.values_list("channel", "state"))
    assert (states[good.pk], states[broken.pk]) == ("sent", "waiting")


def test_two_for_one_telephone__the_second_sees_the_first(
    workspace: Workspace, receiver: Receiver
) -> None:
    gateways.gateway(workspace, receiver.url)
    ana = make.person(workspace, "primary_operator")
    way = gateways.way(ana)
    OutboxMessage.objects.all().delete()
    for key in ("a", "b"):
        services.page(
            ana, workspace_id=workspace.pk, kind="page.t", key=key, subject=key, methods=[way]
        )
    outbox.send_due()
    assert len(receiver.received) == 1
    assert sorted(Delivery.objects.filter(method="sms").values_list("state", flat=True)) == [
        "sent", "waiting",
    ]  # fmt: skip


def test_settling_together_fails__each_is_settled_alone_and_sent_once(
    workspace: Workspace, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(tried: object) -> None:
        raise RuntimeError("no")

    monkeypatch.setattr(together, "_settle_plain", broken)
    told = news(workspace, hook(workspace, receiver.url), hook(workspace, receiver.url))
    outbox.send_due()
    assert len(receiver.received) == 2
    assert set(told.deliveries.values_list("state", flat=True)) == {"sent"}


def test_lease_that_was_lost_meanwhile__stays_with_its_new_holder(
    workspace: Workspace, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    news(workspace, hook(workspace, receiver.url), hook(workspace, receiver.url))
    real = leases.finish_all

    def stolen(rows: Any) -> int:
        OutboxMessage.objects.filter(pk=rows[0].pk).update(lease_token=None)
        return real(rows)

    monkeypatch.setattr(leases, "finish_all", stolen)
    outbox.send_due()
    assert sorted(OutboxMessage.objects.values_list("state", flat=True)) == ["done", "leased"]


def test_owner_who_fails_for_one__is_told_of_the_others_and_of_that_one_again(
    workspace: Workspace, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Owners of a batch are told as one; each still stands for itself."""
    channels = [hook(workspace, receiver.url) for _ in range(3)]
    noted = list[tuple[int | None, Event]]()

    def owner(delivery: Delivery, event: Event) -> None:
        Channel.objects.filter(pk=delivery.channel_id or 0).update(last_error="heard")
        if delivery.channel_id == channels[1].pk:
            raise RuntimeError("not now")
        noted.append((delivery.channel_id, event))

    monkeypatch.setattr(deliveries, "_HANDLERS", [("page.", owner)])
    told = news(workspace, *channels)
    outbox.send_due()
    assert set(told.deliveries.values_list("state", flat=True)) == {"sent"}
    assert {(channels[0].pk, Event.SENT), (channels[2].pk, Event.SENT)} <= set(noted)
    assert list(Channel.objects.order_by("pk").values_list("last_error", flat=True)) == [
        "heard", "", "heard",
    ]  # fmt: skip
    assert OutboxMessage.objects.filter(topic="notify.settled").count() == 1
