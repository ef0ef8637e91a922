"""Tickets for the walk over every transition table."""

from __future__ import annotations

from typing import Any

from django.db import models

from controlplane.lib import clock
from incidents.models import Ticket
from tests import make
from tests.kit.stateful import NEEDS, builds
from tests.kit.support import Desk


@builds("incidents.ticket")
def ticket() -> models.Model:
    return Desk().by_mail(actor=make.JOB)


def _ticket(row: models.Model, to: str) -> dict[str, Any]:
    """What ended has its note, a duplicate says of what, an escalated one stands for something."""
    assert isinstance(row, Ticket)
    now = clock.now()
    desk = Desk(row.workspace)
    seen = {"acknowledged_at": now}
    needs: dict[str, dict[str, Any]] = {
        "resolved": {**seen, "resolution": "Done.", "resolved_at": now},
        "closed": {"resolution": "Done.", "resolved_at": now},
        "duplicate": {"duplicate_of": desk.by_mail() if to == "duplicate" else None},
        "escalated": {**seen, "incident": desk.quiet() if to == "escalated" else None},
    }  # fmt: skip
    return needs.get(to, {**seen, "duplicate_of": None})


NEEDS["incidents.ticket"] = _ticket
