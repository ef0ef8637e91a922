"""The weekly sync of support: its agenda is made when its time has come, and can be passed on."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from typing import Any

import pytest
import time_machine

from controlplane.access.models import Workspace
from controlplane.jobs.models import Obligation
from controlplane.jobs.obligations import open_due
from controlplane.notify.models import Notification
from incidents.reviews import acting
from incidents.support import lateness, opening, sync
from missions.models import Meeting, MeetingSeries
from missions.services import cadence
from tests import make
from tests.kit.incidents import Watchroom, over, written

pytestmark = pytest.mark.django_db
MONDAY = datetime(2026, 6, 1, 11, 2, tzinfo=UTC)


@pytest.fixture
def room() -> Watchroom:
    room = Watchroom()
    room.everybody()
    return room


def planned(place: Workspace) -> MeetingSeries:
    return cadence.plan_meetings(
        place, actor=make.JOB, cadence="support", time_zone="UTC", at=time(11), weekday=0
    )


def agenda_of(row: Meeting) -> dict[str, list[dict[str, Any]]]:
    assert not [each["slug"] for each in row.agenda if each["broken"]]
    return {each["slug"]: each["lines"] for each in row.agenda}


def test_time_has_come__begun_once_and_told(room: Watchroom) -> None:
    with time_machine.travel(MONDAY - timedelta(hours=1), tick=False):
        planned(room.workspace)
        room.person("release_manager")
        assert sync.begin_due() == 0  # last week's is long over
    with time_machine.travel(MONDAY, tick=False):
        assert (sync.begin_due(), sync.begin_due()) == (1, 0)
        told = Notification.objects.get(kind="support.sync")
        assert f"/admin/missions/meetings/{Meeting.objects.get().uid}/" in told.link
    with time_machine.travel(MONDAY + timedelta(days=7, hours=3), tick=False):
        assert sync.begin_due() == 0  # nobody was there for three hours
    with time_machine.travel(MONDAY + timedelta(days=14), tick=False):
        assert sync.begin_due() == 1


def test_workspace_older_than_the_sync__has_it_planned_once() -> None:
    room, ended, bare, archived = Watchroom(), Watchroom(), make.workspace(), Watchroom()
    for each in (room, ended, archived):
        assert each.primary.pk
    make.person(bare, "viewer")
    archived.workspace.archived_at = MONDAY
    archived.workspace.save()
    with time_machine.travel(MONDAY, tick=False):
        cadence.end_meetings(planned(ended.workspace), actor=make.JOB, reason="We talk daily.")
        assert (sync.plan_missing(), sync.plan_missing()) == (1, 0)
    row = MeetingSeries.objects.get(workspace=room.workspace)
    assert (row.cadence, row.at, row.weekday) == ("support", time(11), 0)
    assert not MeetingSeries.objects.filter(workspace__in=[bare, archived.workspace]).exists()


def test_agenda__names_what_is_open_and_who_is_missing(room: Watchroom) -> None:
    with time_machine.travel(MONDAY, tick=False):
        review = written(over(room), actor=room.by(room.lead))
        acting.add_action(
            review, actor=room.by(room.lead), kind="prevention", title="Size [the] worker",
            owner=room.primary, due_on=(MONDAY + timedelta(days=1)).date(),
        )  # fmt: skip
    with time_machine.travel(MONDAY + timedelta(days=7), tick=False):
        row = cadence.begin_meeting(planned(room.workspace), actor=room.by(room.primary))
        found = agenda_of(row)
        [action] = found["support.actions"]
        assert (action["title"], action["state"], action["tone"]) == (
            "Size [the] worker", "late", "bad",
        )  # fmt: skip
        assert {"missing", "never tried"} & {each["state"] for each in found["support.runbooks"]}
        said = str(found["support.coverage"])
        assert "Docs lead" in said
        assert "Release manager" in said
        browser = make.client(room.secondary)
        answer = browser.get(f"/admin/missions/meetings/{row.uid}/notes.md")
        text = answer.content.decode()
        assert answer["Content-Type"].startswith("text/markdown")
        assert "# Weekly support sync of 2026-06-08" in text
        assert "Size \\[the\\] worker" in text
        assert "(late)" in text


def test_agenda__names_tickets_that_are_late(room: Watchroom) -> None:
    with time_machine.travel(MONDAY - timedelta(days=3), tick=False):
        row = opening.open_ticket(
            room.workspace, actor=room.by(room.primary), subject="It is slow", body="Very."
        )
        lateness.note_miss(row, "acknowledge", MONDAY - timedelta(days=3))
    with time_machine.travel(MONDAY, tick=False):
        found = agenda_of(cadence.begin_meeting(planned(room.workspace), actor=make.JOB))
        assert found["support.overdue"][0]["title"] == f"{row.ref} It is slow"
        assert found["support.missed"][0]["text"] == "Acknowledge"


def test_duties__of_operators_are_opened(room: Watchroom) -> None:
    open_due()
    owed = dict(
        Obligation.objects.filter(workspace=room.workspace, slug__startswith="support.")
        .values_list("slug", "cadence")
    )  # fmt: skip
    assert owed == {
        "support.daily": "daily", "support.records": "weekly", "support.roster": "monthly",
    }  # fmt: skip


def test_stranger__reads_no_agenda_of_another_workspace(room: Watchroom) -> None:
    with time_machine.travel(MONDAY, tick=False):
        row = cadence.begin_meeting(planned(room.workspace), actor=room.by(room.primary))
        away = make.client(make.person(make.workspace(), "primary_operator"))
        assert away.get(f"/admin/missions/meetings/{row.uid}/notes.md").status_code == 404
