"""Schedules for tests, through services."""

from __future__ import annotations

from datetime import date, time
from typing import Any

from controlplane.access.models import User, Workspace
from controlplane.oncall import services
from controlplane.oncall.models import Layer, Schedule
from tests import make

MONDAY = date(2026, 11, 2)


def schedule(workspace: Workspace, slug: str = "primary", **fields: Any) -> Schedule:
    fields.setdefault("title", "Primary on-call")
    fields.setdefault("roles", ["primary_operator"])
    fields.setdefault("time_zone", "Europe/Berlin")
    return services.define_schedule(workspace, slug, actor=make.JOB, **fields)


def people(workspace: Workspace, *names: str, role: str = "primary_operator") -> list[User]:
    return [make.person(workspace, role, name=name, password=None) for name in names]


def layer(schedule: Schedule, who: list[User], position: int = 1, **fields: Any) -> Layer:
    """Weekly turns from Monday at nine, unless said otherwise."""
    fields.setdefault("starts_on", MONDAY)
    fields.setdefault("handoff_time", time(9))
    return services.set_layer(schedule, position, who, actor=make.JOB, **fields)
