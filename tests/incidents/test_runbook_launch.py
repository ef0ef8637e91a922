"""The runbook line of a go-live's checklist: the portal looks itself whether every required runbook
is published, validated and drilled, and nobody ticks it while that is not so."""

from __future__ import annotations

import pytest

from controlplane.lib.errors import GateNotMet, NotAllowed
from deployments import services
from deployments.models import Launch, LaunchLine
from incidents.models import Drill, Runbook
from incidents.runbooks import books, validating
from tests import make
from tests.kit import settled
from tests.kit.incidents import Watchroom

pytestmark = pytest.mark.django_db
HOLDS = "required runbooks are published, validated and drilled"
RUNBOOKS = "/admin/incidents/runbook/"


@settled.once
def room() -> Watchroom:
    room = Watchroom()
    room.everybody()
    return room


@settled.once
def launch(room: Watchroom) -> Launch:
    return services.plan_launch(room.workspace, actor=make.JOB, title="The desk for everybody")


def line(launch: Launch) -> LaunchLine:
    found: LaunchLine = launch.lines.select_related("launch").get(slug="runbooks")
    return found


def tick(launch: Launch) -> LaunchLine:
    return services.settle_line(line(launch), actor=make.JOB, state="done")


def tried(room: Watchroom, row: Runbook, result: str, note: str = "") -> None:
    validating.validate(
        row, actor=room.by(room.lead), environment="staging", result=result, note=note,
        workspace=room.workspace,
    )  # fmt: skip


def try_all(room: Watchroom) -> None:
    """Each is tried and drilled here."""
    for row in books.every(room.workspace.pk):
        if row.slug in books.REQUIRED:
            tried(room, row, "works")
            run = validating.begin_drill(row, room.workspace, actor=room.by(room.lead))
            validating.end_drill(run, actor=room.by(room.lead), reason="Talked through.")


def test_line__is_not_ticked_by_hand(room: Watchroom, launch: Launch) -> None:
    with pytest.raises(GateNotMet, match="it was never drilled") as told:
        tick(launch)
    rest = len(books.REQUIRED) - 3
    assert told.value.message.endswith(f"; and {rest} more, which its page lists.")
    assert len(told.value.details["conditions"]) == len(books.REQUIRED)
    browser = make.client(room.admin)
    page = f"/admin/deployments/launch/{launch.uid}/lines/runbooks/"
    assert "does not hold yet" in browser.get(page).content.decode()
    refused = browser.post(page, {"state": "done", "label0": "We have some", "link0": ""})
    assert refused.status_code == 422
    waived = services.settle_line(
        line(launch), actor=make.JOB, state="not_applicable", note="Nobody is called for it."
    )
    assert waived.state == "not_applicable"


def test_line__holds_by_the_portals_own_look(room: Watchroom, launch: Launch) -> None:
    try_all(room)
    done = tick(launch)
    assert done.evidence == [{"label": f"All {len(books.REQUIRED)} {HOLDS}", "link": RUNBOOKS}]
    assert tick(launch).version == done.version, "said again"


def test_sign_off__asks_whether_it_still_holds(room: Watchroom, launch: Launch) -> None:
    try_all(room)
    tick(launch)
    for each in launch.lines.select_related("launch").exclude(slug="runbooks"):
        services.settle_line(each, actor=make.JOB, state="done", evidence=[{"label": "Seen"}])
    row = next(each for each in books.every(room.workspace.pk) if each.slug in books.REQUIRED)
    tried(room, row, "failed", "Its second step lies.")
    with pytest.raises(GateNotMet, match="Runbooks published"):
        services.ask_sign_off(launch, actor=make.JOB)
    tried(room, row, "works")
    assert services.ask_sign_off(launch, actor=make.JOB).status == "signing"


def test_stranger__ticks_nothing_and_their_runbooks_count_for_nobody(
    room: Watchroom, launch: Launch
) -> None:
    other = Watchroom()
    try_all(other)
    assert Drill.objects.filter(workspace=other.workspace).exists()
    with pytest.raises(GateNotMet):
        tick(launch)
    with pytest.raises(NotAllowed):
        services.settle_line(line(launch), actor=make.actor(other.lead), state="done")
