"""The register of secrets: names and ages, never values."""

from __future__ import annotations

import pytest
import time_machine
from pytest_django.fixtures import Settings

from controlplane.access.models import Workspace
from controlplane.console import secret_register
from tests import make

pytestmark = pytest.mark.django_db


@pytest.fixture
def workspace() -> Workspace:
    return make.workspace()


def by_name() -> dict[str, secret_register.Line]:
    return {line.name: line for line in secret_register.lines()}


@time_machine.travel("2026-11-21T12:00:00Z", tick=False)
def test_line__age_and_due_day(settings: Settings) -> None:
    settings.SECRETS_ROTATED = {"SECRET_KEY": "2026-10-22", "DATABASE_URL": "2026-08-01"}
    lines = by_name()
    assert (lines["SECRET_KEY"].age_days, lines["SECRET_KEY"].overdue) == (30, False)
    assert (lines["DATABASE_URL"].age_days, lines["DATABASE_URL"].overdue) == (112, True)


@pytest.mark.parametrize("said", ["", "yesterday", "2026-13-01"])
def test_line__nobody_says_when__is_due(settings: Settings, said: str) -> None:
    settings.SECRETS_ROTATED = {"SECRET_KEY": said}
    assert by_name()["SECRET_KEY"].overdue


def test_derived_key__is_not_told_twice(settings: Settings) -> None:
    settings.PRODUCTION, settings.SIGNING_KEY = True, ""
    settings.SECRETS_ROTATED = {}
    told = {finding.subject for finding in secret_register.overdue_secrets()}
    assert "SECRET_KEY" in told
    assert "CONTROLPLANE_SIGNING_KEY" not in told


def test_finding__is_no_reason_to_be_unready(settings: Settings) -> None:
    settings.PRODUCTION, settings.SECRETS_ROTATED = True, {}
    assert not any(finding.critical for finding in secret_register.overdue_secrets())


def test_demo__is_left_in_peace(settings: Settings) -> None:
    settings.PRODUCTION, settings.SECRETS_ROTATED = False, {}
    assert list(secret_register.overdue_secrets()) == []


def test_page__names_every_secret_and_shows_none(settings: Settings, workspace: Workspace) -> None:
    settings.SIGNING_KEY = "the-signing-key-itself-0123456789"
    answer = make.client(make.person(workspace, "security_lead")).get("/admin/settings/")
    page = answer.content.decode()
    assert all(name in page for name in by_name())
    assert "the-signing-key-itself" not in page
    assert settings.SECRET_KEY not in page


@pytest.mark.parametrize("role", ["viewer", "release_manager"])
def test_page__of_who_does_not_oversee__says_nothing_of_secrets(
    workspace: Workspace, role: str
) -> None:
    answer = make.client(make.person(workspace, role)).get("/admin/settings/")
    page = answer.content.decode()
    assert answer.status_code == 200
    assert "console.home_rows" in page
    assert "not said" not in page
    assert "CONTROLPLANE_SIGNING_KEY" not in page
