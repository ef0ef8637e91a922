"""What people say about a request."""

from __future__ import annotations

from typing import Any, ClassVar
from uuid import UUID

from django.http import HttpResponse

from controlplane.approvals import services, talk
from controlplane.approvals.api import forms
from controlplane.approvals.api.requests import VIEW, OneRequest
from controlplane.base.api.answers import JsonAnswer
from controlplane.base.api.rows import Form


class CommentsView(OneRequest):
    """What was said, over all revisions

    A request with a work item is talked about there: `POST` says it on the item, and `GET` shows
    what was said since it was asked. Otherwise the request keeps it, whoever asked, signed, could
    sign or spoke before is told, and it stays as it was said.
    """

    actions = {"GET": VIEW, "POST": "approval.comment"}
    output: ClassVar[Form] = forms.CommentsRow
    inputs = {"POST": forms.CommentNew}
    outputs = {"POST": forms.CommentsRow}
    statuses = {"POST": 201}

    def get(self, request: Any, uid: UUID) -> HttpResponse:
        return JsonAnswer(_shown(request, self.object(request, {"uid": uid})))

    def post(self, request: Any, uid: UUID) -> HttpResponse:
        row = self.object(request, {"uid": uid})
        services.comment(row, actor=request.actor, **self.read(request))
        return JsonAnswer(_shown(request, row), status=201)


def _shown(request: Any, row: Any) -> dict[str, Any]:
    found = talk.about(row, request.actor, talk.MOST + 1)
    return {
        "comments": [_row(one) for one in found[: talk.MOST]],
        "more": len(found) > talk.MOST,
    }


def _row(one: talk.Said) -> dict[str, Any]:
    uid = None if one.who is None else one.who.uid
    return {
        "on": one.on,
        "author": {"uid": uid, "name": one.author},
        "text": one.text,
        "source": one.source,
        "at": one.at,
    }
