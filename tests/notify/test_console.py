"""Channels and the outbox in the console: what really came of it, kept where one looks."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from controlplane.access.models import Workspace
from controlplane.audit.models import AuditEvent
from controlplane.jobs import leases
from controlplane.lib import clock
from controlplane.notify import services, shown
from controlplane.notify.models import Channel, DeliveryAttempt, MessageTemplate, OutboxMessage
from controlplane.notify.outbox import enqueue
from controlplane.notify.services import To
from controlplane.notify.wording import CATALOGUE
from tests import make
from tests.kit import settled
from tests.kit.receivers import http_receiver

pytestmark = pytest.mark.django_db


@settled.once
def here() -> Workspace:
    return make.workspace()


@settled.once
def admin(here: Workspace) -> Client:
    return make.client(make.person(here, "workspace_admin", "primary_operator"))


def page(obj: Any, view: str = "change", *args: str) -> str:
    key = getattr(obj, "uid", obj.pk)
    return reverse(f"admin:notify_{obj._meta.model_name}_{view}", args=[key, *args])


def read(client: Client, obj: Any) -> str:
    answer = client.get(page(obj))
    assert answer.status_code == 200
    return answer.content.decode()


def webhook(here: Workspace, url: str) -> Channel:
    return services.create_channel(
        here, actor=make.JOB, name="Hook", kind="webhook", target=url, secret="s" * 32
    )


# --- Channels -----------------------------------------------------------------------------------


def test_channel_test__what_the_receiver_said_stays_on_the_page(
    admin: Client, here: Workspace, settings: Any
) -> None:
    settings.OUTGOING_ALLOW = ["127.0.0.0/8"]
    with http_receiver() as receiver:
        channel = webhook(here, receiver.url)
        receiver.will_answer(200)
        receiver.will_answer(503, b"back at noon <script>")
        assert (
            "Accepted" in admin.post(page(channel, "button", "test"), follow=True).content.decode()
        )
        admin.post(page(channel, "button", "test"))
    kept = AuditEvent.objects.about(channel).filter(reason="test").order_by("-id")
    told = [event.details or {} for event in kept]
    assert [each["status"] for each in told] == [503, 200]
    assert all(each["duration_ms"] >= 0 for each in told)
    text = read(admin, channel)
    assert "HTTP 503: back at noon &lt;script&gt;" in text
    assert "status 503" in text
    assert "status 200" in text
    assert "1 failure in a row" in text


def test_channel__secret_never_on_the_page(admin: Client, here: Workspace) -> None:
    channel = webhook(here, "https://hooks.example.org/x")
    assert "s" * 32 not in read(admin, channel)
    assert "kept, never shown" in read(admin, channel)
    assert "s" * 32 not in admin.get(f"{page(channel)}?edit=1").content.decode()


def test_channel__deliveries_of_the_last_days_counted(admin: Client, here: Workspace) -> None:
    channel = webhook(here, "https://hooks.example.org/x")
    for number in range(3):
        services.notify(
            workspace_id=here.pk, kind="tests.kind", to=To(channels=[channel.pk]),
            key=str(number), subject=f"News {number}",
        )  # fmt: skip
    chart = shown.deliveries_chart(channel)
    assert sum(chart["series"][1]["values"]) == 3
    assert len(chart["categories"]) == shown.DAYS
    text = read(admin, channel)
    assert "News 2" in text


def test_channel_health__in_one_word(here: Workspace) -> None:
    channel = webhook(here, "https://hooks.example.org/x")
    assert shown.channel_health(channel) == "unused"
    channel.last_ok_at = clock.now()
    assert shown.channel_health(channel) == "ok"
    channel.failures_in_a_row = 2
    assert shown.channel_health(channel) == "failing"
    channel.is_active = False
    assert shown.channel_health(channel) == "off"


def test_channel__stranger_and_viewer__neither_see_nor_press(here: Workspace) -> None:
    channel = webhook(here, "https://hooks.example.org/x")
    stranger = make.client(make.person(make.workspace(), "workspace_admin"))
    viewer = make.client(make.person(here, "viewer"))
    for client in (stranger, viewer):
        assert client.get(page(channel)).status_code in {403, 404}
        assert client.post(page(channel, "button", "test")).status_code in {403, 404}
    assert not AuditEvent.objects.filter(reason="test").exists()


# --- The outbox ---------------------------------------------------------------------------------


def test_dead_letter__tells_its_tries_and_what_replay_does(admin: Client, here: Workspace) -> None:
    channel = webhook(here, "https://hooks.example.org/x")
    services.notify(
        workspace_id=here.pk, kind="tests.kind", to=To(channels=[channel.pk]), key="one",
        subject="Look at this",
    )  # fmt: skip
    message = OutboxMessage.objects.get(topic="notify.deliver")
    DeliveryAttempt.objects.create(
        delivery_id=message.payload["delivery"], outcome="retry", status=502,
        detail="HTTP 502: bad gateway", duration_ms=41,
    )  # fmt: skip
    OutboxMessage.objects.update(state=leases.DEAD, attempts=8, last_error="HTTP 502: bad gateway")
    text = read(admin, message)
    assert "Look at this" in text
    assert "HTTP 502: bad gateway" in text
    assert "under its old key" in text
    admin.post(page(message, "button", "replay"), {"reason": "mended"})
    assert OutboxMessage.objects.get(pk=message.pk).state == leases.WAITING


def test_message__payload_shown_without_secrets(admin: Client, here: Workspace) -> None:
    secret = "ghp_0123456789abcdef0123456789abcdef0123"
    message = enqueue("tests.topic", {"password": "hunter2", "text": secret}, key="k",
                      workspace_id=here.pk)  # fmt: skip
    text = read(admin, message)
    assert "hunter2" not in text
    assert secret not in text
    stranger = make.client(make.person(make.workspace(), "workspace_admin"))
    assert stranger.get(page(message)).status_code == 404


@pytest.mark.parametrize("payload", [{"delivery": "x"}, {"delivery": None}, {}, {"delivery": -1}])
def test_message__with_a_strange_payload__still_drawn(
    admin: Client, here: Workspace, payload: dict[str, Any]
) -> None:
    message = enqueue("notify.deliver", payload, key="odd", workspace_id=here.pk)
    assert "What it carries" in read(admin, message)


# --- Wording ------------------------------------------------------------------------------------


def test_wording__shown_beside_the_shipped_words(admin: Client, here: Workspace) -> None:
    kind = "backup.failed"
    services.set_wording(here, actor=make.JOB, kind=kind, subject="Oh no: {kind}", body="Look.")
    text = read(admin, MessageTemplate.objects.get())
    assert "Oh no" in text
    assert CATALOGUE[kind].label in text
    assert "{what}" in text
