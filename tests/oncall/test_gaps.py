"""Gaps before they happen: each told once while it is far, once when near, once when begun; where
they stand until somebody fills them; and what else a rota lacks."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
import time_machine
from django.db import IntegrityError, transaction
from django.urls import reverse

from controlplane.access import services as access
from controlplane.access.models import User, Workspace
from controlplane.base import cache
from controlplane.notify import services as notify
from controlplane.notify.models import Delivery, Notification
from controlplane.oncall import lacking, reach, services, tasks, watching
from controlplane.oncall.models import Gap, Schedule
from controlplane.oncall.shown.console import waiting
from tests import make
from tests.kit import oncall

pytestmark = pytest.mark.usefixtures("noon")
DAY, WEEK = timedelta(days=1), timedelta(days=7)
SATURDAY = datetime(2026, 11, 6, 23, tzinfo=UTC)  # midnight in Berlin


def told(kind: str = "oncall.gap") -> list[Notification]:
    return list(Notification.objects.filter(kind=kind).order_by("id"))


def weekdays(here: Workspace) -> tuple[Schedule, User]:
    """Ann from Monday to Friday, and nobody said that weekends are free."""
    schedule = oncall.schedule(here)
    [ann] = oncall.people(here, "Ann")
    oncall.layer(schedule, [ann], days=[0, 1, 2, 3, 4])
    return schedule, ann


def test_gaps__of_four_weeks__in_one_message_and_then_each_once(
    here: Workspace, noon: time_machine.Traveller
) -> None:
    weekdays(here)
    [first] = told()
    assert first.body.count("\n- ") == 3, "four weekends: one in the subject, three below"
    assert "for 2 days" in first.body
    tasks.watch()
    assert len(told()) == 1
    noon.shift(WEEK - 5 * DAY)
    tasks.watch()
    near = told()[1]
    assert (near.urgency, near.kind) == ("critical", "oncall.gap")
    noon.move_to(SATURDAY + timedelta(hours=1))
    tasks.watch()
    tasks.watch()
    [begun] = told("oncall.nobody")
    assert begun.urgency == "critical"


def test_new_gap__is_told_though_an_older_one_stands(
    here: Workspace, noon: time_machine.Traveller
) -> None:
    schedule, _ = weekdays(here)
    services.set_layer(
        schedule, 1, [*oncall.people(here, "Bob")], actor=make.JOB, days=[0, 1, 2, 3],
        starts_on=date(2026, 11, 16),
    )  # fmt: skip
    assert len(told()) == 2, "Fridays from then on"
    assert "2026-11-20" in told()[1].subject
    assert Gap.objects.open().count() == 4, "a Friday and its weekend are one gap"


def test_filled_gap__is_no_longer_told_and_no_longer_stands(
    here: Workspace, noon: time_machine.Traveller
) -> None:
    schedule, ann = weekdays(here)
    services.override(schedule, ann, actor=make.JOB, starts=SATURDAY, ends=SATURDAY + 2 * DAY)
    assert Gap.objects.get(since=SATURDAY).filled_at is not None
    noon.move_to(SATURDAY + timedelta(hours=1))
    tasks.watch()
    assert told("oncall.nobody") == []
    assert list(watching.nobody_on_duty()) == []


def test_gap_now__is_a_finding_of_the_watch__a_retired_schedules_is_none(
    here: Workspace, noon: time_machine.Traveller
) -> None:
    schedule, _ = weekdays(here)
    noon.move_to(SATURDAY + timedelta(hours=1))
    [finding] = watching.nobody_on_duty()
    assert (finding.kind, finding.critical) == ("on_call", False)
    assert finding.subject == f"{here.slug}/primary"
    services.retire_schedule(schedule, actor=make.JOB, reason="Not needed")
    assert list(watching.nobody_on_duty()) == []
    assert not Gap.objects.open().exists()


@pytest.mark.servers
def test_gap__stands_once(here: Workspace) -> None:
    schedule, _ = weekdays(here)
    with pytest.raises(IntegrityError, match="gap_once"), transaction.atomic():
        Gap.objects.create(schedule=schedule, since=SATURDAY, until=SATURDAY + DAY)


# --- What else is lacking ---------------------------------------------------------------------


def lacks(schedule: Schedule) -> list[str]:
    [found] = lacking.of([schedule])
    return [lack.kind for lack in found.lacks]


def test_people_who_left__are_named_with_their_rotation(here: Workspace) -> None:
    schedule = oncall.schedule(here)
    ann, bob = oncall.people(here, "Ann", "Bob")
    oncall.layer(schedule, [ann, bob])
    oncall.layer(schedule, [ann], 2, title="Nights")
    assert lacks(schedule) == []
    access.remove_member(make.membership(ann, here), actor=make.JOB)
    [found] = lacking.of([schedule])
    assert [lack.kind for lack in found.lacks] == ["empty", "gone"]
    assert "Nobody of Nights works here" in found.lacks[0].text
    assert found.lacks[1].person == ann
    access.deactivate_user(bob, actor=make.JOB)
    assert lacks(schedule) == ["empty", "empty"]


def test_person__whom_no_letter_reaches__is_named(here: Workspace) -> None:
    schedule = oncall.schedule(here)
    ann, bob = oncall.people(here, "Ann", "Bob")
    oncall.layer(schedule, [ann, bob])
    for number in range(3):
        sent = notify.notify(
            workspace_id=here.pk, kind="test", to=notify.To(users=[ann.pk, bob.pk]),
            key=f"try:{number}", subject="Try",
        )  # fmt: skip
        rows = sent.deliveries.filter(method="email")
        rows.filter(user=ann).update(state=Delivery.State.REJECTED, settled_at=sent.created_at)
        rows.filter(user=bob).update(
            state=Delivery.State.SENT if number == 1 else Delivery.State.DEAD,
            settled_at=sent.created_at,
        )
    assert reach.unreachable(here.pk, [ann, bob]) == [ann]
    assert lacks(schedule) == ["unreachable"]


def test_many_schedules__lack_in_as_many_questions_as_one(
    here: Workspace, django_assert_max_num_queries: object
) -> None:
    people = oncall.people(here, "Ann", "Bob")
    rows = [oncall.schedule(here, f"s{number}", title=f"S{number}") for number in range(5)]
    for row in rows:
        oncall.layer(row, people)
    with django_assert_max_num_queries(9):  # type: ignore[operator]
        assert len(lacking.of(rows)) == 5


# --- Where it stands --------------------------------------------------------------------------


def test_weekly_report__once_a_week__only_where_something_lacks(here: Workspace) -> None:
    other = make.workspace()
    oncall.layer(oncall.schedule(other), oncall.people(other, "Cid"))
    oncall.people(here, "Olga", role="operations_command")
    weekdays(here)
    assert tasks.weekly() == {"told": 1}
    tasks.weekly()
    [report] = told("oncall.weekly")
    assert report.workspace == here
    assert report.subject.endswith("4 gaps")
    assert {row.user.name for row in report.deliveries.all() if row.user} == {"Olga"}


def test_board__shows_a_gap_of_the_third_week_though_one_week_is_shown(here: Workspace) -> None:
    schedule = oncall.schedule(here)
    [ann] = oncall.people(here, "Ann")
    oncall.layer(schedule, [ann], until=date(2026, 11, 23))
    olga = make.person(here, "operations_command", name="Olga")
    text = make.client(olga).get(f"{reverse('oncall:board')}?range=1w").content.decode()
    assert "1 gap in the next 4 weeks" in text
    assert "Nobody in 1 stretch" in text
    stranger = make.person(make.workspace(), "operations_command")
    assert "stretch" not in make.client(stranger).get(reverse("oncall:board")).content.decode()


def test_home__of_who_manages__tells_the_gap__of_others_it_does_not(here: Workspace) -> None:
    weekdays(here)
    cache.forget("oncall:")
    olga = make.person(here, "operations_command", name="Olga")
    viewer = make.person(here, "viewer", name="Vera")
    states = [[row.state for row in waiting(make.actor(one), here.pk)] for one in (olga, viewer)]
    assert states == [["gap"], []]
    stranger = make.person(make.workspace(), "operations_command")
    assert list(waiting(make.actor(stranger), here.pk)) == []
