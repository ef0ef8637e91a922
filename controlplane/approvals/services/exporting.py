"""A packet that leaves the portal as a file."""

from __future__ import annotations

from django.db import transaction

from controlplane.access import policy as access
from controlplane.approvals import owners
from controlplane.approvals.models import Request
from controlplane.lib.actors import Actor


@transaction.atomic
def exported(request: Request, kind: str, *, actor: Actor) -> None:
    """Whose packet it is hears of it."""
    access.require(actor, "approval.view", request)
    heard = owners.get(request.owner).on_exported
    if heard is not None:
        heard(request, kind, actor)
