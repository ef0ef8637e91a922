"""Closed threads are put away and what was said in them goes, where somebody sets a time; nothing
before, nothing under a legal hold, and nothing past the database."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import IntegrityError, connection, transaction
from django.db.models import F

from controlplane.audit.models import AuditEvent
from controlplane.base import retention as runner
from controlplane.base.data_rules import retention
from controlplane.lib import actors, clock
from controlplane.lib.errors import Conflict, NotAllowed
from missions.models import Mission
from missions.services.evidence.holding import place_hold, release_hold
from missions.threads import kept, numbers, services
from missions.threads.models import Message, Thread, WakeTrigger
from missions.threads.services import clearing, pausing
from tests import make
from tests.kit import settled
from tests.kit import work as items
from tests.kit.api import refused
from tests.kit.missions import World
from tests.kit.threads import Talk
from tests.kit.threads_api import THREADS, Callers

pytestmark = pytest.mark.django_db
SYSTEM = actors.job("retention")


@settled.once
def talk() -> Talk:
    return Talk()


@pytest.fixture
def kept_90_days(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if the portal had been started with a time set."""
    monkeypatch.setenv(numbers.MESSAGES_DAYS.env_name, "90")
    entry = kept.messages()
    monkeypatch.setitem(retention._entries, entry.slug, entry)


def put_away(talk: Talk, days: int = 100, thread: Thread | None = None) -> Thread:
    row = thread or talk.thread
    talk.post("executioner", "It leaks.", thread=row)
    talk.post("reviewer", "Where?", thread=row)
    services.update_status(row, "resolved", actor=talk.operator, reason="Done.")
    services.update_status(row, "closed", actor=talk.operator)
    pausing.archive_thread(row, actor=talk.operator)
    Thread.objects.filter(pk=row.pk).update(archived_at=F("archived_at") - timedelta(days=days))
    row.refresh_from_db()
    return row


def clean(*, dry_run: bool = False) -> tuple[int, str]:
    [run] = runner.clean(actor=SYSTEM, dry_run=dry_run, only="threads.messages")
    return run.rows, run.error


def test_archive__is_off_and_puts_away_what_is_old_when_a_time_is_set(
    talk: Talk, monkeypatch: pytest.MonkeyPatch
) -> None:
    services.update_status(talk.thread, "resolved", actor=talk.operator, reason="Done.")
    services.update_status(talk.thread, "closed", actor=talk.operator)
    Thread.objects.update(status_at=F("status_at") - timedelta(days=40))
    assert clearing.archive_old() == {"archived": 0}
    monkeypatch.setenv(numbers.ARCHIVE_DAYS.env_name, "30")
    assert clearing.archive_old() == {"archived": 1}
    assert clearing.archive_old() == {"archived": 0}


def test_messages__are_kept_without_end_as_shipped(talk: Talk) -> None:
    put_away(talk, days=4_000)
    entry = retention.get("threads.messages")
    assert entry is not None
    assert entry.keep is None
    assert runner.clean(actor=SYSTEM, only="threads.messages") == []
    assert Message.objects.exists()


def test_time_set__dry_run_counts_and_a_run_removes_what_is_due_and_says_so(
    talk: Talk, kept_90_days: None
) -> None:
    row, young = put_away(talk), put_away(talk, days=10, thread=talk.begin(title="Young"))
    said = Message.objects.filter(thread=row).count()
    assert clean(dry_run=True) == (said, "")
    assert Message.objects.filter(thread=row).count() == said
    assert clean() == (said, "")
    row.refresh_from_db()
    assert row.cleared_at is not None
    assert row.last_seq == said
    assert not Message.objects.filter(thread=row).exists()
    assert not WakeTrigger.objects.filter(thread=row).exists()
    assert Message.objects.filter(thread=young).count() == said
    assert (AuditEvent.objects.get(action="thread.clear").details or {})["messages"] == said
    assert clean() == (0, "")


def test_cleared__is_read_as_empty_and_its_page_says_when(talk: Talk, kept_90_days: None) -> None:
    row = put_away(talk)
    assert clean()[0] > 0
    page = services.read_messages(row.uid, actor=talk.by("reviewer"))
    assert page.empty
    assert not page.has_more
    assert services.summarize_thread(row, actor=talk.operator)["messages"] == row.last_seq
    client = make.client(make.person(talk.workspace, "operations_command"))
    shown = client.get(f"/admin/threads/thread/{row.uid}/change/").content.decode()
    assert "was removed" in shown
    assert "Nothing was said yet" not in shown


def test_batches__go_on_where_they_stopped(talk: Talk) -> None:
    row = put_away(talk)
    said = Message.objects.filter(thread=row).count()
    gone = []
    while done := clearing.clear(clock.now(), 2):
        gone.append(done)
    assert sum(gone) == said
    assert max(gone) == 2
    assert AuditEvent.objects.filter(action="thread.clear").count() == 1


