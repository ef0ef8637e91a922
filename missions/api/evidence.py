"""Evidence of missions by API: files in and out, bundles, the tree."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import django_filters
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse

from controlplane.base import files
from controlplane.base.api import bodies
from controlplane.base.api.answers import JsonAnswer, created
from controlplane.base.api.filters import PortalFilterSet
from controlplane.base.api.plain import plain_view
from controlplane.base.api.schema import PortalSchema
from controlplane.base.api.serializers import NoInput
from controlplane.base.api.views import (
    DetailView,
    ListView,
    PortalRequest,
    RowView,
)
from controlplane.lib.errors import Invalid
from missions import stages
from missions.api import evidence_forms as forms
from missions.api.missions import VIEW, mission_of
from missions.evidence.limits import FILE_BYTES
from missions.models import Artifact
from missions.services import evidence

EVIDENCE, TAGS = "mission.evidence", ["missions"]
API = "/api/v1/missions"
TITLE_CHARACTERS = 200


class FileSchema(PortalSchema):
    """A file goes in, or comes out."""

    def get_request_serializer(self) -> Any:
        return None if self._takes_file() else super().get_request_serializer()

    def _takes_file(self) -> bool:
        return self.method == "POST" and "upload" in self.path

    def _get_request_body(self, direction: Any = "request") -> Any:
        if not self._takes_file():
            return super()._get_request_body(direction)  # type: ignore[no-untyped-call]
        form = {"schema": {"type": "string", "format": "binary"}}
        return {"content": {"application/octet-stream": form}, "required": True}

    def _own_parameters(self) -> list[dict[str, Any]]:
        own = super()._own_parameters()
        if self._takes_file():
            name = {"type": "string", "minLength": 1, "maxLength": 2000}
            own.append(_query("name", "What the file is called; no path.", name, required=True))
            own.append(
                _query("title", "What it is.", {"type": "string", "maxLength": TITLE_CHARACTERS})
            )
        return own

    def _get_response_bodies(self, direction: Any = "response") -> dict[str, Any]:
        found = super()._get_response_bodies(direction)
        if self.method == "GET" and self.path.endswith("/content"):
            form = {"schema": {"type": "string", "format": "binary"}}
            found["200"] = {
                "description": "The file, to be saved and not to be shown.",
                "content": {"application/octet-stream": form},
            }
        return found


def _query(name: str, text: str, form: dict[str, Any], required: bool = False) -> dict[str, Any]:
    return {"in": "query", "name": name, "description": text, "schema": form, "required": required}


# --- Files --------------------------------------------------------------------------------------


class ArtifactFilter(PortalFilterSet):
    stage = django_filters.CharFilter(method="in_stage", max_length=60)
    status = django_filters.ChoiceFilter(choices=Artifact.Status.choices)

    def in_stage(self, rows: QuerySet[Any], name: str, value: str) -> QuerySet[Any]:
        return rows.filter(stage=stages.normal(value))


class _Artifacts(RowView):
    output = forms.ArtifactRow
    extra_columns = ("mission__ref", "storage_key")
    tags = TAGS

    def rows(self, request: PortalRequest) -> QuerySet[Any]:
        mission = mission_of(request, self.kwargs["ref"])
        rows = Artifact.objects.visible_to(request.actor).filter(mission=mission)
        return rows.select_related("mission__workspace", "visit")

    def shape(self, row: dict[str, Any]) -> dict[str, Any]:
        ref, key = row.pop("mission__ref"), row.pop("storage_key")
        there = bool(key) and row["status"] in {"stored", "verified"}
        where = f"{API}/{ref}/artifacts/{row['uid']}/content"
        return row | {"content": where if there else None}


class ArtifactsView(_Artifacts, ListView):
    """Files kept as evidence of a mission, the newest first."""

    actions = {"GET": VIEW}
    filterset = ArtifactFilter
    examples = {"GET": {"items": [forms.EXAMPLE], "next": None, "next_cursor": None}}


class ArtifactView(_Artifacts, DetailView):
    """One file of a mission's evidence."""

    actions = {"GET": VIEW}
    version = ("version",)
    examples = {"GET": forms.EXAMPLE}


