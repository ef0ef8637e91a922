"""To whom of other houses a mission is shown, by API."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse

from missions.api import evidence_forms as forms
from missions.api.guarding.common import Part, one
from missions.api.learning.missions import person_of
from missions.models import MissionShare
from missions.services import sharing

SHARE = "mission.share"


def _row(row: MissionShare) -> dict[str, Any]:
    own = ("uid", "reason", "shared_by", "shared_at", "ended_at")
    told = {name: getattr(row, name) for name in own}
    return {**told, "person": row.person.uid, "name": row.person.name}


class SharesView(Part):
    """People of other houses a mission is shown to."""

    actions = {"GET": SHARE, "POST": SHARE}
    inputs = {"POST": forms.ShareNew}
    outputs = {"GET": forms.Shares, "POST": forms.ShareRow}
    examples = {
        "POST": {
            "person": "6dcb09b5-b578-4f33-8f61-aebed695e2e4",
            "reason": "Their customers are written to.",
        }
    }

    def get(self, request: Any, ref: str) -> HttpResponse:
        """Who reads it, and who did"""
        rows = MissionShare.objects.visible_to(request.actor).filter(mission=self.mission(request))
        found = rows.select_related("person").order_by("pk")
        return self.answer({"shares": [_row(each) for each in found]})

    def post(self, request: Any, ref: str) -> HttpResponse:
        """Show a mission to somebody of another house; shown already, it stays as it is"""
        row, given = self.mission(request), self.read(request)
        person = person_of(row.workspace, "person", given["person"])
        made = sharing.share_mission(row, person, actor=request.actor, reason=given["reason"])
        return self.answer(_row(made))


class EndShareView(Part):
    """The end of it."""

    actions = {"POST": SHARE}
    inputs = {"POST": forms.Because}
    outputs = {"POST": forms.ShareRow}
    examples = {"POST": {"reason": "Their part is done."}}

    def post(self, request: Any, ref: str, uid: Any) -> HttpResponse:
        """Show a mission to somebody no longer"""
        mission = self.mission(request)
        rows = MissionShare.objects.visible_to(request.actor).filter(mission=mission)
        found = one(rows.select_related("mission", "person"), uid=uid)
        return self.answer(
            _row(sharing.end_share(found, actor=request.actor, **self.read(request)))
        )
