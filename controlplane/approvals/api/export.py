"""A packet handed out as a file: what was signed, by whom, when, and the text that was hashed."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.http import HttpResponse

from controlplane.approvals.api.requests import VIEW, OneRequest
from controlplane.approvals.web.export import KINDS, handed_out
from controlplane.base.api.schema import PortalSchema
from controlplane.lib.errors import Invalid


class FileSchema(PortalSchema):
    """The answer is a file, not the JSON of a form."""

    def _get_response_bodies(self, direction: Any = "response") -> dict[str, Any]:
        bodies = super()._get_response_bodies(direction)
        kinds = [media_type.partition(";")[0] for _, media_type in KINDS.values()]
        binary = {"schema": {"type": "string", "format": "binary"}}
        bodies["200"]["content"] = dict.fromkeys(kinds, binary)
        bodies["200"]["description"] = "The document, to be saved."
        return bodies


class ExportView(OneRequest):
    """One request as a document

    `format` is `pdf` or `html`. Both hold what was asked, who signed what and when, the history,
    and the very text whose SHA-256 was signed. The PDF writes letters its font has not got by
    their code points; the HTML has all of them.
    """

    schema = FileSchema()
    actions = {"GET": VIEW}
    query = ("format",)

    def get(self, request: Any, uid: UUID) -> HttpResponse:
        form = request._request.GET.get("format", "pdf")
        if form not in KINDS:
            raise Invalid("The format is not known.", details={"format": "pdf or html."})
        return handed_out(self.object(request, {"uid": uid}), form, request.actor)
