"""Telemetry is told of what is said, in batches and without a word of it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.db import OperationalError
from prometheus_client import REGISTRY

from missions.threads import services, told
from missions.threads.drafts import read
from telemetry.models import Event
from tests.kit.threads import Talk

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _nothing_left() -> Iterator[None]:
    told.forget()
    yield
    told.forget()


def test_told__posts_and_reads_with_their_time() -> None:
    talk = Talk()
    talk.post("executioner", "the secret plan")
    services.read_messages(talk.thread.uid, actor=talk.by("reviewer"))
    assert not Event.objects.filter(workspace_id=talk.workspace.pk).exists()  # no request waits
    told.flush()
    rows = {row.event_type: row for row in Event.objects.filter(workspace_id=talk.workspace.pk)}
    assert {"message_posted", "messages_read"} <= set(rows)
    assert rows["message_posted"].duration_ms > 0
    assert "secret" not in str([row.__dict__ for row in rows.values()])
    assert told.pending() == 0


def test_told__waits_for_the_database(monkeypatch: pytest.MonkeyPatch) -> None:
    talk = Talk()
    talk.post("executioner")

    def away(*_: Any) -> None:
        raise OperationalError("gone")

    with monkeypatch.context() as patch:
        patch.setattr(told, "report", away)
        told.flush()
    before = told.pending()
    assert before
    told.flush()
    assert told.pending() == 0
    assert Event.objects.filter(workspace_id=talk.workspace.pk).exists()


def test_told__no_more_than_memory_holds(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv(told.MOST.env_name, "2")
    for _ in range(5):
        told.tell(1, "message_posted", "success")
    assert told.pending() == 2
    told.flush()
    assert "3 events of threads were left out" in caplog.text


def test_metrics__count_what_was_taken_and_what_not() -> None:
    def value(name: str, **labels: str) -> float:
        return REGISTRY.get_sample_value(name, labels) or 0.0

    talk = Talk()
    stranger = Talk().by("executioner")
    before = value("controlplane_messages_posted_total", kind="chat")
    refused = value("controlplane_messages_refused_total", code="WORKSPACE_MISMATCH")
    talk.post("executioner")
    with pytest.raises(Exception, match="another workspace"):
        services.post_message(talk.thread.uid, read({"body": "x"}), actor=stranger)
    assert value("controlplane_messages_posted_total", kind="chat") == before + 1
    assert value("controlplane_messages_refused_total", code="WORKSPACE_MISMATCH") == refused + 1
