"""Who is on duty, asked of rows: rotations, swaps, people who leave, rotations that change."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta

import pytest
import time_machine

from controlplane.access import services as access
from controlplane.access.models import Workspace
from controlplane.oncall import services
from controlplane.oncall.roster import roster, shifts_of
from controlplane.oncall.services import is_on_duty, on_duty, on_duty_many, standing
from tests import make
from tests.kit import oncall

pytestmark = pytest.mark.usefixtures("noon")


def utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)  # type: ignore[arg-type, misc]


def names(here: Workspace, at: datetime | None = None, role: str = "primary_operator") -> list[str]:
    return [one.person.name for one in on_duty(role, at, workspace=here)]


def test_on_duty__by_role__with_the_whole_shift(here: Workspace) -> None:
    schedule = oncall.schedule(here)
    oncall.layer(schedule, oncall.people(here, "Ann", "Bob"), title="Weekly")
    [duty] = on_duty("primary_operator", workspace=here)
    assert (duty.person.name, duty.layer and duty.layer.title) == ("Ann", "Weekly")
    assert (duty.schedule, duty.until) == (schedule, utc(2026, 11, 9, 8))
    assert names(here, utc(2026, 11, 9, 8)) == ["Bob"]
    assert names(here, role="secondary_operator") == []
    assert is_on_duty(duty.person, workspace=here, role="primary_operator")
    assert not is_on_duty(duty.person, workspace=here, role="secondary_operator")


def test_on_duty__of_another_workspace__nobody(here: Workspace) -> None:
    oncall.layer(oncall.schedule(here), oncall.people(here, "Ann"))
    assert on_duty("primary_operator", workspace=make.workspace()) == []


def test_two_schedules_of_a_role__each_person_once(here: Workspace) -> None:
    ann, bob = oncall.people(here, "Ann", "Bob")
    for slug, who in (("one", ann), ("two", bob), ("three", ann)):
        oncall.layer(oncall.schedule(here, slug, title=slug), [who])
    assert sorted(names(here)) == ["Ann", "Bob"]


def test_change_of_rotation__from_now_on_only(
    here: Workspace, noon: time_machine.Traveller
) -> None:
    schedule = oncall.schedule(here)
    ann, bob = oncall.people(here, "Ann", "Bob")
    oncall.layer(schedule, [ann])
    before = utc(2026, 11, 4, 12)
    noon.shift(timedelta(hours=2))
    oncall.layer(schedule, [bob])
    assert names(here) == ["Bob"]
    assert names(here, before) == ["Ann"], "what was is not told anew"


def test_planned_change__waits_for_its_day_and_is_replaced_by_a_later_plan(
    here: Workspace,
) -> None:
    schedule = oncall.schedule(here)
    ann, bob, cid = oncall.people(here, "Ann", "Bob", "Cid")
    oncall.layer(schedule, [ann])
    oncall.layer(schedule, [bob], starts_on=oncall.MONDAY + timedelta(days=14))
    assert (names(here), names(here, utc(2026, 11, 17))) == (["Ann"], ["Bob"])
    oncall.layer(schedule, [cid], starts_on=oncall.MONDAY + timedelta(days=7))
    assert names(here, utc(2026, 11, 17)) == ["Cid"]
    assert names(here, utc(2026, 11, 8)) == ["Ann"]


def test_follow_the_sun__each_layer_in_its_own_zone(here: Workspace) -> None:
    schedule = oncall.schedule(here)
    ann, bob = oncall.people(here, "Ann", "Bob")
    day = {"hours_from": time(8), "hours_until": time(20), "turn": "daily"}
    oncall.layer(schedule, [ann], 1, **day)
    oncall.layer(schedule, [bob], 2, time_zone="America/New_York", **day)
    assert names(here, utc(2026, 11, 5, 12)) == ["Ann"]
    assert names(here, utc(2026, 11, 5, 14)) == ["Bob"], "the higher layer begins at 13:00 UTC"
    assert names(here, utc(2026, 11, 5, 3)) == []
    [now] = standing(here, at=utc(2026, 11, 5, 3))
    assert now.gap


def test_outside_the_hours_it_is_meant_for__nobody_and_no_gap(here: Workspace) -> None:
    schedule = oncall.schedule(here, cover_days=[0, 1, 2, 3, 4])
    oncall.layer(schedule, oncall.people(here, "Ann"), days=[0, 1, 2, 3, 4])
    [sunday] = standing(here, at=utc(2026, 11, 8, 12))
    assert (sunday.duty, sunday.gap) == (None, False)
    assert sunday.next is not None
    assert sunday.next.since == utc(2026, 11, 8, 23), "Monday's midnight in Berlin"


def test_who_leaves__is_on_duty_no_longer_but_was(
    here: Workspace, noon: time_machine.Traveller
) -> None:
    schedule = oncall.schedule(here)
    ann, bob = oncall.people(here, "Ann", "Bob")
    oncall.layer(schedule, [ann])
    noon.shift(timedelta(hours=3))
    access.remove_member(make.membership(ann, here), actor=make.JOB)
    assert names(here) == []
    assert standing(here)[0].gap
    assert names(here, utc(2026, 11, 4, 13)) == ["Ann"]
    services.override(schedule, bob, actor=make.JOB, ends=utc(2026, 11, 6))
    assert names(here) == ["Bob"]


def test_closed_account__no_longer_on_duty_but_was(
    here: Workspace, noon: time_machine.Traveller
) -> None:
    ann, _ = oncall.people(here, "Ann", "Bob")
    oncall.layer(oncall.schedule(here), [ann])
    noon.shift(timedelta(hours=3))
    access.deactivate_user(ann, actor=make.JOB)
    assert names(here) == []
    assert names(here, utc(2026, 11, 4, 13)) == ["Ann"]


def test_whoever_lost_the_last_role__is_not_on_duty(here: Workspace) -> None:
    [ann] = oncall.people(here, "Ann")
    oncall.layer(oncall.schedule(here), [ann])
    [grant] = make.membership(ann, here).grants.all()
    access.revoke_role(grant, actor=make.JOB)
    assert names(here) == []


def test_retired_schedule__calls_nobody_from_then_on(
    here: Workspace, noon: time_machine.Traveller
) -> None:
    schedule = oncall.schedule(here)
    oncall.layer(schedule, oncall.people(here, "Ann"))
    noon.shift(timedelta(hours=3))
    services.retire_schedule(schedule, actor=make.JOB, reason="One rota is enough")
    assert names(here) == []
    assert names(here, utc(2026, 11, 4, 12)) == ["Ann"]


def test_many_schedules__in_as_many_questions_as_one(
    here: Workspace, django_assert_max_num_queries: object
) -> None:
    people = oncall.people(here, "Ann", "Bob")
    for number in range(6):
        oncall.layer(oncall.schedule(here, f"s{number}", title=f"S{number}"), people)
    with django_assert_max_num_queries(7):  # type: ignore[operator]
        assert len(standing(here)) == 6


def test_many_workspaces_and_roles__at_once__in_as_many_questions_as_one(
    here: Workspace, django_assert_max_num_queries: object
) -> None:
    ann, bob = oncall.people(here, "Ann", "Bob")
    oncall.layer(oncall.schedule(here, roles=["primary_operator", "ux"]), [ann])
    oncall.layer(oncall.schedule(here, "secondary", roles=["secondary_operator"]), [bob])
    others = [make.workspace() for _ in range(4)]
    for other in others:
        oncall.layer(oncall.schedule(other), oncall.people(other, "Cid"))
    asked = [(here.pk, role) for role in ("primary_operator", "secondary_operator", "ux", "viewer")]
    asked += [(other.pk, "primary_operator") for other in others]
    with django_assert_max_num_queries(7):  # type: ignore[operator]
        found = on_duty_many(asked)
    told = {pair: [one.person.name for one in duties] for pair, duties in found.items()}
    assert [told[pair] for pair in asked] == [["Ann"], ["Bob"], ["Ann"], []] + [["Cid"]] * 4
    assert {one.person for one in found[asked[4]]} != {one.person for one in found[asked[5]]}
    assert found[asked[0]] == on_duty("primary_operator", workspace=here)
    assert on_duty_many([]) == {}


def test_shifts__are_whole_at_both_ends(here: Workspace) -> None:
    schedule = oncall.schedule(here)
    oncall.layer(schedule, oncall.people(here, "Ann", "Bob"))
    found = shifts_of(schedule, utc(2026, 11, 5), utc(2026, 11, 17))
    assert [one.until for one in found] == [utc(2026, 11, day, 8) for day in (9, 16, 23)]


def test_roster__four_weeks__and_no_name_is_markup(here: Workspace) -> None:
    schedule = oncall.schedule(here, title="Primary | on-call")
    oncall.layer(schedule, oncall.people(here, "[x](javascript:alert(1)) | # Eve"))
    text = roster([schedule])
    assert "## Primary \\| on\\-call" in text
    assert "\\[x\\]\\(javascript:alert\\(1\\)\\) \\| \\# Eve" in text
    shifts = text.split("## Primary")[1]
    assert shifts.count("@example") == 5, "turns that any of the 28 days lies in"