@plain_view(
    actions={"POST": EVIDENCE},
    inputs={"POST": NoInput},
    outputs={"POST": forms.ArtifactRow},
    statuses={"POST": 201},
    throttle="write",
    query=("name", "title"),
    max_body=FILE_BYTES.shipped,
    tags=TAGS,
    errors=(409, 411, 413, 415, 507),
)
def upload(request: HttpRequest, ref: str) -> Any:
    """Keep a file as evidence of the stage the mission is in

    The body is the file itself, whatever its content type; `name` says what it is called. It is
    hashed while it is read, looked at by its content, and read back before it counts. The same
    bytes twice in one stage are one: sent again, the file that is there is answered. One that lies
    about its type is refused with 415, one that is too large with 413 before it is read, one
    that does not fit with 409 (quota) or 507 (disk).
    """
    mission = mission_of(request, ref)
    source, size = bodies.stream(request, FILE_BYTES.value)
    name, title = request.GET.get("name", ""), request.GET.get("title", "")
    if not name:
        raise Invalid("name: What the file is called.", details={"name": "Missing."})
    if len(title) > TITLE_CHARACTERS:
        message = f"At most {TITLE_CHARACTERS} characters."
        raise Invalid(f"title: {message}", details={"title": message})
    kept = evidence.receive_file(
        mission,
        actor=request.actor,  # type: ignore[attr-defined]
        name=name,
        source=source,
        size=size,
        title=title,
        claimed=request.META.get("CONTENT_TYPE", "")[:100],
    )
    answer = shown(ArtifactView, kept)
    return created(answer, f"{API}/{mission.ref}/artifacts/{kept.uid}")


upload.cls.schema = FileSchema()  # type: ignore[attr-defined]
upload.cls.operation_ids = {"POST": "missions_artifacts_upload"}  # type: ignore[attr-defined]


def shown(view: type[Any], row: Any) -> dict[str, Any]:
    found: dict[str, Any] = view().show(row)
    return found


class ContentView(_Artifacts, DetailView):
    """A file, handed out

    Whatever it is, it comes as a download: a page or a script among the evidence must never run
    here.
    """

    schema = FileSchema()
    actions = {"GET": VIEW}
    errors = (409,)

    def get(self, request: Any, *args: Any, **kwargs: Any) -> Any:
        row = self.object(request, kwargs)
        opened = evidence.open_artifact(row, actor=request.actor)
        return files.download(opened, name=row.name, size=row.size, sha256=row.sha256)


class _FileVerb(_Artifacts, DetailView):
    service: ClassVar[Callable[..., Any]]
    version = ("version",)
    if_match = {"POST": "optional"}
    outputs = {"POST": forms.ArtifactRow}
    statuses = {"POST": 200}
    errors = (409,)

    def post(self, request: Any, ref: str, uid: Any) -> HttpResponse:
        row = self.object(request, {"ref": ref, "uid": uid})
        done = type(self).service(row, actor=request.actor, **self.read(request))
        return JsonAnswer(self.show(done))


def _verb(
    name: str, action: str, service: Callable[..., Any], words: str, form: Any = NoInput
) -> type[_FileVerb]:
    attributes = {
        "__doc__": words,
        "__module__": __name__,
        "actions": {"POST": action},
        "inputs": {"POST": form},
        "service": staticmethod(service),
        "examples": {"POST": {"reason": "The wrong file."}} if form is forms.Because else {},
    }
    return type(f"Artifact{name}View", (_FileVerb,), attributes)


RemoveView = _verb(
    "Remove",
    "mission.remove_evidence",
    evidence.remove_artifact,
    "Take a file away from the stage the mission is in; for 30 days it can be brought back.",
    forms.Because,
)
RestoreView = _verb(
    "Restore", "mission.remove_evidence", evidence.restore_artifact, "Bring a file back."
)
CheckView = _verb(
    "Check",
    EVIDENCE,
    evidence.check_artifact,
    "Read a file back now, and compare it with its hash.",
)
ClearView = _verb(
    "Clear",
    "mission.clear_evidence",
    evidence.clear_artifact,
    "Say that a file may go to outside readers as it is, or take that back.",
    forms.Clear,
)
