"""Services, probes and integrations, made by the services that users reach."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta
from typing import Any

from controlplane.access.models import Workspace
from controlplane.catalog import services
from controlplane.catalog.models import Environment, Integration, Probe, Service, VaultSecret
from controlplane.catalog.probing import Sight
from tests import make

_numbers = itertools.count(1)
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


def at(minutes: float) -> datetime:
    """A moment of one past day, by minutes from noon."""
    return NOON + timedelta(minutes=minutes)


def environment(workspace: Workspace, slug: str = "production") -> Environment:
    return Environment.objects.get(workspace=workspace, slug=slug)


def service(workspace: Workspace | None = None, **fields: Any) -> Service:
    number = next(_numbers)
    fields = {"slug": f"service-{number}", "name": f"Service {number}", **fields}
    return services.register_service(workspace or make.workspace(), actor=make.JOB, **fields)


def probe(of: Service | None = None, *, where: str = "production", **fields: Any) -> Probe:
    """Pulled with a `url`, else reported. Believes results of the past, as tests tell of it."""
    of = of or service()
    found = services.add_probe(of, environment(of.workspace, where), actor=make.JOB, **fields)
    Probe.objects.filter(pk=found.pk).update(on_since=NOON - timedelta(days=999))
    found.refresh_from_db()
    return found


def integration(workspace: Workspace | None = None, **fields: Any) -> Integration:
    number = next(_numbers)
    fields = {"slug": f"tool-{number}", "name": f"Tool {number}", **fields}
    return services.add_integration(workspace or make.workspace(), actor=make.JOB, **fields)


def secret(workspace: Workspace | None = None, **fields: Any) -> VaultSecret:
    """Of which nobody knows the age, unless it is said."""
    fields = {
        "name": f"Secret {next(_numbers)}",
        "purpose": "Mail",
        "kept_in": "Vault: mail",
        "owner_role": "sre_liaison",
        **fields,
    }
    return services.note_secret(workspace or make.workspace(), actor=make.JOB, **fields)


def saw(probe: Probe, pattern: str, *, start: float = 0, step: float = 1) -> Probe:
    """Results a minute apart: `+` for a good one, `-` for a failure, a space for none."""
    for number, sign in enumerate(pattern):
        if sign != " ":
            sight = Sight(sign == "+", None, 5, "" if sign == "+" else f"broken {number}")
            moment = at(start + number * step)
            services.record_result(probe, sight, actor=make.JOB, at=moment)
    probe.refresh_from_db()
    return probe


def broken(workspace: Workspace | None = None, **fields: Any) -> Integration:
    """An integration whose breaker three failures opened."""
    row = integration(workspace, **fields)
    for _ in range(3):
        row = services.report_outcome(row, actor=make.JOB, ok=False, error="boom")
    return row
