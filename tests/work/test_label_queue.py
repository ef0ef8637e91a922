"""The ready queue narrowed by labels: what few carry is found by the labels' index, what many
carry by walking the queue in its order, and either way it is the same queue."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection

from controlplane.access.models import Workspace
from controlplane.lib import actors
from controlplane.work import services
from controlplane.work.benches import sample
from controlplane.work.models import Item, Project
from controlplane.work.services import queues
from tests import make
from tests.kit import beads, settled, work
from tests.kit.api import Api

pytestmark = [pytest.mark.django_db, pytest.mark.servers]
ITEMS = 4_000
JOB = actors.job("test")


@settled.once
def workspace() -> Workspace:
    return make.workspace()


@settled.once
def project(workspace: Workspace) -> Project:
    """Every fiftieth is labelled "ops", all of them of one priority."""
    found = work.project(workspace)
    sample.fill(found, ITEMS)
    return found


def plan(rows: Any, order: Any = queues.BY_PRIORITY) -> str:
    with queues.alone():
        return str(rows.order_by(*order)[:100].explain())


def keys(rows: Any) -> list[str]:
    return list(rows.order_by(*queues.BY_PRIORITY).values_list("key", flat=True)[:50])


@pytest.mark.parametrize("order", [queues.BY_PRIORITY, queues.OLDEST, ("-updated_at", "-id")])
def test_few_matches__found_by_the_index_of_labels(project: Project, order: Any) -> None:
    found = plan(queues.selective(project.items.ready().with_labels(["ops"])), order)
    assert "work_ready_labels" in found
    assert "work_ready " not in found
    assert "Gather" not in found


def test_many_matches__walked_in_order(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = project.items.ready().with_labels(["ops"])
    plain = keys(rows)
    assert len(plain) > 10
    assert keys(queues.selective(rows)) == plain
    monkeypatch.setenv(queues.FEW.env_name, "1")
    assert queues.selective(rows) is rows
    assert "work_ready " in plan(project.items.ready())


def test_doors__answer_the_same_queue(workspace: Workspace, project: Project) -> None:
    plain = keys(project.items.ready().with_labels(["ops"]))
    agent = beads.agent(workspace)
    assert agent.ready(label=["ops"])[:50] == plain
    first = agent.api.get("/api/v1/work/ready?labels=ops&limit=10").json()
    then = agent.api.get(first["next"]).json()
    listed = first["items"] + then["items"]
    assert [row["key"] for row in listed] == plain[:20]
    oldest = agent.api.get("/api/v1/work/ready?labels=ops&sort=oldest&limit=3").json()["items"]
    assert oldest[0]["created_at"] <= oldest[1]["created_at"] <= oldest[2]["created_at"]
    claimed = agent.api.post("/api/v1/work/ready/claim", {"labels": ["ops"]}).json()["item"]
    assert Item.objects.get(key=claimed["key"], project=project).assignee
    assert claimed["labels"] == ["ops", "deployment"]


def test_stranger__finds_none_of_them(project: Project) -> None:
    elsewhere = beads.agent(make.workspace())
    assert elsewhere.ready(label=["ops"]) == []
    assert elsewhere.api.get("/api/v1/work/ready?labels=ops").json()["items"] == []
    assert Api().get("/api/v1/work/ready?labels=ops").status_code == 401


def test_hub__is_let_go_in_place_and_in_a_few_questions(
    project: Project, django_assert_max_num_queries: Any
) -> None:
    """Those that keep waiting for something else stay where they are: no index is touched."""
    hub = project.items.get(key="bd-1")
    waiting = project.items.filter(edges_out__target=hub, blocked=True)
    many = waiting.count()
    assert many > 100
    with django_assert_max_num_queries(30):
        services.close_item(hub, actor=JOB, reason="done", force=True)
    assert 0 < waiting.count() < many
    with connection.cursor() as cursor:
        cursor.execute("SELECT reloptions FROM pg_class WHERE relname = 'work_item'")
        assert cursor.fetchone() == (["fillfactor=80"],)
