"""Items of operations go to the person on call, unless somebody is named."""

from __future__ import annotations

from typing import Any

import pytest

from controlplane.work import services
from tests import make
from tests.kit import work
from tests.kit.deployments import World

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    "given", [{"item_type": "incident"}, {"item_type": "task", "labels": ["ops", "deployment"]}]
)
def test_item_of_operations__nobody_named__goes_to_who_is_on_duty(given: dict[str, Any]) -> None:
    here = World()
    olu = here.on_call()
    project = work.project(here.workspace)
    made = services.create_item(project, actor=make.JOB, title="Deploy 2025.10.16", **given)
    assert (made.assignee, made.assignee_user) == (olu.email, olu)


def test_item__somebody_named_or_nothing_of_operations__is_left_as_said() -> None:
    here = World()
    here.on_call()
    ann = make.person(here.workspace, "primary_operator", name="Ann")
    project = work.project(here.workspace)
    named = services.create_item(
        project, actor=make.JOB, title="Deploy", labels=["deployment"], assignee=ann.email
    )
    other = services.create_item(project, actor=make.JOB, title="Write a page", labels=["docs"])
    assert (named.assignee_user, other.assignee) == (ann, "")


def test_item__duty_of_another_workspace__nobody() -> None:
    World().on_call()
    elsewhere = World(make.workspace())
    made = services.create_item(
        work.project(elsewhere.workspace), actor=make.JOB, title="Down", item_type="incident"
    )
    assert made.assignee == ""
