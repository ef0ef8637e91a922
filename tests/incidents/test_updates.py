"""The clock of updates: promised with the level, reminded of, kept or missed, and told to whom."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.db import IntegrityError, transaction
from django.urls import reverse

from controlplane.audit.models import AuditEvent
from controlplane.lib import clock
from controlplane.lib.errors import Conflict, Invalid, InvalidTransition, NotAllowed
from controlplane.notify.models import Notification
from incidents import links
from incidents.models import EscalationRun, Incident, MissedUpdate, Update
from incidents.records import levels, moving
from incidents.response import adherence, updates, wordings
from tests import make
from tests.kit.incidents import MINUTE, Caller, Watchroom, looked

pytestmark = pytest.mark.django_db


@pytest.fixture
def room() -> Watchroom:
    room = Watchroom()
    room.everybody()
    return room


def post(room: Watchroom, row: Incident, text: str = "We look at it.", **given: Any) -> Update:
    person = given.pop("by", room.primary)
    done = updates.post_update(row, actor=room.by(person), text=text, **given)
    row.refresh_from_db()
    return done


def told(kind: str) -> list[Notification]:
    return list(Notification.objects.filter(kind=kind).order_by("pk"))


def test_promise__is_the_levels_and_moves_with_every_word(room: Watchroom) -> None:
    row = room.quiet("sev2")
    row.refresh_from_db()
    assert row.next_update_at is not None
    assert row.next_update_at - row.opened_at < timedelta(minutes=15, seconds=2)
    first = post(room, row, kind="initial")
    assert (first.status, first.due_at is not None, row.last_update_at) == (
        "posted", True, first.posted_at,
    )  # fmt: skip
    assert row.next_update_at == first.next_at
    sooner = clock.now() + timedelta(minutes=5)
    post(room, row, next_at=sooner.isoformat())
    assert row.next_update_at == sooner
    with pytest.raises(Invalid, match="15 minutes"):
        post(room, row, next_at=clock.now() + timedelta(hours=1))
    found = adherence.of_incident(row)
    assert (found.kept, found.missed, found.share) == (2, 0, 1.0)


def test_promise__none_where_the_level_has_none_and_moves_when_it_gets_graver(
    room: Watchroom,
) -> None:
    row = room.quiet("sev4")
    assert Incident.objects.get(pk=row.pk).next_update_at is None
    moving.change_severity(row, "sev1", actor=room.by(room.primary), reason="All of it.")
    row.refresh_from_db()
    assert row.next_update_at is not None
    standing = row.next_update_at
    moving.change_severity(row, "sev3", actor=room.by(room.primary), reason="Less.")
    row.refresh_from_db()
    assert row.next_update_at == standing  # nobody gains time by it
    moving.change_severity(row, "sev4", actor=room.by(room.primary), reason="Small.")
    assert Incident.objects.get(pk=row.pk).next_update_at is None
    free = post(room, row)
    assert free.next_at is None


def test_miss__is_reminded_recorded_told_once_and_calls_from_the_second_on(
    room: Watchroom,
) -> None:
    row = room.quiet("sev2")
    moving.acknowledge(row, actor=room.by(room.primary))
    row.refresh_from_db()
    due = row.next_update_at
    assert due is not None
    room.later(12 * MINUTE + 1, tick=False)
    room.promises()
    [near] = told("incident.update_near")
    assert set(near.deliveries.values_list("user", flat=True)) == {room.primary.pk}
    room.later(15 * MINUTE, tick=False)
    room.promises()
    [miss] = MissedUpdate.objects.all()
    assert (miss.due_at, miss.times, miss.severity) == (due, 1, "sev2")
    assert len(told("incident.update_missed")) == 1
    assert AuditEvent.objects.filter(details__clock="update").count() == 1
    room.promises()
    assert len(told("incident.update_missed")) == 1
    assert not EscalationRun.objects.filter(incident=row, why="late").exists()
    row.refresh_from_db()
    assert row.next_update_at == due + timedelta(minutes=15)
    room.later(30 * MINUTE, tick=False)
    room.promises()
    room.later(31 * MINUTE, tick=False)
    room.promises()
    assert MissedUpdate.objects.count() == 2
    assert EscalationRun.objects.filter(incident=row, why="late").count() >= 1
    post(room, row, "Sorry for the silence.")
    found = adherence.of_incident(row)
    assert (found.kept, found.missed) == (1, 2)


def test_miss__what_nobody_looked_at_for_an_hour_is_one_row(room: Watchroom) -> None:
    row = room.quiet("sev2")
    Incident.objects.filter(pk=row.pk).update(
        next_update_at=clock.now() - timedelta(minutes=50), opened_at=clock.now()
    )
    done = post(room, row)
    [miss] = MissedUpdate.objects.all()
    assert miss.times == 4
    assert done.due_at is not None
    found = adherence.of_incident(row)
    assert (found.kept, found.missed) == (0, 4)
    assert row.next_update_at is not None
    assert row.next_update_at > clock.now()


def test_clock__stops_while_it_is_watched_and_begins_again_when_it_comes_back(
    room: Watchroom,
) -> None:
    row, actor = room.quiet("sev3"), room.by(room.primary)
    row = moving.triage(row, actor=actor, impact_percent=3, symptoms="Slow.",
                        started_at=clock.now() - timedelta(minutes=1))  # fmt: skip
    moving.mitigate(row, actor=actor)
    moving.mitigated(row, actor=actor, how="Rolled back.")
    recovery = post(room, row, "It works.", kind="recovery")
    assert recovery.next_at is None
    assert row.next_update_at is None
    moving.watch(row, actor=actor)
    row = moving.mitigate(row, actor=actor)
    row.refresh_from_db()
    assert row.next_update_at is not None
    moving.mitigated(row, actor=actor, how="Again.")
    moving.watch(row, actor=actor)
    row = moving.resolve(row, actor=actor, reason="Quiet.")
    row.refresh_from_db()
    assert row.next_update_at is None
    last = post(room, row, "It is over.", kind="recovery")
    assert (last.next_at, row.next_update_at) == (None, None)
    moving.close(row, actor=actor, reason="Done.", root_cause="A config.")
    with pytest.raises(InvalidTransition):
        post(room, row)


def test_customers__a_draft_until_somebody_publishes_who_may(room: Watchroom) -> None:
    row = room.quiet("sev1")
    standing = row.next_update_at
    draft = post(room, row, "Uploads fail.", audience="customers", kind="initial")
    assert draft.status == "draft"
    row.refresh_from_db()
    assert row.next_update_at == standing  # a draft keeps no promise
    assert [each.about for each in told("incident.update_drafted")]
    with pytest.raises(NotAllowed):
        updates.publish(draft, actor=room.by(room.primary))
    done = updates.publish(draft, actor=room.by(room.lead), version=draft.version)
    assert (done.status, done.posted_by) == ("posted", room.by(room.lead).ref)
    with pytest.raises((Conflict, InvalidTransition)):
        updates.publish(draft, actor=room.by(room.lead))
    other = post(room, row, "Never mind.", audience="customers")
    updates.drop(other, actor=room.by(room.primary))
    with pytest.raises(InvalidTransition):
        updates.publish(other, actor=room.by(room.lead))
    assert post(room, row, "At once.", audience="customers", by=room.lead).status == "posted"
    actions = AuditEvent.objects.filter(action__startswith="incident.").values_list("action")
    assert ("incident.publish",) in actions


def test_words__name_the_next_update_and_follow_the_stage(room: Watchroom) -> None:
    row, actor = room.quiet("sev1", title="Uploads fail"), room.by(room.primary)
    level = levels.level(row.workspace_id, "sev1")
    next_at = clock.now() + timedelta(minutes=15)
    for audience in ("internal", "customers"):
        assert wordings.suggested(row, audience) == "initial"
        subject, text = wordings.drafted(row, level, audience, "initial", next_at)
        assert f"{next_at:%H:%M} UTC" in text
        assert "{" not in subject + text
    row.workspace.time_zone = "Asia/Kathmandu"  # of the workspace: whoever reads it has no clock
    text = wordings.drafted(row, level, "customers", "initial", next_at)[1]
    local = next_at.astimezone(ZoneInfo("Asia/Kathmandu"))
    assert f"{local:%Y-%m-%d %H:%M} Asia/Kathmandu" in text
    assert "UTC" not in text
    post(room, row)
    assert wordings.suggested(row, "internal") == "update"
    assert wordings.suggested(row, "customers") == "initial"
    moving.triage(row, actor=actor, impact_percent=3, symptoms="x", started_at=clock.now())
    moving.resolve(looked(row), actor=actor, reason="Over.")
    row.refresh_from_db()
    assert wordings.suggested(row, "internal") == "recovery"


def test_row__what_was_said_stays_and_secrets_do_not(room: Watchroom) -> None:
    row = room.quiet("sev2")
    made = post(room, row, "It failed with password=hunter2hunter2.")
    assert "hunter2" not in made.text
    for change in ({"text": "Other."}, {"next_at": None}, {"status": "draft"}):
        with pytest.raises(IntegrityError), transaction.atomic():
            Update.objects.filter(pk=made.pk).update(**change)
    with pytest.raises(IntegrityError), transaction.atomic():
        made.delete()


def test_stranger__says_nothing(room: Watchroom) -> None:
    row = room.quiet("sev2")
    for person in (
        make.person(make.workspace(), "engineering_lead"), room.person("viewer"),
    ):  # fmt: skip
        with pytest.raises(NotAllowed):
            updates.post_update(row, actor=make.actor(person), text="Hello.")
    assert not Update.objects.exists()


# --- Doors --------------------------------------------------------------------------------------


def test_page__words_to_begin_with_are_posted_and_stand_there(room: Watchroom) -> None:
    row = room.quiet("sev1", title="Uploads fail")
    browser = make.client(room.primary)
    told_ = browser.get(links.page_of(row), follow=True).content.decode()
    assert "Customers were told nothing" in told_
    url = reverse("burning:update", args=(row.uid,))
    form = browser.get(url).context["form"]
    assert "Next update by" in form.initial["text"]
    assert form.initial["minutes"] == 15
    given = {"kind": "initial", "subject": "Uploads fail", "text": "", "minutes": "15"}
    assert browser.post(url, given).status_code == 400
    given |= {"text": "The pool is full.", "minutes": "90"}
    late = browser.post(url, given)
    assert (late.status_code, "15 minutes" in late.content.decode()) == (400, True)
    assert browser.post(url, {**given, "minutes": "10"}).status_code == 302
    drafted = browser.post(f"{url}?for=customers", {**given, "minutes": ""})
    assert drafted.status_code == 302
    draft = Update.objects.get(status="draft")
    page = browser.get(links.page_of(row), follow=True).content.decode()
    assert "Uploads fail" in page
    publish = reverse("burning:draft", args=(row.uid, draft.uid, "publish"))
    assert publish not in page
    assert browser.post(publish, {"version": draft.version}).status_code == 403
    lead = make.client(room.lead)
    assert publish in lead.get(links.page_of(row), follow=True).content.decode()
    assert lead.post(publish, {"version": draft.version}).status_code == 302
    draft.refresh_from_db()
    assert draft.status == "posted"
    assert lead.post(publish, {"version": draft.version}).status_code == 409
    stranger = make.client(make.person(make.workspace(), "engineering_lead"))
    assert stranger.get(url).status_code == 404
    assert stranger.post(publish).status_code == 404
    assert make.client(room.person("viewer")).get(url).status_code == 403


def test_api__begins_posts_publishes_and_drops(room: Watchroom) -> None:
    row = room.quiet("sev2")
    caller, lead = Caller(room.primary), Caller(room.lead)
    one = f"/api/v1/incidents/{row.ref}"
    begun = caller.get(f"{one}/updates/draft", audience="customers")
    assert (begun["kind"], begun["kept"], begun["missed"]) == ("initial", 0, 0)
    made = caller.post(f"{one}/updates", {"text": "We look at it."})
    assert made["status"] == "posted"
    assert caller.get(one)["next_update_at"] == made["next_at"]
    draft = caller.post(f"{one}/updates", {"text": "Sorry.", "audience": "customers"})
    assert draft["status"] == "draft"
    at = f"{one}/updates/{draft['uid']}"
    assert caller.refused("POST", f"{at}/publish", {}).status_code == 403
    assert lead.post(f"{at}/publish", {"version": 1})["status"] == "posted"
    assert lead.refused("POST", f"{at}/drop", {}).status_code == 409
    refs = [each["status"] for each in caller.get(f"{one}/updates", audience="customers")["items"]]
    assert refs == ["posted"]
    far = {"text": "x", "next_at": (clock.now() + timedelta(days=1)).isoformat()}
    assert caller.refused("POST", f"{one}/updates", far).status_code == 400
    stranger = Caller(make.person(make.workspace(), "engineering_lead"))
    assert stranger.refused("GET", f"{one}/updates").status_code == 404
    assert stranger.refused("POST", f"{at}/publish", {}).status_code == 404
