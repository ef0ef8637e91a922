"""Rows of the rotas for the walk over every transition table."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.db import models

from controlplane.lib import clock
from controlplane.oncall import services
from controlplane.oncall.models import HandoffNote, Override, SwapRequest
from tests import make
from tests.kit import oncall
from tests.kit.stateful import NEEDS, builds


@builds("oncall.swaprequest")
def swap_request() -> models.Model:
    here = make.workspace()
    rota = oncall.schedule(here)
    ann, bob = oncall.people(here, "Ann", "Bob")
    oncall.layer(rota, [ann], starts_on=None)
    starts = clock.now() + timedelta(days=2)
    return services.ask_swap(
        rota, actor=make.actor(ann), asked=bob, starts=starts, ends=starts + timedelta(hours=8)
    )


def _taken(row: models.Model, to: str) -> dict[str, Any]:
    assert isinstance(row, SwapRequest)
    if to != "taken":
        return {}
    made = Override.objects.filter(schedule=row.schedule).first()  # of a step that was refused
    if made is None:
        made = services.override(
            row.schedule, row.asked, actor=make.JOB, starts=row.starts, ends=row.ends
        )
    return {"taker": row.asked, "made": made}


NEEDS["oncall.swaprequest"] = _taken


@builds("oncall.handoffnote")
def note() -> models.Model:
    here = make.workspace()
    rota = oncall.schedule(here)
    [ann] = oncall.people(here, "Ann")
    oncall.layer(rota, [ann], starts_on=None)
    return services.write_note(rota, actor=make.actor(ann), text="All is quiet.")


def _note(row: models.Model, to: str) -> dict[str, Any]:
    assert isinstance(row, HandoffNote)
    now = clock.now()
    if to == "read":
        return {"read_at": now, "read_by": row.person}
    if to == "written":
        return {"written_at": now, "handed_at": now, "due_at": now}
    return {"handed_at": now, "due_at": now}


NEEDS["oncall.handoffnote"] = _note
