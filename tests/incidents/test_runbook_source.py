"""A runbook that was written after something names the work item it came from, on both pages."""

from __future__ import annotations

import pytest
from django.urls import reverse

from controlplane.access.models import Workspace
from controlplane.lib.errors import Invalid
from controlplane.work import services as work
from controlplane.work.models import Item
from controlplane.work.services.projects import ensure_operations_project
from incidents.runbooks import books
from tests import make
from tests.kit.api import Api

pytestmark = pytest.mark.django_db
PATH = "/api/v1/runbooks/beads_db"


def item(workspace: Workspace) -> Item:
    project = ensure_operations_project(workspace, actor=make.JOB)
    return work.create_item(project, actor=make.JOB, title="The graph was gone")


def text() -> str:
    return f"{books.shipped()['beads_db'][0]}\nWhat we learned.\n"


def test_runbook__names_its_item_and_the_item_leads_to_it() -> None:
    workspace = make.workspace()
    browser = make.client(make.person(workspace, "workspace_admin"))
    source = item(workspace)
    answer = Api(browser=browser).send("PUT", PATH, {"text": text(), "source_item": source.key})
    assert answer.status_code == 200, answer.content
    page = browser.get(reverse("admin:work_item_change", args=(source.uid,))).content.decode()
    assert "discovered from this" in page
    assert "beads_db" in page
    elsewhere = make.client(make.person(make.workspace(), "workspace_admin"))
    page = reverse("admin:work_item_change", args=(source.uid,))
    assert elsewhere.get(page).status_code == 404


def test_item_of_another_workspace__is_none() -> None:
    workspace = make.workspace()
    person = make.person(workspace, "workspace_admin")
    foreign = item(make.workspace())
    api = Api(browser=make.client(person))
    answer = api.send("PUT", PATH, {"text": text(), "source_item": foreign.key})
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "INVALID_ARGUMENT")
    with pytest.raises(Invalid):
        books.save_runbook(workspace, text(), actor=make.actor(person), source_item=foreign)
