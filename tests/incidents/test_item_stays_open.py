"""The work item of an incident that burns is not closed beside it: no queue would show it then."""

from __future__ import annotations

import pytest

from controlplane.lib.errors import GateNotMet, NotAllowed
from controlplane.work import services as work
from controlplane.work.models import Item
from incidents.models import Incident
from incidents.records import moving
from tests import make
from tests.kit import settled
from tests.kit.deployments import deliver, there
from tests.kit.incidents import Watchroom

pytestmark = pytest.mark.django_db


@settled.once
def room() -> Watchroom:
    return Watchroom()


def item(row: Incident) -> Item:
    found: Item = Item.objects.select_related("project").get(pk=there(row.item).pk)
    return found


def close(row: Incident, **given: object) -> Item:
    values = {"actor": make.JOB, "reason": "Done.", **given}
    return work.close_item(item(row), **values)  # type: ignore[arg-type]


def test_incident_that_burns__keeps_its_item_open_until_it_is_resolved(room: Watchroom) -> None:
    row = room.quiet("sev2")
    agent = make.actor(make.agent(room.workspace, "planner"))
    for actor in (agent, make.JOB):
        with pytest.raises(GateNotMet, match=f"{row.ref} is detected: resolve it first"):
            close(row, actor=actor)
    assert item(row).category != "done"
    moving.resolve(row, actor=make.JOB, reason="It works.")
    assert close(row).category == "done"


def test_cancelled__closes_its_item_by_itself(room: Watchroom) -> None:
    row = room.quiet("sev3")
    moving.cancel(row, actor=make.JOB, reason="A false alarm.")
    deliver()
    assert item(row).category == "done"


def test_force__with_a_reason_of_those_who_may(room: Watchroom) -> None:
    row = room.quiet("sev4")
    viewer = make.actor(make.person(room.workspace, "viewer"))
    with pytest.raises(NotAllowed):
        close(row, actor=viewer, force=True)
    elsewhere = make.actor(make.person(make.workspace(), "workspace_admin"))
    with pytest.raises(NotAllowed):
        close(row, actor=elsewhere, force=True)
    admin = make.actor(make.person(room.workspace, "workspace_admin"))
    assert close(row, actor=admin, force=True, reason="It is told elsewhere.").category == "done"
