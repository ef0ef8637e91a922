"""Whole graphs in and out."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from django.http import FileResponse, HttpRequest, HttpResponse
from rest_framework import serializers

from controlplane.base.api import bodies
from controlplane.base.api.answers import JSON, encode
from controlplane.base.api.plain import plain_view
from controlplane.base.api.schema import PortalSchema
from controlplane.base.api.serializers import NoInput, StrictSerializer
from controlplane.base.api.views import PortalAPIView
from controlplane.lib import clock, defaults, strictjson
from controlplane.lib.errors import Invalid
from controlplane.work.api.common import asked_project
from controlplane.work.services import transfer
from controlplane.work.services.transfer.importing import WAYS

NDJSON = "application/x-ndjson"
_KINDS = frozenset(
    {
        "",
        NDJSON,
        "application/jsonl",
        "application/json",
        "application/octet-stream",
        "text/plain",
    }
)
MAX_IMPORT = defaults.define(
    "work.max_import_bytes",
    256 * 1024 * 1024,
    unit="bytes",
    why="A graph of some 300,000 items with its texts; what comes packed is unpacked up to here.",
)
NAMED = 800
MAX_TASKS = 4 * 1024 * 1024


class LinesSchema(PortalSchema):
    """Items as lines, one JSON object each."""

    def get_request_serializer(self) -> Any:
        return None

    def _get_request_body(self, direction: Any = "request") -> Any:
        if self.method != "POST":
            return None
        form = {"type": "string", "description": "One JSON object a line."}
        return {"content": {NDJSON: {"schema": form, "example": LINE}}, "required": True}


class ExportSchema(PortalSchema):
    """The answer is a file of lines."""

    def _get_response_bodies(self, direction: Any = "response") -> dict[str, Any]:
        bodies_ = super()._get_response_bodies(direction)
        form = {"type": "string", "description": "One JSON object a line."}
        bodies_["200"]["content"] = {NDJSON: {"schema": form, "example": LINE}}
        bodies_["200"]["description"] = "Every item of the project, in the order of their making."
        return bodies_


LINE = (
    '{"_type":"issue","id":"bd-a1f","title":"Deploy 2025.10.16","status":"open","priority":1,'
    '"issue_type":"deployment","created_at":"2025-10-16T08:00:00Z",'
    '"updated_at":"2025-10-16T08:00:00Z","labels":["deployment","ops"]}\n'
)


class ImportAnswer(StrictSerializer):
    lines = serializers.IntegerField()
    created = serializers.IntegerField()
    updated = serializers.IntegerField()
    unchanged = serializers.IntegerField()
    comments = serializers.IntegerField()
    evidence = serializers.IntegerField(help_text="Links to it.")
    events = serializers.IntegerField(help_text="Of histories.")
    dependencies = serializers.IntegerField()
    memories = serializers.IntegerField()
    kept = serializers.ListField(
        child=serializers.CharField(),
        help_text=f"Newer here than in the file, hence left alone; the first {NAMED}.",
    )
    ids = serializers.ListField(
        child=serializers.CharField(), help_text=f"Of the file's first {NAMED} lines."
    )
    notes = serializers.ListField(child=serializers.CharField())


@plain_view(
    actions={"POST": "work.import"},
    inputs={"POST": NoInput},
    outputs={"POST": ImportAnswer},
    throttle="write",
    query=("project", "on_newer", "dry_run"),
    idempotent=True,
    max_body=MAX_IMPORT.shipped,
    tags=["work"],
)
def import_items(request: HttpRequest) -> Any:
    """Import items from Beads' JSON lines, all of them or none

    One object a line, as `bd export` writes them; gzip is taken. The same file twice changes
    nothing. A bad or torn line refuses the file, and the answer names the line. Items that were
    changed here after the file was written stay as they are and are named under `kept`;
    `on_newer=refuse` refuses the file instead, `on_newer=overwrite` lets the file win.
    `dry_run=true` says what would come and changes nothing.
    """
    media = request.META.get("CONTENT_TYPE", "").partition(";")[0].strip().lower()
    if media not in _KINDS:
        raise bodies.UnsupportedBody(f"Send {NDJSON}.", details={"content_type": media[:100]})
    on_newer = request.GET.get("on_newer", "keep")
    if on_newer not in WAYS:
        raise Invalid("Not a way to import.", details={"on_newer": f"One of {', '.join(WAYS)}."})
    dry_run = request.GET.get("dry_run", "false")
    if dry_run not in {"true", "false"}:
        raise Invalid("The query is not valid.", details={"dry_run": "true or false."})
    project = asked_project(request)
    data = bodies.read(request, MAX_IMPORT.value)
    done = transfer.import_lines(
        project,
        data,
        actor=request.actor,  # type: ignore[attr-defined]
        on_newer=on_newer,
        dry_run=dry_run == "true",
    )
    told = asdict(done)
    # An answer to a keyed write is kept for its repeats: it has to stay small.
    return told | {"ids": told["ids"][:NAMED], "kept": told["kept"][:NAMED]}


import_items.cls.schema = LinesSchema()  # type: ignore[attr-defined]


class ExportView(PortalAPIView):
    """Export a project as Beads' JSON lines

    Every item as it was at one moment, with edges, comments and the fields other tools left; what
    `import` reads. Of the operations project, unless `?project=` names another.
    """

    schema = ExportSchema()
    actions = {"GET": "work.view"}
    query = ("project",)
    tags = ["work"]

    def get(self, request: Any) -> Any:
        project = asked_project(request)
        kept, size = transfer.export_file(project, actor=request.actor)
        name = f"{project.prefix}-{clock.now():%Y-%m-%d}.jsonl"
        answer = FileResponse(kept, as_attachment=True, filename=name, content_type=NDJSON)
        answer["Content-Length"] = str(size)
        return answer


# --- tasks.json -------------------------------------------------------------------------------


class Task(StrictSerializer):
    id = serializers.CharField()
    title = serializers.CharField()
    area = serializers.CharField()
    blocked_by = serializers.ListField(child=serializers.CharField())


class TasksAnswer(StrictSerializer):
    created = serializers.ListField(child=serializers.CharField(), help_text="Keys.")
    unchanged = serializers.IntegerField()
    dependencies = serializers.IntegerField()


class TasksSchema(PortalSchema):
    """A bare list, as other tools keep it in a file."""

    def _tasks(self) -> dict[str, Any]:
        form = self._map_serializer(Task(), "response")  # type: ignore[no-untyped-call]
        shown = [{"id": "T-1", "title": "Alert on lag", "area": "telemetry", "blocked_by": []}]
        return {"schema": {"type": "array", "items": form}, "example": shown}

    def get_request_serializer(self) -> Any:
        return None

    def _get_request_body(self, direction: Any = "request") -> Any:
        if self.method != "POST":
            return None
        return {"content": {"application/json": self._tasks()}, "required": True}

    def _get_response_bodies(self, direction: Any = "response") -> dict[str, Any]:
        found = super()._get_response_bodies(direction)
        if self.method == "GET":
            found["200"]["content"] = {"application/json": self._tasks()}
        return found


@plain_view(
    actions={"GET": "work.view", "POST": "work.import"},
    inputs={"POST": NoInput},
    outputs={"GET": Task, "POST": TasksAnswer},
    throttle="write",
    query=("project", "label"),
    idempotent=True,
    max_body=MAX_TASKS,
    tags=["work"],
)
def tasks_json(request: HttpRequest) -> Any:
    """Unfinished items as tasks.json, and tasks.json as items

    A list of `{id, title, area, blocked_by}`. Sent twice, tasks are opened once; what is done
    here stays done. `?label=` exports the items with one label.
    """
    project = asked_project(request)
    actor = request.actor  # type: ignore[attr-defined]
    if request.method == "GET":
        label = request.GET.get("label", "")
        file = encode(transfer.export_tasks(project, actor=actor, label=label))
        named = {"Content-Disposition": 'attachment; filename="tasks.json"'}
        return HttpResponse(file, content_type=JSON, headers=named)
    data = bodies.read(request, MAX_TASKS)
    bodies.check_json(request.META.get("CONTENT_TYPE", ""))
    found = strictjson.loads(data, max_bytes=MAX_TASKS)
    return transfer.import_tasks(project, found, actor=actor)._asdict()


tasks_json.cls.schema = TasksSchema()  # type: ignore[attr-defined]
tasks_json.cls.operation_ids = {"GET": "work_tasks_export", "POST": "work_tasks_import"}  # type: ignore[attr-defined]
