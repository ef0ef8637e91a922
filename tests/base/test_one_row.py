"""The row of a page: asked with a statement that is kept, once for a page, for those who see it."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest
from django.contrib import admin
from django.db import connection
from django.test import RequestFactory
from django.test.utils import CaptureQueriesContext

from controlplane.access import services
from controlplane.access.models import Workspace
from controlplane.access.principals import actor_for_user
from controlplane.base.admin import one_row
from controlplane.lib import kept
from controlplane.lib.actors import Actor
from controlplane.work.models import Project
from controlplane.work.services import create_project
from tests import make

pytestmark = pytest.mark.django_db
ADMIN: Any = admin.site._registry[Project]


def request(actor: Actor, workspace: Workspace | None = None, query: str = "") -> Any:
    made: Any = RequestFactory().get(f"/{query}")
    made.actor, made.workspace = actor, workspace
    return made


def project(place: Workspace) -> Project:
    return create_project(place, actor=make.JOB, name="Tools", prefix=f"p{uuid4().hex[:8]}")


def admins(*places: Workspace) -> list[Actor]:
    return [actor_for_user(make.person(each, "workspace_admin")) for each in places]


def test_row__of_ones_own_workspace__found_and_of_another_gone() -> None:
    here, there = make.workspace(), make.workspace()
    mine, theirs = project(here), project(there)
    one, other = admins(here, there)
    kept.forget()
    for _ in range(2):  # written, and as it was kept
        assert ADMIN.get_object(request(one), str(mine.uid)) == mine
        assert ADMIN.get_object(request(one), str(theirs.uid)) is None
        assert ADMIN.get_object(request(other), str(theirs.uid)) == theirs
        assert ADMIN.get_object(request(other), str(mine.uid)) is None


def test_chosen_workspace__narrows_what_one_sees_of_two() -> None:
    here, there = make.workspace(), make.workspace()
    person = make.person(here, "workspace_admin")
    services.add_member(there, person, actor=make.JOB)
    actor, row = actor_for_user(person), project(here)
    for chosen, found in ((None, row), (here, row), (there, None), (here, row)):
        assert ADMIN.get_object(request(actor, chosen), str(row.uid)) == found


def test_no_public_id__of_that_length_or_any__is_nothing() -> None:
    (actor,) = admins(make.workspace())
    for key in ("x" * 36, str(uuid4()), "7" * 30, "'; --"):
        assert ADMIN.get_object(request(actor), key) is None


def test_a_page__reads_it_once_and_a_form_each_time() -> None:
    here = make.workspace()
    row, (actor,) = project(here), admins(here)
    looked: Any = request(actor)
    with CaptureQueriesContext(connection) as asked:
        assert ADMIN.get_object(looked, str(row.uid)) is ADMIN.get_object(looked, str(row.uid))
    assert len(asked) == 1
    sent: Any = request(actor)
    sent.method = "POST"
    assert ADMIN.get_object(sent, str(row.uid)) is not ADMIN.get_object(sent, str(row.uid))


def test_a_queryset__that_looks_at_more_of_the_request__is_asked_anew() -> None:
    here = make.workspace()
    row, (actor,) = project(here), admins(here)

    def rows(asked: Any) -> Any:
        found = Project.objects.visible_to(asked.actor)
        return found.none() if "hidden" in asked.GET else found

    def named(asked: Any) -> Any:
        return Project.objects.filter(workspace__slug=asked.workspace.slug)

    for query, expected in (("", row), ("?hidden=1", None), ("", row)):
        assert one_row.by_uid(request(actor, None, query), str(row.uid), "q", rows) == expected
    for place, expected in ((here, row), (make.workspace(), None), (here, row)):
        found = one_row.by_uid(request(actor, place), str(row.uid), "w", named)
        assert found == expected
