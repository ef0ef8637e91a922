"""A quarter into which nothing is planned is asked about, once."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from controlplane.lib import clock
from controlplane.notify.models import Notification
from controlplane.work import services as work
from controlplane.work.models import Item
from deployments.maintenance import plans, services
from deployments.maintenance.services import quarter
from tests import make
from tests.kit.maintenance import World

pytestmark = pytest.mark.django_db


def test_quarters__begin_and_end() -> None:
    for at, name, first, last in (
        (datetime(2026, 12, 31, 23, tzinfo=UTC), "2026Q4", (2026, 10), (2027, 1)),
        (datetime(2027, 1, 1, tzinfo=UTC), "2027Q1", (2027, 1), (2027, 4)),
        (datetime(2027, 6, 30, tzinfo=UTC), "2027Q2", (2027, 4), (2027, 7)),
    ):
        found = plans.quarter_of(at)
        assert found == (name, datetime(*first, 1, tzinfo=UTC), datetime(*last, 1, tzinfo=UTC))


def test_empty_quarter__is_asked_about_once_and_settles_itself() -> None:
    world = World()
    _, start, _ = plans.quarter_of(clock.now())
    assert quarter.check(start + timedelta(days=5))["asked"] == 0
    asked = start + timedelta(days=31)
    assert quarter.check(asked)["asked"] == 1
    assert quarter.check(asked + timedelta(days=1))["asked"] == 0
    item = Item.objects.get(workspace=world.workspace, ensure_key__startswith="maintenance-quarter")
    assert (item.labels, item.priority, item.item_type) == (["maintenance"], 2, "task")
    assert Notification.objects.filter(kind="maintenance.quarter").count() == 1
    row = world.plan()
    _, start, _ = plans.quarter_of(row.starts_at)
    assert quarter.check(start + timedelta(days=31))["planned"] == 0  # a draft is a thought
    services.schedule(row, actor=world.actor)
    counts = quarter.check(start + timedelta(days=31))
    assert counts["planned"] == 1
    item.refresh_from_db()
    name, _, _ = plans.quarter_of(row.starts_at)
    if item.ensure_key.endswith(name):
        assert item.status == "closed"


def test_item_with_work_under_it__stays_open_and_the_next_workspace_is_asked() -> None:
    """Of one that refuses to be closed nobody else's quarter depends."""
    world = World()
    row = services.schedule(world.plan(), actor=world.actor)
    name, start, _ = plans.quarter_of(row.starts_at)
    project = work.ensure_operations_project(world.workspace, actor=make.JOB)
    item = work.ensure(
        project, quarter.key_of(name), actor=make.JOB, title="Plan it", item_type="task"
    ).item
    work.create_item(project, actor=make.JOB, title="Which day?", parent=item)
    after = World()
    counts = quarter.check(start + timedelta(days=31))
    assert (counts["left_open"], counts["asked"]) == (1, 1)
    assert Item.objects.filter(workspace=after.workspace, ensure_key=item.ensure_key).exists()
