"""Support on telemetry's dashboard of the system: how promises of tickets were kept."""

from __future__ import annotations

from datetime import timedelta

import pytest

from controlplane.base.registries import PanelQuestion
from controlplane.lib import clock
from incidents.support import moving, ticket_panel
from tests import make
from tests.kit import settled
from tests.kit.support import Desk

pytestmark = pytest.mark.django_db
DASHBOARD = "/admin/telemetry/dashboards/system-health/?range=24h"


@settled.once
def desk() -> Desk:
    desk = Desk(make.workspace())
    assert all(person.pk for person in (desk.viewer, *desk.everybody()))
    moving.acknowledge(desk.ticket("One"), actor=desk.by(desk.primary))
    desk.ticket("Two")
    return desk


def question(desk: Desk) -> PanelQuestion:
    now = clock.now()
    return PanelQuestion(desk.workspace.pk, now - timedelta(days=1), now + timedelta(minutes=1))


def test_panel__tells_by_priority_and_what_is_open(desk: Desk) -> None:
    told = ticket_panel.tickets(question(desk))
    assert [row[:3] for row in told.rows] == [["P2", 2, 100]]
    assert told.verdict is not None
    assert told.verdict.text == "2 open, 1 not acknowledged, 0 past a promise."
    assert len(told.columns) == len(told.rows[0])


def test_panel__stands_on_the_dashboard(desk: Desk) -> None:
    shown = make.client(desk.admin).get(DASHBOARD)
    assert shown.status_code == 200
    text = shown.content.decode()
    assert "Support tickets" in text
    assert "2 open, 1 not acknowledged" in text


def test_panel__of_a_workspace_without_tickets_has_nothing_to_tell() -> None:
    other = Desk(make.workspace())
    assert ticket_panel.tickets(question(other)).rows == ()


def test_stranger__reads_nothing_of_it(desk: Desk) -> None:
    other = Desk(make.workspace())
    text = make.client(other.admin).get(DASHBOARD).content.decode()
    assert "2 open, 1 not acknowledged" not in text
