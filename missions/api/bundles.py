"""Bundles of a mission's evidence by API: what is in them, their bytes, making them anew."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest

from controlplane.base import files
from controlplane.base.api import bodies
from controlplane.base.api.answers import JsonAnswer
from controlplane.base.api.plain import plain_view
from controlplane.base.api.serializers import read
from controlplane.base.api.views import (
    DetailView,
    ListView,
    PortalRequest,
    RowView,
)
from missions.api import evidence_forms as forms
from missions.api.evidence import API, TAGS, FileSchema, shown
from missions.api.missions import VIEW, mission_of
from missions.models import Bundle
from missions.services import evidence


class _Bundles(RowView):
    output = forms.BundleRow
    extra_columns = ("mission__ref", "storage_key")
    tags = TAGS

    def rows(self, request: PortalRequest) -> QuerySet[Any]:
        mission = mission_of(request, self.kwargs["ref"])
        rows = Bundle.objects.visible_to(request.actor).filter(mission=mission)
        return rows.select_related("mission__workspace")

    def shape(self, row: dict[str, Any]) -> dict[str, Any]:
        ref, key = row.pop("mission__ref"), row.pop("storage_key")
        there = bool(key) and row["status"] in {"stored", "superseded"}
        there = there and row["withheld_at"] is None
        where = f"{API}/{ref}/bundles/{row['number']}/content"
        return row | {"content": where if there else None}


class BundlesView(_Bundles, ListView):
    """Bundles of a mission's evidence, the newest first."""

    actions = {"GET": VIEW}
    examples = {"GET": {"items": [forms.BUNDLE], "next": None, "next_cursor": None}}


class BundleView(_Bundles, DetailView):
    """One bundle, with its manifest."""

    actions = {"GET": VIEW}
    output = forms.BundleWhole
    lookup = "number"
    version = ("version", "attempts")


class BundleContentView(_Bundles, DetailView):
    """A bundle, handed out: a zip with `manifest.json` and `SHA256SUMS`."""

    schema = FileSchema()
    actions = {"GET": VIEW}
    lookup = "number"
    errors = (409,)

    def get(self, request: Any, *args: Any, **kwargs: Any) -> Any:
        row = self.object(request, kwargs)
        opened = evidence.open_bundle(row, actor=request.actor)
        return files.download(opened, name=row.name, size=row.size, sha256=row.sha256)


def regenerate(request: HttpRequest, ref: str) -> Any:
    """Make the evidence bundle of a mission, or make it again

    Answers at once with the bundle that is being made; ask for it until it is `stored`. While one
    is being made, it is that one. `audience: external` makes the redacted export for outside
    readers. The bundle before stands until the new one is stored and read back.
    """
    mission = mission_of(request, ref)
    given = read(forms.BundleAsk, bodies.read_json(request, bodies.MAX_BODY.value))
    asked = evidence.ask_bundle(mission, actor=request.actor, **given)  # type: ignore[attr-defined]
    location = {"Location": f"{API}/{mission.ref}/bundles/{asked.number}"}
    return JsonAnswer(shown(BundlesView, asked), 202, location)


def _regenerating(title: str) -> Any:
    """The playbook's address and the API's own: one function behind both."""
    view: Any = plain_view(
        actions={"POST": "mission.bundle"},
        inputs={"POST": forms.BundleAsk},
        outputs={"POST": forms.BundleRow},
        statuses={"POST": 202},
        throttle="write",
        idempotent=True,
        tags=TAGS,
        errors=(409,),
    )(regenerate)
    view.cls.operation_ids = {"POST": title}
    view.cls.examples = {"POST": {"reason": "A file was added."}}
    return view


regenerate_view = _regenerating("missions_regenerate_evidence")


regenerate_admin = _regenerating("admin_regenerate_evidence")


regenerate_admin_slash = _regenerating("admin_regenerate_evidence_slash")
