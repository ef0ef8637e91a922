"""The tree of a mission's evidence by API, what is held by law, and how much room it takes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from django.http import HttpResponse

from controlplane.access.outside import is_outside
from controlplane.base.api.answers import JsonAnswer
from controlplane.base.api.views import (
    PortalAPIView,
)
from controlplane.lib.errors import NotFound
from missions.api import evidence_forms as forms
from missions.api.evidence import TAGS, ArtifactView, shown
from missions.api.missions import VIEW, mission_of
from missions.evidence import tree
from missions.models import Artifact, Bundle, EvidenceHold, Mission
from missions.services import evidence
from missions.services.evidence import room


class TreeView(PortalAPIView):
    """All evidence of a mission, as the tree that exports write."""

    actions = {"GET": VIEW}
    outputs = {"GET": forms.Tree}
    tags = TAGS

    def get(self, request: Any, ref: str) -> HttpResponse:
        """Evidence of a mission by stage: files and links, and the room they take"""
        mission = mission_of(request, ref)
        rows = Artifact.objects.listed().visible_to(request.actor).filter(mission=mission)
        rows = rows.select_related("visit", "mission")
        outside = is_outside(request.actor, mission.workspace_id)
        by_visit: dict[int, list[dict[str, Any]]] = {}
        for row in rows.order_by("pk"):
            by_visit.setdefault(row.visit_id, []).append(shown(ArtifactView, row))
        here = room.of_mission(mission)
        return JsonAnswer(
            {
                "used": here.used,
                "most": here.most,
                "held": EvidenceHold.objects.standing().filter(mission=mission).exists(),
                "branches": [
                    _branch(each, by_visit, links=not outside)
                    for each in mission.visits.order_by("pk")
                ],
            }
        )


def _branch(
    visit: Any, by_visit: dict[int, list[dict[str, Any]]], *, links: bool
) -> dict[str, Any]:
    """To other houses without links: they lead into this one. The redacted export names them."""
    return {
        "stage": visit.stage,
        "attempt": visit.attempt,
        "open": visit.is_open,
        "folder": tree.folder(visit),
        "files": by_visit.get(visit.pk, []),
        "links": [
            {"label": each["label"], "link": each["link"], "sha256": each.get("sha256", "")}
            for each in (visit.evidence if links else ())
        ],
    }


class HoldView(PortalAPIView):
    """A legal hold: while it stands, nothing of a mission's evidence goes."""

    actions = {"POST": "mission.hold"}
    inputs = {"POST": forms.Because}
    outputs = {"POST": forms.HoldRow}
    tags = TAGS
    errors = (409,)
    service: ClassVar[Callable[..., EvidenceHold]] = staticmethod(evidence.place_hold)
    examples = {"POST": {"reason": "Case 2027-11 of the regulator."}}

    def post(self, request: Any, ref: str) -> HttpResponse:
        """Hold a mission's evidence by law"""
        mission: Mission = mission_of(request, ref)
        done = type(self).service(mission, actor=request.actor, **self.read(request))
        names = ("uid", "reason", "placed_by", "placed_at", "released_at")
        return JsonAnswer({name: getattr(done, name) for name in names})


class ReleaseView(HoldView):
    """The end of a legal hold."""

    service = staticmethod(evidence.release_hold)
    examples = {"POST": {"reason": "The case is closed."}}

    def post(self, request: Any, ref: str) -> HttpResponse:
        """Let go of a mission's evidence that was held by law"""
        return super().post(request, ref)


class UsageView(PortalAPIView):
    """How much room the evidence of the workspace takes."""

    actions = {"GET": VIEW}
    outputs = {"GET": forms.Usage}
    tags = TAGS

    def get(self, request: Any) -> HttpResponse:
        """Bytes of evidence in the workspace, of how many it may have, and what is stuck"""
        workspace = request.workspace
        if workspace is None:
            raise NotFound("Name a workspace.")
        whole = room.of_workspace(workspace.pk)
        rows = Artifact.objects.of(workspace)
        bundles = Bundle.objects.of(workspace)
        return JsonAnswer(
            {
                "used": whole.used,
                "most": whole.most,
                "percent": round(whole.percent, 2),
                "files": rows.with_file().count(),
                "bundles": bundles.with_file().count(),
                "failed_uploads": rows.filter(status="failed").count(),
                "building": bundles.filter(status="building").count(),
            }
        )
