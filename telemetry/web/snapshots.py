"""A snapshot as a file."""

from __future__ import annotations

import json
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from controlplane.access import policy
from controlplane.base.admin.linking import names_by_ref
from controlplane.base.web import actor_of
from controlplane.lib.errors import NotFound
from telemetry import snapshots
from telemetry.models import HealthSnapshot
from telemetry.querysets import INSTALLATION
from telemetry.web.common import page

TYPES = {"md": "text/markdown; charset=utf-8", "json": "application/json"}


@require_safe
@page
def snapshot_file(request: HttpRequest, uid: UUID, form: str) -> HttpResponse:
    actor = actor_of(request)
    rows = HealthSnapshot.objects.visible_to(actor).select_related("workspace")
    snapshot = rows.filter(uid=uid).first()
    if snapshot is None or form not in TYPES:
        raise NotFound("There is no such snapshot.")
    sees = bool(policy.can(actor, INSTALLATION))
    if form == "md":
        about = names_by_ref([snapshot.subject], actor).get(snapshot.subject, "")
        text = snapshots.as_markdown(snapshot, installation=sees, about=about)
    else:
        text = json.dumps(snapshots.as_data(snapshot, installation=sees), indent=2)
    answer = HttpResponse(text, content_type=TYPES[form])
    name = snapshots.filename(snapshot, form)
    answer["Content-Disposition"] = f'attachment; filename="{name}"'
    return answer
