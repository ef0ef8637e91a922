"""What goes wrong in one place stays there: the other workspaces are audited and measured."""

from __future__ import annotations

from typing import Any

import pytest

from controlplane.access.models import Workspace
from telemetry import audits, pressure
from telemetry.audits import jobs as audit_jobs
from telemetry.audits.kinds import PROVIDERS
from telemetry.kpis import jobs as kpi_jobs
from telemetry.kpis import rows
from telemetry.models import AuditRun, KpiValue
from telemetry.queries import csv_of
from tests import make

pytestmark = pytest.mark.django_db


def test_audits__made_while_no_event_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    made = {make.workspace().pk, make.workspace().pk}
    monkeypatch.setattr(pressure, "backlog", lambda: pressure.MOST.value + 1)
    pressure.forget()
    try:
        counts = audit_jobs.weekly()
    finally:
        pressure.forget()
    assert counts is not None
    assert counts["failed"] == 0
    assert made <= set(AuditRun.objects.values_list("workspace_id", flat=True))


def test_rule_of_another_app__trips_and_fails_the_run_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def trips(window: Any) -> Any:
        raise KeyError("ada@example.org")

    monkeypatch.setitem(PROVIDERS, "T5", trips)
    run = audits.audit(make.workspace(), actor=make.JOB)
    assert run.result == AuditRun.Result.FAILED
    assert "T5" in run.error
    assert "ada" not in str(run.rules)


def test_key_figures_of_one_workspace_fail__others_have_theirs(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    first, second = make.workspace(), make.workspace()
    real = rows.refresh

    def refresh(workspace: Workspace, **more: Any) -> dict[str, int]:
        if workspace == first:
            raise RuntimeError("its operations project is gone")
        return real(workspace, **more)

    monkeypatch.setattr(kpi_jobs, "refresh", refresh)
    counts = kpi_jobs.compute()
    assert counts is not None
    assert counts["workspaces_failed"] == 1
    assert KpiValue.objects.filter(workspace=second).exists()


def test_file__group_named_like_a_formula__is_a_text() -> None:
    assert csv_of(["time", "=1+1"], [["-1+1", -1.0]]) == "time,'=1+1\r\n'-1+1,-1.0\r\n"
