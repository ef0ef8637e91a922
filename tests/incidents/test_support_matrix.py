"""Who is called for a ticket of each priority, as people of today."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from controlplane.access.models import Workspace
from controlplane.notify import services as notify
from incidents.paging import policies
from incidents.records import levels
from incidents.support import matrix
from tests import make
from tests.kit import settled
from tests.kit.incidents import Caller

pytestmark = pytest.mark.django_db
ROLES = ("primary_operator", "secondary_operator", "release_manager", "docs_lead", "cto",
         "head_of_product", "product_manager", "engineering_lead")  # fmt: skip
PAGE = "/admin/support/matrix/"


@settled.once
def workspace() -> Workspace:
    place = make.workspace()
    for role in ROLES:
        make.person(place, role, name=role.replace("_", " ").capitalize(), password=None)
    return place


@settled.once
def browser(workspace: Workspace) -> Client:
    return make.client(make.person(workspace, "workspace_admin"))


def told(place: Workspace) -> dict[str, tuple[list[list[str]], list[str]]]:
    return {
        row.level.code: (
            [[one.name for one in rung.called] for rung in row.rungs],
            [name for each in row.informed for name in each.people],
        )
        for row in matrix.of(place)
    }


def test_shipped__is_the_playbooks_matrix(workspace: Workspace) -> None:
    found = told(workspace)
    assert found["p0"][0][:2] == [["Primary operator"], ["Release manager"]]
    assert {"Cto", "Head of product"} <= set(found["p0"][1])
    assert found["p1"][0][:2] == [["Primary operator"], ["Secondary operator"]]
    assert found["p1"][1] == ["Release manager"]
    assert found["p2"] == ([["Primary operator"], ["Docs lead"]], ["Product manager"])
    assert matrix.missing(workspace) == []


def test_nobody_there__is_reported_until_somebody_is_named(browser: Client) -> None:
    empty = make.workspace()
    named = {why for level, why in matrix.missing(empty) if level.code == "p2"}
    assert any("Docs lead" in why for why in named)
    assert any("Product manager" in why for why in named)
    person = make.person(empty, "viewer", name="Writes the pages", password=None)
    notify.add_contact(empty, actor=make.JOB, purpose="docs_lead", name="Docs", user=person)
    assert told(empty)["p2"][0][1] == ["Writes the pages"]


def test_changed__policy_and_level_are_what_it_says(workspace: Workspace) -> None:
    policies.save_policy(
        workspace, "ours", actor=make.JOB, title="Ours",
        steps=[{"wait_s": 60, "targets": [{"kind": "role", "ref": "docs_lead"}]}],
    )  # fmt: skip
    levels.save_level(workspace, "support", "p2", actor=make.JOB, policy="ours", informed=["cto"])
    assert told(workspace)["p2"] == ([["Docs lead"]], ["Cto"])


def test_page_and_api__show_it(workspace: Workspace, browser: Client) -> None:
    text = browser.get(PAGE).content.decode()
    assert text.count('class="card su-card"') == 3
    assert "Head of product" in text
    viewer: Any = make.person(workspace, "viewer")
    rows = Caller(viewer).get("/api/v1/support-matrix")["items"]
    assert [(row["priority"], row["policy"]) for row in rows] == [
        ("p0", "p0"), ("p1", "p1"), ("p2", "p2"),
    ]  # fmt: skip
    assert rows[2]["informed"][0]["role"] == "product_manager"
    assert "/change/" not in make.client(viewer).get(PAGE).content.decode().split("<main")[1]


def test_stranger__sees_another_workspaces_people_nowhere(workspace: Workspace) -> None:
    away = make.person(make.workspace(), "sre_liaison")
    rows = Caller(away).get("/api/v1/support-matrix")["items"]
    informed = [each for row in rows for each in row["informed"]]
    assert {each["role"] for each in informed} >= {"cto", "head_of_product"}
    assert not any(each["people"] for each in informed)
    assert "holds the role " not in make.client(away).get(PAGE).content.decode()
