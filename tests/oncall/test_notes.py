"""What one shift tells the next: kept while it lasts, handed over when it ends, missed when nobody
wrote it, read by whoever came."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.db import IntegrityError, transaction
from django.urls import reverse

from controlplane.access.models import User, Workspace
from controlplane.jobs import timers
from controlplane.jobs.models import Timer
from controlplane.lib.errors import Conflict, Invalid, NotAllowed
from controlplane.notify.models import Notification
from controlplane.oncall import open_items, services
from controlplane.oncall.models import HandoffNote, Schedule
from controlplane.oncall.services import handing, promises
from controlplane.oncall.shown.console import waiting
from tests import make
from tests.kit import oncall

pytestmark = pytest.mark.usefixtures("noon")
MONDAY = datetime(2026, 11, 9, 8, tzinfo=UTC)
Rota = tuple[Schedule, User, User]


@pytest.fixture
def rota(here: Workspace) -> Rota:
    schedule = oncall.schedule(here)
    ann, bob = oncall.people(here, "Ann", "Bob")
    oncall.layer(schedule, [ann, bob])
    return schedule, ann, bob


def write(schedule: Schedule, who: User, text: str = "The mail queue is slow.") -> HandoffNote:
    return services.write_note(schedule, actor=make.actor(who), text=text)


def over(noon: time_machine.Traveller) -> HandoffNote:
    """Monday's hand-over, as its timer makes it."""
    noon.move_to(MONDAY)
    timers.HANDLERS[promises.HAND_OVER](Timer.objects.get(kind=promises.HAND_OVER))
    return HandoffNote.objects.get()


def ring(noon: time_machine.Traveller) -> None:
    timer = Timer.objects.get(kind=handing.NOTE)
    noon.move_to(timer.due_at)
    timers.HANDLERS[handing.NOTE](timer)


def told(kind: str) -> list[str]:
    rows = Notification.objects.filter(kind=kind).order_by("id")
    return [
        ", ".join(sorted({one.user.name for one in row.deliveries.all() if one.user}))
        for row in rows
    ]


def test_written_while_on_duty__goes_out_at_the_hand_over__and_is_read(
    rota: Rota, noon: time_machine.Traveller
) -> None:
    schedule, ann, bob = rota
    assert write(schedule, ann, "First").status == "draft"
    write(schedule, ann)
    assert told("oncall.note") == []
    note = over(noon)
    assert (note.status, note.next_person, note.text) == ("written", bob, "The mail queue is slow.")
    assert told("oncall.note") == ["Bob"]
    assert "mail queue" in Notification.objects.get(kind="oncall.note").body
    with pytest.raises(NotAllowed, match="came on duty next"):
        services.read_note(note, actor=make.actor(ann))
    done = services.read_note(note, actor=make.actor(bob))
    assert (done.status, done.read_by) == ("read", bob)
    assert services.read_note(note, actor=make.actor(bob)).version == done.version


def test_hand_over__twice__is_one_note(rota: Rota, noon: time_machine.Traveller) -> None:
    schedule, ann, _ = rota
    over(noon)
    handing.hand_over(schedule, ann.pk, MONDAY, None)
    assert HandoffNote.objects.count() == 1
    assert told("oncall.note_due") == ["Ann"]


def test_nobody_wrote__it_is_missed__told__and_written_late(
    rota: Rota, noon: time_machine.Traveller
) -> None:
    schedule, ann, _ = rota
    oncall.people(schedule.workspace, "Olga", role="operations_command")
    note = over(noon)
    assert note.status == "due"
    assert note.due_at == MONDAY + timedelta(minutes=30)
    ring(noon)
    assert told("oncall.note_missed") == ["Ann, Bob, Olga"]
    [waits] = [row for row in waiting(make.actor(ann), schedule.workspace_id) if row.mine]
    assert waits.state == "missed"
    late = write(schedule, ann)
    assert late.status == "written"
    assert told("oncall.note") == ["Bob"]


def test_nobody_read__is_reminded_once(rota: Rota, noon: time_machine.Traveller) -> None:
    schedule, ann, _ = rota
    write(schedule, ann)
    over(noon)
    ring(noon)
    ring(noon)
    assert told("oncall.note_unread") == ["Bob"]


