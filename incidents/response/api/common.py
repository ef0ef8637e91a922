"""Which incident a route is about."""

from __future__ import annotations

from typing import Any

from controlplane.base.api.views import PortalRequest
from controlplane.lib.errors import NotFound
from incidents.models import Incident

RELATED = ("workspace", "service", "environment", "item__project")


def incident_here(request: PortalRequest | Any, ref: str) -> Incident:
    """Out of scope is the same as gone."""
    rows = Incident.objects.visible_to(request.actor).of(request.workspace)
    found: Incident | None = rows.select_related(*RELATED).filter(ref=ref).first()
    if found is None:
        raise NotFound("No such incident.")
    return found
