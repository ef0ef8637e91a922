"""A schema that is not what the code has is an incident of the database, once while it lasts."""

from __future__ import annotations

import pytest

from controlplane.base import signals
from deployments import schema
from incidents.models import Alert, Incident
from tests import make

pytestmark = pytest.mark.django_db
LONG = float("inf")


def drifted(day: str) -> None:
    found = {"columns": ["work_item.title"], "migrations": ["work.0007"]}
    signals.emit(schema.SIGNAL, key=f"schema:{day}", payload={"found": found})
    signals.work(LONG)


def test_drift__opens_one_incident_and_joins_it_the_next_day() -> None:
    home = make.workspace()
    elsewhere = make.workspace()
    drifted("2026-03-04")
    incident = Incident.objects.get()
    assert (incident.category, incident.severity) == ("database", "sev3")
    assert "work_item.title" in Alert.objects.get().description
    drifted("2026-03-05")
    assert Incident.objects.count() == 1
    # It is the installation's, told to the eldest workspace; the others hear nothing.
    assert incident.workspace_id == home.pk
    assert not Incident.objects.filter(workspace=elsewhere).exists()


def test_no_drift__nothing_is_told() -> None:
    make.workspace()
    signals.work(LONG)
    assert not Incident.objects.exists()
