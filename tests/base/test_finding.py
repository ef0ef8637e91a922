"""What the palette finds by ref, number and words: of rows in sight, and for nobody else."""

from __future__ import annotations

import pytest

from controlplane.access.models import Workspace
from controlplane.approvals.models import Request
from controlplane.base import finding
from controlplane.base.registries import ref_finders
from deployments.models import Deployment
from tests import make
from tests.kit import approvals, deployments, settled

pytestmark = pytest.mark.django_db


@settled.once
def workspace() -> Workspace:
    return make.workspace()


@settled.once
def planned(workspace: Workspace) -> Deployment:
    person = make.person(workspace, "release_manager")
    return deployments.World(workspace, person).draft("staging", title="Faster planner")


def test_typed__ref_number_and_words_find_it(planned: Deployment) -> None:
    rows = Deployment.objects.filter(workspace=planned.workspace_id)
    number = planned.ref.removeprefix("DEP-")
    told = {
        "": True,
        planned.ref: True,
        f" {planned.ref.lower()} ": True,
        number: True,
        "planner fast": True,
        "fast\x00er": True,
        "planner slower": False,
        f"INC-{number}": False,
        "9" * 12: False,
        "²": False,
    }
    for text, found in told.items():
        assert finding.typed(rows, text, "DEP", "title", "release").exists() is found, text


def test_typed__whose_ref_is_made_of_its_number(workspace: Workspace) -> None:
    row = approvals.ask(workspace)
    assert (
        finding.typed(Request.objects.all(), row.ref, "APR", "title", field="number").get() == row
    )


def test_ref__leads_there_who_sees_it_and_nobody_else(
    workspace: Workspace, planned: Deployment
) -> None:
    finder, number = ref_finders.get("DEP"), int(planned.ref.removeprefix("DEP-"))
    assert finder is not None
    here = make.actor(make.person(workspace, "viewer"))
    found = finder.find(here, workspace.pk, number)
    assert found is not None
    assert found.label == f"{planned.ref} Faster planner"
    assert finder.find(here, None, number) == found
    assert finder.find(here, workspace.pk, number + 1) is None
    stranger = make.actor(make.person(make.workspace(), "workspace_admin"))
    assert finder.find(stranger, workspace.pk, number) is None
    assert finder.find(stranger, None, number) is None
