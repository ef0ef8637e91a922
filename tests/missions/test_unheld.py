"""A meeting that nobody holds: whoever keeps it is reminded, then it is recorded as missed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
import time_machine
from django.db import IntegrityError, transaction

from controlplane.audit.models import AuditEvent
from controlplane.base.registries import kpis
from controlplane.lib import clock
from controlplane.lib.errors import Conflict, InvalidTransition, NotAllowed
from controlplane.notify.models import Delivery, Notification
from missions.jobs_learning import meetings, standups
from missions.learning import agenda
from missions.models import Meeting, MeetingSeries
from missions.services import cadence, unheld
from telemetry.kpis import period_of
from telemetry.kpis.periods import before
from telemetry.models import KpiValue
from tests import make
from tests.kit import settled
from tests.kit.api import Api
from tests.kit.missions import World

pytestmark = pytest.mark.django_db
MONDAY = datetime(2026, 11, 23, tzinfo=UTC)
NOTHING = {"reminded": 0, "missed": 0, "broken": 0}


@settled.once
def scene() -> Any:
    with time_machine.travel(MONDAY - timedelta(days=3), tick=False):
        world = World(make.workspace(time_zone="UTC"))
        keeper = make.person(world.workspace, "operations_command")
        series = cadence.plan_meetings(world.workspace, actor=world.oc, cadence="ops_sync")
    return SimpleNamespace(world=world, here=world.workspace, keeper=keeper, series=series)


def at(hour: float, day: int = 0) -> Any:
    return time_machine.travel(MONDAY + timedelta(days=day, hours=hour), tick=False)


def told() -> list[tuple[str, str]]:
    rows = Delivery.objects.filter(notification__kind=unheld.UNHELD, method="inbox")
    return list(rows.order_by("pk").values_list("user__email", "notification__subject"))


def test_not_held__its_keeper_is_reminded_once_then_it_is_missed(scene: Any) -> None:
    with at(10.5):
        assert meetings() == NOTHING
    with at(11.5):
        assert meetings() == {**NOTHING, "reminded": 1}
        assert meetings() == NOTHING
    words = "Weekly ops sync of 2026-11-23 is not held yet"
    assert (scene.keeper.email, words) in told()
    assert "2026-11-23 10:00, UTC" in Notification.objects.get(kind=unheld.UNHELD).body
    with at(10, day=3):  # past a third of the week: people would mean the next
        assert meetings() == {**NOTHING, "missed": 1}
        assert meetings() == NOTHING
    row = Meeting.objects.get(series=scene.series)
    assert (row.planned_at, row.notes, row.agenda) == (
        MONDAY + timedelta(hours=10), unheld.NOT_HELD, [],
    )  # fmt: skip
    assert row.closed_at == row.missed_at is not None
    assert AuditEvent.objects.filter(details__transition="-> missed").count() == 1
    with pytest.raises(InvalidTransition):
        cadence.write_notes(row, actor=scene.world.oc, notes="It was.")
    with at(10, day=7):
        after = cadence.begin_meeting(scene.series, actor=scene.world.oc)
    (section,) = (each for each in after.agenda if each["slug"].startswith("missions.not_held"))
    assert [line["title"] for line in section["lines"]] == [str(row)]


def test_missed__stands_in_the_lists_and_nobody_elses(scene: Any) -> None:
    with at(10, day=3):
        meetings()
        row = Meeting.objects.get()
        browser = make.client(scene.keeper)
        for path in ("/admin/missions/meeting/?notes=missed", "/admin/missions/meetings/",
                     f"/admin/missions/meetings/{row.uid}/"):  # fmt: skip
            assert "Not held" in browser.get(path).content.decode(), path
        seen = Api(browser=browser).get("/api/v1/meetings?missed=true").json()["items"]
        assert [each["uid"] for each in seen] == [str(row.uid)]
        assert not Api(browser=browser).get("/api/v1/meetings?missed=false").json()["items"]
        stranger = make.client(make.person(make.workspace(), "operations_command"))
        assert (
            str(row.uid) not in stranger.get("/admin/missions/meeting/?view=all").content.decode()
        )
        assert stranger.get(f"/admin/missions/meetings/{row.uid}/").status_code == 404


def test_held__by_somebody_or_noted__is_neither_reminded_of_nor_missed(scene: Any) -> None:
    with at(10):
        row = cadence.begin_meeting(scene.series, actor=scene.world.oc)
    for hour, day in ((11.5, 0), (10, 3)):
        with at(hour, day):
            assert meetings() == NOTHING
    row.refresh_from_db()
    assert row.closed_at is None


def test_page_that_made_itself__is_no_meeting_until_something_is_noted(scene: Any) -> None:
    with at(1):
        daily = cadence.plan_meetings(scene.here, actor=scene.world.oc, cadence="standup")
    with at(8.8):
        assert standups() == {"begun": 1}
    with at(10.2):
        assert meetings() == {**NOTHING, "reminded": 1}
    row = Meeting.objects.get(series=daily)
    assert Notification.objects.get(kind=unheld.UNHELD).link.endswith(f"{row.uid}/")
    with at(23):
        assert meetings() == {**NOTHING, "reminded": 1, "missed": 1}
    row.refresh_from_db()
    assert row.missed_at is not None
    with at(8.8, day=1):
        standups()
        noted = Meeting.objects.filter(series=daily).latest("pk")
        cadence.write_notes(noted, actor=scene.world.oc, notes="All is well.")
    with at(23, day=1):
        meetings()
    noted.refresh_from_db()
    assert noted.missed_at is None


def test_planned_or_moved_since__and_ended_ones__are_not_missed(scene: Any) -> None:
    with at(11.2):
        cadence.plan_meetings(scene.here, actor=scene.world.oc, cadence="council", weekday=0)
        cadence.move_meetings(scene.series, actor=scene.world.oc, at=datetime(1, 1, 1, 9).time())
    with at(13):
        assert meetings() == NOTHING
    with at(13, day=3):
        assert meetings() == NOTHING
    for row in MeetingSeries.objects.of(scene.here):
        cadence.end_meetings(row, actor=scene.world.oc, reason="No more.")
    with at(12, day=7):
        assert meetings() == NOTHING


def test_nobody_keeps_it__whoever_keeps_the_workspace_is_reminded(scene: Any) -> None:
    with at(-40):
        council = cadence.plan_meetings(
            scene.here, actor=scene.world.oc, cadence="council", weekday=0
        )
        admin = make.person(scene.here, "workspace_admin")
    with at(11.5, day=7):  # councils are each second week
        meetings()
    [subject] = (said for to, said in told() if to == admin.email and "ouncil" in said)
    assert subject.startswith(council.get_cadence_display())


def test_stranger__records_nothing_and_the_database_holds_to_it(scene: Any) -> None:
    viewer = make.actor(make.person(scene.here, "viewer"))
    planned = MONDAY + timedelta(hours=10)
    with pytest.raises(NotAllowed):
        unheld.note_not_held(scene.series, planned, actor=viewer)
    with pytest.raises(IntegrityError), transaction.atomic():
        Meeting.objects.create(series=scene.series, planned_at=planned, began_by="job:x",
                               missed_at=planned)  # fmt: skip


@pytest.mark.parametrize(
    ("meeting", "slug", "kpi"),
    [
        ("ops_sync", "missions.figures.ops_sync", "approvals.latency"),
        ("council", "missions.figures.council", "undo.success_rate"),
        ("retro", "missions.figures.retro", "library.reuse_rate"),
    ],
)
def test_figures__say_what_changed_since_the_period_before(
    scene: Any, meeting: str, slug: str, kpi: str
) -> None:
    with at(12):
        known = kpis.get(kpi)
        assert known is not None
        last = before(known.cadence, period_of(known.cadence, clock.now()))
        earlier = before(known.cadence, last)
        for period, value in ((earlier, 30.0), (last, 36.5)):
            KpiValue.objects.create(workspace=scene.here, kpi=kpi, start=period.start,
                                    end=period.end, value=value, state="met")  # fmt: skip
        found = agenda.of(meeting, scene.here.pk, MONDAY, clock.now())
        (section,) = (each for each in found if each["slug"] == slug)
        (line,) = (each for each in section["lines"] if each["title"] == known.title)
    assert f", +6.5 since {earlier.start:%Y-%m-%d}" in line["text"]


# --- What is said of one afterwards ---------------------------------------------------------------


@pytest.fixture
def missed(scene: Any) -> Meeting:
    planned = MONDAY + timedelta(hours=10)
    found = unheld.note_not_held(scene.series, planned, actor=make.JOB)
    assert found is not None
    return found


def test_afterwards__said_once_on_its_page_and_kept(scene: Any, missed: Meeting) -> None:
    client, url = make.client(scene.keeper), f"/admin/missions/meetings/{missed.uid}/"
    page = client.get(url).content.decode()
    assert "what was agreed all the same" in page
    assert client.post(url, {"do": "afterwards", "afterwards-text": " "}).status_code != 302
    words = "We were all in the incident."
    said = {
        "do": "afterwards", "afterwards-text": words, "afterwards-version": missed.version,
    }  # fmt: skip
    assert client.post(url, said).status_code == 302
    page = client.get(url).content.decode()
    assert words in page
    assert "what was agreed all the same" not in page
    assert words in client.get(f"{url}notes.md").content.decode()
    missed.refresh_from_db()
    assert (missed.afterwards_by, missed.notes) == (f"user:{scene.keeper.pk}", unheld.NOT_HELD)
    with pytest.raises(Conflict):
        unheld.say_afterwards(missed, actor=scene.world.oc, text="Something else.")


def test_afterwards__by_api_and_not_by_a_stranger(scene: Any, missed: Meeting) -> None:
    url = f"/api/v1/meetings/{missed.uid}/afterwards"

    def post(who: Any, **body: Any) -> Any:
        return make.client(who).post(url, body, content_type="application/json")

    viewer, outsider = make.person(scene.here, "viewer"), make.person(make.workspace())
    assert post(viewer, text="No.").status_code == 403
    assert post(outsider, text="No.").status_code in {403, 404}
    assert post(scene.keeper, text="Seen.", version=missed.version + 7).status_code == 409
    answer = post(scene.keeper, text="It fell on a holiday.")
    assert answer.status_code == 200, answer.content
    assert answer.json()["afterwards"] == "It fell on a holiday."
    assert post(scene.keeper, text="Again.").status_code == 409


def test_afterwards__of_a_meeting_that_was_held__is_refused_also_by_the_database(
    scene: Any, missed: Meeting
) -> None:
    with at(10, day=7):
        held = cadence.begin_meeting(scene.series, actor=scene.world.oc)
        cadence.close_meeting(held, actor=scene.world.oc, notes="All well.")
        with pytest.raises(InvalidTransition):
            unheld.say_afterwards(held, actor=scene.world.oc, text="More.")
        words = {"afterwards": "More.", "afterwards_by": "user:1", "afterwards_at": clock.now()}
        for row, change in (
            (held, words),
            (missed, {**words, "notes": "It was held."}),
            (missed, {"missed_at": None}),
            (missed, {"afterwards": "By nobody."}),
        ):
            with pytest.raises(IntegrityError), transaction.atomic():
                Meeting.objects.filter(pk=row.pk).update(**change)
