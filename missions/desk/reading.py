"""Who reads on the desk what people of a mission sign."""

from __future__ import annotations

from controlplane.access.outside import is_outside
from controlplane.approvals.models import Request
from controlplane.lib.actors import Actor
from missions.gates.looking import Look
from missions.models import Mission


def reads_packets(actor: Actor, row: Mission, look: Look) -> bool:
    """Packets are read by those who sign them; of another house nobody else gets to them."""
    return not is_outside(actor, row.workspace_id) or _signs(actor, look)


def _signs(actor: Actor, look: Look) -> bool:
    asked = [visit.approval_id for visit in look.visits if visit.approval_id is not None]
    rows = Request.objects.visible_to(actor).filter(pk__in=asked)
    return bool(asked) and rows.count() == len(asked)
