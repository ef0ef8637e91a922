"""A list at 390 px: what the row is, how it stands and when; the rest is on the row's page."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.contrib import admin as site

from controlplane.access.models import Workspace
from controlplane.jobs.models import WatchAlarm
from tests import make
from tests.kit import settled

pytestmark = pytest.mark.django_db


@settled.once
def here() -> Workspace:
    return make.workspace()


def shown_on_a_phone(here: Workspace, page: str, *roles: str) -> list[set[str]]:
    """The labels each row keeps under its title."""
    text = make.client(make.person(here, *roles)).get(page).content.decode()
    rows = re.findall(r'<tr role="row">(.*?)</tr>', text, re.DOTALL)[1:]
    kept = [re.findall(r'<td role="cell" data-label="([^"]*)"(?! class="low)', row) for row in rows]
    assert kept
    return [set(labels) for labels in kept]


def test_list__by_default__state_and_time(here: Workspace) -> None:
    WatchAlarm.objects.create(kind="component", subject="beat", message="Silent.")
    [kept] = shown_on_a_phone(here, "/admin/jobs/watchalarm/?view=all", "primary_operator")
    assert kept == {"State", "Opened"}


def test_list__declared_columns__and_the_same_in_every_row(here: Workspace) -> None:
    kept = shown_on_a_phone(here, "/admin/audit/auditevent/?view=all", "security_lead")
    assert len(kept) > 1
    assert all(labels == {"Who", "When"} for labels in kept)


def test_lists__declare_only_columns_they_have() -> None:
    for model, model_admin in site.site._registry.items():
        declared: Any = getattr(model_admin, "phone_columns", ())
        assert set(declared) <= set(model_admin.list_display), model
        assert len(declared) <= 3, "one line"
