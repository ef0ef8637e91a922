"""Incidents for the walk over every transition table."""

from __future__ import annotations

from typing import Any

from django.db import models

from incidents.models import Incident
from tests.kit.incidents import Watchroom
from tests.kit.stateful import NEEDS, builds


@builds("incidents.incident")
def incident() -> models.Model:
    return Watchroom().quiet()


def _incident(row: models.Model, to: str) -> dict[str, Any]:
    """What is merged says into which one."""
    assert isinstance(row, Incident)
    if to != "merged":
        return {"merged_into": None}
    return {"merged_into": Watchroom(row.workspace).quiet()}


NEEDS["incidents.incident"] = _incident
