"""Asking others to take a shift: nothing changes before somebody does, of two takers one has it,
and what nobody took stays whose it was."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.db import IntegrityError, transaction
from django.urls import reverse

from controlplane.access.models import User, Workspace
from controlplane.jobs import timers
from controlplane.jobs.models import Timer
from controlplane.lib.errors import Conflict, ControlPlaneError, NotAllowed
from controlplane.notify.models import Notification
from controlplane.oncall import services
from controlplane.oncall.models import Override, SwapRequest
from controlplane.oncall.services import on_duty, requests
from tests import make
from tests.kit import oncall
from tests.kit.api import Api, refused
from tests.kit.racing import race

FRIDAY = datetime(2026, 11, 6, 8, tzinfo=UTC)
DAY = timedelta(days=1)


class Rota:
    """Ann has this week, Bob the next; Cid holds the role, Vera looks on."""

    def __init__(self, here: Workspace) -> None:
        self.here = here
        self.schedule = oncall.schedule(here)
        self.ann, self.bob, self.cid = oncall.people(here, "Ann", "Bob", "Cid")
        oncall.layer(self.schedule, [self.ann, self.bob])
        self.vera = make.person(here, "viewer", name="Vera", password=None)

    def ask(self, whom: User | None = None, **fields: Any) -> SwapRequest:
        fields = {"starts": FRIDAY, "ends": FRIDAY + DAY, **fields}
        return services.ask_swap(self.schedule, actor=make.actor(self.ann), asked=whom, **fields)

    def on(self, at: datetime) -> list[str]:
        return [duty.person.name for duty in on_duty("primary_operator", at, workspace=self.here)]


@pytest.fixture
def rota(here: Workspace, noon: time_machine.Traveller) -> Rota:
    return Rota(here)


def told(kind: str) -> list[str]:
    rows = Notification.objects.filter(kind=kind).order_by("id")
    return [
        ", ".join(sorted({one.user.name for one in row.deliveries.all() if one.user}))
        for row in rows
    ]


def test_asked_by_name__takes_it__and_only_then_it_changes(rota: Rota) -> None:
    asked = rota.ask(rota.bob, reason="Dentist")
    assert told("oncall.asked") == ["Bob"]
    assert rota.on(FRIDAY) == ["Ann"]
    done = services.take_asked(asked, actor=make.actor(rota.bob))
    assert (done.status, done.taker, done.made and done.made.person) == (
        "taken", rota.bob, rota.bob,
    )  # fmt: skip
    assert rota.on(FRIDAY) == ["Bob"]
    assert rota.on(FRIDAY + DAY) == ["Ann"]
    assert told("oncall.swap") == ["Ann"]


def test_anybody_who_serves__is_asked__who_does_not_may_not(rota: Rota) -> None:
    asked = rota.ask()
    assert told("oncall.asked") == ["Bob, Cid"]
    with pytest.raises(NotAllowed, match="not on call here"):
        services.take_asked(asked, actor=make.actor(rota.vera))
    assert services.take_asked(asked, actor=make.actor(rota.cid)).taker == rota.cid


def test_declined__withdrawn__who_may(rota: Rota) -> None:
    asked = rota.ask(rota.bob)
    for stranger in (rota.cid, rota.vera):
        with pytest.raises(NotAllowed):
            services.take_asked(asked, actor=make.actor(stranger))
        with pytest.raises(NotAllowed):
            services.decline_asked(asked, actor=make.actor(stranger))
        if stranger == rota.vera:
            with pytest.raises(NotAllowed):
                services.withdraw_asked(asked, actor=make.actor(stranger))
    with pytest.raises(Conflict, match="your own"):
        services.take_asked(rota.ask(starts=FRIDAY + DAY, ends=FRIDAY + 1.5 * DAY),
                            actor=make.actor(rota.ann))  # fmt: skip
    services.decline_asked(asked, actor=make.actor(rota.bob), answer="I am away")
    assert told("oncall.asked_declined") == ["Ann"]
    with pytest.raises(Conflict, match="declined already"):
        services.take_asked(asked, actor=make.actor(rota.bob))
    again = rota.ask()
    services.withdraw_asked(again, actor=make.actor(rota.ann))
    assert not Override.objects.exists()


def test_nobody_took_it__it_is_theirs_and_they_hear_so(
    rota: Rota, noon: time_machine.Traveller
) -> None:
    asked = rota.ask()
    timer = Timer.objects.get(kind=requests.EXPIRES)
    assert timer.due_at == FRIDAY
    noon.move_to(FRIDAY)
    with pytest.raises(Conflict, match="has begun"):
        services.take_asked(asked, actor=make.actor(rota.bob))
    for _ in range(2):
        timers.HANDLERS[requests.EXPIRES](timer)
    asked.refresh_from_db()
    assert asked.status == "expired"
    assert told("oncall.asked_expired") == ["Ann"]
    assert rota.on(FRIDAY) == ["Ann"]


def test_shift_that_went_to_somebody_else__is_no_longer_to_be_taken(rota: Rota) -> None:
    asked = rota.ask()
    services.override(
        rota.schedule, rota.cid, actor=make.JOB, starts=FRIDAY + DAY / 2, ends=FRIDAY + DAY
    )
    with pytest.raises(Conflict, match="no longer theirs"):
        services.take_asked(asked, actor=make.actor(rota.bob))
    assert SwapRequest.objects.get().status == "open"


@pytest.mark.parametrize(
    ("fields", "match"),
    [
        ({"starts": FRIDAY + 5 * DAY, "ends": FRIDAY + 6 * DAY}, "not all yours"),
        ({"starts": FRIDAY - 2 * DAY}, "has begun|can't be changed"),
        ({"ends": FRIDAY}, "end after"),
        ({"whom": "ann"}, "somebody else"),
        ({"whom": "vera"}, "not on call here"),
        ({"reason": "x" * 501}, "500"),
    ],
)
def test_what_can_not_be_asked__is_refused(rota: Rota, fields: dict[str, Any], match: str) -> None:
    whom = fields.pop("whom", None)
    with pytest.raises(ControlPlaneError, match=match):
        rota.ask(getattr(rota, whom) if whom else None, **fields)


@pytest.mark.servers
def test_database__one_stretch_is_asked_for_once__an_answer_stays(rota: Rota) -> None:
    asked = rota.ask()
    with pytest.raises(Conflict, match="asked for some"):
        rota.ask(rota.bob, starts=FRIDAY + DAY / 2)
    services.withdraw_asked(asked, actor=make.actor(rota.ann))
    writes: list[Callable[[], object]] = [
        lambda: SwapRequest.objects.filter(pk=asked.pk).update(status="open"),
        lambda: SwapRequest.objects.filter(pk=asked.pk)._raw_delete("default"),
        lambda: SwapRequest.objects.filter(pk=rota.ask().pk).update(asker=rota.bob),
    ]
    for write in writes:
        with pytest.raises(IntegrityError, match="keeps what it says"), transaction.atomic():
            write()


@pytest.mark.servers
@pytest.mark.django_db(transaction=True)
def test_two_take_it_at_once__one_has_it() -> None:
    with time_machine.travel("2026-11-04T11:00:00+00:00", tick=True):
        rota = Rota(make.workspace(time_zone="Europe/Berlin"))
        asked = rota.ask()
        takers = [make.actor(rota.bob), make.actor(rota.cid)]
        found = race(2, lambda number: services.take_asked(asked, actor=takers[number]))
    assert sorted(type(one).__name__ for one in found) == ["Conflict", "SwapRequest"]
    assert Override.objects.count() == 1
    assert SwapRequest.objects.get().made == Override.objects.get()


# --- Doors ------------------------------------------------------------------------------------


def test_console__asked_and_taken_in_one_tap(rota: Rota) -> None:
    ann, bob = make.client(rota.ann), make.client(rota.bob)
    page = reverse("oncall:ask", args=(rota.schedule.uid,))
    assert "Four weeks as they stand" in ann.get(page).content.decode()
    sent = {"starts": "2026-11-06T09:00", "ends": "2026-11-07T09:00", "reason": "<b>Dentist</b>"}
    assert ann.post(page, {**sent, "asked": str(rota.bob.uid)}).status_code == 302
    asked = SwapRequest.objects.get()
    board = bob.get(reverse("oncall:board")).content.decode()
    assert "Ann asks you" in board
    assert "&lt;b&gt;Dentist" in board
    others = make.client(rota.cid).get(reverse("oncall:board")).content.decode()
    assert "asks" not in others.split("<main", 1)[1]
    take = reverse("oncall:answer", args=(asked.uid, "take"))
    stranger = make.client(make.person(make.workspace(), "primary_operator"))
    assert stranger.post(take).status_code == 404
    assert bob.get(take).status_code == 405
    assert bob.post(take).status_code == 302
    assert rota.on(FRIDAY + timedelta(hours=3)) == ["Bob"]
    assert "It is taken already" in bob.post(take, follow=True).content.decode()


def test_console__what_is_refused_stands_beside_its_field(rota: Rota) -> None:
    browser = make.client(rota.ann)
    page = reverse("oncall:ask", args=(rota.schedule.uid,))
    answer = browser.post(page, {"starts": "2026-11-12T09:00", "ends": "2026-11-13T09:00"})
    assert answer.status_code == 403
    assert "not all yours" in answer.content.decode()


def test_api__is_read_with_a_key__and_answered_by_people(rota: Rota) -> None:
    asked = rota.ask(rota.bob)
    machine = Api(make.key(make.agent(rota.here, role=""), scopes=["oncall.*"])[1])
    [row] = machine.get("/api/v1/oncall/swap-requests?status=open").json()["items"]
    assert (row["asker"]["name"], row["asked"]["name"], row["taker"]) == ("Ann", "Bob", None)
    one = f"/api/v1/oncall/swap-requests/{asked.uid}"
    assert machine.get(one).json()["schedule"] == "primary"
    refused(machine.post(f"{one}/take", {}), "FORBIDDEN")
    notes = machine.get("/api/v1/oncall/handoff-notes").json()
    assert notes["items"] == []