def test_schedule_that_wants_none__asks_for_none__but_sends_what_was_written(
    rota: Rota, noon: time_machine.Traveller
) -> None:
    schedule, ann, _ = rota
    services.change_schedule(schedule, actor=make.JOB, notes_wanted=False)
    write(schedule, ann)
    assert over(noon).status == "written"
    noon.move_to(MONDAY + timedelta(days=7))
    timers.HANDLERS[promises.HAND_OVER](Timer.objects.get(kind=promises.HAND_OVER))
    assert HandoffNote.objects.count() == 1


def test_who_is_not_on_duty__writes_none(rota: Rota) -> None:
    schedule, _, bob = rota
    with pytest.raises(Conflict, match="not on duty here"):
        write(schedule, bob)
    with pytest.raises(Invalid, match="Say what"):
        write(schedule, bob, " \n")
    stranger = make.person(make.workspace(), "primary_operator")
    with pytest.raises(NotAllowed):
        write(schedule, stranger)


def test_open_items__of_any_app__a_broken_one_is_named(
    rota: Rota, noon: time_machine.Traveller, monkeypatch: pytest.MonkeyPatch
) -> None:
    schedule, ann, _ = rota

    def broken(schedule: Schedule, at: datetime) -> list[open_items.Open]:
        raise RuntimeError("down")

    sources = dict(open_items.sources._entries)
    monkeypatch.setattr(open_items.sources, "_entries", sources)
    known = [open_items.Open("INC-7 Mail is slow", "/admin/x/", "mitigating")]
    open_items.sources.register(open_items.Source("a", "Incidents", lambda *_: known))
    open_items.sources.register(open_items.Source("b", "Broken", broken))
    write(schedule, ann)
    items = over(noon).open_items
    assert {"of": "Incidents", "title": "INC-7 Mail is slow", "url": "/admin/x/",
            "state": "mitigating"} in items  # fmt: skip
    assert [one["title"] for one in items if one["of"] == "Broken"] == ["could not be listed"]
    assert "INC-7" in Notification.objects.get(kind="oncall.note").body


@pytest.mark.servers
def test_database__a_handed_note_stays_as_it_was(rota: Rota, noon: time_machine.Traveller) -> None:
    schedule, ann, bob = rota
    write(schedule, ann)
    note = over(noon)
    rows = HandoffNote.objects.filter(pk=note.pk)
    with pytest.raises(IntegrityError, match="keeps what it says"), transaction.atomic():
        rows.update(text="It was never slow.")
    with pytest.raises(IntegrityError, match="keeps what it says"), transaction.atomic():
        rows.delete()
    services.read_note(note, actor=make.actor(bob))
    with pytest.raises(IntegrityError, match="keeps what it says"), transaction.atomic():
        rows.update(read_by=ann)


def test_wish__moves_the_word_before__or_leaves_it_out(rota: Rota) -> None:
    _, _, bob = rota
    words = Timer.objects.filter(kind=promises.HEADS_UP, state="waiting")
    assert words.get().due_at == MONDAY - timedelta(days=1)
    schedule = rota[0]
    services.wish(bob, actor=make.actor(bob), hours_before=4)
    promises.renew(schedule)
    assert words.get().due_at == MONDAY - timedelta(hours=4)
    services.wish(bob, actor=make.actor(bob), hours_before=0)
    promises.renew(schedule)
    assert not words.exists()
    with pytest.raises(Conflict, match="own"):
        services.wish(rota[1], actor=make.actor(bob), hours_before=4)
    with pytest.raises(Invalid, match="hours"):
        services.wish(bob, actor=make.actor(bob), hours_before=3)


def test_console__written_and_read(rota: Rota, noon: time_machine.Traveller) -> None:
    schedule, ann, bob = rota
    page = reverse("oncall:write_note", args=(schedule.uid,))
    hers, his = make.client(ann), make.client(bob)
    assert "goes out with the list below" in hers.get(page).content.decode()
    assert hers.post(page, {"text": "<b>Slow</b>"}).status_code == 302
    assert his.post(page, {"text": "Not mine"}).status_code == 409
    note = over(noon)
    his = make.client(bob)  # days later
    board = his.get(reverse("oncall:board")).content.decode()
    assert "Hand-off from Ann" in board
    assert "&lt;b&gt;Slow" in board
    read = reverse("oncall:read_note", args=(note.uid,))
    stranger = make.client(make.person(make.workspace(), "primary_operator"))
    assert stranger.post(read).status_code == 404
    assert his.post(read).status_code == 302
    assert HandoffNote.objects.get().status == "read"
    wish = reverse("oncall:wish")
    assert his.post(wish, {"hours_before": "12"}).status_code == 302
    assert 'value="12" selected' in his.get(reverse("oncall:calendars")).content.decode()
