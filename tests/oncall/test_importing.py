"""Calendars of others: what they become, whom they mean, and what nobody can read."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from controlplane.access.models import User, Workspace
from controlplane.audit.models import AuditEvent
from controlplane.lib.errors import Conflict, Invalid, NotAllowed
from controlplane.notify.models import Notification
from controlplane.oncall import arithmetic, plans, services
from controlplane.oncall.importing.preparing import prepare
from controlplane.oncall.models import Layer, Override, Schedule
from controlplane.oncall.services import feeds
from tests import make
from tests.kit import oncall
from tests.kit.api import Api

BERLIN = ";TZID=Europe/Berlin"
WEEKS = "RRULE:FREQ=WEEKLY;INTERVAL=2"


def calendar(*events: list[str], head: tuple[str, ...] = ()) -> bytes:
    lines = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//x//EN", *head]
    for number, event in enumerate(events):
        lines += ["BEGIN:VEVENT", f"UID:e{number}", *event, "END:VEVENT"]
    return "\r\n".join([*lines, "END:VCALENDAR", ""]).encode()


def week(day: str, until: str, who: str, *more: str) -> list[str]:
    return [
        f"DTSTART{BERLIN}:{day}T090000",
        f"DTEND{BERLIN}:{until}T090000",
        f"SUMMARY:{who}",
        *more,
    ]


@pytest.fixture
def rota(here: Workspace, noon: time_machine.Traveller) -> tuple[Schedule, User, User]:
    schedule = oncall.schedule(here)
    ann, bob = oncall.people(here, "Ann Lee", "Bob Ray")
    return schedule, ann, bob


def weekly(ann: User, bob: User) -> bytes:
    return calendar(
        week("20261102", "20261109", "x", f"ATTENDEE;CN=A:mailto:{ann.email.upper()}", WEEKS),
        week("20261109", "20261116", "On call: Bob Ray", WEEKS),
    )


def shifts(schedule: Schedule, days: int = 390) -> list[tuple[datetime, datetime, int | None]]:
    since = datetime(2026, 11, 4, 11, tzinfo=UTC)
    until = since + timedelta(days=days)
    found = arithmetic.shifts(plans.plan_of(schedule, since, until), since, until)
    return [(one.since, one.until, one.person) for one in found]


def look(schedule: Schedule, raw: bytes, **given: Any) -> Any:
    return prepare(schedule, actor=make.JOB, calendar=raw, **given)


def test_weeks_in_turn__become_a_rotation_that_keeps_the_wall(
    rota: tuple[Schedule, User, User],
) -> None:
    schedule, ann, bob = rota
    made = services.import_calendar(schedule, actor=make.JOB, calendar=weekly(ann, bob))
    assert (made.problems, made.swaps) == ([], [])
    layer = Layer.objects.get()
    assert (layer.turn, layer.every, layer.time_zone) == ("weekly", 1, "Europe/Berlin")
    assert layer.until_at is None
    found = shifts(schedule)
    assert [one[2] for one in found[:3]] == [ann.pk, bob.pk, ann.pk]
    # Nine o'clock before and after the clocks change.
    assert {one[0].astimezone(UTC).hour for one in found[1:]} == {7, 8}
    told = Notification.objects.filter(kind="oncall.changed")
    assert told.count() == 2
    assert AuditEvent.objects.filter(action="oncall.import").count() == 1


def test_moved_and_left_out_weeks__are_swaps_over_the_rotation(
    rota: tuple[Schedule, User, User],
) -> None:
    schedule, _, bob = rota
    raw = calendar(
        week("20261102", "20261109", "Ann Lee", WEEKS, f"EXDATE{BERLIN}:20261130T090000"),
        week("20261109", "20261116", "Bob Ray", WEEKS),
        week("20261130", "20261207", "Bob Ray"),
    )
    made = services.import_calendar(schedule, actor=make.JOB, calendar=raw)
    assert [(one.person, one.since) for one in made.swaps] == [
        (bob.pk, datetime(2026, 11, 30, 8, tzinfo=UTC))
    ]
    swap = Override.objects.get()
    assert (swap.person, swap.ends) == (bob, datetime(2026, 12, 7, 8, tzinfo=UTC))
    assert Layer.objects.count() == 1
    at = datetime(2026, 12, 1, tzinfo=UTC)
    assert [one[2] for one in shifts(schedule) if one[0] <= at < one[1]] == [bob.pk]


def test_office_hours__become_a_rotation_of_those_hours(rota: tuple[Schedule, User, User]) -> None:
    schedule, ann, bob = rota
    days = "RRULE:FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,TU,WE,TH,FR"

    def hours(day: str, who: str) -> list[str]:
        return [f"DTSTART{BERLIN}:{day}T090000", f"DTEND{BERLIN}:{day}T170000", f"SUMMARY:{who}",
                days]  # fmt: skip

    made = look(schedule, calendar(hours("20261102", "Ann Lee"), hours("20261109", "Bob Ray")))
    assert made.rota is not None
    assert (made.rota.days, made.rota.hours_until.hour, made.swaps) == ((0, 1, 2, 3, 4), 17, [])
    assert made.rota.people == (ann.pk, bob.pk)


def test_no_rhythm__becomes_swaps(rota: tuple[Schedule, User, User]) -> None:
    schedule, ann, bob = rota
    raw = calendar(
        week("20261105", "20261106", "Ann Lee"),
        week("20261110", "20261114", "Bob Ray"),
        ["DTSTART;VALUE=DATE:20261120", "DTEND;VALUE=DATE:20261121", "SUMMARY:Ann Lee"],
    )
    made = services.import_calendar(schedule, actor=make.JOB, calendar=raw)
    assert made.rota is None
    assert [row.person for row in Override.objects.order_by("starts")] == [ann, bob, ann]
    last = Override.objects.latest("starts")
    # A whole day is one of the schedule's zone, and time that was is not changed.
    assert last.starts == datetime(2026, 11, 19, 23, tzinfo=UTC)
    again = look(schedule, raw)
    assert again.empty, "what stands there already is not made twice"


def test_our_own_feed__becomes_the_same_shifts_again(rota: tuple[Schedule, User, User]) -> None:
    schedule, ann, bob = rota
    oncall.layer(schedule, [ann, bob, ann])
    feed = services.subscribe(schedule.workspace, actor=make.actor(ann), schedule=schedule)
    from controlplane.oncall.feeding import document

    other = oncall.schedule(schedule.workspace, slug="copy")
    made = services.import_calendar(other, actor=make.JOB, calendar=document(feed)[0])
    assert made.rota is not None
    assert feeds.token_of(feed)
    assert shifts(other, 300) == shifts(schedule, 300)


def test_who_is_meant__is_said_where_nobody_is_named(rota: tuple[Schedule, User, User]) -> None:
    schedule, ann, bob = rota
    twin = make.person(schedule.workspace, "primary_operator", name="Ann Lee", password=None)
    raw = calendar(
        week("20261105", "20261106", "Ann Lee"),
        week("20261107", "20261108", "The boss", "ATTENDEE:mailto:boss@elsewhere.example"),
        week("20261109", "20261110", f"shift of {bob.email}"),
    )
    made = look(schedule, raw)
    assert dict(made.unknown) == {"Ann Lee": 1, "boss@elsewhere.example": 1}
    assert [one.person for one in made.swaps] == [bob.pk]
    said = {"Ann Lee": str(twin.uid), "boss@elsewhere.example": ann.email}
    assert [one.person for one in look(schedule, raw, people=said).swaps] == [
        twin.pk, ann.pk, bob.pk,
    ]  # fmt: skip
    with pytest.raises(Invalid):
        look(schedule, raw, people={"Ann Lee": "stranger@elsewhere.example"})


def test_what_cannot_be_read__is_told_by_its_line(rota: tuple[Schedule, User, User]) -> None:
    schedule, *_ = rota
    raw = calendar(
        ["DTSTART:20261399T000000Z", "SUMMARY:Ann Lee"],
        ["SUMMARY:Ann Lee"],
        ["DTSTART:20261105T000000Z", "RRULE:FREQ=NEVER", "SUMMARY:Ann Lee"],
        ["DTSTART;TZID=Mars/Base:20261105T000000", "DURATION:PT1H", "SUMMARY:Ann Lee"],
        week("20261110", "20261111", "Ann Lee"),
        week("20261110", "20261111", "Bob Ray"),
        ["DTSTART:20261112T000000Z", "DTEND:20261111T000000Z", "SUMMARY:Ann Lee"],
        head=("what is this", "END:VTODO"),
    )
    made = look(schedule, raw)
    said = {one.line: one.said for one in made.problems}
    assert said[4] == "This is no line of a calendar."
    assert "did not begin" in said[5]
    assert said[8] == "DTSTART can't be read."
    assert "no beginning" in said[11]
    assert said[18] == "RRULE can't be read."
    assert "Mars/Base" in said[23]
    assert "already" in said[33]
    assert len(made.swaps) == 2


HOSTILE = {
    "each second": calendar(["DTSTART:20261101T000000Z", "DURATION:PT1S", "RRULE:FREQ=SECONDLY"]),
    "since ever": calendar(["DTSTART:19000101T000000Z", "DURATION:PT1S", "RRULE:FREQ=HOURLY"]),
    "all minutes": calendar(
        ["DTSTART:20261101T000000Z", "DURATION:PT1S",
         "RRULE:FREQ=DAILY;BYMINUTE=" + ",".join(map(str, range(60)))
         + ";BYSECOND=" + ",".join(map(str, range(60)))]),
    "end of time": calendar(["DTSTART:99991231T235959Z", "RRULE:FREQ=DAILY"]),
    "zero bytes": b"\0" * 5_000 + b"\r\nBEGIN:VEVENT\r\n\0\r\n",
    "any bytes": bytes(range(256)) * 200,
    "nested": b"BEGIN:VEVENT\n" * 50_000,
    "path": b"/etc/passwd",
}  # fmt: skip


@pytest.mark.parametrize("name", sorted(HOSTILE))
def test_hostile_calendar__is_told_and_changes_nothing(
    rota: tuple[Schedule, User, User], name: str
) -> None:
    made = look(rota[0], HOSTILE[name])
    assert made.empty
    assert made.problems or name == "end of time"


def test_too_much__is_refused(
    rota: tuple[Schedule, User, User], monkeypatch: pytest.MonkeyPatch
) -> None:
    schedule, *_ = rota
    for raw in (b"", b" \n", b"x" * 10_000_000):
        with pytest.raises(Invalid):
            look(schedule, raw)
    bombs = calendar(*[
        ["DTSTART:19000101T000000Z", "DURATION:PT1M", f"RRULE:FREQ=HOURLY;BYMINUTE={n % 60}"]
        for n in range(400)
    ])  # fmt: skip
    monkeypatch.setenv("CONTROLPLANE_ONCALL_CALENDAR_SECONDS", "2")
    with pytest.raises(Invalid) as refused:
        look(schedule, bombs)
    assert "too long" in refused.value.message


def test_seen__something_else_is_not_saved(rota: tuple[Schedule, User, User]) -> None:
    schedule, ann, bob = rota
    raw = calendar(week("20261110", "20261111", "Ann Lee"))
    seen = look(schedule, raw).seen
    services.override(
        schedule, bob, actor=make.JOB, starts=datetime(2026, 11, 10, 9, tzinfo=UTC),
        ends=datetime(2026, 11, 10, 12, tzinfo=UTC),
    )  # fmt: skip
    with pytest.raises(Conflict):
        services.import_calendar(schedule, actor=make.JOB, calendar=raw, seen=seen)
    assert not Override.objects.filter(person=ann).exists()
    with pytest.raises(Invalid):
        services.import_calendar(schedule, actor=make.JOB, calendar=raw)


def test_console__looks_asks_who_and_saves(rota: tuple[Schedule, User, User]) -> None:
    schedule, _, bob = rota
    manager = make.person(schedule.workspace, "operations_command")
    browser = make.client(manager)
    url = reverse("oncall:import", args=(schedule.uid,))
    assert b"multipart/form-data" in browser.get(url).content
    raw = calendar(
        week("20261105", "20261106", "Ann Lee"), week("20261107", "20261108", "<b>The boss</b>")
    )
    shown = browser.post(url, {"file": SimpleUploadedFile("a.ics", raw), "become": "auto"})
    text = shown.content.decode()
    assert "1 swap" in text
    assert "&lt;b&gt;The boss" in text
    made = shown.context["made"]
    answer = {
        "calendar": raw.decode(), "become": "auto", "seen": "", "save": "1",
        "label-0": "<b>The boss</b>", "who-0": str(bob.uid),
    }  # fmt: skip
    stale = browser.post(url, {**answer, "seen": made.seen})
    assert stale.status_code == 409, "somebody was chosen after the look"
    assert browser.post(url, answer).status_code == 302
    assert Override.objects.count() == 2
    huge = SimpleUploadedFile("a.ics", b"x" * 3_000_000)
    assert browser.post(url, {"file": huge, "become": "auto"}).status_code == 400


def test_api__previews_and_imports(rota: tuple[Schedule, User, User]) -> None:
    schedule, ann, bob = rota
    machine = Api(make.key(make.agent(schedule.workspace, role=""), scopes=["oncall.*"])[1])
    url = "/api/v1/oncall/schedules/primary/import"
    body = {"calendar": weekly(ann, bob).decode()}
    shown = machine.post(f"{url}/preview", body)
    assert shown.status_code == 200, shown.content
    told = shown.json()
    assert [one["email"] for one in told["layer"]["people"]] == [ann.email, bob.email]
    assert not Layer.objects.exists()
    done = machine.post(url, {**body, "seen": told["seen"], "position": 3})
    assert done.status_code == 409, "another place is something else"
    assert machine.post(url, {**body, "seen": told["seen"]}).status_code == 200
    assert Layer.objects.get().position == 1
    assert machine.post(url, {"calendar": "\0"}).status_code == 400


def test_stranger__sees_and_imports_nothing(rota: tuple[Schedule, User, User]) -> None:
    schedule, ann, bob = rota
    viewer = make.person(schedule.workspace, "ux")
    with pytest.raises(NotAllowed):
        services.import_calendar(schedule, actor=make.actor(viewer), calendar=weekly(ann, bob))
    other = make.person(make.workspace(), "operations_command")
    url = reverse("oncall:import", args=(schedule.uid,))
    assert make.client(other).post(url, {"become": "auto"}).status_code == 404
    assert make.client(viewer).get(url).status_code == 403
