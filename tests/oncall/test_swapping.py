"""Taking shifts and handing them over: who may, what it may not overlap, what it leaves."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.db import IntegrityError, transaction

from controlplane.access.models import User, Workspace
from controlplane.audit.models import AuditEvent
from controlplane.lib.errors import Conflict, ControlPlaneError, Invalid, NotAllowed
from controlplane.notify.models import Notification
from controlplane.oncall import services
from controlplane.oncall.models import Layer, LayerPerson, Override, Schedule
from controlplane.oncall.services import on_duty
from tests import make
from tests.kit import oncall

pytestmark = pytest.mark.usefixtures("noon")
FRIDAY = datetime(2026, 11, 6, 8, tzinfo=UTC)
DAY = timedelta(days=1)


class Rota:
    """Ann has this week, Bob the next."""

    def __init__(self, here: Workspace) -> None:
        self.schedule = oncall.schedule(here)
        self.ann, self.bob = oncall.people(here, "Ann", "Bob")
        oncall.layer(self.schedule, [self.ann, self.bob])

    def swap(self, who: User, by: User, **times: Any) -> Override:
        times = {"starts": FRIDAY, "ends": FRIDAY + DAY, **times}
        return services.override(self.schedule, who, actor=make.actor(by), **times)

    def on(self, at: datetime) -> list[str]:
        found = on_duty("primary_operator", at, workspace=self.schedule.workspace_id)
        return [duty.person.name for duty in found]


@pytest.fixture
def rota(here: Workspace) -> Rota:
    return Rota(here)


def viewer(rota: Rota) -> User:
    return make.person(rota.schedule.workspace, "viewer", name="Vera", password=None)


def plain(rota: Rota) -> tuple[User, User]:
    """Two of a rotation who hold no role that manages schedules."""
    here = rota.schedule.workspace
    one, two = oncall.people(here, "Uma", "Lee", role="ux")
    oncall.layer(rota.schedule, [one, two])
    return one, two


def test_swap__counts_over_the_rotation_and_tells_both(rota: Rota) -> None:
    made = rota.swap(rota.bob, rota.bob, reason="Ann is at the dentist's")
    assert rota.on(FRIDAY - timedelta(minutes=1)) == ["Ann"]
    assert rota.on(FRIDAY) == ["Bob"]
    assert rota.on(FRIDAY + DAY) == ["Ann"]
    told = Notification.objects.get(kind="oncall.swap")
    assert {row.user for row in told.deliveries.all()} == {rota.ann}, "Bob did it himself"
    assert "dentist" in told.body
    assert AuditEvent.objects.about(made).get().reason == "Ann is at the dentist's"


def test_own_shift__is_handed_over__somebody_elses_is_not(rota: Rota) -> None:
    one, two = plain(rota)
    assert rota.swap(two, one).person == two
    with pytest.raises(NotAllowed, match="not all yours"):
        rota.swap(rota.ann, two, starts=FRIDAY + 1.5 * DAY, ends=FRIDAY + 2 * DAY)


def test_stranger_of_the_rota__takes_no_shift(rota: Rota) -> None:
    vera = viewer(rota)
    with pytest.raises(NotAllowed, match="not on call here"):
        rota.swap(vera, vera)


def test_shift_to_somebody_not_on_call__only_by_a_manager(rota: Rota) -> None:
    one, _ = plain(rota)
    vera = viewer(rota)
    with pytest.raises(NotAllowed, match="not on call here"):
        rota.swap(vera, one)
    manager = make.person(rota.schedule.workspace, "operations_command", password=None)
    assert rota.swap(vera, manager).person == vera


def test_another_workspace__neither_sees_nor_swaps(rota: Rota) -> None:
    other = make.workspace()
    stranger = make.person(other, "operations_command", password=None)
    assert not Schedule.objects.visible_to(make.actor(stranger)).exists()
    with pytest.raises(NotAllowed):
        rota.swap(rota.bob, stranger)
    with pytest.raises(Invalid, match="Nobody here"):
        rota.swap(stranger, rota.ann)


def test_agents__never_take_shifts(rota: Rota) -> None:
    agent = make.agent(rota.schedule.workspace, role="coordinator")
    with pytest.raises(NotAllowed):
        services.override(
            rota.schedule, rota.bob, actor=make.actor(agent), ends=FRIDAY + DAY, starts=FRIDAY
        )


@pytest.mark.parametrize(
    ("times", "match"),
    [
        ({"ends": FRIDAY}, "end after"),
        ({"starts": FRIDAY - 30 * DAY}, "can't be changed"),
        ({"ends": FRIDAY + 100 * DAY}, "At most 92 days"),
        ({"starts": FRIDAY + 500 * DAY, "ends": FRIDAY + 501 * DAY}, "400 days ahead"),
        ({"ends": FRIDAY.replace(year=9999)}, "too far"),
        ({"starts": datetime(2026, 11, 6, 8)}, "offset from UTC"),
        ({"reason": "x" * 501}, "500 characters"),
    ],
)
def test_impossible_times__are_refused(rota: Rota, times: dict[str, Any], match: str) -> None:
    with pytest.raises(Invalid, match=match):
        rota.swap(rota.bob, rota.bob, **times)


def test_overlap__is_refused_by_name__and_by_the_database(rota: Rota) -> None:
    made = rota.swap(rota.bob, rota.bob)
    with pytest.raises(Conflict, match="Bob stands in"):
        rota.swap(rota.ann, rota.ann, starts=FRIDAY + DAY / 2, ends=FRIDAY + 2 * DAY)
    with pytest.raises(IntegrityError, match="no_overlap"), transaction.atomic():
        Override.objects.create(
            workspace=made.workspace, schedule=made.schedule, person=rota.ann,
            starts=FRIDAY, ends=FRIDAY + DAY, made_by_ref="test",
        )  # fmt: skip
    after = rota.swap(rota.bob, rota.bob, starts=FRIDAY + DAY, ends=FRIDAY + 2 * DAY)
    assert after.starts == made.ends, "one may begin where another ends"


def test_own_shift__taken_again__is_refused(rota: Rota) -> None:
    with pytest.raises(Conflict, match="already"):
        rota.swap(rota.ann, rota.ann)


def test_taken_back__before_it_began_it_never_was(rota: Rota) -> None:
    made = rota.swap(rota.bob, rota.bob)
    ended = services.end_override(made, actor=make.actor(rota.bob))
    assert ended.cancelled_at is not None
    assert rota.on(FRIDAY) == ["Ann"]
    assert services.end_override(made, actor=make.actor(rota.bob)).cancelled_at


def test_taken_back__what_was_served_stays_served(rota: Rota, noon: time_machine.Traveller) -> None:
    made = rota.swap(rota.bob, rota.bob)
    noon.move_to(FRIDAY + timedelta(hours=5))
    ended = services.end_override(made, actor=make.actor(rota.bob))
    assert (ended.ends, ended.cancelled_at) == (FRIDAY + timedelta(hours=5), None)
    assert rota.on(FRIDAY + timedelta(hours=1)) == ["Bob"]
    assert rota.on(FRIDAY + timedelta(hours=5)) == ["Ann"]
    with pytest.raises(Conflict, match="over"):
        services.end_override(made, actor=make.actor(rota.bob))


def test_somebody_elses_swap__is_not_taken_back(rota: Rota) -> None:
    made = rota.swap(rota.bob, rota.bob)
    one, _ = plain(rota)
    with pytest.raises(NotAllowed):
        services.end_override(made, actor=make.actor(one))


@pytest.mark.servers
def test_rows__are_not_told_anew(rota: Rota) -> None:
    made = rota.swap(rota.bob, rota.bob)
    layer = Layer.objects.get(schedule=rota.schedule)
    far = FRIDAY + 30 * DAY
    for write in (
        lambda: Override.objects.filter(pk=made.pk).update(person=rota.ann),
        lambda: Override.objects.filter(pk=made.pk).update(ends=far),
        lambda: Override.objects.filter(pk=made.pk).delete(),
        lambda: Layer.objects.filter(pk=layer.pk).update(every=2),
        lambda: Layer.objects.filter(pk=layer.pk)._raw_delete("default"),
        lambda: LayerPerson.objects.filter(layer=layer).update(person=rota.ann),
        lambda: Schedule.objects.filter(pk=rota.schedule.pk).update(slug="other"),
    ):
        told = r"keeps what it says|only ends earlier"
        with pytest.raises(IntegrityError, match=told), transaction.atomic():
            write()


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"every": 0}, "every"),
        ({"every": 9}, "every"),
        ({"turn": "yearly"}, "turn"),
        ({"handoff_weekday": 7}, "handoff_weekday"),
        ({"time_zone": "Mars/Olympus"}, "time_zone"),
        ({"days": []}, "days"),
        ({"days": [7]}, "days"),
        ({"days": [True]}, "days"),
        ({"hours_from": datetime(2026, 1, 1, 8).time()}, "hours_until"),
        ({"starts_on": oncall.MONDAY.replace(year=1999)}, "starts_on"),
        ({"until": oncall.MONDAY}, "until"),
        ({"title": "x" * 121}, "title"),
        ({"who": []}, "people"),
        ({"who": ["nobody@example.org"]}, "people"),
        ({"who": ["\x00"]}, "people"),
        ({"who": "ann"}, "people"),
        ({"position": 0}, "position"),
        ({"position": 11}, "position"),
    ],
)
def test_impossible_rotation__names_its_field(
    rota: Rota, fields: dict[str, Any], field: str
) -> None:
    given = {"who": [rota.ann], **fields}
    with pytest.raises(ControlPlaneError) as refused:
        oncall.layer(rota.schedule, given.pop("who"), **given)
    assert field in refused.value.details


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"roles": []}, "roles"),
        ({"roles": ["executor"]}, "roles"),
        ({"roles": "primary_operator"}, "roles"),
        ({"slug": "No Slug"}, "slug"),
        ({"title": ""}, "title"),
        ({"cover_days": []}, "cover_days"),
        ({"cover_from": datetime(2026, 1, 1, 8).time()}, "cover_until"),
        ({"time_zone": "Mars/Olympus"}, "time_zone"),
    ],
)
def test_impossible_schedule__names_its_field(
    here: Workspace, fields: dict[str, Any], field: str
) -> None:
    with pytest.raises(ControlPlaneError) as refused:
        oncall.schedule(here, **{"slug": "s", **fields})
    assert field in refused.value.details


def test_schedule__two_editors__the_second_looks_again(rota: Rota) -> None:
    manager = make.actor(make.person(rota.schedule.workspace, "operations_command", password=None))
    seen = Schedule.objects.get(pk=rota.schedule.pk).version
    services.change_schedule(rota.schedule, actor=manager, version=seen, title="First")
    with pytest.raises(Conflict, match="Look again"):
        services.change_schedule(rota.schedule, actor=manager, version=seen, title="Second")


def test_schedules__are_changed_by_who_manages_them_only(rota: Rota) -> None:
    one = make.actor(make.person(rota.schedule.workspace, "ux", password=None))
    for attempt in (
        lambda: services.change_schedule(rota.schedule, actor=one, title="Mine"),
        lambda: services.retire_schedule(rota.schedule, actor=one, reason="Because"),
        lambda: services.set_layer(rota.schedule, 1, [rota.bob], actor=one),
        lambda: services.drop_layer(rota.schedule, 1, actor=one),
        lambda: services.define_schedule(
            rota.schedule.workspace, "mine", actor=one, title="Mine", roles=["ux"]
        ),
    ):
        with pytest.raises(NotAllowed):
            attempt()
