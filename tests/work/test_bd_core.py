"""Commands of `bd` through the API, as an agent's key, and who may not."""

from __future__ import annotations

from typing import Any

import pytest

from controlplane.access.models import Workspace
from tests import make
from tests.kit import beads
from tests.kit.api import refused
from tests.kit.beads import Bd

pytestmark = pytest.mark.django_db


@pytest.fixture
def workspace() -> Workspace:
    return make.workspace()


@pytest.fixture
def bd(workspace: Workspace) -> Bd:
    return beads.agent(workspace)


def test_create__answers_one_object_without_labels_and_edges(bd: Bd) -> None:
    first = bd("create", title="First", labels=["ops", "deployment"], priority="P1", type="task")
    assert first["id"].startswith("bd-")
    assert first["title"] == "First"
    assert (first["status"], first["priority"], first["issue_type"]) == ("open", 1, "task")
    assert set(first) == {
        "id",
        "title",
        "status",
        "priority",
        "issue_type",
        "created_by",
        "owner",
        "created_at",
        "updated_at",
        "revision",
    }
    assert bd.show(first["id"])["labels"] == ["deployment", "ops"]


def test_ready__and_close(bd: Bd) -> None:
    one = bd("create", title="One")["id"]
    two = bd("create", title="Two", deps=[one])["id"]
    assert [row["id"] for row in bd("ready")] == [one]
    row = next(row for row in bd("list") if row["id"] == two)
    assert row["dependency_count"] == 1
    assert row["dependencies"][0]["depends_on_id"] == one
    assert row["dependencies"][0]["id"] == one
    assert [row["id"] for row in bd("blocked")] == [two]
    assert bd("close", ids=[one])[0]["status"] == "closed"
    assert [row["id"] for row in bd("ready")] == [two]
    answer: Any = bd.ask("comment", id=two, text="hello")
    assert answer.status_code == 200
    assert answer.json()["result"]["id"].isdigit()
    assert bd("init")["prefix"] == "bd"
    assert bd("context")["backend"] == "portal"
    refused(bd.ask("nothing_such"), "INVALID_ARGUMENT")
