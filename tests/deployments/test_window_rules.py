"""What a window has to be before it goes on, and who may let it go without."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import IntegrityError, transaction

from controlplane.approvals import services as approvals
from controlplane.base.models import Signal
from controlplane.lib import clock
from controlplane.lib.errors import Conflict, GateNotMet, Invalid, InvalidTransition, NotAllowed
from controlplane.notify.models import Notification
from controlplane.work import services as work
from controlplane.work.models import Comment
from deployments import freezing
from deployments import services as releases
from deployments.maintenance import plans, quiet, services, standing
from deployments.models import MaintenanceWindow, WindowService
from deployments.services import checking, going
from deployments.shown.windows import following
from telemetry.rules.silence import Concern, Quiet
from tests import make
from tests.kit import settled
from tests.kit.deployments import deliver, fire, there
from tests.kit.maintenance import EMERGENCY, World, again, at, finish_tasks

pytestmark = pytest.mark.django_db


@settled.once
def world() -> World:
    made = World()
    made.watcher()
    made.service()
    return made


def silenced(row: MaintenanceWindow, service: str = "", environment: str = "") -> Quiet | None:
    places = (environment,) if environment else ()
    services = (service,) if service else ()
    return quiet.silencing(Concern(row.workspace_id, services, places, clock.now()))


def test_plan__opens_its_item_with_subtasks(world: World) -> None:
    row = world.plan(templates=["database-upgrade", "certificates"])
    item = there(row.item)
    assert (item.item_type, item.priority, item.labels) == ("task", 2, ["maintenance"])
    tasks = standing.tasks(row)
    assert len(tasks) == 8
    assert any("python3 manage.py reindex" in task.description for task in tasks)
    assert row.ref.startswith("MNT-")


def test_schedule__two_weeks_ahead_on_a_sunday(world: World) -> None:
    row = services.schedule(world.plan(), actor=world.actor)
    assert (row.status, row.revision) == ("scheduled", 1)
    for shift in (timedelta(days=-14), timedelta(days=1), timedelta(hours=4)):
        span = {name: value + shift for name, value in world.span(weeks=1).items()}
        with pytest.raises(GateNotMet):
            services.schedule(world.plan(**span), actor=world.actor)


def test_schedule__whoever_may_waive_says_why(world: World) -> None:
    span = {name: value - timedelta(days=10) for name, value in world.span().items()}
    row = world.plan(**span)
    with pytest.raises(NotAllowed):
        services.schedule(
            row, actor=world.someone("secondary_operator"), override="It has to be now."
        )
    row = services.schedule(again(row), actor=world.lead, override="It has to be now.")
    assert {each["rule"] for each in row.waived} == {"lead", "hours"}
    assert all(each["reason"] == "It has to be now." and each["by"] for each in row.waived)


def test_consent__only_with_a_tested_way_back_and_subtasks(world: World) -> None:
    row = services.schedule(world.plan(rollback_plan="", templates=[]), actor=world.actor)
    with pytest.raises(GateNotMet) as refused:
        services.ask_consent(row, actor=world.actor)
    said = " ".join(refused.value.details["conditions"])
    assert all(word in said for word in ("rollback plan", "test of it", "It has none"))
    with pytest.raises(Conflict):
        services.record_test(again(row), actor=world.actor, evidence="Run 1.")
    row = services.change_window(again(row), actor=world.actor, rollback_plan="The old files.")
    services.record_test(again(row), actor=world.actor, evidence="Run 1 in staging.")
    services.add_tasks(row, actor=world.actor, titles=["Stop the workers", " "])
    assert services.ask_consent(again(row), actor=world.actor).status == "open"


def test_change_of_plan__needs_a_new_test_and_new_signatures(world: World) -> None:
    row = world.approved_window()
    assert row.status == "approved"
    row = services.change_window(row, actor=world.actor, rollback_plan="Another way.")
    row = again(row)
    assert (row.status, row.tested_in_staging) == ("announced", False)
    assert there(row.approval).status == "void"
    with pytest.raises(InvalidTransition):
        services.start(row, actor=world.actor)


def test_start__other_work_than_was_signed__asks_anew(world: World) -> None:
    row = world.approved_window()
    item = there(row.item)
    work.create_item(item.project, actor=make.JOB, title="Drop the old table", parent=item)
    with at(row.starts_at):
        fire()
        with pytest.raises(GateNotMet, match="something else"):
            services.start(again(row), actor=world.actor)
        assert following(again(row), world.actor).label == "Ask for consent"
        first = there(again(row).approval)
        row = world.sign_window(row)
        assert there(row.approval).pk != first.pk
        assert "Drop the old table" in str(there(row.approval).packet["tasks"])
        services.add_tasks(row, actor=world.actor, titles=["One more"])
        row = world.sign_window(row)
        work.delete_items(standing.tasks(row), actor=make.JOB)
        with pytest.raises(GateNotMet, match="something else"):
            services.start(again(row), actor=world.actor)
        with pytest.raises(GateNotMet, match="split into subtasks"):
            services.ask_consent(again(row), actor=world.actor)


def test_ask__of_what_was_signed__is_the_same_question(world: World) -> None:
    row = world.approved_window()
    assert services.ask_consent(row, actor=world.actor) == row.approval
    assert again(row).status == "approved"


def test_waiver_that_nobody_signs__leaves_consent_alone(world: World) -> None:
    row = services.announce(world.scheduled(), actor=world.actor)
    request = services.ask_consent(row, actor=world.someone("secondary_operator"))
    for number, slot in enumerate(request.slots.order_by("position")):
        if number == 1:
            for rule in ("watcher", "notices"):
                services.waive(again(row), actor=world.lead, rule=rule, reason="By hand.")
        request.refresh_from_db()
        signer = world.someone(slot.roles[0])
        approvals.decide(request, "approved", actor=signer, sha256=request.sha256)
    assert again(row).status == "approved"
    services.waive(again(row), actor=world.lead, rule="hours", reason="It has to be.")
    assert again(row).status == "announced"


def test_database__lets_nothing_begin_without_consent(world: World) -> None:
    row = world.approved_window()
    rows = MaintenanceWindow.objects.filter(pk=row.pk)
    services.change_window(row, actor=world.actor, about="Other words.")
    with pytest.raises(IntegrityError), transaction.atomic():
        rows.update(status="in_progress", started_at=clock.now())
    with pytest.raises(IntegrityError), transaction.atomic():
        rows.update(tested_in_staging=False, tested_at=None, status="approved")
    with pytest.raises(IntegrityError), transaction.atomic():
        rows.delete()
    with pytest.raises(IntegrityError), transaction.atomic():
        row.notices.filter(state="sent").update(state="due", sent_at=None)
    with pytest.raises(IntegrityError), transaction.atomic():
        MaintenanceWindow.objects.create(
            workspace=row.workspace, environment=row.environment, ref="MNT-99", status="announced",
            starts_at=row.starts_at, ends_at=row.ends_at, revision=1,
        )  # fmt: skip


def test_overlap__is_refused_and_named(world: World) -> None:
    first = world.scheduled()
    second = world.plan(starts_at=first.starts_at + timedelta(hours=1),
                        ends_at=first.starts_at + timedelta(hours=3))  # fmt: skip
    with pytest.raises(GateNotMet, match=first.ref):
        services.schedule(second, actor=world.actor)
    beside = services.change_window(
        again(second), actor=world.actor, services=[world.service("mail")]
    )
    assert services.schedule(beside, actor=world.actor).status == "scheduled"
    with pytest.raises(GateNotMet):
        services.change_window(again(beside), actor=world.actor, services=[])
    after = world.plan(starts_at=first.ends_at, ends_at=first.ends_at + timedelta(hours=1))
    assert services.schedule(after, actor=world.actor).status == "scheduled"
    with pytest.raises(IntegrityError), transaction.atomic():
        WindowService.objects.filter(window=after).update(starts_at=first.starts_at)


def test_partners_window__is_named_beside_ours(world: World) -> None:
    span = world.span()
    world.partners(**span)
    row = services.schedule(world.plan(**span), actor=world.actor)
    assert "Northwind Mail" in " ".join(standing.beside(row))


def test_whole_way__of_a_planned_window(world: World) -> None:
    row = world.approved_window()
    with pytest.raises(GateNotMet, match="It begins"):
        services.start(row, actor=world.actor)
    with at(row.starts_at + timedelta(minutes=1)):
        row = world.begun(row)
        assert row.status == "in_progress"
        assert Signal.objects.filter(kind="maintenance.started").exists()
        assert there(silenced(row, "api", "production")).by.startswith(row.ref)
        assert silenced(row, "other") is None
    with at(row.ends_at - timedelta(minutes=10)):
        row = services.finish(again(row), actor=world.actor, outcome="All indexes are new.")
        assert row.monitor_until == there(row.finished_at) + timedelta(hours=4)
        assert silenced(row, "api") is None
        with pytest.raises(GateNotMet, match="Watched for 4 hours: Until"):
            services.close(again(row), actor=world.actor, reason="Done.")
    with at(there(row.monitor_until) + timedelta(minutes=1)):
        fire()
        assert Notification.objects.filter(kind="maintenance.closable").exists()
        with pytest.raises(GateNotMet, match="subtask"):
            services.close(again(row), actor=world.actor, reason="Done.")
        finish_tasks(row, world.actor)
        row = services.close(again(row), actor=world.actor, reason="All is well.")
        deliver()
        item = there(again(row).item)
        assert (row.status, item.status) == ("completed", "closed")
        assert f"{row.started_at:%Y-%m-%d %H:%M}" in item.close_reason
    span = row.starts_at, row.ends_at
    worked, calm, elsewhere = world.service(), world.service("calm"), World().service()
    periods = quiet.planned([worked, calm, elsewhere], "", *span)
    went = (row.environment_id, row.started_at, row.finished_at)
    assert periods == {worked.pk: [went], calm.pk: [], elsewhere.pk: []}
    assert quiet.planned([worked], "staging", *span) == {worked.pk: []}


def test_watcher__has_to_be_on_duty(world: World) -> None:
    row = world.approved_window(watcher=make.person(world.workspace, "primary_operator"))
    with at(row.starts_at):
        with pytest.raises(GateNotMet, match="not on duty"):
            world.begun(row)
        services.change_window(again(row), actor=world.actor, watcher=world.watcher())
        assert services.start(again(row), actor=world.actor).status == "in_progress"


def test_start__missing_notice_is_in_the_way(world: World) -> None:
    row = world.approved_window()
    with at(row.starts_at):
        with pytest.raises(GateNotMet, match="7 days before"):
            services.start(row, actor=world.actor)
        services.waive(again(row), actor=world.lead, rule="notices", reason="Told by hand.")
        assert services.start(again(row), actor=world.actor).status == "in_progress"


def test_roll_back__ends_it_and_says_so(world: World) -> None:
    row = world.approved_window()
    with at(row.starts_at):
        row = services.roll_back(world.begun(row), actor=world.actor, reason="It won't start.")
    assert row.status == "rolled_back"
    news = Notification.objects.get(kind="maintenance.done")
    assert "taken back" in news.body
    assert Signal.objects.filter(kind="maintenance.ended").exists()


class TestEmergency:
    @pytest.mark.parametrize("field", ["trigger", "urgency", "impact"])
    def test_assessment__is_required(self, world: World, field: str) -> None:
        with pytest.raises(Invalid):
            world.plan(**{**EMERGENCY, field: ""})

    def test_at_once__told_watched_and_reviewed(self, world: World) -> None:
        row = world.emergency()
        assert row.status == "announced"
        item = there(again(row).item)
        assert (item.priority, item.labels) == (0, ["hotfix", "maintenance"])
        assert item.assignee == world.watcher().email
        told = Notification.objects.filter(kind="maintenance.emergency")
        assert {note.urgency for note in told} == {"critical"}
        assert told.count() == 2
        assert {each["rule"] for each in row.waived} == {"lead", "hours", "tested"}
        row = world.sign_window(row)
        assert there(row.approval).policy.slug == "maintenance_emergency"
        row = services.start(row, actor=world.actor)
        row = services.finish(row, actor=world.actor)
        review = there(again(row).review)
        assert review.due_at == there(row.finished_at) + timedelta(hours=48)
        services.remark(row, actor=world.actor, kind="mitigation", text="Port 80 is closed.")
        made = services.follow_up(row, actor=world.actor, titles=["Open port 80 again"])
        deliver()
        texts = " ".join(Comment.objects.filter(item=item).values_list("text", flat=True))
        for words in ("Expedited approval", "Mitigation: Port 80", "Follow-up: "):
            assert words in texts
        assert made[0].parent_id is None
        [part] = services.follow_up(row, actor=world.actor, titles=["x"], part_of=True)
        assert part.parent_id == item.pk

    def test_silent_to_users__tells_the_team_alone(self, world: World) -> None:
        row = world.emergency(user_facing=False)
        channels = set(row.notices.values_list("channel", flat=True))
        assert channels == {"chat", "banner", "inapp"}


def test_partner__alert_notice_and_its_time(world: World) -> None:
    row = world.partners()
    signal = Signal.objects.get(kind="maintenance.partner")
    assert signal.payload["severity"] == "info"
    assert row.status == "announced"
    assert Notification.objects.filter(kind="maintenance.week").exists()
    with at(row.starts_at + timedelta(seconds=1)):
        fire()
        assert again(row).status == "in_progress"
    with at(row.ends_at + timedelta(seconds=1)):
        fire()
        assert again(row).status == "completed"
    with pytest.raises(Invalid):
        world.plan(**EMERGENCY, partner="Northwind")


def test_deployments__wait_for_the_window_but_for_its_own(world: World) -> None:
    row = world.scheduled()
    deployment = world.draft("production")
    said = freezing.other_window(deployment, at=row.starts_at)
    assert row.ref in said
    assert not freezing.other_window(deployment, at=row.ends_at)
    assert not freezing.other_window(world.draft("staging"), at=row.starts_at)
    work.set_parent(there(deployment.item), there(row.item), actor=make.JOB)
    deployment.refresh_from_db()
    assert not freezing.other_window(deployment, at=row.starts_at)


@pytest.mark.parametrize("what", ["window", "freeze"])
def test_what_came_while_the_checks_were_read__holds_a_deployment_back(
    world: World, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    row, looked = world.approved("staging"), checking.require_gates

    def look_then(*args: Any, **given: Any) -> Any:
        found = looked(*args, **given)
        if what == "window":
            world.emergency(where="staging")
        else:
            now = clock.now()
            releases.make_freeze(
                world.workspace, actor=world.lead, title="The fair", reason="Visitors.",
                starts_at=now - timedelta(hours=1), ends_at=now + timedelta(hours=1),
            )  # fmt: skip
        return found

    monkeypatch.setattr(going, "require_gates", look_then)
    said = "Maintenance: MNT-" if what == "window" else "The fair until"
    with pytest.raises(GateNotMet, match=said):
        releases.start(row, actor=world.actor)
    row.refresh_from_db()
    assert row.status == "approved"


def test_stranger__does_nothing(world: World) -> None:
    row = world.scheduled()
    viewer, other = world.someone("viewer"), World().actor
    for actor in (viewer, other):
        for verb, given in (
            (services.schedule, {}),
            (services.cancel, {"reason": "x"}),
            (services.announce, {}),
            (services.start, {}),
            (services.roll_back, {"reason": "x"}),
            (services.waive, {"rule": "lead", "reason": "x"}),
            (services.record_test, {"evidence": "x"}),
            (services.add_tasks, {"titles": ["x"]}),
        ):
            with pytest.raises((NotAllowed, InvalidTransition)):
                call: Any = verb
                call(again(row), actor=actor, **given)
    assert again(row).status == "scheduled"
    with pytest.raises(NotAllowed):
        world.plan(services=[World().service()])
    with pytest.raises(NotAllowed):
        services.plan_window(
            world.workspace, actor=viewer, title="x", environment=world.place(), **world.span()
        )


@pytest.mark.parametrize(
    ("start", "quiet_hours"),
    [
        (datetime(2027, 3, 28, 2, tzinfo=UTC), True),  # clocks go forward in Europe that night
        (datetime(2027, 10, 31, 2, tzinfo=UTC), True),  # and back that night
        (datetime(2027, 3, 28, 1, tzinfo=UTC), False),
        (datetime(2027, 3, 28, 5, tzinfo=UTC), False),
    ],
)
def test_quiet_hours__are_utc_whatever_clocks_do(start: datetime, quiet_hours: bool) -> None:
    assert plans.in_quiet_hours(start, start + timedelta(hours=2)) is quiet_hours
    times = plans.notice_times(start, start + timedelta(hours=2), start - timedelta(days=30))
    assert start - times["day"] == timedelta(hours=24)
    assert start - times["week"] == timedelta(days=7)