def test_legal_hold__on_the_mission_above_keeps_it_until_it_is_released(
    talk: Talk, kept_90_days: None
) -> None:
    world = World(talk.workspace)
    mission = world.draft()
    if mission.item is None:
        Mission.objects.filter(pk=mission.pk).update(item=items.item(talk.workspace))
        mission.refresh_from_db()
    below = items.item(talk.workspace, parent=mission.item)
    row = put_away(talk, thread=talk.begin(item=below))
    lead = make.actor(make.person(talk.workspace, "legal"))
    place_hold(mission, actor=lead, reason="A claim is open.")
    assert clean(dry_run=True) == (0, "")
    assert clean() == (0, "")
    with pytest.raises(IntegrityError), transaction.atomic():
        Thread.objects.filter(pk=row.pk).update(cleared_at=clock.now())
    release_hold(mission, actor=lead, reason="The claim is settled.")
    assert clean()[0] > 0


def test_database__lets_nothing_go_but_what_was_put_away_and_marked(talk: Talk) -> None:
    row = put_away(talk)
    for sql in (
        "DELETE FROM threads_message WHERE thread_id = %s",
        "DELETE FROM threads_thread WHERE id = %s",
        "UPDATE threads_message SET body = 'Nothing.' WHERE thread_id = %s",
    ):
        with (
            pytest.raises(IntegrityError), transaction.atomic(),
            connection.cursor() as cursor,
        ):  # fmt: skip
            cursor.execute(sql, [row.pk])
    open_one = talk.begin(title="Open")
    with pytest.raises(IntegrityError), transaction.atomic():
        Thread.objects.filter(pk=open_one.pk).update(cleared_at=clock.now())
    assert clearing.clear(clock.now(), 100) > 0
    with pytest.raises(IntegrityError), transaction.atomic():
        Thread.objects.filter(pk=row.pk).update(cleared_at=None)


def test_filter__is_off_and_blanks_out_secrets_before_they_are_stored(
    talk: Talk, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = "Log in with password=Tr0ub4dor-and-3 and write to ada@example.org."
    talk.post("executioner", said)
    assert Message.objects.get().body == said
    monkeypatch.setenv(numbers.FILTER_CONTENT.env_name, "1")
    first = talk.post("executioner", said, metadata={"api_key": "sk-live-9f8e7d6c5b4a"},
                      idempotency_key="once")  # fmt: skip
    again = talk.post("executioner", said, metadata={"api_key": "sk-live-9f8e7d6c5b4a"},
                      idempotency_key="once")  # fmt: skip
    row = Message.objects.get(seq=first.seq)
    assert again.replayed
    assert "Tr0ub4dor" not in row.body
    assert "ada@example.org" not in row.body
    assert row.body.startswith("Log in with")
    assert "9f8e7d6c5b4a" not in str(row.metadata)
    # Nothing of a long one is cut off.
    long = "\n".join([f"{n}: all is well, go on." for n in range(1_500)] + [said, "The end."])
    kept_of_it = Message.objects.get(seq=talk.post("executioner", long).seq).body
    assert "Tr0ub4dor" not in kept_of_it
    assert kept_of_it.count("all is well") == 1_500
    assert kept_of_it.endswith("The end.")


def test_stranger__and_whoever_only_works_there_put_nothing_away(talk: Talk) -> None:
    services.update_status(talk.thread, "resolved", actor=talk.operator, reason="Done.")
    services.update_status(talk.thread, "closed", actor=talk.operator)
    stranger = make.actor(make.person(make.workspace(), "operations_command"))
    for actor in (stranger, make.actor(make.person(talk.workspace, "viewer")), talk.by("reviewer")):
        with pytest.raises(NotAllowed):
            pausing.archive_thread(talk.thread, actor=actor)
    assert not Thread.objects.exclude(archived_at=None).exists()
    with pytest.raises(Conflict):
        pausing.archive_thread(talk.begin(title="Open"), actor=talk.operator)
    with pytest.raises(NotAllowed):
        runner.clean(actor=talk.operator, only="threads.messages")


def test_api__puts_away_what_is_closed_for_operators_of_the_workspace() -> None:
    world = Callers()
    path = f"{THREADS}/{world.talk.thread.uid}"
    operator = world.person("operations_command")
    refused(operator.post(f"{path}/archive", {}), "CONFLICT")
    for status in ("resolved", "closed"):
        moved = operator.post(f"{path}/status", {"status": status, "reason": "Done."})
        assert moved.status_code == 200, moved.content
    refused(world.person("viewer").post(f"{path}/archive", {}), "FORBIDDEN")
    refused(world.executioner.post(f"{path}/archive", {}), "FORBIDDEN")
    refused(world.outsider().post(f"{path}/archive", {}), "FORBIDDEN")
    answer = operator.post(f"{path}/archive", {"reason": "Half a year old."})
    assert answer.status_code == 200, answer.content
    shown = answer.json()
    assert shown["archived_at"] is not None
    assert shown["cleared_at"] is None
    assert AuditEvent.objects.filter(action="thread.archive", reason="Half a year old.").exists()
    assert operator.post(f"{path}/archive", {}).json()["version"] == shown["version"]
